//! Two processes at once.

use std::fs::{self, File};

use serde_json::Value;

use super::{at_work, generator, project, refs, start};
use crate::support::command::cordwainer;
use crate::support::repository::TestRepository;

/// Holds the repository's lock as a run would.
fn hold_lock(repository: &TestRepository) -> File {
    hold_lock_as(repository, r#"{"id":"20260102-030405000-42","pid":42}"#)
}

fn hold_lock_as(repository: &TestRepository, holder: &str) -> File {
    let folder = repository.path().join(".git/cordwainer");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("lock"), holder).unwrap();
    let file = File::options()
        .read(true)
        .write(true)
        .open(folder.join("lock"))
        .unwrap();
    file.lock().unwrap();
    file
}

#[test]
fn while_a_run_is_at_work_nothing_starts_or_ends_and_the_holder_is_named() {
    let repository = at_work("");
    let lock = hold_lock(&repository);
    let words = "error: `20260102-030405000-42` is at work on this repository (process 42, lock `[T]/project/.git/cordwainer/lock`)\n\n\
                 hint: wait until it ends, or end it with `cordwainer runs stop`; `cordwainer runs resume` lets it go on if it is \
                 paused, and `cordwainer status` shows what it does\n";
    for arguments in [
        &["generator", "start", "--name", "b"][..],
        &["generator", "stop"],
        &["generator", "stop", "--no-merge"],
        &["generator", "reset"],
        &["generator", "gc"],
        &["generator", "gc", "--dry-run"],
        &["generator", "run"],
    ] {
        super::refuses(&repository, arguments, 6, words);
    }
    drop(lock);
    generator(&repository, &["stop"]).run().done();
}

#[test]
fn status_shows_who_is_at_work_without_disturbing_it() {
    let repository = at_work("");
    let lock = hold_lock(&repository);
    let status = generator(&repository, &["status", "--json"]).run().json();
    assert_eq!(status["run"]["id"], "20260102-030405000-42");
    assert_eq!(status["run"]["pid"], 42);
    drop(lock);
    let status = generator(&repository, &["status", "--json"]).run().json();
    assert!(status["run"].is_null());
}

#[test]
fn what_is_at_work_and_not_a_run_of_this_machine_is_not_stopped() {
    let repository = at_work("");
    let none = "error: no run is at work on this repository\n\nhint: `cordwainer run` begins one\n";
    for verb in ["stop", "pause", "resume"] {
        super::refuses(&repository, &["runs", verb], 4, none);
        super::refuses(&repository, &["generator", "runs", verb, "a"], 4, none);
    }
    let lock = hold_lock_as(&repository, r#"{"id":"image build","pid":1}"#);
    let command = "error: `image build` is at work on this repository (process 1), and it is not a run\n\n\
                   hint: wait until it ends\n";
    super::refuses(&repository, &["runs", "stop"], 6, command);
    let words = "error: `image build` is at work on this repository (process 1, lock `[T]/project/.git/cordwainer/lock`)\n\n\
                 hint: wait until it ends; `cordwainer status` shows what it does\n";
    super::refuses(&repository, &["run"], 6, words);
    drop(lock);
    // No process has such a number.
    let _lock = hold_lock_as(&repository, r#"{"id":"20260102-030405000-42","pid":4294967295}"#);
    let elsewhere = "error: run 20260102-030405000-42 holds the repository's lock, and its process 4294967295 is not on this \
                     machine\n";
    let called = cordwainer(&repository, &["runs", "stop", "--now"]).run();
    assert_eq!((called.code, called.stdout.as_str()), (9, ""), "{called:#?}");
    assert!(called.stderr.starts_with(elsewhere), "{}", called.stderr);
    let status = generator(&repository, &["status", "--json"]).run().json();
    assert_eq!(
        (&status["run_state"], &status["run_since"]),
        (&Value::Null, &Value::Null)
    );
}

#[test]
fn of_two_starts_of_one_name_one_wins() {
    for _ in 0..5 {
        let repository = project("source_dirs: [src]\n");
        let children: Vec<_> = (0..4)
            .map(|_| generator(&repository, &["start", "--name", "a"]).spawn())
            .collect();
        let codes: Vec<_> = children
            .into_iter()
            .map(|child| child.wait_with_output().unwrap().status.code().unwrap())
            .collect();
        assert_eq!(codes.iter().filter(|code| **code == 0).count(), 1, "{codes:?}");
        assert!(codes.iter().all(|code| [0, 6, 9].contains(code)), "{codes:?}");
        assert_eq!(refs(&repository).len(), 4);
    }
}

#[test]
fn many_looks_at_the_status_keep_nobody_from_the_lock() {
    let repository = at_work("");
    let looks: Vec<_> = (0..8).map(|_| generator(&repository, &["status"]).spawn()).collect();
    generator(&repository, &["stop", "--no-merge"]).run().done();
    for look in looks {
        assert!(look.wait_with_output().unwrap().status.success());
    }
}

#[test]
fn an_issue_added_while_a_generation_ends_is_kept_or_refused() {
    let repository = at_work("");
    let add = |at: usize| {
        let title = format!("Issue {at}");
        let arguments = ["issues", "add", title.as_str(), "--json"];
        cordwainer(&repository, &arguments).spawn()
    };
    let before: Vec<_> = (0..4).map(add).collect();
    let stop = generator(&repository, &["stop"]).spawn();
    let after: Vec<_> = (4..8).map(add).collect();
    assert!(stop.wait_with_output().unwrap().status.success());
    let mut added = 0;
    for child in before.into_iter().chain(after) {
        let output = child.wait_with_output().unwrap();
        let code = output.status.code().unwrap();
        assert!([0, 9].contains(&code), "{output:?}");
        added += usize::from(code == 0);
    }
    let archive = "refs/cordwainer/archive/generation-a/1/issues";
    let kept = repository.git(&["ls-tree", "-r", "--name-only", archive]);
    assert_eq!(
        kept.lines().filter(|path| path.starts_with("issues/")).count(),
        added,
        "{kept}"
    );
    assert!(
        !refs(&repository)
            .keys()
            .any(|name| name.starts_with("refs/cordwainer/generation-a/"))
    );
    start(&repository, "a");
}

#[test]
fn all_worktrees_share_one_lock_wherever_the_state_is() {
    let repository = project("state_dir: .state\n");
    start(&repository, "a");
    repository.git(&["worktree", "add", "--quiet", "-b", "side", "../tree"]);
    let lock = File::open(repository.path().join(".state/lock")).unwrap();
    lock.lock().unwrap();
    let there = generator(&repository, &["reset"]).in_folder(repository.outside().join("tree"));
    let called = there.run();
    assert_eq!(called.code, 6, "{called:#?}");
}
