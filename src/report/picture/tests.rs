//! What the live lines say on terminals of all sizes.

use super::*;
use crate::record::event::{Adopted, Step};

const BEGUN: i64 = 1_000_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(BEGUN + seconds).unwrap()
}

fn size(columns: usize, rows: usize) -> Size {
    Size { columns, rows }
}

fn call(role: Role, task: u32, round: u32) -> CallName {
    CallName {
        role,
        task: (task > 0).then(|| format!("cw-{task}").parse().unwrap()),
        attempt: 1,
        round,
        candidate: 0,
    }
}

fn usage(input: u64, cost_usd: f64) -> Usage {
    Usage {
        input,
        cost_usd,
        ..Usage::default()
    }
}

fn progress(task: usize, tasks: usize, cost_usd: f64, left_usd: Option<f64>) -> EventKind {
    EventKind::RunProgress {
        task,
        tasks,
        usage: usage(0, cost_usd),
        left_usd,
    }
}

fn tool(call: &CallName, tool: &str, summary: &str) -> EventKind {
    EventKind::ToolUsed {
        call: call.clone(),
        tool: tool.to_owned(),
        summary: summary.to_owned(),
    }
}

fn picture(events: impl IntoIterator<Item = (i64, EventKind)>) -> Picture {
    let mut picture = Picture::default();
    for (seconds, kind) in events {
        picture.update(&Event { at: at(seconds), kind });
    }
    picture
}

/// Three tasks at work: one whose agent works, one in its second fix round, one that is being reviewed.
fn three() -> Picture {
    let [first, second, third] = [
        call(Role::Stitch, 1, 0),
        call(Role::Stitch, 12, 2),
        call(Role::Review, 3, 1),
    ];
    let progress_of = |call: &CallName, tokens, cost| EventKind::AgentProgress {
        call: call.clone(),
        turns: 3,
        usage: usage(tokens, cost),
    };
    picture([
        (0, progress(3, 7, 1.0, Some(4.0))),
        (10, progress_of(&first, 12_345, 0.12)),
        (11, tool(&first, "Bash", "cargo test --workspace --all-features")),
        (600, progress_of(&second, 950, 0.0)),
        (
            700,
            EventKind::StepStarted {
                call: third,
                step: Step::Container,
            },
        ),
    ])
}

/// Returns the lines without the spinner, which differs from moment to moment.
fn lines(picture: &Picture, seconds: i64, size: Size) -> Vec<String> {
    let lines = picture.lines(at(seconds), size);
    for line in &lines {
        assert!(width(line) < size.columns, "{line}");
    }
    let plain = |line: &String| match line.strip_prefix(SPINNER) {
        Some(rest) => format!("*{rest}"),
        None => line.clone(),
    };
    lines.iter().map(plain).collect()
}

#[test]
fn what_there_is_no_room_for_is_dropped_in_its_order() {
    let three = three();
    for (columns, expect) in [
        (
            100,
            [
                "* task 3 of 7, $1.12, 12 min 4 s, $3.88 left",
                "  cw-1   work                 11 min 54 s  12.3k tokens  $0.12  Bash cargo test --workspace --all-…",
                "  cw-12  fix round 2          2 min 4 s    950 tokens",
                "  cw-3   review 1, container  24 s",
            ],
        ),
        (
            80,
            [
                "* task 3 of 7, $1.12, 12 min 4 s, $3.88 left",
                "  cw-1   work                 11 min 54 s  12.3k tokens  $0.12  Bash cargo tes…",
                "  cw-12  fix round 2          2 min 4 s    950 tokens",
                "  cw-3   review 1, container  24 s",
            ],
        ),
        (
            60,
            [
                "* task 3 of 7, $1.12, 12 min 4 s, $3.88 left",
                "  cw-1   work                 11 min 54 s  $0.12",
                "  cw-12  fix round 2          2 min 4 s",
                "  cw-3   review 1, container  24 s",
            ],
        ),
        (
            40,
            [
                "* task 3 of 7, $1.12, $3.88 left",
                "  cw-1   work",
                "  cw-12  fix round 2",
                "  cw-3   review 1, container",
            ],
        ),
        (
            20,
            [
                "* task 3 of 7",
                "  cw-1   work",
                "  cw-12  fix round…",
                "  cw-3   review 1,…",
            ],
        ),
        (4, ["*…", "…", "…", "…"]),
    ] {
        assert_eq!(lines(&three, 724, size(columns, 24)), expect, "{columns} columns");
    }
}

#[test]
fn more_tasks_than_there_are_rows_are_counted() {
    let events = (1..=30).map(|number| {
        let kind = EventKind::StepStarted {
            call: call(Role::Stitch, number, 0),
            step: Step::Checkout,
        };
        (i64::from(number), kind)
    });
    let picture = picture([(0, progress(30, 40, 0.0, None))].into_iter().chain(events));
    for (rows, shown, more) in [(24, 15, 15), (10, 5, 25), (4, 0, 30), (100, 30, 0)] {
        let lines = lines(&picture, 40, size(80, rows));
        assert!(lines.len() < rows, "a row is left: {lines:#?}");
        assert_eq!(
            lines.iter().filter(|line| line.contains("checkout")).count(),
            shown,
            "{lines:#?}"
        );
        let last = lines.last().unwrap();
        if more > 0 {
            assert_eq!(last, &format!("  … and {more} more"));
        } else {
            assert_eq!(last, "  cw-30  checkout  10 s");
        }
    }
    for rows in [0, 1, 2] {
        assert_eq!(
            lines(&picture, 40, size(80, rows)),
            ["* task 30 of 40, $0.00, 40 s"],
            "{rows} rows"
        );
    }
}

