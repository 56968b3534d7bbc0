//! Lines of clients, recorded and made up.

use serde_json::{Value, json};

/// How a client shows a call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Client {
    /// As 2.1.329 was recorded.
    New,
    /// As reported by the other clients, but what it says of limits comes after its result.
    Late,
    /// Without events of limits, and without the newer fields of a result.
    Old,
    /// Without the client's word and time on its messages, too.
    Oldest,
}

impl Client {
    pub(super) const ALL: [Self; 4] = [Self::New, Self::Late, Self::Old, Self::Oldest];

    /// Returns the lines as this client would write them.
    pub(super) fn write(self, lines: &[Value]) -> Vec<Value> {
        let is_event = |line: &&Value| line["type"] == "rate_limit_event";
        let (events, others): (Vec<_>, Vec<_>) = lines.iter().partition(is_event);
        match self {
            Self::New => lines.to_vec(),
            Self::Late => others.into_iter().chain(events).cloned().collect(),
            Self::Old | Self::Oldest => others.into_iter().cloned().map(|line| self.forget(line)).collect(),
        }
    }

    /// Deletes what a client before this one did not write.
    fn forget(self, mut line: Value) -> Value {
        let newer = [
            "terminal_reason",
            "api_error_status",
            "api_error_type",
            "api_error",
            "api_error_params",
            "is_api_error_message",
            "errors",
        ];
        let newest: &[&str] = if self == Self::Oldest {
            &["error", "timestamp"]
        } else {
            &[]
        };
        let fields = line.as_object_mut().unwrap();
        for name in newer.iter().chain(newest) {
            fields.remove(*name);
        }
        line
    }
}

macro_rules! recordings {
    ($($name:literal),*) => {
        [$(($name, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/transcripts/", $name, ".jsonl")))),*]
    };
}

/// Returns the lines of a recording of client 2.1.329.
pub(super) fn recording(name: &str) -> Vec<Value> {
    let all = recordings![
        "apikey_429",
        "auth_failed",
        "budget",
        "credit_low",
        "max_turns",
        "overage",
        "overloaded",
        "rate_limited",
        "resume_unknown",
        "schema",
        "server_error",
        "session",
        "success",
        "warning"
    ];
    let (_, text) = all.iter().find(|(candidate, _)| *candidate == name).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

pub(super) fn event(info: &Value) -> Value {
    json!({"type": "rate_limit_event", "rate_limit_info": info})
}

pub(super) fn rejected() -> Value {
    event(&json!({"status": "rejected", "resetsAt": 1_795_257_035}))
}

pub(super) fn allowed() -> Value {
    event(&json!({"status": "allowed", "resetsAt": 1_900_000_000, "overageStatus": "allowed"}))
}

pub(super) fn success() -> Value {
    json!({"type": "result", "subtype": "success", "is_error": false, "result": "Done."})
}

pub(super) fn failure(text: &str) -> Value {
    json!({"type": "result", "subtype": "success", "is_error": true, "result": text})
}

pub(super) fn refused_with(status: u16, text: &str) -> Value {
    json!({"type": "result", "subtype": "success", "is_error": true, "result": text, "api_error_status": status})
}

pub(super) fn refusal(word: &str, text: &str) -> Value {
    json!({"type": "assistant", "error": word, "message": {"model": "<synthetic>", "content": [{"type": "text", "text": text}]}})
}

pub(super) fn retry(status: &Value, word: &str) -> Value {
    json!({"type": "system", "subtype": "api_retry", "attempt": 1, "error_status": status, "error": word})
}

/// Returns what a client writes that was told to stop.
pub(super) fn aborted() -> Value {
    json!({"type": "result", "subtype": "error_during_execution", "is_error": true, "terminal_reason": "aborted_streaming"})
}
