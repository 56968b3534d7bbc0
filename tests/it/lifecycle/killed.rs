//! Killed inside a step: at every rename, link, unlink and fsync of `start`, `stop`, `reset` and an acceptance. By
//! default at a few, chosen with a fixed seed; at all of them under `cargo xtask test --long`.

use std::fs;
use std::path::Path;
use std::process::Command;

use cordwainer::testing::size;

use super::accept::{ACCEPT, protected};
use super::crashes::{End, end, prepare_stop};
use super::project;
use crate::support::command::cordwainer;
use crate::support::killer;
use crate::support::repository::TestRepository;

/// Chooses the calls that are tried by default.
const SEED: u64 = 8;

struct Case {
    arguments: &'static [&'static str],
    prepare: fn() -> TestRepository,
    /// What the command says when it had done everything before it was killed.
    complete: &'static str,
    /// How many calls are tried by default.
    sample: usize,
}

/// Kills a command at calls of a case, looks at what is left, and calls the same command again.
#[expect(clippy::print_stdout, reason = "says how much was tried")]
fn check(case: &Case) {
    let twin = (case.prepare)();
    let all = traced(&twin, case, None).calls;
    assert!(all > 10, "only {all} calls");
    let expected = end(&twin);
    let mut rng = fastrand::Rng::with_seed(SEED);
    let mut chosen = rng.choose_multiple(1..=all, size(case.sample, all));
    chosen.sort_unstable();
    let killed = chosen.iter().filter(|at| dies(case, **at, &expected)).count();
    assert!(killed > 0, "{:?} was never killed", case.arguments);
    println!("{:?}: killed at {killed} of {all} calls, seed {SEED}", case.arguments);
}

fn traced(repository: &TestRepository, case: &Case, at: Option<usize>) -> killer::Traced {
    let command = cordwainer(repository, case.arguments);
    killer::run(command.command(), at, &repository.outside().join("said"))
}

fn dies(case: &Case, at: usize, expected: &End) -> bool {
    let repository = (case.prepare)();
    if !traced(&repository, case, Some(at)).was_killed() {
        return false;
    }
    let which = format!("{:?} killed at call {at}", case.arguments);
    for verb in ["status", "list"] {
        let read = cordwainer(&repository, &["generator", verb]).run();
        let none = read.code == 9 && read.stderr.contains("no generation");
        assert!(read.code == 0 || none, "{which}: {read:#?}");
    }
    persons_git_works(&repository, &which);
    let again = cordwainer(&repository, case.arguments).run();
    let complete = again.stderr.contains(case.complete);
    assert!(again.code == 0 || complete, "{which}: {again:#?}");
    assert_eq!(end(&repository), *expected, "{which}");
    repository.git(&["gc", "--quiet", "--prune=now"]);
    repository.git(&["fsck", "--full", "--strict"]);
    assert_eq!(end(&repository), *expected, "{which}, after gc");
    true
}

/// No lock is left, and git does its work: in a copy, which keeps the links of locks as they are.
fn persons_git_works(repository: &TestRepository, which: &str) {
    assert_eq!(repository.handle().locks_held(), [], "{which}");
    let notes = repository.path().join(".git/cordwainer-locks");
    let left: Vec<_> = fs::read_dir(notes).into_iter().flatten().collect();
    assert!(left.is_empty(), "{which}: {left:?}");
    let copy = repository.outside().join("copy");
    copy_folder(&repository.path(), &copy);
    for arguments in [
        &["commit", "--quiet", "--allow-empty", "--message", "mine"][..],
        &["gc", "--quiet"],
        &["fsck", "--full", "--strict"],
    ] {
        let output = repository.try_git_in(&copy, arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{which}, then git {arguments:?}: {said}");
    }
}

fn copy_folder(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(copied.success());
}

#[test]
fn a_start_killed_at_any_call_is_made_good() {
    check(&Case {
        arguments: &["generator", "start", "--name", "a"],
        prepare: || project("source_dirs: [src]\n"),
        complete: "is open already",
        sample: 2,
    });
}

#[test]
fn a_stop_killed_at_any_call_is_finished() {
    check(&Case {
        arguments: &["generator", "stop"],
        prepare: prepare_stop,
        complete: "no generation is open",
        sample: 4,
    });
}

#[test]
fn a_reset_killed_at_any_call_is_finished() {
    check(&Case {
        arguments: &["generator", "reset"],
        prepare: prepare_stop,
        complete: "no generation is open",
        sample: 2,
    });
}

#[test]
fn an_acceptance_killed_at_any_call_is_finished() {
    check(&Case {
        arguments: ACCEPT,
        prepare: protected,
        complete: "cannot be released",
        sample: 2,
    });
}
