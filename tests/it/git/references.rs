use std::fs;
use std::thread;

use cordwainer::error::ErrorKind;
use cordwainer::git::{Git, NewCommit, Oid, RefMove};
use jiff::Timestamp;

use crate::support::repository::TestRepository;

#[test]
fn a_ref_is_created_moved_and_deleted_only_from_where_it_is_expected() {
    let repository = TestRepository::new();
    let (git, first) = (repository.handle(), repository.oid("HEAD"));
    let second = repository.commit("second");
    let name = "refs/cordwainer/g/base";
    let swap = |expected, new| git.move_reference(name, expected, new, "a test").unwrap();
    assert_eq!(swap(Some(first), Some(second)), RefMove::Stale { actual: None });
    assert_eq!(swap(None, Some(first)), RefMove::Moved);
    assert_eq!(swap(None, Some(second)), RefMove::Stale { actual: Some(first) });
    assert_eq!(swap(Some(first), Some(second)), RefMove::Moved);
    assert_eq!(git.reference(name).unwrap(), Some(second));
    assert_eq!(swap(Some(first), None), RefMove::Stale { actual: Some(second) });
    assert_eq!(swap(Some(second), None), RefMove::Moved);
    assert_eq!(swap(None, None), RefMove::Moved);
    assert_eq!(repository.git(&["for-each-ref", "refs/cordwainer"]), "");
}

#[test]
fn a_packed_ref_is_moved_like_any_other() {
    let repository = TestRepository::new();
    let (git, first) = (repository.handle(), repository.oid("HEAD"));
    let second = repository.commit("second");
    repository.git(&["update-ref", "refs/cordwainer/g/base", &first.to_string()]);
    repository.git(&["pack-refs", "--all"]);
    let swap = |expected, new| git.move_reference("refs/cordwainer/g/base", expected, new, "").unwrap();
    assert_eq!(swap(None, Some(second)), RefMove::Stale { actual: Some(first) });
    assert_eq!(swap(Some(first), None), RefMove::Moved);
    assert_eq!(git.references("refs/cordwainer/").unwrap(), []);
}

#[test]
fn a_ref_below_or_above_another_is_refused() {
    let repository = TestRepository::new();
    let (git, tip) = (repository.handle(), repository.oid("HEAD"));
    repository.git(&["branch", "a/b"]);
    for packed in [false, true] {
        if packed {
            repository.git(&["pack-refs", "--all"]);
        }
        for name in ["refs/heads/a", "refs/heads/a/b/c"] {
            let error = git.move_reference(name, None, Some(tip), "").unwrap_err();
            let kinds = [ErrorKind::Precondition, ErrorKind::Unexpected];
            assert!(kinds.contains(&error.kind()), "{name}: {error}");
            assert_eq!(git.reference(name).unwrap(), None);
        }
    }
}

/// Adds a commit on top of a ref, again and again until no other thread was faster.
fn add_one(git: &Git, name: &str, message: &str) {
    loop {
        let tip = git.reference(name).unwrap().unwrap();
        let commit = git
            .commit(&NewCommit {
                tree: git.tree_of(tip).unwrap(),
                parents: vec![tip],
                message: message.to_owned(),
                author: None,
                committer: None,
                time: Timestamp::UNIX_EPOCH,
            })
            .unwrap();
        if git.move_reference(name, Some(tip), Some(commit), message).unwrap() == RefMove::Moved {
            return;
        }
    }
}

#[test]
fn eight_threads_lose_no_increment() {
    let repository = TestRepository::new();
    let git = repository.handle();
    let name = "refs/cordwainer/g/issues";
    let base = repository.oid("HEAD");
    let moved = git.move_reference(name, None, Some(base), "").unwrap();
    assert_eq!(moved, RefMove::Moved);
    thread::scope(|scope| {
        for thread in 0..8 {
            let git = &git;
            scope.spawn(move || (0..15).for_each(|number| add_one(git, name, &format!("{thread}/{number}"))));
        }
    });
    let tip = git.reference(name).unwrap().unwrap();
    let mut messages: Vec<_> = git
        .first_parents(tip, Some(base))
        .unwrap()
        .into_iter()
        .map(|c| c.message)
        .collect();
    messages.sort();
    messages.dedup();
    assert_eq!(messages.len(), 8 * 15);
}

