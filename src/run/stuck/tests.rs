//! Tasks that make no progress, and those that do.

use jiff::Timestamp;

use super::*;
use crate::issues::issue::{Issues, NewIds, NewIssue, StoreMeta};
use crate::issues::review::Review;
use crate::model::finding::{Finding, Severity};
use crate::model::generation::GenerationName;

fn task(attempts: Vec<Attempt>) -> Issue {
    let mut issues = Issues::new(StoreMeta::new(
        GenerationName::new("generation-a").unwrap(),
        "main".to_owned(),
        Timestamp::UNIX_EPOCH,
    ));
    let id = issues
        .add(NewIssue::titled("One"), &NewIds::counted(), Timestamp::UNIX_EPOCH)
        .unwrap();
    let mut issue = issues.get(&id).unwrap().clone();
    issue.attempts = attempts;
    for (number, attempt) in (1..).zip(&mut issue.attempts) {
        attempt.number = number;
    }
    issue
}

fn attempt(outcome: Outcome) -> Attempt {
    Attempt::new(
        (1, "r".parse().unwrap()),
        outcome,
        (Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH),
    )
}

fn red(output: &str) -> FailedCheck {
    FailedCheck {
        by: CheckKind::Gate,
        gate: "test".to_owned(),
        how: "exited with 1".to_owned(),
        output: output.to_owned(),
        onto: None,
    }
}

fn failed(output: &str) -> Attempt {
    Attempt {
        red: Some(red(output)),
        ..attempt(Outcome::GateFailed)
    }
}

fn reviewed(titles: &[&[&str]]) -> Attempt {
    let finding = |title: &&str| Finding {
        severity: Severity::High,
        category: "correctness".to_owned(),
        path: "src/a.rs".to_owned(),
        line: None,
        title: (*title).to_owned(),
        problem: String::new(),
        suggestion: String::new(),
        fingerprint: Finding::fingerprint_of("src/a.rs", "correctness", title),
    };
    let stage = |titles: &&[&str]| StageRun {
        stage: "review".to_owned(),
        number: 1,
        round: 0,
        commit: None,
        records: None,
        call: None,
        left: None,
        changed: None,
        review: Some(Review {
            score: 5,
            approved: false,
            passed: false,
            summary: String::new(),
            findings: titles.iter().map(finding).collect(),
            dropped: 0,
            left_out: 0,
        }),
        failed: None,
    };
    Attempt {
        stages: titles.iter().map(stage).collect(),
        ..attempt(Outcome::ReviewRefused)
    }
}

const FIRST: &str = "running 2 tests\ntest ok_a ... ok\nthread 'b' (132) panicked at src/lib.rs:10:5:\nleft: 3\n\
                     failed in 0.03s, see /tmp/run-x1/log at 0x7f01";

#[test]
fn the_same_first_failure_is_known_whatever_changes_from_run_to_run() {
    for (other, is_stuck) in [
        (FIRST, true),
        // Numbers, times, addresses, folders, and what comes after.
        (
            "test errors::are_told ... ok\n0 failed\nthread 'b' (9) panicked at src/lib.rs:99:1:\nleft: 7\nmore",
            true,
        ),
        ("thread 'c' (132) panicked at src/lib.rs:10:5:", false),
        ("thread 'b' (132) panicked at src/other.rs:10:5:", false),
        ("", false),
    ] {
        let issue = task(vec![failed(FIRST), failed(other)]);
        let expect = is_stuck.then(|| Stuck::SameFailure(2, red(other)));
        assert_eq!(of(&issue, 2), expect, "{other}");
    }
    for (one, two, is_stuck) in [
        // Headings and sums say nothing of which one it is.
        (
            "=== FAILURES ===\n___ test_a ___\nE   assert 1 == 2\n== short test summary info ==\nFAILED tests/t.py::test_a",
            "=== FAILURES ===\n___ test_b ___\nE   assert 1 == 2\n== short test summary info ==\nFAILED tests/t.py::test_b",
            false,
        ),
        (
            "> Task :test FAILED\nA > one FAILED",
            "> Task :test FAILED\nA > two FAILED",
            false,
        ),
        (
            "> Task :test FAILED\nA > one FAILED",
            "> Task :test FAILED\nA > one FAILED\nmore",
            true,
        ),
        (
            "Traceback (most recent call last):\n  File \"/a.py\", line 3, in f\nValueError: bad",
            "Traceback (most recent call last):\n  File \"/a.py\", line 9, in g\nKeyError: bad",
            false,
        ),
        (
            "--- FAIL: TestA (0.01s)",
            "--- FAIL: TestA (0.20s)\n--- FAIL: TestB (0.01s)",
            true,
        ),
        ("not ok 3 - adds", "ok 1 - error\nnot ok 3 - adds", true),
        // Where no line tells of one, all of it counts.
        ("a\nb 1", "a\nb 2", true),
        ("a\nb", "a\nc", false),
        ("2 failed", "3 failed", false),
    ] {
        let issue = task(vec![failed(one), failed(two)]);
        assert_eq!(of(&issue, 2).is_some(), is_stuck, "{one} | {two}");
    }
    for (one, two, is_same) in [
        ("cannot open /tmp/a.12/x/y.txt", "cannot open /tmp/b.99/x/y.txt", true),
        ("cannot open /tmp/a.12/x/y.txt", "cannot open /tmp/a.12/x/z.txt", false),
        ("error at 0x7f01ab in 12ms", "error at 0x1 in 3ms", true),
        ("FAILED test_2", "FAILED test_3", false),
        ("2 failed", "3 failed", false),
        ("error: expected 12, found 13", "error:  expected 4, found 5", true),
    ] {
        assert_eq!(normalised(one) == normalised(two), is_same, "{one} | {two}");
    }
}

