//! What a task is held for is taken by a person, or stays held.

use std::path::Path;

use cordwainer::agent::Usage;
use cordwainer::attempt::{Attempt, Outcome};
use cordwainer::generation::GenerationName;
use cordwainer::git::RefMove;
use cordwainer::issue::{IssueId, NewIds, NewIssue};
use cordwainer::store::Store;
use jiff::Timestamp;

use super::{at_work, commit_to, refs, refuses, work};
use crate::support::command::cordwainer;
use crate::support::repository::TestRepository;

/// The steps of an acceptance.
pub(super) const CRASH_POINTS: &[&str] = &["accept.closed", "accept.merged"];

pub(super) const ACCEPT: &[&str] = &["issues", "release", "cw-1", "--accept"];
const TASK: &str = "refs/cordwainer/generation-a/tasks/cw-1";

/// A generation whose only task is held: its attempt ended like this, and left this file.
fn held(outcome: Outcome, file: Option<(&str, &str)>) -> TestRepository {
    let repository = at_work("");
    let git = repository.handle();
    let generation = GenerationName::new("generation-a").unwrap();
    let snapshot = file.map(|file| {
        let tip = git.reference("refs/heads/generation-a").unwrap();
        assert_eq!(git.move_reference(TASK, None, tip, "test").unwrap(), RefMove::Moved);
        commit_to(&repository, TASK, &[file]).to_string()
    });
    let at = Timestamp::from_second(1_795_255_200).unwrap();
    let store = Store::open(&git, &generation).unwrap();
    store
        .update("test", at, |issues| {
            let id = issues.add(NewIssue::titled("Change the CI"), &NewIds::counted(), at)?;
            let attempt = Attempt {
                reason: "it touches `.github/ci.yml`".to_owned(),
                snapshot: snapshot.as_ref().map(|id| id.parse().unwrap()),
                ..Attempt::new((1, "run-1".parse().unwrap()), outcome, (at, at))
            };
            assert_eq!(attempt.usage(), Usage::default());
            issues.record_attempt(&id, attempt, at)?;
            issues.hold(&id, "protected path touched: it touches `.github/ci.yml`", at)
        })
        .unwrap();
    repository
}

pub(super) fn protected() -> TestRepository {
    held(Outcome::ProtectedPath, Some((".github/ci.yml", "on: push\n")))
}

#[track_caller]
fn is_accepted(repository: &TestRepository) {
    let git = repository.handle();
    let tip = git.reference("refs/heads/generation-a").unwrap().unwrap();
    let read = |path: &str| git.read_file(tip, Path::new(path)).unwrap();
    assert_eq!(read(".github/ci.yml").as_deref(), Some(b"on: push\n".as_slice()));
    let commit = git.commit_info(tip).unwrap();
    assert_eq!(commit.subject(), "Change the CI");
    assert_eq!(commit.parents.len(), 1);
    assert_eq!(commit.trailer("Cordwainer-Task").as_deref(), Some("cw-1"));
    assert_eq!(commit.trailer("Cordwainer-Attempt").as_deref(), Some("1"));
    assert!(commit.trailer("Cordwainer-Accepted-By").is_some());
    // Nothing was run on it.
    assert_eq!(commit.trailer("Cordwainer-Gates"), None);
    assert!(
        commit
            .trailer("Cordwainer-Lines")
            .is_some_and(|lines| lines.starts_with('+'))
    );
    // Once, however often it was tried.
    let log = repository.git(&["log", "--format=%s", "generation-a"]);
    assert_eq!(log.matches("Change the CI").count(), 1, "{log}");
    let issue = cordwainer(repository, &["issues", "show", "cw-1", "--json"])
        .run()
        .json();
    assert_eq!(issue["status"], "closed");
    assert_eq!(issue["commit"], tip.to_string());
    assert!(issue["close_reason"].as_str().unwrap().starts_with("accepted by "));
    assert_eq!(issue["attempts"][0]["outcome"], "protected_path");
}

#[test]
fn a_protected_path_is_taken_on_a_persons_word() {
    let repository = protected();
    let shown = cordwainer(&repository, &["issues", "show", "cw-1"]).run().done();
    assert!(
        shown.contains("`cordwainer issues diff cw-1` shows what it changes"),
        "{shown}"
    );
    assert!(shown.contains("issues release cw-1 --accept"), "{shown}");
    let before = repository.snapshot_of_everything();
    let called = cordwainer(&repository, ACCEPT).run();
    assert_eq!((called.code, called.stdout.as_str()), (0, ""), "{called:#?}");
    assert!(
        called
            .stderr
            .starts_with("Accepted cw-1 Change the CI: it is on the generation branch as "),
        "{called:#?}"
    );
    assert!(
        called.stderr.ends_with("Note: gates did not run on it.\n"),
        "{called:#?}"
    );
    assert_eq!(repository.snapshot_of_everything(), before);
    is_accepted(&repository);
    let issue = cordwainer(&repository, &[ACCEPT, &["--json"]].concat()).run().json();
    assert_eq!(issue["status"], "closed");
    is_accepted(&repository);
}