#[test]
fn a_run_is_summed_up_in_one_line() {
    let of = |events: Vec<(i64, EventKind)>, seconds| lines(&picture(events), seconds, size(80, 24));
    for (kind, expect) in [
        (progress(1, 1, 0.0, None), "* task 1 of 1, $0.00, 12 min 4 s"),
        (progress(0, 2, 0.0, None), "* 2 tasks, $0.00, 12 min 4 s"),
        (
            progress(0, 0, 0.0, Some(2.0)),
            "* no task yet, $0.00, 12 min 4 s, $2.00 left",
        ),
    ] {
        assert_eq!(of(vec![(0, kind)], 724), [expect]);
    }
    let pause = EventKind::Paused {
        until: at(400),
        reason: "limited".to_owned(),
    };
    let by_a_person = EventKind::RunPaused { at_work: 0 };
    let lifted = EventKind::PauseLifted { reason: String::new() };
    let before = (0, progress(1, 2, 0.0, None));
    for (events, seconds, expect) in [
        (
            vec![before.clone(), (100, pause.clone())],
            160,
            "* paused, 4 min left; task 1 of 2, $0.00, 2 min 40 s",
        ),
        (
            vec![before.clone(), (100, pause.clone())],
            500,
            "* paused, 0 s left; task 1 of 2, $0.00, 8 min 20 s",
        ),
        (
            vec![before.clone(), (100, by_a_person)],
            160,
            "* paused, 1 min; task 1 of 2, $0.00, 2 min 40 s",
        ),
        (
            vec![before, (100, pause), (110, lifted)],
            160,
            "* task 1 of 2, $0.00, 2 min 40 s",
        ),
    ] {
        assert_eq!(of(events, seconds), [expect]);
    }
    assert_eq!(of(Vec::new(), 0), Vec::<String>::new());
}

#[test]
fn no_line_outlives_its_task_or_measure() {
    let measure = call(Role::Measure, 0, 0);
    let mut picture = picture([
        (0, progress(1, 2, 0.0, None)),
        (0, tool(&measure, "Read", "docs/a.md")),
        (0, tool(&call(Role::Stitch, 1, 0), "Read", "a.rs")),
        (0, tool(&call(Role::Stitch, 2, 0), "Read", "b.rs")),
        // Its review takes the same line.
        (9, tool(&call(Role::Review, 2, 1), "Read", "c.rs")),
    ]);
    assert_eq!(picture.works.len(), 3);
    let mut tell = |kind| picture.update(&Event { at: at(10), kind });
    tell(EventKind::MeasureRefused {
        filed: Vec::new(),
        problems: Vec::new(),
    });
    tell(EventKind::AttemptEnded {
        task: "cw-1".parse().unwrap(),
        title: String::new(),
        attempt: 1,
        outcome: crate::issues::attempt::Outcome::Merged,
        reason: String::new(),
        commit: None,
        changed: None,
        usage: Usage::default(),
        interfaces: Vec::new(),
        seconds: 1.0,
    });
    tell(EventKind::GateStarted(GateStarted {
        task: Some("cw-2".parse().unwrap()),
        candidate: 0,
        gate: "make test".to_owned(),
    }));
    assert_eq!(
        lines(&picture, 12, size(80, 24))[1..],
        ["  cw-2  gate  12 s  make test"]
    );
    picture.update(&Event {
        at: at(20),
        kind: EventKind::RunEnded {
            reason: String::new(),
            merged: 1,
            changed: None,
            blocked: 0,
            open: 0,
            usage: Usage::default(),
            fixing: None,
            reviews: None,
            paused_until: None,
            next: Vec::new(),
        },
    });
    assert_eq!(picture.lines(at(20), size(80, 24)), Vec::<String>::new());
}

#[test]
fn text_of_agents_steers_nothing_and_takes_no_memory() {
    let call = call(Role::Stitch, 1, 0);
    let long = "x".repeat(10 << 20);
    for summary in [
        "\u{1b}[2J\u{1b}]0;title\u{7} \r\n\u{9b}A",
        "\u{202e}sdrawkcab\u{2066}",
        "測試".repeat(100).as_str(),
        &long,
    ] {
        let picture = picture([(0, progress(1, 1, 0.0, None)), (0, tool(&call, "Bash", summary))]);
        assert!(picture.works[0].tool.len() < 4 * LONGEST_TOOL);
        for line in lines(&picture, 1, size(80, 24)) {
            let steers = |c: char| c.is_control() || crate::base::text::is_ignorable(c);
            assert!(!line.contains(steers), "{line:?}");
        }
    }
}

/// The time of a task counts from its own beginning, whoever looks since when: also where this run took it over from another.
#[test]
fn what_is_taken_over_has_been_at_work_since_it_began() {
    let begun = |began_at: Option<Timestamp>| {
        EventKind::Adopted(Adopted {
            call: call(Role::Stitch, 1, 2),
            container: "c".to_owned(),
            began_at,
        })
    };
    let size = size(100, 24);
    for (began_at, time) in [(Some(at(0)), "10 min 4 s"), (None, "4 s")] {
        let picture = picture([(590, progress(1, 1, 0.0, None)), (600, begun(began_at))]);
        let shown = lines(&picture, 604, size);
        assert_eq!(shown[1], format!("  cw-1  fix round 2  {time}"), "{shown:?}");
    }
}
