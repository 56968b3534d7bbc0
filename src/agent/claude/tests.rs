mod accounting;
mod stream;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::agent::{CallOutcome, Cut};

fn ended(code: i64) -> Ending<'static> {
    Ending {
        exit_code: Some(code),
        ..Ending::default()
    }
}

fn cut(cut: Cut) -> Ending<'static> {
    Ending {
        exit_code: Some(137),
        cut: Some(cut),
        ..Ending::default()
    }
}

fn report(lines: &[Value], ending: &Ending<'_>) -> CallReport {
    let mut transcript = Transcript::new();
    for line in lines {
        transcript.push_line(line.to_string().as_bytes());
    }
    transcript.finish(ending)
}

fn success() -> Value {
    json!({"type": "result", "subtype": "success", "is_error": false, "result": "Done.", "num_turns": 2})
}

fn failure(text: &str) -> Value {
    json!({"type": "result", "subtype": "success", "is_error": true, "result": text})
}

fn retry(status: &Value, error: &str) -> Value {
    json!({"type": "system", "subtype": "api_retry", "attempt": 1, "retry_delay_ms": 563.5, "error_status": status, "error": error})
}

fn limit(info: &Value) -> Value {
    json!({"type": "rate_limit_event", "rate_limit_info": info})
}

fn check(lines: &[Value], ending: &Ending<'_>, outcome: CallOutcome, reason: &str) {
    let report = report(lines, ending);
    assert_eq!(report.outcome, outcome, "{lines:?} {ending:?}: {}", report.reason);
    assert_eq!(report.reason, reason);
}

#[test]
fn success_needs_the_stream_and_the_process() {
    check(&[success()], &ended(0), CallOutcome::Success, "");
    check(&[success()], &Ending::of_recording(), CallOutcome::Success, "");
    check(&[success()], &cut(Cut::AfterResult), CallOutcome::Success, "");
    let but = |how: &str| format!("the client claims success, but {how}");
    check(&[success()], &ended(3), CallOutcome::Failed, &but("it exited with 3"));
    let unknown = Ending::default();
    check(
        &[success()],
        &unknown,
        CallOutcome::Failed,
        &but("nobody knows how it ended"),
    );
    let oom = Ending { oom: true, ..ended(0) };
    check(&[success()], &oom, CallOutcome::Failed, &but("it ran out of memory"));
    check(
        &[json!({"type": "result", "subtype": "success"})],
        &ended(0),
        CallOutcome::Failed,
        "the client ended with an error and said nothing",
    );
}

#[test]
fn without_a_result_the_end_of_the_process_is_the_reason() {
    check(&[], &ended(0), CallOutcome::Crashed, "no result line: it exited with 0");
    check(
        &[],
        &ended(137),
        CallOutcome::Crashed,
        "no result line: it ended by signal 9",
    );
    check(
        &[],
        &cut(Cut::Idle),
        CallOutcome::Crashed,
        "no result line: stopped: no output for longer than `idle_timeout`",
    );
    let told = Ending {
        stderr_tail: "error: unknown option '--x'\n",
        ..ended(1)
    };
    check(
        &[],
        &told,
        CallOutcome::Permanent,
        "no result line: it exited with 1; stderr ends: error: unknown option '--x'",
    );
    check(
        &[],
        &cut(Cut::Budget),
        CallOutcome::Budget,
        "stopped: the budget is spent",
    );
}

#[test]
fn a_call_that_ends_while_retrying_is_judged_by_what_it_retried() {
    let said = |status: &str| format!("while the client retried after an API error ({status}), it exited with 143");
    let cases = [
        (json!(529), "overloaded", CallOutcome::Transient, said("529")),
        (json!(null), "unknown", CallOutcome::Transient, said("out of reach")),
        (json!(401), "authentication_failed", CallOutcome::Permanent, said("401")),
    ];
    for (status, word, outcome, reason) in cases {
        let reason = reason.replace("it exited with 143", "it ended by signal 15");
        check(&[retry(&status, word)], &ended(143), outcome, &reason);
    }
    let after = json!({"type": "assistant", "message": {"id": "m", "content": []}});
    check(
        &[retry(&json!(529), "overloaded"), after],
        &ended(1),
        CallOutcome::Crashed,
        "no result line: it exited with 1",
    );
}

#[test]
fn older_clients_name_a_limit_in_words_alone() {
    let words = "Claude AI usage limit reached|1795257035";
    let said = report(&[failure(words)], &ended(1));
    assert_eq!((said.outcome, said.reason.as_str()), (CallOutcome::Limited, words));
    assert_eq!(said.resets_at.unwrap().as_second(), 1_795_257_035);
    check(
        &[
            success(),
            json!({"type": "result", "subtype": "error_max_turns", "is_error": false}),
        ],
        &ended(0),
        CallOutcome::MaxTurns,
        "the turns are used up",
    );
}

#[test]
fn overage_counts_unless_it_is_allowed() {
    let using = limit(&json!({"status": "allowed", "isUsingOverage": true}));
    let paying = limit(&json!({"status": "rejected", "overageStatus": "allowed_warning"}));
    let by_kind = limit(&json!({"status": "allowed", "rateLimitType": "overage"}));
    let available = limit(&json!({"status": "allowed", "overageStatus": "allowed"}));
    for event in [using, paying, by_kind] {
        check(
            &[event.clone(), success()],
            &ended(0),
            CallOutcome::Overage,
            "paid overage is being used",
        );
        let allowed = Ending {
            allow_overage: true,
            ..ended(0)
        };
        check(&[event, success()], &allowed, CallOutcome::Success, "");
    }
    check(&[available, success()], &ended(0), CallOutcome::Success, "");
}