#[test]
fn it_is_merged_onto_what_the_generation_became() {
    let repository = protected();
    work(&repository, "generation-a", &[("meanwhile.txt", "meanwhile\n")]);
    cordwainer(&repository, ACCEPT).run().done();
    is_accepted(&repository);
    let git = repository.handle();
    let tip = git.reference("refs/heads/generation-a").unwrap().unwrap();
    assert!(git.read_file(tip, Path::new("meanwhile.txt")).unwrap().is_some());
}

#[test]
fn what_conflicts_stays_held() {
    let repository = protected();
    work(&repository, "generation-a", &[(".github/ci.yml", "on: pull_request\n")]);
    let words = "error: cw-1 cannot be accepted: it conflicts with newer work in `.github/ci.yml`\n\n\
                 hint: it stays held; `cordwainer issues release cw-1` retries it on the current tip\n";
    refuses(&repository, ACCEPT, 9, words);
}

#[test]
fn only_what_a_person_can_judge_is_accepted() {
    let hint = "\n\nhint: only a result that touches a protected path, is larger than `max_changed_lines`, weakens tests, was not passed by its review, met a stage that failed, is not proven, or has a file that was left out or redacted can be accepted\n";
    for (repository, why) in [
        (
            held(Outcome::GateFailed, Some(("a", "a"))),
            "its last attempt ended with `gate failed`",
        ),
        (
            held(Outcome::Conflict, Some(("a", "a"))),
            "its last attempt ended with `conflict`",
        ),
        (
            held(Outcome::ProtectedPath, None),
            "no result of its last attempt was kept",
        ),
    ] {
        refuses(
            &repository,
            ACCEPT,
            9,
            &format!("error: cw-1 cannot be accepted: {why}{hint}"),
        );
    }
    let repository = at_work("");
    cordwainer(&repository, &["issues", "add", "Do it"]).run().done();
    refuses(&repository, ACCEPT, 9, "error: cw-1 cannot be accepted: it is open\n");
    cordwainer(&repository, &["issues", "hold", "cw-1", "--reason", "later"])
        .run()
        .done();
    let words = format!("error: cw-1 cannot be accepted: it has not been attempted{hint}");
    refuses(&repository, ACCEPT, 9, &words);
    refuses(
        &repository,
        &["issues", "release", "cw-9", "--accept"],
        2,
        "error: unknown task `cw-9`\n\nhint: the only task is cw-1\n",
    );
}

#[test]
fn a_checked_out_generation_is_left_alone() {
    let repository = protected();
    repository.git(&["checkout", "--quiet", "generation-a"]);
    let before = refs(&repository);
    let called = cordwainer(&repository, ACCEPT).run();
    assert_eq!(called.code, 9, "{called:#?}");
    assert!(called.stderr.contains("is checked out at"), "{called:#?}");
    assert_eq!(refs(&repository), before);
}

#[test]
fn an_acceptance_that_died_is_finished_by_the_next() {
    for point in CRASH_POINTS {
        let repository = protected();
        let died = cordwainer(&repository, ACCEPT).env("CORDWAINER_CRASH_AT", point).run();
        assert_eq!(died.code, 137, "{point}: {died:#?}");
        cordwainer(&repository, ACCEPT).run().done();
        is_accepted(&repository);
    }
}

#[test]
fn a_task_that_was_done_before_is_not_closed_with_its_old_commit() {
    let repository = protected();
    cordwainer(&repository, ACCEPT).run().done();
    let git = repository.handle();
    let generation = GenerationName::new("generation-a").unwrap();
    let id: IssueId = "cw-1".parse().unwrap();
    let at = Timestamp::from_second(1_795_255_300).unwrap();
    let again = |issues: &mut cordwainer::issue::Issues| {
        issues.reopen(&id, at)?;
        let mut attempt = issues.get(&id)?.attempts[0].clone();
        (attempt.number, attempt.outcome) = (2, Outcome::NoChange);
        issues.record_attempt(&id, attempt, at)?;
        issues.hold(&id, "no change", at)
    };
    Store::open(&git, &generation)
        .unwrap()
        .update("test", at, again)
        .unwrap();
    let called = cordwainer(&repository, ACCEPT).run();
    assert_eq!(called.code, 9, "{called:#?}");
    assert!(
        called.stderr.contains("its last attempt ended with `no change`"),
        "{called:#?}"
    );
}
