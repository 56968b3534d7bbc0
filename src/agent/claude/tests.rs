mod accounting;
mod stream;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn ended(code: i64) -> Ending<'static> {
    Ending {
        exit_code: Some(code),
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
