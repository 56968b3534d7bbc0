//! Fuzzes the parser of the client's stream.
//!
//! The input is a stream as it stands, or, after a first byte of 0, the choices by which one is put together from the
//! client's own words: those reach deeper than bytes alone.

#![no_main]

use std::alloc::System;

use cap::Cap;
use cordwainer::agent::{AgentEvent, CallOutcome, CallReport, Ending, Transcript, Usage};
use serde_json::{Value, json};

mod claims;
mod words;

/// Counts what is held, so that a parser which keeps what it reads is found.
#[global_allocator]
static HELD: Cap<System> = Cap::new(System, usize::MAX);

/// The longest text of an event, in characters, with room for what makes it harmless.
const LONGEST_TEXT: usize = 500;
/// How often a stream is repeated to see whether the parser grows.
const REPEATS: usize = 8;
/// How many bytes a parser may hold more when it has read the same stream again and again.
const SLACK: usize = 4 << 10;
/// The longest stream that is read more than once, in bytes.
const REPEATED: usize = 2 << 10;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    match input {
        [0, choices @ ..] => {
            let (stream, ending) = words::stream(choices);
            check(&stream, &ending);
        }
        stream => {
            check(stream, &Ending::of_recording());
            effort::check(stream, |stream| drop(read(stream)));
            effort::check(stream, check_long_line);
        }
    }
});

fn check(stream: &[u8], ending: &Ending<'_>) {
    let report = read(stream).finish(ending);
    check_success(&report, stream, ending);
    check_usage(&report.usage);
    assert_eq!(report.usage.calls, 1, "one call");
    check_text(&report.reason);
    if stream.len() <= REPEATED {
        check_imitation(stream);
        check_growth(stream);
    }
}

/// Reads the bytes as one line.
fn check_long_line(stream: &[u8]) {
    Transcript::new().push_line(stream);
}

fn lines(stream: &[u8]) -> impl Iterator<Item = &[u8]> {
    stream.split(|byte| *byte == b'\n')
}

/// Reads a stream, and looks at what each line says.
fn read(stream: &[u8]) -> Transcript {
    let mut transcript = Transcript::new();
    for line in lines(stream) {
        if let Some(event) = transcript.push_line(line) {
            check_event(&event);
        }
        check_usage(&transcript.usage());
    }
    transcript
}

fn check_success(report: &CallReport, stream: &[u8], ending: &Ending<'_>) {
    if report.outcome != CallOutcome::Success {
        assert!(!report.reason.is_empty(), "no success, and no reason");
        return;
    }
    assert!(lines(stream).any(claims::success), "a success that no line claims");
    let ended_well = ending.recorded || ending.cut.is_some() || ending.exit_code == Some(0);
    assert!(ended_well && !ending.oom, "a success of a process that failed");
}

fn check_usage(usage: &Usage) {
    assert!(
        usage.cost_usd.is_finite() && usage.cost_usd >= 0.0,
        "{} dollars",
        usage.cost_usd
    );
}

/// Whatever an event says is harmless and short.
fn check_event(event: &AgentEvent) {
    check_texts(&serde_json::to_value(event).expect("an event is JSON"));
}

fn check_texts(value: &Value) {
    match value {
        Value::String(text) => check_text(text),
        Value::Array(values) => values.iter().for_each(check_texts),
        Value::Object(fields) => fields.values().for_each(check_texts),
        _ => {}
    }
}

fn check_text(text: &str) {
    assert!(!text.contains(char::is_control), "a control character in {text:?}");
    assert!(
        text.chars().count() <= LONGEST_TEXT,
        "{} characters",
        text.chars().count()
    );
}

/// A stream that is a tool's output is no stream.
fn check_imitation(stream: &[u8]) {
    let text = String::from_utf8_lossy(stream);
    let content = json!([{"tool_use_id": "toolu_1", "type": "tool_result", "content": text, "is_error": false}]);
    let line = json!({"type": "user", "message": {"role": "user", "content": content}, "tool_use_result": text});
    let mut transcript = Transcript::new();
    transcript.push_line(line.to_string().as_bytes());
    let report = transcript.finish(&Ending::of_recording());
    assert_eq!(report.outcome, CallOutcome::Crashed, "{}", report.reason);
    assert_eq!(report.usage.tokens(), 0, "tokens");
    assert!(!report.using_overage, "overage");
}

/// Checks that a stream read a second time holds no more memory.
fn check_growth(stream: &[u8]) {
    let mut transcript = Transcript::new();
    let mut pass = || {
        for line in lines(stream) {
            transcript.push_line(line);
        }
        HELD.allocated()
    };
    pass();
    let before = pass();
    let after = (0..REPEATS).map(|_| pass()).last().unwrap_or(before);
    assert!(after <= before + SLACK, "{} bytes more", after - before);
}
