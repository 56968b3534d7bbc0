//! What a generation used: the ledger of a store, as `cordwainer stats usage`, `cordwainer status` and `cordwainer issues show` tell it.

use cordwainer::agent::{CallOutcome, Role, Usage};
use cordwainer::attempt::{Attempt, Outcome};
use cordwainer::generation::GenerationName;
use cordwainer::issue::{IssueId, Issues, Measure, NewIds, NewIssue};
use cordwainer::ledger::Entry;
use cordwainer::store::Store;
use jiff::Timestamp;
use serde_json::json;

use crate::support::command::{Called, cordwainer};
use crate::support::repository::TestRepository;

const BUDGETS: &str = "budget: {usd: 5, tokens: 100000}\n";

/// A moment, so many seconds after the tests' beginning of time.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_795_255_200 + seconds).unwrap()
}

/// A call that ended at this second.
pub(crate) fn call(role: Role, task: Option<u32>, cycle: u32, second: i64, cost_usd: f64) -> Entry {
    Entry {
        role,
        task: task.map(IssueId::new),
        round: 0,
        candidate: 0,
        attempt: 1,
        cycle,
        run: "run-1".parse().unwrap(),
        session_id: Some(format!("session-{second}")),
        model: Some("claude-x".to_owned()),
        turns: 3,
        usage: Usage {
            input: 10,
            cache_write: 2000,
            cache_read: 30_000,
            output: 400,
            cost_usd,
            calls: 1,
        },
        metered: None,
        estimated: false,
        duration_ms: 65_000,
        api_ms: 60_000,
        wait_ms: 500,
        outcome: CallOutcome::Success,
        ended_at: at(second),
    }
}

/// The record of an attempt that made this call.
pub(crate) fn attempt(number: u32, outcome: Outcome, call: Entry) -> Attempt {
    let blank = Attempt::new((number, call.run.clone()), outcome, (at(0), call.ended_at));
    Attempt {
        call: Some(Entry {
            attempt: number,
            round: 0,
            ..call
        }),
        ..blank
    }
}

/// A generation of two cycles: the first task was limited, then died, then was done; the second, by a
/// model whose name plays tricks, came to nothing.
fn fill(issues: &mut Issues) {
    let measure = |cycle: u32, second: i64, filed| Measure {
        run: "run-1".parse().unwrap(),
        at: at(second),
        filed: Some(filed),
        calls: vec![call(Role::Measure, None, cycle, second, 0.25)],
        part: None,
        of: None,
    };
    let first = issues
        .add(NewIssue::titled("Parse the header"), &NewIds::counted(), at(10))
        .unwrap();
    issues.record_measure(measure(1, 10, vec![first.clone()]));
    let limited = Entry {
        outcome: CallOutcome::Limited,
        ..call(Role::Stitch, Some(1), 1, 20, 0.125)
    };
    issues
        .record_attempt(&first, attempt(1, Outcome::Limited, limited), at(20))
        .unwrap();
    let died = Entry {
        outcome: CallOutcome::Crashed,
        model: None,
        metered: None,
        estimated: true,
        ..call(Role::Stitch, Some(1), 1, 30, 0.0625)
    };
    issues
        .record_attempt(&first, attempt(2, Outcome::AgentFailed, died), at(30))
        .unwrap();
    let done = call(Role::Stitch, Some(1), 2, 50, 0.5);
    issues
        .record_attempt(&first, attempt(3, Outcome::Merged, done), at(50))
        .unwrap();
    issues.close(&first, "merged", None, at(50)).unwrap();
    let second = issues
        .add(NewIssue::titled("Render the page"), &NewIds::counted(), at(40))
        .unwrap();
    issues.record_measure(measure(2, 40, vec![second.clone()]));
    let idle = Entry {
        model: Some("claude-\u{1b}[2Jy".to_owned()),
        ..call(Role::Stitch, Some(2), 2, 45, 0.03125)
    };
    issues
        .record_attempt(&second, attempt(1, Outcome::NoChange, idle), at(45))
        .unwrap();
}

/// A repository with such a generation, `generation-a`.
pub(crate) fn project(configuration: &str) -> TestRepository {
    let repository = TestRepository::new();
    repository.write("configuration.yaml", configuration);
    repository.commit("a project");
    called(&repository, &["generator", "start", "--name", "a"]).done();
    let store = Store::open(&repository.handle(), &GenerationName::new("generation-a").unwrap()).unwrap();
    let filled = store.update("fill", at(60), |issues| {
        fill(issues);
        Ok(())
    });
    filled.unwrap();
    repository
}

fn called(repository: &TestRepository, arguments: &[&str]) -> Called {
    cordwainer(repository, arguments).run()
}

fn usage(repository: &TestRepository, more: &[&str]) -> Called {
    called(repository, &[&["stats", "usage"], more].concat())
}

