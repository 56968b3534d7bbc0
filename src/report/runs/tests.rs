//! Lists, overviews and comparisons as people read them.

use serde_json::{Value, json};

use super::*;

fn overview(events: &[Value]) -> RunOverview {
    let mut overview = RunOverview::new("20261130-120000000-1".parse().unwrap());
    for (second, event) in (0_i64..).zip(events) {
        let at = Timestamp::from_second(1_796_040_000 + 60 * second).unwrap();
        overview.add(&serde_json::from_value(json!({"at": at, "event": event})).unwrap());
    }
    overview.summed_up()
}

fn ended(task: &str, cost: f64) -> Value {
    json!({"type": "agent_ended", "call": {"role": "stitch", "task": task, "attempt": 1}, "reason": "done", "entry": {
        "role": "stitch", "task": task, "attempt": 1, "cycle": 1, "run": "r", "session_id": null, "model": "m", "turns": 3,
        "usage": {"input": 12_000, "output": 345, "cost_usd": cost, "calls": 1}, "estimated": false, "duration_ms": 1,
        "api_ms": 1, "wait_ms": 0, "outcome": "success", "ended_at": "2026-11-30T12:00:00Z"}})
}

fn events() -> Vec<Value> {
    let attempt = |task: &str, outcome: &str| {
        json!({"type": "attempt_ended", "task": task, "title": format!("title of {task}"), "attempt": 1, "outcome": outcome,
            "reason": "", "commit": null, "changed": {"files": 2, "insertions": 10, "deletions": 1}, "usage": {}, "seconds": 75.0})
    };
    vec![
        json!({"type": "run_started", "run": "r", "generation": "generation-one", "mode": "feature", "engine": "podman 4.3.1", "image": "i"}),
        json!({"type": "run_progress", "task": 1, "tasks": 2, "usage": {}}),
        json!({"type": "task_claimed", "task": "cw-1", "title": "title of cw-1", "attempt": 1}),
        ended("cw-1", 0.5),
        json!({"type": "gate_ended", "task": "cw-1", "gate": "test", "passed": true}),
        json!({"type": "review_ended", "task": "cw-1", "attempt": 1, "number": 1, "passed": true, "score": 8, "how": "fine", "seconds": 1.0}),
        attempt("cw-1", "merged"),
        json!({"type": "task_claimed", "task": "cw-2", "title": "\u{1b}[2J\u{202e}title", "attempt": 1}),
        ended("cw-2", 1.5),
        attempt("cw-2", "gate_failed"),
        json!({"type": "task_held", "task": "cw-2", "reason": "2 attempts failed"}),
    ]
}

fn shown(overview: &RunOverview, width: Option<u16>) -> String {
    let now = Timestamp::from_second(1_796_040_000 + 3600).unwrap();
    let lines = show(overview, now, &Zone::default(), width);
    let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
    texts.join("\n")
}

#[test]
fn everything_about_a_run_that_died() {
    insta::assert_snapshot!(shown(&overview(&events()), None));
}

#[test]
fn a_run_at_work_says_what_it_is_at() {
    let mut events = events();
    events.push(json!({"type": "task_claimed", "task": "cw-3", "title": "third", "attempt": 2}));
    events.push(
        json!({"type": "agent_progress", "call": {"role": "stitch", "task": "cw-3", "attempt": 2, "round": 1},
        "turns": 7, "usage": {"input": 1000, "cost_usd": 0.25}}),
    );
    events.push(
        json!({"type": "tool_used", "call": {"role": "stitch", "task": "cw-3", "attempt": 2, "round": 1},
        "tool": "Edit", "summary": "src/lib.rs"}),
    );
    let mut overview = overview(&events);
    overview.run.outcome = RunOutcome::AtWork;
    insta::assert_snapshot!(shown(&overview, None));
}

#[test]
fn a_list_has_a_line_for_each_run() {
    let one = overview(&events()).run;
    let mut ended = one.clone();
    (ended.outcome, ended.reason) = (RunOutcome::Ended, Some("nothing is left to do".to_owned()));
    let gone = RunRow::new("20261129-120000000-2".parse().unwrap()).unreadable("its events are gone".to_owned());
    let rows = [ended, one, gone];
    insta::assert_snapshot!(list(&rows, 2, &Zone::default(), None));
    let narrow = list(&rows, 0, &Zone::default(), Some(80));
    assert!(narrow.lines().all(|line| line.chars().count() <= 80), "{narrow}");
}

#[test]
fn a_long_timeline_has_its_beginning_and_its_end() {
    let mut events = events();
    for number in 0..100 {
        events.push(json!({"type": "recovered", "what": format!("number {number}")}));
    }
    let text = shown(&overview(&events), None);
    assert!(
        text.contains("Run r on generation-one") && text.contains("number 99."),
        "{text}"
    );
    assert!(text.contains("… ") && !text.contains("number 10."), "{text}");
}

#[test]
fn runs_and_generations_stand_beside_each_other() {
    let compared = |name: &str, kind: ComparedKind, merged: usize| Compared {
        name: name.to_owned(),
        kind,
        mode: Some("feature".to_owned()),
        runs: 2,
        tasks: TaskCounts {
            attempted: merged + 1,
            merged,
            held: 1,
        },
        outcomes: [(crate::issues::attempt::Outcome::Merged, merged)].into(),
        score: (merged > 1).then_some(8.25),
        gates: (merged > 1).then_some(GateCounts { passed: 3, failed: 1 }),
        measures: 1,
        usage: Usage {
            input: 12_345,
            cost_usd: 1.25,
            calls: 4,
            ..Usage::default()
        },
        seconds: (merged > 1).then_some(754.0),
        changed: DiffStat {
            files: 2,
            insertions: 30,
            deletions: 4,
        },
    };
    let all = [
        compared("generation-one", ComparedKind::Generation, 2),
        compared("20261130-120000000-1", ComparedKind::Run, 1),
    ];
    insta::assert_snapshot!(compare(&all, None));
}
