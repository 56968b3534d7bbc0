use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use cordwainer::error::ErrorKind;
use cordwainer::git::{EntryKind, Git, Slot, SlotPool, SlotRemoval, SnapshotLimits};
use cordwainer::testing::size;

use crate::support::repository::TestRepository;
use crate::support::upkeep::beside;

/// A pool whose state folder is where it is by default.
pub(super) fn pool(repository: &TestRepository) -> SlotPool {
    pool_of(repository.handle())
}

/// The pool of one handle.
pub(super) fn pool_of(git: Git) -> SlotPool {
    let state = git.common_dir().join("cordwainer");
    SlotPool::new(git, &state)
}

/// What a folder holds, in git's terms, without the root's `.git`.
pub(super) fn contents(folder: &Path) -> Vec<(PathBuf, EntryKind, Vec<u8>)> {
    fn collect(root: &Path, below: &Path, found: &mut Vec<(PathBuf, EntryKind, Vec<u8>)>) {
        for entry in fs::read_dir(root.join(below)).unwrap() {
            let entry = entry.unwrap();
            let path = below.join(entry.file_name());
            let metadata = entry.metadata().unwrap();
            if path == Path::new(".git") {
            } else if metadata.is_dir() {
                collect(root, &path, found);
            } else if metadata.is_symlink() {
                let target = fs::read_link(entry.path())
                    .unwrap()
                    .into_os_string()
                    .into_encoded_bytes();
                found.push((path, EntryKind::Link, target));
            } else {
                let executable = metadata.permissions().mode() & 0o100 != 0;
                let kind = if executable {
                    EntryKind::Executable
                } else {
                    EntryKind::File
                };
                found.push((path, kind, fs::read(entry.path()).unwrap()));
            }
        }
    }
    let mut found = Vec::new();
    collect(folder, Path::new(""), &mut found);
    found.sort();
    found
}

/// What a commit holds, in the same terms.
pub(super) fn expected(git: &Git, commit: git2::Oid) -> Vec<(PathBuf, EntryKind, Vec<u8>)> {
    let files = git.files(commit).unwrap();
    let files = files.into_iter().filter(|file| file.kind != EntryKind::Submodule);
    let mut found: Vec<_> = files
        .map(|file| (file.path, file.kind, git.read_blob(file.id).unwrap()))
        .collect();
    found.sort();
    found
}

/// Restores, and checks that the slot then is the commit's tree and nothing else.
pub(super) fn restore(slot: &mut Slot, git: &Git, commit: git2::Oid) {
    slot.restore(commit, None).unwrap();
    assert_eq!(contents(slot.path()), expected(git, commit));
}

fn project() -> TestRepository {
    let repository = TestRepository::new();
    repository.write("src/lib.rs", "lib");
    repository.write("src/deep/er/x", "x");
    repository.write("run", "#!/bin/sh\n");
    fs::set_permissions(repository.path().join("run"), fs::Permissions::from_mode(0o755)).unwrap();
    symlink("src/lib.rs", repository.path().join("link")).unwrap();
    symlink("/etc", repository.path().join("outside")).unwrap();
    repository.commit("project");
    repository
}

#[test]
fn a_slot_is_a_worktree_that_the_person_sees_and_prune_leaves_alone() {
    let repository = project();
    let (git, pool, tip) = (repository.handle(), pool(&repository), repository.oid("HEAD"));
    let before = repository.snapshot_of_everything();
    let mut slot = pool.acquire("run 1, cw-1").unwrap();
    restore(&mut slot, &git, tip);
    assert_eq!(repository.snapshot_of_everything(), before);
    let list = repository.git(&["worktree", "list", "--porcelain"]);
    assert!(
        list.contains(&format!(
            "worktree {}\nHEAD {tip}\ndetached\nlocked cordwainer",
            slot.path().display()
        )),
        "{list}"
    );
    repository.git(&["worktree", "prune", "--expire=now"]);
    assert_eq!(repository.git(&["worktree", "list", "--porcelain"]), list);
    // The person's own git finds it clean.
    assert_eq!(repository.git_in(slot.path(), &["status", "--porcelain"]), "");
    repository.git(&["fsck", "--strict"]);
}

#[test]
fn gc_keeps_the_commit_of_a_slot() {
    let repository = project();
    let pool = pool(&repository);
    repository.git(&["checkout", "--quiet", "--detach"]);
    repository.write("only/here", "x");
    let lost = repository.commit("on no branch");
    repository.git(&["checkout", "--quiet", "main"]);
    let mut slot = pool.acquire("cw-1").unwrap();
    slot.restore(lost, None).unwrap();
    repository.git(&["reflog", "expire", "--expire=now", "--all"]);
    repository.git(&["gc", "--quiet", "--prune=now"]);
    assert_eq!(repository.git(&["cat-file", "-t", &lost.to_string()]), "commit");
}

