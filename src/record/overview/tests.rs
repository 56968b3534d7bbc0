//! What a run came to, from lines as they stand in a file.

use serde_json::{Value, json};

use super::*;

fn at(second: i64) -> String {
    Timestamp::from_second(1_000_000_000 + second).unwrap().to_string()
}

fn usage(cost: f64) -> Value {
    json!({"input": 100, "output": 10, "cost_usd": cost, "calls": 1})
}

fn call(task: Option<&str>, role: &str, round: u32) -> Value {
    json!({"role": role, "task": task, "attempt": 1, "round": round})
}

fn ended(task: Option<&str>, role: &str, cost: f64) -> Value {
    json!({"type": "agent_ended", "call": call(task, role, 0), "reason": "done", "entry": {
        "role": role, "task": task, "attempt": 1, "cycle": 1, "run": "r", "session_id": null, "model": "m", "turns": 3,
        "usage": usage(cost), "estimated": false, "duration_ms": 1, "api_ms": 1, "wait_ms": 0, "outcome": "success",
        "ended_at": at(0)}})
}

fn started() -> Value {
    json!({"type": "run_started", "run": "r", "generation": "generation-one", "mode": "feature", "engine": "e", "image": "i"})
}

fn claimed(task: &str) -> Value {
    json!({"type": "task_claimed", "task": task, "title": "a \u{1b}[2J title", "attempt": 1})
}

fn attempt(task: &str, outcome: &str, insertions: u32) -> Value {
    json!({"type": "attempt_ended", "task": task, "title": "title", "attempt": 1, "outcome": outcome, "reason": "why",
        "commit": null, "changed": {"files": 1, "insertions": insertions, "deletions": 1}, "usage": usage(0.5), "seconds": 2.5})
}

fn progress() -> Value {
    json!({"type": "run_progress", "task": 1, "tasks": 2, "usage": usage(0.0)})
}

/// Folds these events, one a second.
fn fold(events: &[Value]) -> RunOverview {
    let mut overview = RunOverview::new("r".parse().unwrap());
    for (second, event) in (0_i64..).zip(events) {
        let line = json!({"at": at(second), "event": event});
        overview.add(&serde_json::from_value(line).unwrap());
    }
    overview.summed_up()
}

#[test]
fn a_run_is_summed_up_by_its_tasks() {
    let review = |task: &str, score: u8| json!({"type": "review_ended", "task": task, "attempt": 1, "number": 1, "passed": true, "score": score, "how": "fine", "seconds": 1.0});
    let gate = |passed: bool| json!({"type": "gate_ended", "task": "cw-1", "gate": "test", "passed": passed});
    let end = json!({"type": "run_ended", "reason": "nothing is left to do", "merged": 2, "blocked": 1, "open": 0, "usage": usage(9.0)});
    let events = [
        started(),
        progress(),
        claimed("cw-1"),
        ended(Some("cw-1"), "stitch", 1.0),
        gate(false),
        json!({"type": "round_started", "task": "cw-1", "attempt": 1, "round": 1, "of": 2, "gate": "test", "how": "red"}),
        ended(Some("cw-1"), "stitch", 2.0),
        gate(true),
        review("cw-1", 9),
        attempt("cw-1", "merged", 10),
        claimed("cw-2"),
        review("cw-2", 3),
        attempt("cw-2", "review_refused", 99),
        json!({"type": "task_held", "task": "cw-2", "reason": "two attempts failed"}),
        claimed("cw-3"),
        review("cw-3", 6),
        attempt("cw-3", "merged", 5),
        end,
    ];
    let overview = fold(&events);
    let row = &overview.run;
    assert_eq!(
        (row.outcome, row.reason.as_deref()),
        (RunOutcome::Ended, Some("nothing is left to do"))
    );
    assert_eq!((row.mode.as_deref(), row.seconds), (Some("feature"), 17.0));
    let expect = TaskCounts {
        attempted: 3,
        merged: 2,
        held: 1,
    };
    assert_eq!(row.tasks, expect);
    assert_eq!(
        (row.score, row.changed.insertions, row.changed.files),
        (Some(7.5), 15, 2)
    );
    assert!(
        (row.usage.cost_usd - 9.0).abs() < 1e-9,
        "the end has it: {}",
        row.usage.cost_usd
    );
    let first = &overview.tasks[0];
    assert!((first.usage.cost_usd - 3.0).abs() < 1e-9 && first.rounds == 1 && first.attempts == 1);
    assert_eq!(first.title, "title");
    assert_eq!(overview.tasks[1].held.as_deref(), Some("two attempts failed"));
    assert_eq!(overview.gates["test"], GateCounts { passed: 1, failed: 1 });
    assert_eq!(overview.outcomes[&Outcome::Merged], 2);
    assert!(overview.at_work.is_empty());
    let kinds: Vec<Value> = overview
        .timeline
        .iter()
        .map(|event| serde_json::to_value(&event.kind).unwrap()["type"].clone())
        .collect();
    assert_eq!(kinds.len(), 10, "{kinds:?}");
}

