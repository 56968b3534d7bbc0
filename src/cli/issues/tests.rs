//! Issues in every status, for the tests of what is shown of them.

use jiff::Timestamp;

use crate::accounting::ledger::Entry;
use crate::agent::CallOutcome;
use crate::issues::attempt::{Attempt, ChangeType, Outcome, WorkSummary};
use crate::issues::issue::{FileAction, Issues, NewIds, NewIssue, StoreMeta, TaskFile, TaskPlan};
use crate::model::generation::GenerationName;
use crate::model::{IssueId, Role, Usage};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_795_255_200 + second).unwrap()
}

/// Builds issues in every status; the second one has something of everything, and a title and a reason that try tricks.
pub(super) fn sample() -> Issues {
    let (one, two) = (IssueId::new(1), IssueId::new(2));
    let mut issues = Issues::new(StoreMeta::new(
        GenerationName::new("generation-a").unwrap(),
        "main".to_owned(),
        at(0),
    ));
    for title in [
        "Parse the header",
        "Render the page",
        "Close the door",
        "Wait for it",
        "Go on",
    ] {
        issues.add(full(title), &NewIds::counted(), at(1)).unwrap();
    }
    issues.add_dependency(&two, &IssueId::new(3), at(2)).unwrap();
    issues.add_dependency(&IssueId::new(4), &two, at(2)).unwrap();
    issues.add_dependency(&IssueId::new(4), &one, at(2)).unwrap();
    issues
        .close(&IssueId::new(3), "merged", Some(&"c0ffee".parse().unwrap()), at(3))
        .unwrap();
    issues.claim(&one, &"20261121-1".parse().unwrap(), at(4)).unwrap();
    issues
        .comment(&two, "Petra", "Mind the margins.\n\nattempts\n  none", at(5))
        .unwrap();
    issues.record_attempt(&two, attempted(), at(6)).unwrap();
    issues.hold(&two, "no change \u{1b}[2J\nattempts", at(7)).unwrap();
    issues
}

fn full(title: &str) -> NewIssue {
    let mut input = NewIssue::titled(title);
    input.description = "First.\n\n\u{202e}Second.\n".to_owned();
    input.labels = vec!["ui".to_owned()];
    input.plan = TaskPlan {
        required_reading: vec!["docs/page.md".to_owned()],
        files: vec![TaskFile {
            path: "src/page.rs".to_owned(),
            action: FileAction::Create,
        }],
        requirements: vec!["shows the title".to_owned(), "is\nquick".to_owned()],
        acceptance_criteria: vec!["a test shows it".to_owned()],
        estimated_lines: Some(300),
        proof: Some("sh tests/page.sh".to_owned()),
    };
    input
}

fn attempted() -> Attempt {
    Attempt {
        reason: "nothing \u{7}to do".to_owned(),
        snapshot: Some("5f1c0ffee".parse().unwrap()),
        records: Some("runs/20261121-1/cw-2-1".to_owned()),
        summary: Some(WorkSummary {
            kind: ChangeType::Fix,
            scope: Some("page".to_owned()),
            subject: "render the margins".to_owned(),
            body: vec!["They were cut off.".to_owned()],
            breaking: false,
            cause: Some("a width in the wrong unit".to_owned()),
            place: Some("src/page.rs:12".to_owned()),
            test: None,
        }),
        call: Some(Entry {
            role: Role::Stitch,
            task: Some(IssueId::new(2)),
            attempt: 1,
            round: 0,
            candidate: 0,
            cycle: 1,
            run: "20261121-1".parse().unwrap(),
            session_id: None,
            model: Some("model-x".to_owned()),
            turns: 7,
            usage: Usage {
                input: 10,
                cache_read: 3000,
                output: 40,
                cost_usd: 0.12,
                calls: 1,
                ..Usage::default()
            },
            metered: None,
            estimated: false,
            duration_ms: 65_000,
            api_ms: 60_000,
            wait_ms: 0,
            outcome: CallOutcome::Success,
            ended_at: at(75),
        }),
        ..Attempt::new((1, "20261121-1".parse().unwrap()), Outcome::NoChange, (at(10), at(75)))
    }
}
