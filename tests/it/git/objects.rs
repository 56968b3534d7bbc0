//! What is written before its ref outlives whatever a person's git clears up.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;

use cordwainer::git::{Git, NewCommit, Oid, RefMove, TreeEdit};
use cordwainer::testing::size;
use jiff::Timestamp;

use crate::support::engines::skip;
use crate::support::repository::TestRepository;
use crate::support::upkeep::beside;

/// What a person may run at any time.
const CLEARING: [&[&str]; 3] = [
    &["gc", "--quiet", "--prune=now"],
    &["repack", "-a", "-d", "-q"],
    &["prune", "--expire=now"],
];
/// What git's upkeep of several packs does, which is not content with packs that others remove.
const INDEXED: [&[&str]; 3] = [
    &["multi-pack-index", "write"],
    &["multi-pack-index", "repack", "--no-progress"],
    &["multi-pack-index", "expire", "--no-progress"],
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
        committer: None,
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
    let mut was = None;
    let mut clearing = CLEARING.into_iter().cycle();
    let upkeep = || {
        repository.git(clearing.next().expect("it goes round"));
        true
    };
    let ((), rounds) = beside(upkeep, || {
        for number in 0..60 {
            let next = write(&git, tip, number);
            assert_eq!(
                git.move_reference(REFERENCE, was, Some(next), "").unwrap(),
                RefMove::Moved
            );
            (was, tip) = (Some(next), next);
        }
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
fn commits_outlive_an_upkeep_that_indexes_several_packs_at_once() {
    let repository = TestRepository::new();
    let (git, mut tip) = (repository.handle(), repository.oid("HEAD"));
    let mut was = None;
    let count = size(60, 600);
    let mut chance = fastrand::Rng::with_seed(6);
    let all = [&INDEXED[..], &INDEXED, &CLEARING].concat();
    let upkeep = || {
        let arguments = all[chance.usize(..all.len())];
        // Without an index of several packs there is nothing to repack or expire.
        let can = arguments[1] == "write" || arguments[0] != "multi-pack-index" || indexed(&repository);
        // Where a pack goes while git looks through all of them, git gives up and changes nothing.
        can && repository.try_git_in(&repository.path(), arguments).status.success()
    };
    let ((), rounds) = beside(upkeep, || {
        for number in 0..count {
            let next = write(&git, tip, number);
            if number % 3 == 0 {
                // Somebody was faster: its pack must go, or be git's.
                let stale = git.move_reference(REFERENCE, Some(next), Some(next), "").unwrap();
                assert_eq!(stale, RefMove::Stale { actual: was });
            }
            assert_eq!(
                git.move_reference(REFERENCE, was, Some(next), "").unwrap(),
                RefMove::Moved
            );
            (was, tip) = (Some(next), next);
        }
    });
    assert!(rounds > 0);
    if indexed(&repository) {
        repository.git(&["multi-pack-index", "verify", "--no-progress"]);
    }
    repository.git(&["fsck", "--full", "--strict"]);
    assert_eq!(
        repository.git(&["rev-list", "--count", REFERENCE]),
        (count + 1).to_string()
    );
    assert_eq!(packs(&repository, "keep"), [] as [PathBuf; 0]);
}

/// Whether there is an index of several packs.
fn indexed(repository: &TestRepository) -> bool {
    repository.path().join(".git/objects/pack/multi-pack-index").is_file()
}

#[test]
fn a_pack_that_git_indexed_with_others_is_gits() {
    let repository = TestRepository::new();
    let (git, mut tip) = (repository.handle(), repository.oid("HEAD"));
    let mut was = None;
    for number in 0..40 {
        let next = write(&git, tip, number);
        assert_eq!(
            git.move_reference(REFERENCE, was, Some(next), "").unwrap(),
            RefMove::Moved
        );
        (was, tip) = (Some(next), next);
        if [5, 9, 20, 21].contains(&number) {
            repository.git(&["multi-pack-index", "write"]);
        }
        if number >= 5 {
            repository.git(&["multi-pack-index", "verify", "--no-progress"]);
        }
    }
    repository.git(&["fsck", "--full", "--strict"]);
}

#[test]
fn objects_may_lie_on_another_file_system() {
    let Ok(elsewhere) = tempfile::tempdir_in("/dev/shm") else {
        return skip("no file system at /dev/shm");
    };
    let repository = TestRepository::new();
    let objects = repository.path().join(".git/objects");
    let there = elsewhere.path().join("objects");
    let moved = Command::new("mv").args([&objects, &there]).status().unwrap();
    assert!(moved.success());
    symlink(&there, &objects).unwrap();
    let (git, tip) = (repository.handle(), repository.oid("HEAD"));
    let next = write(&git, tip, 1);
    repository.git(CLEARING[0]);
    assert_eq!(
        git.move_reference(REFERENCE, None, Some(next), "").unwrap(),
        RefMove::Moved
    );
    repository.git(&["fsck", "--full", "--strict"]);
    assert_eq!(packs(&repository, "keep"), [] as [PathBuf; 0]);
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
    let dead = repository.path().join(".git/cordwainer-objects/0123456789abcdef");
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
