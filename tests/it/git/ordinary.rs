//! Slots as an ordinary user has them, for whom modes count: root may read and remove whatever an agent locked.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use cordwainer::git::{Git, Slot, SnapshotLimits};

use super::slots::{pool, restore};
use crate::support::repository::TestRepository;

/// Debian's `nobody`: an id that owns nothing.
const NOBODY: u32 = 65_534;

/// Runs a test of this file, by its name, as an ordinary user: where root runs it, in a process that is another's.
fn as_ordinary_user(name: &str, test: impl FnOnce()) {
    if !rustix::process::geteuid().is_root() {
        return test();
    }
    // A copy, because nobody else need be able to enter the folder of the build.
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = folder.path().join("tests");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let output = Command::new(program)
        .args(["--exact", &format!("git::ordinary::{name}")])
        .current_dir("/")
        .env("HOME", folder.path())
        .env_remove("XDG_CONFIG_HOME")
        .uid(NOBODY)
        .gid(NOBODY)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

fn project() -> TestRepository {
    let repository = TestRepository::new().seeing_unheld();
    for path in ["a", "d/x", "d/deep/er/y", "e/z"] {
        repository.write(path, path);
    }
    repository.commit("project");
    repository
}

/// Gives a path a mode.
fn set_mode(slot: &Slot, path: &str, mode: u32) {
    fs::set_permissions(slot.path().join(path), fs::Permissions::from_mode(mode)).unwrap();
}

/// Takes a snapshot after an agent's work, sees that the files in `changed` hold what is said and nothing was refused,
/// and that slot, private repository and pool can be restored and removed.
#[track_caller]
fn check(name: &str, work: impl Fn(&Slot), changed: &[(&str, &str)]) {
    as_ordinary_user(name, || {
        let repository = project();
        let (git, pool, base) = (repository.handle(), pool(&repository), repository.oid("HEAD"));
        let mut slot = pool.acquire("one").unwrap();
        let us = Some((rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw()));
        slot.restore(base, us).unwrap();
        work(&slot);
        let snapshot = slot.snapshot(base, &SnapshotLimits::default()).unwrap();
        assert!(snapshot.refused.is_empty(), "{:?}", snapshot.refused);
        assert_eq!(snapshot.changed.len(), changed.len(), "{:?}", snapshot.changed);
        for (path, content) in changed {
            let found = git.read_file(snapshot.tree, Path::new(path)).unwrap();
            assert_eq!(found.as_deref(), Some(content.as_bytes()), "{path}");
        }
        let private = pool.private_folder(slot.number());
        reuse(&git, slot, base, &private, &work);
        assert_eq!(pool.remove_all().unwrap().removed, [1]);
        assert!(!private.exists());
    });
}

/// Restores over an agent's work, lets it work once more, and gives the slot back as it left it.
fn reuse(git: &Git, mut slot: Slot, base: git2::Oid, private: &Path, work: impl Fn(&Slot)) {
    restore(&mut slot, git, base);
    for mode in [0o000, 0o444, 0o000] {
        let made = slot.private_repository(private, "main", base, None).unwrap();
        for folder in ["objects", "refs/heads", ""] {
            fs::set_permissions(made.git_dir.join(folder), fs::Permissions::from_mode(mode)).unwrap();
        }
    }
    work(&slot);
    slot.release().unwrap();
}

#[test]
fn files_and_folders_that_nobody_may_read_are_read_and_removed() {
    let work = |slot: &Slot| {
        fs::create_dir_all(slot.path().join("new/below")).unwrap();
        fs::write(slot.path().join("new/below/file"), "n").unwrap();
        fs::write(slot.path().join("a"), "changed").unwrap();
        for path in ["a", "new/below/file", "new/below", "new", "d/deep/er", "d", "e/z"] {
            set_mode(slot, path, 0o000);
        }
    };
    check(
        "files_and_folders_that_nobody_may_read_are_read_and_removed",
        work,
        &[("a", "changed"), ("new/below/file", "n")],
    );
}

#[test]
fn folders_that_may_be_listed_and_not_entered_are_entered() {
    let work = |slot: &Slot| {
        fs::write(slot.path().join("d/deep/new"), "n").unwrap();
        for path in ["d/deep/er", "d/deep", "d", "e"] {
            set_mode(slot, path, 0o444);
        }
    };
    check(
        "folders_that_may_be_listed_and_not_entered_are_entered",
        work,
        &[("d/deep/new", "n")],
    );
}

#[test]
fn folders_that_may_not_be_written_are_emptied() {
    let work = |slot: &Slot| {
        fs::create_dir_all(slot.path().join("d/new/er")).unwrap();
        fs::write(slot.path().join("d/new/er/file"), "n").unwrap();
        for path in ["d/new/er/file", "d/new/er", "d/new", "d", "e"] {
            set_mode(slot, path, 0o555);
        }
    };
    check(
        "folders_that_may_not_be_written_are_emptied",
        work,
        &[("d/new/er/file", "n")],
    );
}

#[test]
fn the_slot_itself_is_opened_whatever_its_mode() {
    for mode in [0o000, 0o444, 0o555, 0o200] {
        let work = move |slot: &Slot| {
            fs::write(slot.path().join("a"), "changed").unwrap();
            fs::set_permissions(slot.path(), fs::Permissions::from_mode(mode)).unwrap();
        };
        check("the_slot_itself_is_opened_whatever_its_mode", work, &[("a", "changed")]);
    }
}

#[test]
fn deep_folders_without_a_right_are_removed() {
    as_ordinary_user("deep_folders_without_a_right_are_removed", || {
        let repository = project();
        let (git, pool, base) = (repository.handle(), pool(&repository), repository.oid("HEAD"));
        let mut slot = pool.acquire("one").unwrap();
        restore(&mut slot, &git, base);
        // Deeper than a removal goes by recursion: what is below is moved up first.
        let mut folders = vec![slot.path().join("n")];
        for _ in 0..300 {
            folders.push(folders[folders.len() - 1].join("n"));
        }
        fs::create_dir_all(&folders[folders.len() - 1]).unwrap();
        for (index, folder) in folders.iter().enumerate().rev() {
            let mode = if index % 2 == 0 { 0o000 } else { 0o500 };
            fs::set_permissions(folder, fs::Permissions::from_mode(mode)).unwrap();
        }
        restore(&mut slot, &git, base);
    });
}
