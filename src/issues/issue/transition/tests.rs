//! Every operation on every status.

use super::*;
use crate::issues::attempt::Outcome;
use crate::issues::issue::{NewIds, NewIssue, StoreMeta};
use crate::model::generation::GenerationName;

fn run(number: u32) -> RunId {
    format!("run-{number}").parse().unwrap()
}

fn commit(text: &str) -> CommitId {
    text.parse().unwrap()
}

fn id(number: u32) -> IssueId {
    IssueId::new(number)
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// Builds a collection of cw-1 with the status, and cw-2, which depends on cw-3, which is open.
fn issues(status: Status) -> Issues {
    let meta = StoreMeta::new(GenerationName::new("g").unwrap(), "main".to_owned(), at(0));
    let mut issues = Issues::new(meta);
    for title in ["One", "Waits", "Waited for"] {
        issues.add(NewIssue::titled(title), &NewIds::counted(), at(0)).unwrap();
    }
    issues.add_dependency(&id(2), &id(3), at(0)).unwrap();
    match status {
        Status::Open => {}
        Status::InProgress => issues.claim(&id(1), &run(1), at(0)).unwrap(),
        Status::Blocked => issues.hold(&id(1), "why", at(0)).unwrap(),
        Status::Closed => issues.close(&id(1), "done", Some(&commit("abcd")), at(0)).unwrap(),
    }
    issues
}

fn attempt(number: u32, outcome: Outcome) -> Attempt {
    Attempt::new((number, run(1)), outcome, (at(1), at(2)))
}

/// Checks what the operation makes of an open, an in-progress, a blocked and a closed issue; `None` is a refusal.
fn check(what: &str, operation: impl Fn(&mut Issues) -> Result<()>, expected: [Option<Status>; 4]) {
    let statuses = [Status::Open, Status::InProgress, Status::Blocked, Status::Closed];
    for (from, expected) in statuses.into_iter().zip(expected) {
        let mut issues = issues(from);
        let before = issues.clone();
        match (operation(&mut issues), expected) {
            (Ok(()), Some(to)) => assert_eq!(issues.get(&id(1)).unwrap().status, to, "{what} when {from}"),
            (Err(error), None) => {
                assert_eq!(error.kind(), ErrorKind::Precondition, "{what} when {from}: {error}");
                assert_eq!(issues, before, "{what} when {from} was refused and changed something");
            }
            (result, _) => panic!("{what} when {from}: {result:?}, expected {expected:?}"),
        }
        Issues::from_stored(issues.meta().clone(), issues.iter().cloned()).unwrap();
    }
}

#[test]
fn every_operation_on_every_status() {
    use Status::{Blocked, Closed, InProgress, Open};
    let one = &id(1);
    let (open, busy, held, closed) = (Some(Open), Some(InProgress), Some(Blocked), Some(Closed));
    check(
        "claim",
        |issues| issues.claim(one, &run(1), at(1)),
        [busy, None, None, None],
    );
    check(
        "release_claim",
        |issues| issues.release_claim(one, &run(1), at(1)),
        [None, open, None, None],
    );
    check(
        "release_claim of another",
        |issues| issues.release_claim(one, &run(2), at(1)),
        [None; 4],
    );
    check(
        "hold",
        |issues| issues.hold(one, "because", at(1)),
        [held, None, held, None],
    );
    check(
        "ask",
        |issues| issues.ask(one, "Which?", at(1)),
        [held, None, held, None],
    );
    check("answer", |issues| issues.answer(one, "x", "y", at(1)), [None; 4]);
    check("release", |issues| issues.release(one, at(1)), [None, None, open, None]);
    check(
        "close by a person",
        |issues| issues.close(one, "no", None, at(1)),
        [closed, None, closed, None],
    );
    let abc = Some(&commit("abcd"));
    check(
        "close, merged",
        |issues| issues.close(one, "merged", abc, at(1)),
        [closed; 4],
    );
    let other = Some(&commit("beef"));
    check(
        "close, another commit",
        |issues| issues.close(one, "m", other, at(1)),
        [closed, closed, closed, None],
    );
    check("reopen", |issues| issues.reopen(one, at(1)), [None, None, None, open]);
    let record = |issues: &mut Issues| issues.record_attempt(one, attempt(1, Outcome::Cancelled), at(1));
    check("record_attempt", record, [open, busy, held, closed]);
    check(
        "comment",
        |issues| issues.comment(one, "x", "y", at(1)),
        [open, busy, held, closed],
    );
    check(
        "add_dependency",
        |issues| issues.add_dependency(one, &id(2), at(1)),
        [open, None, held, None],
    );
}

fn refusal<T: std::fmt::Debug>(result: Result<T>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn refusals_say_why() {
    let mut open = issues(Status::Open);
    assert_eq!(
        refusal(open.claim(&id(2), &run(1), at(1))),
        "cw-2 cannot be claimed: it waits for cw-3"
    );
    assert_eq!(
        refusal(open.add_dependency(&id(3), &id(2), at(1))),
        "cw-3 cannot depend on cw-2: they would wait for each other: cw-3 → cw-2 → cw-3"
    );
    assert_eq!(
        refusal(open.add_dependency(&id(1), &id(1), at(1))),
        "cw-1 cannot depend on itself"
    );
    assert_eq!(
        refusal(open.add_dependency(&id(2), &id(3), at(1))),
        "cw-2 depends on cw-3 already"
    );
    assert_eq!(
        refusal(open.remove_dependency(&id(1), &id(3), at(1))),
        "cw-1 does not depend on cw-3"
    );
    assert_eq!(refusal(open.hold(&id(1), " ", at(1))), "the reason is empty");
    assert_eq!(refusal(open.hold(&id(9), "x", at(1))), "unknown task `cw-9`");
    let mut closed = issues(Status::Closed);
    closed.reopen(&id(1), at(1)).unwrap();
    closed.close(&id(1), "closed by New", None, at(1)).unwrap();
    assert_eq!(
        refusal(closed.close(&id(1), "again", None, at(2))),
        "cw-1 cannot be closed: it is already closed (by New)"
    );
    assert_eq!(
        refusal(closed.hold(&id(1), "later", at(2))),
        "cw-1 cannot be held: it is closed (by New)"
    );
    let mut busy = issues(Status::InProgress);
    assert_eq!(
        refusal(busy.close(&id(1), "x", None, at(1))),
        "cw-1 cannot be closed: it is in progress in run `run-1` since 1970-01-01T00:00:00Z"
    );
    assert_eq!(
        refusal(busy.record_attempt(&id(1), attempt(2, Outcome::Merged), at(1))),
        "attempt 2 of cw-1 cannot be recorded: the next one is 1"
    );
}

#[test]
fn only_what_the_agent_brought_about_counts_until_a_person_forgives_it() {
    let mut issues = issues(Status::Open);
    let one = &id(1);
    let outcomes = [
        Outcome::GateFailed,
        Outcome::Limited,
        Outcome::NoChange,
        Outcome::InfrastructureFailed,
    ];
    for (number, outcome) in (1..).zip(outcomes) {
        issues.record_attempt(one, attempt(number, outcome), at(1)).unwrap();
        issues.record_attempt(one, attempt(number, outcome), at(1)).unwrap();
    }
    let counted = |issues: &Issues| issues.get(one).map(Issue::counted_attempts).unwrap();
    assert_eq!(
        issues.get(one).unwrap().attempts.len(),
        4,
        "an attempt recorded twice is there once"
    );
    assert_eq!(counted(&issues), 2);
    issues.hold(one, "tried twice", at(2)).unwrap();
    assert_eq!(counted(&issues), 2);
    issues.release(one, at(3)).unwrap();
    assert_eq!(counted(&issues), 0);
    issues
        .record_attempt(one, attempt(5, Outcome::TimedOut), at(4))
        .unwrap();
    assert_eq!(counted(&issues), 1);
    issues.close(one, "enough", None, at(5)).unwrap();
    issues.reopen(one, at(6)).unwrap();
    assert_eq!(counted(&issues), 0);
}

#[test]
fn a_question_is_there_until_it_is_answered_or_another_hold_takes_its_place() {
    let one = &id(1);
    let asking = || {
        let mut issues = issues(Status::Open);
        issues.record_attempt(one, attempt(1, Outcome::Asked), at(1)).unwrap();
        issues.ask(one, "Which\none?", at(2)).unwrap();
        issues
    };
    let stands = |issues: &Issues| {
        let issue = issues.get(one).unwrap();
        (
            issue.status,
            issue.hold.clone(),
            issue.hold_kind,
            issue.question.clone(),
        )
    };
    let mut issues = asking();
    let words = ["That", "one"].map(str::to_owned);
    let refused = issues.answer_each(one, "Tess", &words, at(3)).unwrap_err();
    assert_eq!(refused.to_string(), "cw-1 asks 1 question, and 2 answers are given");
    assert_eq!(refused.hint_text(), Some("put the answer in quotes"));
    let (hold, question) = (Some("it asks: Which one?".to_owned()), Some("Which\none?".to_owned()));
    assert_eq!(
        stands(&issues),
        (Status::Blocked, hold, Some(HoldKind::Question), question)
    );
    issues.answer(one, "Tess", "That.", at(3)).unwrap();
    assert_eq!(stands(&issues), (Status::Open, None, None, None));
    let comment = &issues.get(one).unwrap().comments[0];
    assert_eq!(comment.text, "The question: Which\none?\n\nThe answer: That.");
    assert_eq!(issues.get(one).unwrap().counted_attempts(), 0);
    for change in [
        (|issues: &mut Issues| issues.release(&id(1), at(3))) as fn(&mut Issues) -> Result<()>,
        |issues| issues.close(&id(1), "no", None, at(3)),
        |issues| issues.hold(&id(1), "later", at(3)),
    ] {
        let mut issues = asking();
        change(&mut issues).unwrap();
        let (.., kind, question) = stands(&issues);
        assert_eq!((kind, question), (None, None));
    }
}

#[test]
fn each_question_of_candidates_can_be_answered() {
    let one = &id(1);
    let candidate = |number: u32, question: &str| {
        serde_json::from_value(serde_json::json!({
            "number": number, "chosen": false, "outcome": "asked", "reason": "", "question": question,
        }))
        .unwrap()
    };
    let mut issues = issues(Status::Open);
    let asked = Attempt {
        candidates: vec![
            candidate(1, "Which unit?"),
            candidate(2, "Which name?"),
            candidate(3, "which unit"),
        ],
        ..attempt(1, Outcome::Asked)
    };
    issues.record_attempt(one, asked, at(1)).unwrap();
    issues
        .ask(
            one,
            "candidates 1 and 3: Which unit?\n\ncandidate 2: Which name?",
            at(2),
        )
        .unwrap();
    let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
    let error = issues
        .answer_each(one, "Tess", &texts(&["a", "b", "c"]), at(3))
        .unwrap_err();
    assert_eq!(error.to_string(), "cw-1 asks 2 questions, and 3 answers are given");
    assert!(
        error
            .hint_text()
            .is_some_and(|hint| hint.ends_with("candidates 1 and 3: Which unit? candidate 2: Which name?")),
        "{error:?}"
    );
    assert!(issues.answer_each(one, "Tess", &texts(&["a", " "]), at(3)).is_err());
    issues
        .answer_each(one, "Tess", &texts(&["Metres.", "Both."]), at(3))
        .unwrap();
    let issue = issues.get(one).unwrap();
    assert_eq!((issue.status, &issue.question), (Status::Open, &None));
    assert!(
        issue.comments[0]
            .text
            .ends_with("The answer: candidates 1 and 3: Metres.\n\ncandidate 2: Both."),
        "{issue:?}"
    );
    let error = issues.answer_each(one, "Tess", &texts(&["a", "b"]), at(4)).unwrap_err();
    assert!(error.to_string().contains("it asks nothing"), "{error}");
}

#[test]
fn priority_then_age_then_number_decide_what_is_next() {
    let mut issues = Issues::new(issues(Status::Open).meta().clone());
    for (priority, second) in [(2, 5), (2, 4), (0, 9), (2, 4), (4, 1)] {
        let input = NewIssue {
            priority,
            ..NewIssue::titled("x")
        };
        issues.add(input, &NewIds::counted(), at(second)).unwrap();
    }
    let order: Vec<u32> = issues.ready().iter().filter_map(|issue| issue.id.number()).collect();
    assert_eq!(order, [3, 2, 4, 1, 5]);
}