#[test]
fn of_eight_threads_that_create_one_ref_one_wins() {
    let repository = TestRepository::new();
    let git = repository.handle();
    for round in 0..10 {
        let name = format!("refs/cordwainer/g/tasks/{round}");
        let commits: Vec<Oid> = (0..8).map(|n| repository.commit(&format!("{round} {n}"))).collect();
        let won = thread::scope(|scope| {
            let tries: Vec<_> = commits
                .iter()
                .map(|commit| scope.spawn(|| git.move_reference(&name, None, Some(*commit), "").unwrap()))
                .collect();
            tries
                .into_iter()
                .map(|t| t.join().unwrap())
                .filter(|m| *m == RefMove::Moved)
                .count()
        });
        assert_eq!(won, 1);
    }
}

#[test]
fn a_lock_held_for_a_moment_is_waited_for_and_a_stale_one_is_named() {
    let repository = TestRepository::new();
    let (git, tip) = (repository.handle(), repository.oid("HEAD"));
    let lock = repository.path().join(".git/refs/heads/held.lock");
    fs::write(&lock, "").unwrap();
    let error = git.move_reference("refs/heads/held", None, Some(tip), "").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Precondition);
    assert!(error.hint_text().unwrap().contains("held.lock"));
    thread::scope(|scope| {
        let waiting = scope.spawn(|| git.move_reference("refs/heads/held", None, Some(tip), "").unwrap());
        fs::remove_file(&lock).unwrap();
        assert_eq!(waiting.join().unwrap(), RefMove::Moved);
    });
}

#[test]
fn a_prefix_is_compared_by_bytes() {
    let repository = TestRepository::new();
    let git = repository.handle();
    for name in ["g/base", "g-b/base", "g/tasks/cw-1", "G/base"] {
        repository.git(&["update-ref", &format!("refs/cordwainer/{name}"), "HEAD"]);
    }
    let names = |prefix| -> Vec<String> {
        git.references(prefix)
            .unwrap()
            .into_iter()
            .map(|(name, _)| name)
            .collect()
    };
    assert_eq!(
        names("refs/cordwainer/g/"),
        ["refs/cordwainer/g/base", "refs/cordwainer/g/tasks/cw-1"]
    );
    assert_eq!(names("refs/cordwainer/g").len(), 3);
    assert_eq!(names("refs/cordwainer/nothing/"), [""; 0]);
}

#[test]
fn a_revision_that_is_not_there_brings_the_nearest_branch() {
    let repository = TestRepository::new();
    let (git, tip) = (repository.handle(), repository.oid("HEAD"));
    assert_eq!(git.resolve("main").unwrap(), tip);
    assert_eq!(git.resolve(&tip.to_string()[..10]).unwrap(), tip);
    let error = git.resolve("mian").unwrap_err();
    assert_eq!(
        (error.kind(), error.hint_text()),
        (ErrorKind::Usage, Some("did you mean the branch `main`?"))
    );
    for nonsense in ["", "\0", "--all", "HEAD:README.md", "main..main", "\u{1b}[31m", "@{-9}"] {
        assert_eq!(
            git.resolve(nonsense).unwrap_err().kind(),
            ErrorKind::Usage,
            "{nonsense:?}"
        );
        assert_eq!(git.branch_tip(nonsense).unwrap(), None, "{nonsense:?}");
    }
}

#[test]
fn checkouts_of_a_branch_are_found_in_all_worktrees() {
    let repository = TestRepository::new();
    let git = repository.handle();
    let main = repository.path().canonicalize().unwrap();
    repository.git(&["worktree", "add", "--quiet", "-b", "side", "../side"]);
    let side = repository.outside().join("side").canonicalize().unwrap();
    let at = |branch| -> Vec<_> {
        let found = git.checked_out_at(branch).unwrap();
        found.into_iter().map(|path| path.canonicalize().unwrap()).collect()
    };
    assert_eq!(at("main"), [main]);
    assert_eq!(at("side"), std::slice::from_ref(&side));
    assert!(at("sid").is_empty());
    repository.git_in(&side, &["checkout", "--quiet", "--detach"]);
    assert!(at("side").is_empty());
}