#[test]
fn a_run_without_an_end_died_unless_it_was_to_do_one_thing() {
    let filed = json!({"type": "measure_ended", "filed": [], "dropped": [], "usage": usage(0.1)});
    let one = |events: &[Value]| {
        let row = fold(events).run;
        (row.outcome, row.reason)
    };
    let ended = |reason: &str| (RunOutcome::Ended, Some(reason.to_owned()));
    for (events, expect) in [
        (vec![], (RunOutcome::NotBegun, None)),
        (
            vec![json!({"type": "warned", "what": "odd"})],
            (RunOutcome::NotBegun, None),
        ),
        (vec![started()], (RunOutcome::Died, None)),
        (vec![started(), claimed("cw-1")], (RunOutcome::Died, None)),
        (
            vec![started(), claimed("cw-1"), attempt("cw-1", "merged", 1)],
            ended("one attempt: merged"),
        ),
        (
            vec![started(), progress(), claimed("cw-1"), attempt("cw-1", "merged", 1)],
            (RunOutcome::Died, None),
        ),
        (vec![started(), filed.clone()], ended("one measure: 0 filed")),
        (vec![started(), filed, claimed("cw-1")], (RunOutcome::Died, None)),
    ] {
        assert_eq!(one(&events), expect, "{events:?}");
    }
}

#[test]
fn what_is_at_work_is_known_step_by_step() {
    let task = Some("cw-1");
    let step = |step: &str| json!({"type": "step_started", "call": call(task, "stitch", 0), "step": step});
    let events = [
        started(),
        claimed("cw-1"),
        step("checkout"),
        step("container"),
        json!({"type": "agent_started", "call": call(task, "stitch", 0), "model": "sonnet", "client_version": null, "session_id": null}),
        json!({"type": "tool_used", "call": call(task, "stitch", 0), "tool": "Bash", "summary": "cargo test"}),
        json!({"type": "agent_progress", "call": call(task, "stitch", 0), "turns": 4, "usage": usage(0.25)}),
        ended(task, "stitch", 1.0),
        json!({"type": "agent_progress", "call": call(task, "review", 1), "turns": 1, "usage": usage(0.5)}),
    ];
    let stages: Vec<&str> = (2..=events.len())
        .map(|count| fold(&events[..count]).at_work[0].stage.name())
        .collect();
    assert_eq!(
        stages,
        [
            "claimed",
            "checkout",
            "container",
            "agent",
            "agent",
            "agent",
            "judged",
            "judged"
        ]
    );
    let working = &fold(&events[..7]).at_work[0];
    assert_eq!((working.turns, working.tool.as_deref()), (4, Some("Bash cargo test")));
    assert_eq!(working.title, "a \\u{1b}[2J title", "it is harmless");
    let reviewed = &fold(&events).at_work[0];
    assert!((reviewed.usage.cost_usd - 1.5).abs() < 1e-9, "with what has ended");
    assert_eq!(
        (reviewed.role.to_string().as_str(), reviewed.round, reviewed.turns),
        ("review", 1, 1)
    );
}

