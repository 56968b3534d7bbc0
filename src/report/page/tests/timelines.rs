//! Bars and slots of a timeline.

use super::timeline::{Look, Timeline};
use super::*;

fn timeline_of(report: &WorkReport) -> Timeline {
    let look = Look {
        has_table: true,
        has_names: true,
    };
    Timeline::of(report, axis::Axis::of(report).as_ref(), &reader(report), look).unwrap()
}

#[test]
fn candidates_are_bars_of_their_own_beside_each_other() {
    let candidate = |number: u32, outcome: &str| {
        json!({"type": "candidate_ended", "task": "cw-1", "attempt": 1, "candidate": number, "chosen": number == 1,
            "outcome": outcome, "reason": ""})
    };
    let events = [
        started(),
        claimed("cw-1", "Round half sizes up", 1),
        candidate(1, "merged"),
        candidate(2, "not_chosen"),
        attempt("cw-1", "Round half sizes up", "merged", ""),
    ];
    let report = report(&events, Vec::new());
    let timeline = timeline_of(&report);
    let bars: Vec<_> = timeline
        .bars
        .iter()
        .map(|bar| (bar.slot, bar.what.as_str(), bar.came_to.as_str(), bar.took.as_str()))
        .collect();
    assert_eq!(
        bars,
        [
            (1, "cw-1 attempt 1, candidate 1", "merged", "10 s"),
            (2, "cw-1 attempt 1, candidate 2", "not chosen", "20 s")
        ]
    );
    let shares: Vec<_> = timeline.slots.iter().map(|slot| slot.share).collect();
    assert_eq!(shares, [25, 50]);
}

/// An attempt that one run began and another went on with lasted from the one to the other, but between them nothing was at work.
#[test]
fn the_time_between_two_runs_is_nobodys_work() {
    let title = "Round half sizes up";
    let events = [
        started(),
        claimed("cw-1", title, 1),
        gate("cw-1", true, &[]),
        attempt("cw-1", title, "merged", ""),
    ];
    let mut report = report(&events, Vec::new());
    let mut died = report.runs[0].clone();
    died.run = "20261130-110000000-1".parse().unwrap();
    (died.began_at, died.last_at) = (Some(second(-1000)), Some(second(-990)));
    report.runs.insert(0, died);
    report.tasks[0].attempts[0].began_at = second(-995);
    let axis = axis::Axis::of(&report).unwrap();
    assert!((axis.seconds() - 40.0).abs() < 1e-9, "{axis:?}");
    let timeline = timeline_of(&report);
    let bars: Vec<_> = timeline.bars.iter().map(|bar| (bar.x, bar.width)).collect();
    assert_eq!((bars, timeline.breaks), (vec![(125, 875)], vec![250]));
    let slot = &timeline.slots[0];
    assert_eq!((slot.busy.as_str(), slot.share), ("35 s", 88));
}

#[test]
fn an_agent_that_asks_a_person_has_not_failed() {
    let title = "Round half sizes up";
    let asked =
        json!({"type": "question_asked", "task": "cw-1", "attempt": 1, "question": "Which way is a half rounded?"});
    let events = [
        started(),
        claimed("cw-1", title, 1),
        asked,
        attempt("cw-1", title, "asked", "Which way is a half rounded?"),
        held("cw-1", "it asks you something"),
        claimed("cw-2", title, 1),
        attempt("cw-2", title, "gate_failed", "the gate `test` exited with 101"),
    ];
    let report = report(&events, Vec::new());
    let timeline = timeline_of(&report);
    let bars: Vec<_> = timeline
        .bars
        .iter()
        .map(|bar| (bar.what.as_str(), bar.class, bar.came_to.as_str()))
        .collect();
    assert_eq!(
        bars,
        [
            ("cw-1 attempt 1", "asked", "asks a person"),
            ("cw-2 attempt 1", "bad", "gate failed")
        ]
    );
    let page = page(&report);
    for part in [
        "<title>cw-1 attempt 1: asks a person, 20 s</title>",
        "<td class=\"number\">20 s</td><td>asks a person</td>",
        "asks a person (an outline)",
    ] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
}
