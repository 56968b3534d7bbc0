//! The recordings of a real client, read by the library: one row a recording.

mod several;

use std::fs;
use std::path::PathBuf;

use cordwainer::agent::{AgentEvent, CallOutcome, CallReport, Ending, Transcript, Usage};
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

/// What one recording must amount to: outcome, turns, how often the scripted model's usage, cost, milliseconds of the
/// call, of the API and of waiting, and the reset in seconds since 1970.
type Row = (&'static str, CallOutcome, u32, u64, f64, [u64; 3], Option<i64>);

const ROWS: [Row; 15] = [
    ("apikey_429", CallOutcome::Transient, 1, 0, 0.0, [2556, 0, 2343], None),
    ("auth_failed", CallOutcome::Permanent, 1, 0, 0.0, [1436, 0, 1167], None),
    ("budget", CallOutcome::Budget, 1, 1, 0.00161, [207, 0, 0], None),
    ("credit_low", CallOutcome::Permanent, 1, 0, 0.0, [181, 0, 0], None),
    ("max_turns", CallOutcome::MaxTurns, 2, 1, 0.000_805, [217, 40, 0], None),
    (
        "overage",
        CallOutcome::Overage,
        2,
        2,
        0.00161,
        [381, 71, 0],
        Some(1_900_000_000),
    ),
    ("overloaded", CallOutcome::Transient, 1, 0, 0.0, [920, 0, 570], None),
    (
        "rate_limited",
        CallOutcome::Limited,
        1,
        0,
        0.0,
        [176, 0, 0],
        Some(1_795_257_035),
    ),
    ("resume", CallOutcome::Success, 1, 1, 0.00161, [128, 84, 0], None),
    ("resume_unknown", CallOutcome::Permanent, 0, 0, 0.0, [0, 0, 0], None),
    ("schema", CallOutcome::Success, 2, 1, 0.00161, [202, 44, 0], None),
    ("server_error", CallOutcome::Transient, 1, 0, 0.0, [806, 0, 568], None),
    ("session", CallOutcome::Success, 2, 2, 0.00322, [331, 52, 0], None),
    ("success", CallOutcome::Success, 2, 2, 0.00161, [325, 59, 0], None),
    ("warning", CallOutcome::Success, 2, 2, 0.00161, [326, 57, 0], None),
];

/// What the scripted model used for each answer.
fn answers(count: u64, cost_usd: f64) -> Usage {
    Usage {
        input: 120 * count,
        cache_write: 30 * count,
        cache_read: 900 * count,
        output: 40 * count,
        cost_usd,
        calls: 1,
    }
}

#[test]
fn every_recording_amounts_to_what_happened() {
    for (name, outcome, turns, count, cost, times, resets_at) in ROWS {
        let report = report(name, &Ending::of_recording());
        assert_eq!(report.outcome, outcome, "{name}: {}", report.reason);
        assert_eq!(report.turns, turns, "{name}: turns");
        assert_eq!(report.usage, answers(count, cost), "{name}: usage");
        let told = [report.duration_ms, report.api_ms, report.wait_ms];
        assert_eq!(told, times, "{name}: times");
        assert_eq!(report.resets_at.map(Timestamp::as_second), resets_at, "{name}: reset");
        assert_eq!(report.skipped_lines, 0, "{name}: skipped");
        assert!(!report.estimated, "{name}: estimated");
        assert_eq!(report.session_lost, name == "resume_unknown", "{name}: session");
        let success = outcome == CallOutcome::Success;
        assert_eq!(report.reason.is_empty(), success, "{name}: {}", report.reason);
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
        assert!(report.estimated, "{name}");
        assert_eq!(report.usage.cost_usd > 0.0, report.usage.tokens() > 0, "{name}");
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