#[test]
fn only_as_many_attempts_in_a_row_since_a_person_released_it_are_stuck() {
    let same = |count: usize| vec![failed("error a"); count];
    assert_eq!(of(&task(same(1)), 2), None);
    assert_eq!(of(&task(same(2)), 3), None);
    assert!(of(&task(same(3)), 3).is_some());
    // What something else ended comes between without a break.
    let between = vec![failed("error a"), attempt(Outcome::Limited), failed("error a")];
    assert!(of(&task(between.clone()), 2).is_some());
    let forgiven = Issue {
        forgiven_attempts: 1,
        ..task(between)
    };
    assert_eq!(of(&forgiven, 2), None);
    for last in [attempt(Outcome::Limited), attempt(Outcome::AgentFailed)] {
        assert_eq!(of(&task(vec![failed("error a"), failed("error a"), last]), 2), None);
    }
    let otherwise = Attempt {
        red: Some(FailedCheck {
            gate: "lint".to_owned(),
            ..red("error a")
        }),
        ..failed("")
    };
    assert_eq!(of(&task(vec![failed("error a"), otherwise]), 2), None);
    // Without an output, how it ended is all there is.
    assert!(of(&task(vec![failed(""), failed("")]), 2).is_some());
}

#[test]
fn findings_are_stuck_while_none_is_gone() {
    let of_reviews = |titles: &[&[&str]]| of(&task(vec![reviewed(titles)]), 2);
    assert_eq!(of_reviews(&[&["A is odd"]]), None);
    assert_eq!(of_reviews(&[&["A is odd"], &["a is odd!"]]), Some(Stuck::Findings(1)));
    assert_eq!(of_reviews(&[&["A"], &["A", "B"]]), Some(Stuck::Findings(1)));
    assert_eq!(of_reviews(&[&["A", "B"], &["B", "C"]]), None);
    assert_eq!(of_reviews(&[&["A"], &["B"], &["B"]]), Some(Stuck::Findings(1)));
    assert_eq!(of_reviews(&[&[], &[]]), None);
    // Those of the attempt before count, too.
    let attempts = vec![reviewed(&[&["A", "B"]]), reviewed(&[&["B", "A"]])];
    assert_eq!(of(&task(attempts), 2), Some(Stuck::Findings(2)));
}

#[test]
fn what_is_stuck_is_tried_once_more_only_where_a_rule_has_it_called_otherwise() {
    let nothing = vec![attempt(Outcome::NoChange)];
    let same = vec![failed("error a"), failed("error a")];
    let no_rule = "stuck: the gate `test` failed in 2 attempts with the same first failure, `error a`; no rule gives the next \
                   attempt another model, effort or tools";
    for (text, attempts, expect) in [
        ("", &same, Fate::Stuck(no_rule.to_owned())),
        (
            "rules: [{when: {attempt: 2}, model: opus}]",
            &same,
            Fate::Stuck(no_rule.to_owned()),
        ),
        (
            "rules: [{when: {attempt: 3}, max_turns: 9}]",
            &same,
            Fate::Stuck(no_rule.to_owned()),
        ),
        (
            "rules: [{when: {attempt: 3}, model: opus, max_turns: 9}, {when: {attempt: 3}, effort: max}]",
            &same,
            Fate::Stronger(
                "the gate `test` failed in 2 attempts with the same first failure, `error a`; attempt 3 is called with \
                 model opus by rule 1, effort max by rule 2"
                    .to_owned(),
            ),
        ),
        // No such attempt is left.
        (
            "stitch: {max_attempts: 2}\nrules: [{when: {attempt: 3}, model: opus}]",
            &same,
            Fate::Stuck("2 attempts failed; the last one: gate failed".to_owned()),
        ),
        ("stitch: {stuck_after: 3}", &same, Fate::Again),
        ("stitch: {stuck_after: off}", &same, Fate::Again),
        ("", &nothing, Fate::Stuck("no change".to_owned())),
        (
            "rules: [{when: {attempt: 2}, tools: [Read]}]",
            &nothing,
            Fate::Stronger("the agent changed nothing; attempt 2 is called with tools [Read] by rule 1".to_owned()),
        ),
        (
            "stitch: {stuck_after: off}\nrules: [{when: {attempt: 2}, tools: [Read]}]",
            &nothing,
            Fate::Held("no change".to_owned()),
        ),
    ] {
        let config = Config::parse(text, "c.yaml").unwrap();
        let issue = task(attempts.clone());
        let outcome = issue.attempts.last().unwrap().outcome;
        let verdict = AttemptVerdict {
            hold: outcome == Outcome::NoChange,
            ..AttemptVerdict::of(outcome, "")
        };
        assert_eq!(fate(&config, &issue, &verdict), expect, "{text}");
    }
}
