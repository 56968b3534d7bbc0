//! What is written before its ref outlives whatever a person's git clears up.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use cordwainer::git::{Git, NewCommit, Oid, RefMove, TreeEdit};
use jiff::Timestamp;

use crate::support::repository::TestRepository;

/// What a person may run at any time.
const CLEARING: [&[&str]; 3] = [
    &["gc", "--quiet", "--prune=now"],
    &["repack", "-a", "-d", "-q"],
    &["prune", "--expire=now"],
];
const REFERENCE: &str = "refs/cordwainer/g/test";

/// Writes a commit on `parent` with a file of its own in a folder of its own.
fn write(git: &Git, parent: Oid, number: usize) -> Oid {
    let edit = TreeEdit {
        write: vec![(
            PathBuf::from(format!("f{number}/file")),
            format!("content {number}").into(),
        )],
        ..TreeEdit::default()
    };
    let tree = git.edit_tree(parent, &edit).unwrap();
    let commit = NewCommit {
        tree,
        parents: vec![parent],
        message: format!("commit {number}\n"),
        author: None,
        time: Timestamp::UNIX_EPOCH,
    };
    git.commit(&commit).unwrap()
}

/// The files with an extension among git's packs.
fn packs(repository: &TestRepository, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(repository.path().join(".git/objects/pack")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|end| end == extension))
        .collect()
}

#[test]
fn what_no_ref_holds_yet_outlives_each_way_to_clear_up() {
    let repository = TestRepository::new();
    let (git, mut tip) = (repository.handle(), repository.oid("HEAD"));
    let mut was = None;
    for (number, clearing) in CLEARING.into_iter().enumerate() {
        let next = write(&git, tip, number);
        repository.git(clearing);
        // Nothing but this process has it now, and a step goes on from it.
        assert_eq!(git.commit_info(next).unwrap().parents, [tip]);
        let next = write(&git, next, number + 10);
        repository.git(clearing);
        assert_eq!(
            git.move_reference(REFERENCE, was, Some(next), "").unwrap(),
            RefMove::Moved
        );
        repository.git(clearing);
        repository.git(&["fsck", "--full", "--strict"]);
        assert_eq!(
            repository.git(&["show", &format!("{REFERENCE}:f{}/file", number + 10)]),
            format!("content {}", number + 10)
        );
        (was, tip) = (Some(next), next);
    }
    assert_eq!(packs(&repository, "keep"), [] as [PathBuf; 0]);
}

#[test]
fn sixty_commits_outlive_a_git_that_clears_up_all_the_time() {
    let repository = TestRepository::new();
    let (git, mut tip) = (repository.handle(), repository.oid("HEAD"));
    let done = AtomicBool::new(false);
    let (mut was, mut rounds) = (None, 0);
    thread::scope(|scope| {
        let clearing = scope.spawn(|| {
            let mut rounds = 0;
            while !done.load(Ordering::Relaxed) {
                repository.git(CLEARING[rounds % CLEARING.len()]);
                rounds += 1;
            }
            rounds
        });
        let commits = thread::Builder::new().spawn_scoped(scope, || {
            for number in 0..60 {
                let next = write(&git, tip, number);
                assert_eq!(
                    git.move_reference(REFERENCE, was, Some(next), "").unwrap(),
                    RefMove::Moved
                );
                (was, tip) = (Some(next), next);
            }
        });
        let ended = commits.unwrap().join();
        done.store(true, Ordering::Relaxed);
        rounds = clearing.join().unwrap();
        ended.unwrap();
    });
    assert!(rounds > 0);
    repository.git(&["fsck", "--full", "--strict"]);
    assert_eq!(
        repository
            .git(&["ls-tree", "-r", "--name-only", REFERENCE])
            .lines()
            .filter(|path| path.ends_with("/file"))
            .count(),
        60
    );
}

#[test]
fn there_are_never_more_than_twenty_packs_of_ours() {
    let repository = TestRepository::new();
    let (git, mut tip) = (repository.handle(), repository.oid("HEAD"));
    let mut was = None;
    for number in 0..70 {
        let next = write(&git, tip, number);
        assert_eq!(
            git.move_reference(REFERENCE, was, Some(next), "").unwrap(),
            RefMove::Moved
        );
        assert!(packs(&repository, "pack").len() <= 20, "after {number}");
        (was, tip) = (Some(next), next);
    }
    // The loose twins are not what holds them.
    repository.git(&["prune-packed"]);
    repository.git(&["fsck", "--full", "--strict"]);
}

#[test]
fn a_pack_that_a_dead_process_kept_is_gits_again() {
    let repository = TestRepository::new();
    let tip = repository.oid("HEAD");
    let first = write(&repository.handle(), tip, 1);
    let git = repository.handle();
    let next = write(&git, tip, 2);
    assert_eq!(
        git.move_reference(REFERENCE, None, Some(next), "").unwrap(),
        RefMove::Moved
    );
    // What a kill between the keep mark and the ref leaves: the mark, and the folder that nobody locks any more.
    let dead = repository.path().join(".git/objects/cordwainer/0123456789abcdef");
    fs::create_dir(&dead).unwrap();
    fs::write(dead.join("mark"), "").unwrap();
    let keep = packs(&repository, "pack")[0].with_extension("keep");
    fs::write(&keep, "cordwainer 0123456789abcdef\n").unwrap();
    let anew = repository.handle();
    write(&anew, next, 3);
    assert!(!keep.exists() && !dead.exists());
    assert_eq!(anew.commit_info(next).unwrap().parents, [tip]);
    // A living process' folder stays.
    assert_eq!(git.commit_info(write(&git, next, 4)).unwrap().parents, [next]);
    assert_ne!(first, next);
}

#[test]
fn a_ref_that_was_elsewhere_leaves_no_pack_and_loses_nothing() {
    let repository = TestRepository::new();
    let (git, tip) = (repository.handle(), repository.oid("HEAD"));
    let next = write(&git, tip, 1);
    let stale = git.move_reference(REFERENCE, Some(tip), Some(next), "").unwrap();
    assert_eq!(stale, RefMove::Stale { actual: None });
    assert_eq!(packs(&repository, "pack"), [] as [PathBuf; 0]);
    repository.git(CLEARING[0]);
    assert_eq!(
        git.move_reference(REFERENCE, None, Some(next), "").unwrap(),
        RefMove::Moved
    );
    repository.git(&["fsck", "--full", "--strict"]);
}
