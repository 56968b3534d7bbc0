//! How a call ends, as its result line tells it.

use serde_json::{Value, json};

use crate::usage::Usage;

/// How a call ends.
pub(crate) enum End {
    /// It did what was asked.
    Success {
        text: String,
        structured_output: Option<Value>,
    },
    /// `error_…`.
    Error {
        subtype: &'static str,
        terminal_reason: &'static str,
        message: String,
    },
    /// The API refused.
    Api { status: u16, text: String },
    /// The API refused, and an old client says so in words alone.
    Words { text: String },
    /// SIGTERM came.
    Aborted,
}

impl End {
    /// The fields of the result line that tell how the call ended.
    pub(crate) fn fields(&self) -> Value {
        match self {
            Self::Success {
                text,
                structured_output,
            } => success(text, structured_output.as_ref()),
            Self::Error {
                subtype,
                terminal_reason,
                message,
            } => error(subtype, terminal_reason, message),
            Self::Api { status, text } => json!({"subtype": "success", "is_error": true,
                "terminal_reason": "api_error", "api_error_status": status, "result": text.trim_end()}),
            Self::Words { text } => json!({"subtype": "success", "is_error": true, "result": text.trim_end()}),
            Self::Aborted => error("error_during_execution", "aborted_streaming", "Request was aborted."),
        }
    }
}

fn success(text: &str, structured_output: Option<&Value>) -> Value {
    let mut fields = json!({"subtype": "success", "is_error": false, "terminal_reason": "completed",
        "result": text.trim_end()});
    if let Some(answer) = structured_output {
        fields["structured_output"] = answer.clone();
    }
    fields
}

/// A spent budget reports no usage of its own, as the client does.
fn error(subtype: &str, terminal_reason: &str, message: &str) -> Value {
    let mut fields = json!({"subtype": subtype, "is_error": true, "terminal_reason": terminal_reason,
        "errors": [message.trim_end()]});
    if terminal_reason == "budget_exhausted" {
        fields["usage"] = Usage::default().json();
    }
    fields
}