#[test]
fn slots_are_taken_by_one_and_reused() {
    let repository = project();
    let pool = pool(&repository);
    let first = pool.acquire("a").unwrap();
    let second = pool.acquire("b").unwrap();
    assert_eq!((first.number(), second.number()), (1, 2));
    assert_eq!(pool.adopt(1).unwrap_err().kind(), ErrorKind::Locked);
    first.release().unwrap();
    assert_eq!(pool.acquire("c").unwrap().number(), 1);
    assert_eq!(pool.listed().unwrap(), [1, 2]);
}

#[test]
fn of_many_threads_no_two_get_one_slot() {
    let repository = project();
    let pool = pool(&repository);
    let slots: Vec<Slot> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| pool.acquire("x").unwrap())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut numbers: Vec<_> = slots.iter().map(Slot::number).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=8).collect::<Vec<_>>());
}

#[test]
fn a_dead_runs_slot_is_found_and_never_overwritten() {
    let repository = project();
    let pool = pool(&repository);
    let mut slot = pool.acquire("run 7, cw-3").unwrap();
    slot.restore(repository.oid("HEAD"), None).unwrap();
    fs::write(slot.path().join("work"), "precious").unwrap();
    let held = pool.acquire("held").unwrap();
    drop(slot);
    let leftovers = pool.leftovers().unwrap();
    assert_eq!(
        (leftovers.len(), leftovers[0].number, leftovers[0].owner.as_str()),
        (1, 1, "run 7, cw-3")
    );
    assert_eq!(pool.acquire("next").unwrap().number(), 3);
    let removal = pool.remove_all().unwrap();
    assert_eq!(
        (removal.removed, removal.busy, removal.leftover),
        (vec![], vec![2], vec![1, 3])
    );
    let mut adopted = pool.adopt(1).unwrap();
    let snapshot = adopted
        .snapshot(repository.oid("HEAD"), &SnapshotLimits::default())
        .unwrap();
    assert_eq!(snapshot.changed.len(), 1);
    adopted.release().unwrap();
    assert_eq!(pool.acquire("again").unwrap().number(), 1);
    drop(held);
}

#[test]
fn what_a_moved_or_copied_repository_brought_along_is_registered_no_more() {
    let repository = project();
    let use_a_slot = |pool: &SlotPool| {
        let mut slot = pool.acquire("x").unwrap();
        slot.restore(repository.oid("HEAD"), None).unwrap();
        slot.release().unwrap();
    };
    let registered = |folder: &Path| repository.git_in(folder, &["worktree", "list"]).lines().count() - 1;
    use_a_slot(&pool(&repository));
    let (copy, moved) = (repository.outside().join("copy"), repository.outside().join("moved"));
    let copied = Command::new("cp").arg("-a").args([&repository.path(), &copy]).status();
    assert!(copied.unwrap().success());
    pool_of(Git::discover(&copy).unwrap()).remove_all().unwrap();
    assert_eq!((registered(&copy), registered(&repository.path())), (0, 1));
    use_a_slot(&pool_of(Git::discover(&copy).unwrap()));
    fs::rename(&copy, &moved).unwrap();
    use_a_slot(&pool_of(Git::discover(&moved).unwrap()));
    assert_eq!(registered(&moved), 2);
    pool_of(Git::discover(&moved).unwrap()).remove_all().unwrap();
    assert_eq!((registered(&moved), registered(&repository.path())), (0, 1));
}

#[test]
fn removing_takes_folders_and_registrations_and_nothing_of_others() {
    let repository = project();
    let pool = pool(&repository);
    repository.git(&["worktree", "add", "--quiet", "../mine", "-b", "mine"]);
    fs::write(repository.outside().join("target"), "stays").unwrap();
    let mut slot = pool.acquire("x").unwrap();
    slot.restore(repository.oid("HEAD"), None).unwrap();
    let path = slot.path().to_path_buf();
    fs::create_dir(path.join("locked")).unwrap();
    fs::write(path.join("locked/file"), "").unwrap();
    fs::set_permissions(path.join("locked"), fs::Permissions::from_mode(0o000)).unwrap();
    symlink(repository.outside(), path.join("way-out")).unwrap();
    slot.release().unwrap();
    assert_eq!(pool.remove_all().unwrap().removed, [1]);
    assert!(!path.exists());
    assert_eq!(pool.remove_all().unwrap(), SlotRemoval::default());
    assert_eq!(
        fs::read_to_string(repository.outside().join("target")).unwrap(),
        "stays"
    );
    let list = repository.git(&["worktree", "list"]);
    assert!(list.contains("mine") && !list.contains("slots"), "{list}");
}

