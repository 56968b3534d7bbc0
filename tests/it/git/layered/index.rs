//! Git's index for containers: slots at one tree have one file in common, which no container can write.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::{Command, Output};

use super::{can_mount, moved, pool, repository};

/// Runs a script as a container's user, without any capability.
fn as_user(script: &str, folder: &Path) -> Output {
    Command::new("setpriv")
        .args(["--reuid=1000", "--regid=1000", "--clear-groups", "--no-new-privs"])
        .args(["--inh-caps=-all", "--bounding-set=-all", "--"])
        .args(["sh", "-euc", script])
        .current_dir(folder)
        .output()
        .unwrap()
}

#[test]
fn slots_share_an_index_that_no_container_can_write() {
    if !can_mount() {
        return;
    }
    let (repository, old) = repository();
    let new = moved(&repository);
    let folder = tempfile::tempdir().unwrap();
    let pool = pool(repository.handle(), &folder.path().join("state"));
    let mut slots = Vec::new();
    let mut made = |number: u32, commit, ids| {
        let mut slot = pool.acquire("x").unwrap();
        assert!(slot.restore_over(old, ids).unwrap() && slot.restore_over(commit, ids).unwrap());
        let dir = folder.path().join(format!("private/{number}"));
        let private = slot.private_repository(&dir, "main", commit, ids).unwrap();
        slots.push(slot);
        private.git_dir
    };
    let ids = Some((1000, 1000));
    for (number, commit) in [(0, old), (2, new)] {
        let (one, other) = (made(number, commit, ids), made(number + 1, commit, ids));
        let looks = |git_dir: &Path| fs::metadata(git_dir.join("index")).unwrap();
        assert_eq!(looks(&one).ino(), looks(&other).ino());
        assert_eq!((looks(&one).uid(), looks(&one).mode()), (0, 0o100_444));
        // Whatever its user may read, it finds the way to it, as in a container.
        for above in [folder.path(), &folder.path().join("private"), one.parent().unwrap()] {
            fs::set_permissions(above, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let before = fs::read(one.join("index")).unwrap();
        let scripts = [
            "echo more >>index",
            "chmod 666 index",
            "touch --date 2020-01-01 index",
            "dd if=/dev/zero of=index bs=1 count=9 conv=notrunc",
            "truncate --size 0 index",
        ];
        for script in scripts {
            assert!(!as_user(script, &one).status.success(), "{script}");
            assert_eq!(fs::read(one.join("index")).unwrap(), before, "{script}");
        }
        // Git puts a new one in its place, and so can anybody else.
        let script = "git read-tree --empty && test -z \"$(git ls-files)\" && rm index && echo other >index";
        let output = as_user(&format!("export GIT_DIR=\"$PWD\"; {script}"), &one);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(fs::read(one.join("index")).unwrap(), b"other\n");
        for script in scripts {
            assert!(as_user(script, &one).status.success(), "of a file of its own: {script}");
        }
        assert_eq!(fs::read(other.join("index")).unwrap(), before);
    }
    // A container's root would be its owner.
    let mut own = |number, ids| fs::metadata(made(number, new, ids).join("index")).unwrap();
    for (number, ids) in [(4, Some((0, 0))), (6, None)] {
        let (one, other) = (own(number, ids), own(number + 1, ids));
        assert_eq!((one.nlink(), other.nlink(), one.mode()), (1, 1, 0o100_644));
    }
    // None piles up: that of the checkout's own tree, and the last of another one.
    let state = folder.path().join("state/checkouts");
    for checkout in fs::read_dir(&state)
        .unwrap()
        .flatten()
        .filter(|one| one.path().is_dir())
    {
        let names = fs::read_dir(checkout.path()).unwrap().flatten();
        let names = names.filter(|entry| entry.file_name().to_string_lossy().starts_with("index"));
        assert_eq!(names.count(), 2);
    }
    for slot in slots {
        slot.release().unwrap();
    }
}

#[test]
fn of_the_indexes_above_a_checkout_the_last_few_are_kept() {
    if !can_mount() {
        return;
    }
    let (repository, old) = repository();
    let folder = tempfile::tempdir().unwrap();
    let pool = pool(repository.handle(), &folder.path().join("state"));
    let mut slot = pool.acquire("x").unwrap();
    assert!(slot.restore_over(old, None).unwrap());
    let checkout = slot.over_folders().unwrap().unwrap().lower.with_file_name("");
    let left = format!("index-{}.of-another-start", "0".repeat(40));
    fs::write(checkout.join(&left), "").unwrap();
    let listed = || -> Vec<String> {
        let names = fs::read_dir(&checkout).unwrap().flatten();
        let names = names.filter_map(|entry| entry.file_name().into_string().ok());
        names.filter(|name| name.starts_with("index-")).collect()
    };
    for number in 1..=5 {
        repository.write("plain", format!("newer {number}\n"));
        let commit = repository.commit("newer");
        assert!(slot.restore_over(commit, None).unwrap());
        slot.private_repository(&folder.path().join("private"), "main", commit, None)
            .unwrap();
        let tree = repository.handle().tree_of(commit).unwrap().to_string();
        let found = listed();
        assert_eq!(found.len(), number.min(3), "{found:?}");
        assert!(
            found.iter().any(|name| name.contains(&tree)) && !found.contains(&left),
            "{found:?}"
        );
    }
    slot.release().unwrap();
}