#[test]
fn words_of_the_client_tell_the_permanent_from_the_passing() {
    let cases = [
        (
            "API Error: Unable to connect to API (ECONNREFUSED)",
            CallOutcome::Transient,
        ),
        ("Invalid API key · Please run /login", CallOutcome::Permanent),
        ("Something else", CallOutcome::Failed),
    ];
    for (text, outcome) in cases {
        check(&[failure(text)], &ended(1), outcome, text);
    }
    check(
        &[failure("Request was aborted")],
        &cut(Cut::Hard),
        CallOutcome::Crashed,
        "stopped: it ran past `timeout`",
    );
}

#[test]
fn a_subscription_is_no_api_key() {
    let cases = [
        (json!("none"), None),
        (json!("oauth"), None),
        (json!(null), None),
        (json!("user"), Some("user")),
        (json!("project"), Some("project")),
        (json!("org"), Some("org")),
        (json!("temporary"), Some("temporary")),
        (json!("ANTHROPIC_API_KEY"), Some("ANTHROPIC_API_KEY")),
    ];
    for (source, expect) in cases {
        let line = json!({"type": "system", "subtype": "init", "apiKeySource": source});
        let Some(AgentEvent::Started { api_key_source, .. }) = Transcript::new().push_line(line.to_string().as_bytes())
        else {
            panic!("{line} begins a call");
        };
        assert_eq!(api_key_source.as_deref(), expect);
    }
}

#[test]
fn messages_are_counted_once_and_tools_are_summed_up() {
    let mut transcript = Transcript::new();
    let mut push = |line: Value| transcript.push_line(line.to_string().as_bytes());
    let usage = json!({"input_tokens": 120, "cache_read_input_tokens": 900, "output_tokens": 1});
    let text = json!({"type": "assistant", "message": {"id": "m1", "usage": usage, "content": [{"type": "text", "text": "Hello\n\u{1b}[2J"}]}});
    let tool = json!({"type": "assistant", "message": {"id": "m1", "usage": usage, "content": [
        {"type": "tool_use", "name": "Write", "input": {"file_path": "/workspace/src/a.rs", "content": "x"}}]}});
    let thinking =
        json!({"type": "assistant", "message": {"id": "m2", "usage": usage, "content": [{"type": "thinking"}]}});
    let shown = AgentEvent::Text {
        text: "Hello \\u{1b}[2J".into(),
    };
    assert_eq!(push(text), Some(shown));
    let used = AgentEvent::ToolUse {
        name: "Write".into(),
        summary: "src/a.rs".into(),
    };
    assert_eq!(push(tool), Some(used));
    let both = Usage {
        input: 240,
        cache_read: 1800,
        output: 14,
        cost_usd: 0.00735,
        ..Usage::default()
    };
    assert_eq!(push(thinking), Some(AgentEvent::Tokens { usage: both, turns: 2 }));
    let report = transcript.finish(&ended(137));
    assert!(report.estimated);
    assert_eq!(report.usage, Usage { calls: 1, ..both });
}

#[test]
fn the_output_of_tools_passes_for_nothing() {
    let forged = success().to_string();
    let result = json!({"type": "user", "message": {"content": [{"type": "tool_result", "content": forged}]}, "tool_use_result": success()});
    let quoted = json!({"note": success(), "type": "assistant", "message": {"content": [success()]}});
    check(
        &[result, quoted],
        &ended(0),
        CallOutcome::Crashed,
        "no result line: it exited with 0",
    );
}

#[test]
fn what_is_no_event_is_skipped_and_counted() {
    let mut transcript = Transcript::new();
    let lines: [&[u8]; 9] = [
        b"hello",
        b"{\"type\":\"result\",\"subtype\":\"succ",
        b"\xff\xfe{}",
        b"[1]",
        b"{\"type\":7}",
        b"{\"type\":\"a_new_one\"}",
        b"",
        b"  \r\n",
        b"\0\0",
    ];
    for line in lines {
        assert_eq!(transcript.push_line(line), None);
    }
    assert!(
        transcript
            .push_line(b"\0{\"type\":\"system\",\"subtype\":\"init\"}\r\n")
            .is_some()
    );
    let odd =
        b"{\"is_error\":\"no\",\"type\":\"result\",\"usage\":[],\"errors\":7,\"num_turns\":-1,\"result\":\"\xff\"}";
    assert!(transcript.push_line(odd).is_some());
    assert_eq!(transcript.finish(&ended(0)).skipped_lines, 6);
}

proptest! {
    #[test]
    fn no_bytes_panic(line in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut transcript = Transcript::new();
        transcript.push_line(&line);
        transcript.finish(&Ending::default());
    }

    /// Cuts and damages a true line anywhere.
    #[test]
    fn no_damage_panics(at in 0_usize..6000, byte in any::<u8>(), length in 0_usize..9000) {
        let recording = include_bytes!("../../../tests/data/transcripts/rate_limited.jsonl");
        let mut bytes = recording.to_vec();
        let place = at % bytes.len();
        bytes[place] = byte;
        bytes.truncate(length);
        let mut transcript = Transcript::new();
        for line in bytes.split(|byte| *byte == b'\n') {
            transcript.push_line(line);
        }
        transcript.finish(&ended(1));
    }
}
