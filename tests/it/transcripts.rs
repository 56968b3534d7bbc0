//! The recordings of a real client, read by the library: one row a recording.

use std::fs;
use std::path::PathBuf;

use cordwainer::agent::{AgentEvent, CallOutcome, CallReport, Ending, Transcript};
use jiff::Timestamp;

fn recording(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/transcripts");
    fs::read(folder.join(name).with_extension("jsonl")).expect("the recording is there")
}

fn report(name: &str, ending: &Ending<'_>) -> CallReport {
    let mut transcript = Transcript::new();
    for line in recording(name).split(|byte| *byte == b'\n') {
        transcript.push_line(line);
    }
    transcript.finish(ending)
}

/// What one recording must amount to: outcome, turns, all tokens, cost, and the reset in seconds since 1970.
type Row = (&'static str, CallOutcome, u32, u64, f64, Option<i64>);

const ROWS: [Row; 15] = [
    ("apikey_429", CallOutcome::Transient, 1, 0, 0.0, None),
    ("auth_failed", CallOutcome::Permanent, 1, 0, 0.0, None),
    ("budget", CallOutcome::Budget, 1, 1090, 0.00161, None),
    ("credit_low", CallOutcome::Permanent, 1, 0, 0.0, None),
    ("max_turns", CallOutcome::MaxTurns, 2, 1090, 0.000_805, None),
    ("overage", CallOutcome::Overage, 2, 2180, 0.00161, Some(1_900_000_000)),
    ("overloaded", CallOutcome::Transient, 1, 0, 0.0, None),
    ("rate_limited", CallOutcome::Limited, 1, 0, 0.0, Some(1_795_257_035)),
    ("resume", CallOutcome::Success, 1, 1090, 0.00483, None),
    ("resume_unknown", CallOutcome::Permanent, 0, 0, 0.0, None),
    ("schema", CallOutcome::Success, 2, 1090, 0.00161, None),
    ("server_error", CallOutcome::Transient, 1, 0, 0.0, None),
    ("session", CallOutcome::Success, 2, 2180, 0.00322, None),
    ("success", CallOutcome::Success, 2, 2180, 0.00161, None),
    ("warning", CallOutcome::Success, 2, 2180, 0.00161, None),
];

#[test]
fn every_recording_amounts_to_what_happened() {
    for (name, outcome, turns, tokens, cost, resets_at) in ROWS {
        let report = report(name, &Ending::of_recording());
        assert_eq!(report.outcome, outcome, "{name}: {}", report.reason);
        assert_eq!(report.turns, turns, "{name}: turns");
        assert_eq!(report.usage.tokens(), tokens, "{name}: tokens");
        assert!(
            (report.usage.cost_usd - cost).abs() < 1e-9,
            "{name}: {}",
            report.usage.cost_usd
        );
        assert_eq!(report.resets_at.map(Timestamp::as_second), resets_at, "{name}: reset");
        assert_eq!(report.skipped_lines, 0, "{name}: skipped");
        assert_eq!(report.usage.calls, 1, "{name}: calls");
        assert_eq!(
            report.reason.is_empty(),
            outcome == CallOutcome::Success,
            "{name}: {}",
            report.reason
        );
    }
}

#[test]
fn no_recording_without_its_last_line_is_a_success() {
    for (name, ..) in ROWS {
        let mut transcript = Transcript::new();
        let bytes = recording(name);
        let lines: Vec<&[u8]> = bytes
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .collect();
        for line in &lines[..lines.len() - 1] {
            transcript.push_line(line);
        }
        let killed = Ending {
            exit_code: Some(137),
            ..Ending::default()
        };
        let report = transcript.finish(&killed);
        assert_ne!(report.outcome, CallOutcome::Success, "{name}");
        assert!(!report.reason.is_empty(), "{name}");
    }
}

#[test]
fn a_success_tells_its_story_line_by_line() {
    let mut transcript = Transcript::new();
    let bytes = recording("success");
    let story: Vec<AgentEvent> = bytes
        .split(|byte| *byte == b'\n')
        .filter_map(|line| transcript.push_line(line))
        .collect();
    insta::assert_json_snapshot!(story);
}