#[test]
fn two_state_folders_and_two_repositories_never_share_a_registration() {
    let repository = project();
    let git = repository.handle();
    let mut registrations = Vec::new();
    for state in ["one", "two"] {
        let pool = SlotPool::new(git.clone(), &repository.outside().join(state));
        let mut slot = pool.acquire("x").unwrap();
        slot.restore(repository.oid("HEAD"), None).unwrap();
        registrations.push(fs::read(slot.path().join(".git")).unwrap());
    }
    assert_ne!(registrations[0], registrations[1]);
    assert_eq!(fs::read_dir(git.common_dir().join("worktrees")).unwrap().count(), 2);
    // By a roundabout path, too, a pool finds and removes what is its own.
    let roundabout = repository.outside().join("one/../two");
    let pool = SlotPool::new(git.clone(), &roundabout);
    pool.adopt(1).unwrap().release().unwrap();
    assert_eq!(pool.remove_all().unwrap().removed, [1]);
    assert_eq!(fs::read_dir(git.common_dir().join("worktrees")).unwrap().count(), 1);
}

#[test]
fn the_next_task_touches_only_what_changed() {
    let repository = project();
    let (git, pool, first) = (repository.handle(), pool(&repository), repository.oid("HEAD"));
    let mut slot = pool.acquire("x").unwrap();
    restore(&mut slot, &git, first);
    let path_of_slot = slot.path().to_path_buf();
    let written = |path: &str| {
        let metadata = fs::symlink_metadata(path_of_slot.join(path)).unwrap();
        (metadata.ctime(), metadata.ctime_nsec())
    };
    // A file as young as the index is written once more: repeat until the clock has ticked.
    let mut before = ((0, 0), (0, 0));
    while before != (written("src/deep/er/x"), written("src/lib.rs")) {
        before = (written("src/deep/er/x"), written("src/lib.rs"));
        restore(&mut slot, &git, first);
    }
    repository.write("src/lib.rs", "changed");
    fs::remove_file(repository.path().join("link")).unwrap();
    let second = repository.commit("second");
    restore(&mut slot, &git, second);
    let after = (written("src/deep/er/x"), written("src/lib.rs"));
    assert_eq!(before.0, after.0);
    assert_ne!(before.1, after.1);
}

/// Several tasks at once look for their sessions at the same time, and take them up.
#[test]
fn whoever_only_looks_at_a_slot_hides_it_from_nobody() {
    let repository = project();
    let pool = pool(&repository);
    drop(pool.acquire("a session waits").unwrap());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..200 {
                    assert_eq!(pool.leftovers().unwrap().len(), 1);
                }
            });
        }
    });
    let looking = || (0..400).for_each(|_| drop(pool.leftovers().unwrap()));
    std::thread::scope(|scope| {
        scope.spawn(looking);
        for _ in 0..20 {
            // It waits for those who look, and for nobody who has it.
            drop(pool.adopt(1).unwrap());
        }
    });
    let held = pool.adopt(1).unwrap();
    assert_eq!(pool.adopt(1).unwrap_err().kind(), ErrorKind::Locked);
    assert_eq!(pool.leftovers().unwrap(), []);
    held.release().unwrap();
}

/// A process died while it wrote the marker of a slot, which nobody may use for long.
#[test]
fn half_a_marker_is_gone_once_somebody_looks() {
    let repository = project();
    let pool = pool_of(repository.handle());
    pool.acquire("x").unwrap().release().unwrap();
    let half = repository.path().join(".git/cordwainer/slots/1.dirty.new");
    fs::write(&half, "ha").unwrap();
    assert_eq!(pool.leftovers().unwrap().len(), 0);
    assert!(!half.exists());
    assert_eq!(pool.acquire("y").unwrap().number(), 1);
}

/// Git removes a folder of the worktrees that it saw without a lock.
#[test]
fn slots_come_and_go_beside_a_git_that_prunes_worktrees_all_the_time() {
    let repository = project();
    let (git, tip) = (repository.handle(), repository.oid("HEAD"));
    let prune = || {
        repository.git(&["worktree", "prune", "--expire=now"]);
        true
    };
    let ((), rounds) = beside(prune, || {
        let pool = pool_of(git);
        for _ in 0..size(40, 2000) {
            let mut slot = pool.acquire("x").unwrap();
            slot.restore(tip, None).unwrap();
            slot.release().unwrap();
            assert_eq!(pool.remove_all().unwrap().removed, [1]);
        }
    });
    assert!(rounds > 10, "{rounds}");
    assert!(!repository.git(&["worktree", "list"]).contains("cordwainer-slot"));
}