#[test]
fn the_sums_are_one_document() {
    insta::assert_snapshot!("usage_json", usage(&project(""), &["--json"]).done());
}

#[test]
fn the_sums_and_the_ledger_for_people() {
    let repository = project("");
    let sums = usage(&repository, &[]);
    assert_eq!(
        sums.stderr,
        "1 of 6 calls were killed before reporting usage; their output tokens and cost are estimates.\n"
    );
    insta::assert_snapshot!("usage_sums", sums.done());
    insta::assert_snapshot!("usage_calls", usage(&repository, &["--calls"]).done());
}

#[test]
fn every_place_tells_the_same_sums() {
    let repository = project("");
    let report = usage(&repository, &["--json"]).json();
    let status = called(&repository, &["generator", "status", "--json"]).json();
    assert_eq!(status["usage"], report["total"]["usage"]);
    for role in ["measure", "stitch"] {
        assert_eq!(status["roles"][role], report["roles"][role]["usage"], "{role}");
    }
    let costs = report["calls"]
        .as_array()
        .unwrap()
        .iter()
        .map(|call| &call["usage"]["cost_usd"]);
    let sum: f64 = costs.map(|cost| cost.as_f64().unwrap()).sum();
    assert_eq!(report["total"]["usage"]["cost_usd"], json!(sum));
}

#[test]
fn status_tells_what_is_spent_of_the_budgets() {
    let repository = project(BUDGETS);
    let status = called(&repository, &["generator", "status", "--json"]).json();
    assert_eq!(
        status["budgets"],
        json!([
            {
                "scope": "generation",
                "usd": {"spent": 1.21875, "limit": 5.0},
                "tokens": {"spent": 194_460, "limit": 100_000},
            },
        ])
    );
    let told = called(&repository, &["generator", "status"]).done();
    let lines: Vec<_> = told.lines().skip(6).map(str::trim_end).collect();
    insta::assert_snapshot!("usage_status", lines.join("\n"));
}

#[test]
fn an_ended_generation_tells_what_it_used() {
    let repository = project("");
    let before = usage(&repository, &["--json"]).json();
    called(&repository, &["generator", "reset"]).done();
    // It was the last one meant, and none is open.
    assert_eq!(usage(&repository, &["--json"]).json(), before);
    std::fs::remove_dir_all(repository.path().join(".git/cordwainer")).unwrap();
    for name in ["a", "generation-a"] {
        assert_eq!(usage(&repository, &["--json", "--generation", name]).json(), before);
    }
    usage(&repository, &[]).refused(
        9,
        "error: no generation is open in this repository\n\nhint: `cordwainer start` creates one\n",
    );
    // Another of the same name has a ledger of its own, and hides the one that ended.
    called(&repository, &["generator", "start", "--name", "a"]).done();
    let empty = usage(&repository, &["--generation", "a"]);
    assert_eq!(
        (empty.stdout.as_str(), empty.stderr.as_str()),
        ("", "generation-a made no calls yet.\n")
    );
    called(&repository, &["generator", "start", "--name", "b"]).done();
    usage(&repository, &["--generation", "c"]).refused(
        9,
        "error: no generation `c` is open\n\nhint: the open ones are: `generation-a`, `generation-b`\n",
    );
}

#[test]
fn an_ending_that_died_leaves_the_ledger_readable() {
    let repository = project("");
    let before = usage(&repository, &["--json"]).json();
    for point in ["end.archived", "end.branch", "end.ref", "end.ref"] {
        let died = cordwainer(&repository, &["generator", "stop"])
            .env("CORDWAINER_CRASH_AT", point)
            .run();
        assert_eq!(died.code, 137, "{point}");
        assert_eq!(usage(&repository, &["--json"]).json(), before, "{point}");
    }
}

#[test]
fn the_ledger_outlives_the_state_folder() {
    let repository = project("");
    let before = usage(&repository, &["--json"]).json();
    std::fs::remove_dir_all(repository.path().join(".git/cordwainer")).unwrap();
    assert_eq!(usage(&repository, &["--json"]).json(), before);
}

#[test]
fn documents_are_still_counted() {
    let repository = project("spec_globs: {words: \"README.md\"}\n");
    let counted = called(&repository, &["stats", "--json"]).json();
    assert_eq!(counted, json!([{"label": "words", "files": 1, "lines": 1, "words": 3}]));
}

#[test]
fn show_tells_what_the_attempts_used_together() {
    let repository = project("");
    let shown = called(&repository, &["issues", "show", "cw-1"]).done();
    insta::assert_snapshot!(
        "usage_show",
        shown
            .lines()
            .filter(|line| !line.contains("created") && !line.contains("changed"))
            .collect::<Vec<_>>()
            .join("\n")
    );
}