#[test]
fn gates_are_told_while_they_run() {
    let task = Some("cw-1");
    let begins = |gate: &str| json!({"type": "gate_started", "task": "cw-1", "gate": gate});
    let ends = |gate: &str| json!({"type": "gate_ended", "task": "cw-1", "gate": gate, "passed": true});
    let events = [
        started(),
        claimed("cw-1"),
        ended(task, "stitch", 1.0),
        // One whose verdict was known, and two that run beside each other; then one of which no end is told.
        ends("known"),
        begins("one"),
        begins("two"),
        ends("one"),
        ends("two"),
        begins("\u{1b}[2J"),
        json!({"type": "gate_started", "gate": "of the tip"}),
        json!({"type": "agent_started", "call": call(task, "stitch", 1), "session_id": "s", "model": "m", "client_version": null}),
        json!({"type": "step_started", "call": call(task, "stitch", 1), "step": "merge"}),
        begins("again"),
        ends("again"),
    ];
    let told = |count: usize| {
        let at_work = fold(&events[..count]).at_work;
        let one = at_work.first().unwrap();
        (one.stage.name(), one.gates.join(" "))
    };
    let expect = [
        ("judged", ""),
        ("judged", ""),
        ("gate", "one"),
        ("gate", "one two"),
        ("gate", "two"),
        ("judged", ""),
        ("gate", "\\u{1b}[2J"),
        ("gate", "\\u{1b}[2J"),
        ("agent", ""),
        ("merge", ""),
        ("gate", "again"),
        ("merge", ""),
    ];
    let all: Vec<(&str, String)> = (3..=events.len()).map(told).collect();
    assert_eq!(all, expect.map(|(stage, gates)| (stage, gates.to_owned())));
}

#[test]
fn candidates_stand_for_their_attempt() {
    let tool = |candidate: u32| {
        json!({"type": "tool_used", "tool": "Read", "summary": "x",
            "call": {"role": "stitch", "task": "cw-1", "attempt": 1, "candidate": candidate}})
    };
    let over = json!({"type": "candidate_ended", "task": "cw-1", "attempt": 1, "candidate": 1, "chosen": false, "outcome": "not_chosen", "reason": ""});
    let events = [
        started(),
        claimed("cw-1"),
        tool(1),
        tool(2),
        over,
        attempt("cw-1", "merged", 1),
    ];
    let candidates =
        |count: usize| -> Vec<u32> { fold(&events[..count]).at_work.iter().map(|one| one.candidate).collect() };
    assert_eq!(
        [
            candidates(2),
            candidates(3),
            candidates(4),
            candidates(5),
            candidates(6)
        ],
        [vec![0], vec![1], vec![1, 2], vec![2], vec![]]
    );
    assert_eq!(fold(&events[..4]).at_work[1].title, "a \\u{1b}[2J title");
}

#[test]
fn a_timeline_has_its_beginning_and_its_end_and_bounded_memory() {
    let mut overview = RunOverview::new("r".parse().unwrap());
    let add = |overview: &mut RunOverview, event: Value| {
        overview.add(&serde_json::from_value(json!({"at": at(0), "event": event})).unwrap());
    };
    add(&mut overview, started());
    for number in 0..3 * TIMELINE {
        add(&mut overview, json!({"type": "recovered", "what": number.to_string()}));
    }
    assert!(overview.timeline.len() <= 2 * TIMELINE);
    assert_eq!(overview.timeline.len() + overview.left_out, 3 * TIMELINE + 1);
    assert!(matches!(overview.timeline[0].kind, EventKind::RunStarted { .. }));
    let last = EventKind::Recovered {
        what: (3 * TIMELINE - 1).to_string(),
    };
    assert_eq!(overview.timeline.last().unwrap().kind, last);
}

/// What the row is made of is never passed over, whatever order events come in.
#[test]
fn a_row_is_the_same_without_the_events_that_do_not_change_it() {
    let events = [
        started(),
        json!({"type": "warned", "what": "odd"}),
        claimed("cw-1"),
        json!({"type": "tool_used", "call": call(Some("cw-1"), "stitch", 0), "tool": "Bash", "summary": "x"}),
        ended(Some("cw-1"), "stitch", 1.0),
        attempt("cw-1", "merged", 1),
    ];
    let row = fold(&events).run;
    let kept: Vec<Value> = events
        .iter()
        .filter(|event| RunOverview::changes_the_row(event["type"].as_str().unwrap().as_bytes()))
        .cloned()
        .collect();
    assert_eq!(kept.len(), 4);
    let without = fold(&kept).run;
    assert_eq!(
        RunRow {
            last_at: row.last_at,
            seconds: row.seconds,
            ..without
        },
        row
    );
}
