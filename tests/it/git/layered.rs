//! Slots that are layers over a shared checkout. What an agent does to one is done through a real overlay, mounted here as an
//! engine does it in a container, and what is recorded must be what a slot of its own would have.

mod index;
mod mirror;
mod mounted;

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use cordwainer::git::{Git, Slot, SlotPool, Snapshot, SnapshotLimits};
use git2::Oid;

use self::mirror::make_same;
use self::mounted::{Mounted, looks};
use super::slots::{contents, expected};
use crate::support::engines::skip;
use crate::support::project::waiting::wait_until;
use crate::support::repository::TestRepository;

const LIMITS: SnapshotLimits = SnapshotLimits {
    max_file_bytes: 1 << 20,
    max_files: 1_000,
    max_bytes: 10 << 20,
};

/// Returns whether overlays can be mounted; else the test is skipped.
fn can_mount() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        skip("an overlay is mounted, and only root may do that");
    }
    is_root
}

/// A pool in a folder of its own, in which every tree is shared.
fn pool(git: Git, state: &Path) -> SlotPool {
    SlotPool::new(git, state).sharing_more_than(0)
}

/// Checks that a slot above a checkout, brought to look as `plain` does, is recorded just as that was.
pub(super) fn same_above_a_checkout(
    repository: &TestRepository,
    (plain, base): (&Path, Oid),
    limits: &SnapshotLimits,
    expect: &Snapshot,
) {
    if !can_mount() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut slot = pool(repository.handle(), &folder.path().join("state"))
        .acquire("x")
        .unwrap();
    assert!(slot.restore_over(base, None).unwrap());
    let mounted = Mounted::new(&slot.over_folders().unwrap().unwrap(), &folder.path().join("seen"));
    make_same(plain, &mounted.0);
    drop(mounted);
    let found = slot.snapshot(base, limits).unwrap();
    assert_eq!(&found, expect, "above a checkout it is recorded otherwise");
    slot.release().unwrap();
}

/// A repository of files, links and folders.
fn repository() -> (TestRepository, Oid) {
    let repository = TestRepository::new();
    for (path, text) in [
        (".gitignore", "/made\n*.log\n"),
        (".gitattributes", "*.crlf text eol=crlf\n"),
        ("a.crlf", "line\n"),
        ("deep/.gitignore", "*.tmp\n"),
        ("deep/er/one", "1"),
        ("deep/er/two", "2"),
        ("docs/a/b/c/file", "c"),
        ("docs/text", "text\n"),
        ("gone/x", "x"),
        ("gone/y/z", "z"),
        ("is/file", "f"),
        ("plain", "1\n"),
        ("word", "w"),
    ] {
        repository.write(path, text);
    }
    let path = repository.path();
    fs::set_permissions(path.join("docs/text"), fs::Permissions::from_mode(0o755)).unwrap();
    symlink("docs/text", path.join("link")).unwrap();
    let base = repository.commit("base");
    (repository, base)
}

/// Another commit on top, which differs in each way that a tree can.
fn moved(repository: &TestRepository) -> Oid {
    let path = repository.path();
    repository.write("plain", "2\n");
    repository.write("new/folder/file", "new");
    repository.write("deep/er/three", "3");
    fs::remove_file(path.join("deep/er/one")).unwrap();
    fs::remove_dir_all(path.join("gone")).unwrap();
    fs::remove_dir_all(path.join("is")).unwrap();
    repository.write("is", "a file now");
    fs::remove_file(path.join("word")).unwrap();
    repository.write("word/by", "a folder now");
    fs::remove_file(path.join("link")).unwrap();
    symlink("plain", path.join("link")).unwrap();
    repository.commit("moved")
}

/// Does the same to a slot of its own and to one above a checkout of another commit, as a shell does it, and checks that both
/// are recorded as one.
fn check(script: &str, (git, old, base): (&Git, Oid, Oid)) {
    let git = git.clone();
    let folder = tempfile::tempdir().unwrap();
    let mut plain = SlotPool::new(git.clone(), &folder.path().join("plain"))
        .acquire("x")
        .unwrap();
    plain.restore(base, None).unwrap();
    run(script, plain.path());
    let expect = plain.snapshot(base, &LIMITS).unwrap();

    let pool = pool(git, &folder.path().join("state"));
    let mut slot = slot_above(&pool, old, base);
    let seen = folder.path().join("seen");
    let mounted = Mounted::new(&slot.over_folders().unwrap().unwrap(), &seen);
    run(script, &seen);
    assert_eq!(looks(&seen), looks(plain.path()), "`{script}` did not do the same");
    drop(mounted);
    assert_eq!(slot.snapshot(base, &LIMITS).unwrap(), expect, "`{script}`");
    // As a recovery finds it, and a session that goes on.
    drop(slot);
    let mut again = pool.adopt(1).unwrap();
    assert!(again.is_over());
    assert_eq!(
        again.snapshot(base, &LIMITS).unwrap(),
        expect,
        "`{script}`, found again"
    );
    let mounted = Mounted::new(&again.over_folders().unwrap().unwrap(), &seen);
    assert_eq!(looks(&seen), looks(plain.path()), "`{script}`, gone on with");
    drop(mounted);
    again.release().unwrap();
}

/// Takes a slot that is above a checkout of `old`, brought to `commit`.
fn slot_above(pool: &SlotPool, old: Oid, commit: Oid) -> Slot {
    let mut slot = pool.acquire("x").unwrap();
    assert!(slot.restore_over(old, None).unwrap());
    assert!(slot.restore_over(commit, None).unwrap());
    slot
}

fn run(script: &str, folder: &Path) {
    let output = Command::new("sh")
        .args(["-euc", script])
        .current_dir(folder)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "`{script}`: {said}");
}

#[test]
fn what_a_shell_does_is_recorded_as_in_a_slot_of_its_own() {
    if !can_mount() {
        return;
    }
    let (repository, old) = repository();
    let base = moved(&repository);
    let git = repository.handle();
    for script in [
        "true",
        "echo 3 >plain; echo n >fresh; mkdir -p a/b; echo n >a/b/c",
        "rm plain docs/text deep/er/three is",
        "rm -r docs word; rm link",
        "rm -r docs; mkdir docs; echo other >docs/text",
        "rm -r docs; echo file >docs",
        "rm is; mkdir is; echo x >is/x",
        "mkdir gone; echo back >gone/x",
        "mkdir -p gone/y; echo z >gone/y/other; echo 1 >deep/er/one",
        "cp -r docs elsewhere; rm -r docs",
        "mv docs elsewhere; mv elsewhere docs",
        "mv plain docs/plain; mv word/by by",
        "mv deep/er deeper; mv new/folder/file new/file; rmdir new/folder",
        "chmod +x plain; chmod -x docs/text; chmod 700 deep",
        "rm plain; ln -s docs/text plain; rm link; echo file >link",
        "ln -s /etc/passwd out; ln -s ../.. docs/up",
        "mkdir made; echo m >made/m; echo l >x.log; echo t >deep/er/t.tmp; echo t >t.tmp",
        "rm .gitignore; mkdir made; echo m >made/m; echo l >x.log",
        "rm deep/.gitignore; echo t >deep/er/t.tmp; echo '*' >docs/.gitignore; echo n >docs/new",
        "printf 'a\\r\\nb\\r\\n' >a.crlf; printf 'n\\r\\n' >docs/new.crlf",
        "rm .gitattributes; printf 'a\\r\\nb\\r\\n' >a.crlf; printf 'n\\r\\n' >docs/new.crlf",
        "mkfifo fifo docs/fifo; rm plain; mkfifo plain",
        "mkdir bare; echo x >bare/HEAD; mkdir bare/objects bare/refs; echo x >bare/objects/x; echo x >bare/refs/x",
        "echo x >docs/HEAD; mkdir docs/objects docs/refs; echo x >docs/objects/x; echo x >docs/refs/x",
        "mkdir -p docs/.git/hooks; echo x >docs/.git/hooks/pre-commit; echo x >docs/GIT~1",
        "echo same >twice; ln twice docs/twice; touch plain; touch docs/a/b/c/file",
        "rm -r deep docs gone new word 2>/dev/null || true; rm -f plain is link a.crlf",
    ] {
        check(script, (&git, old, base));
    }
}

#[test]
fn a_container_sees_exactly_the_commit_and_git_has_nothing_to_read_again() {
    if !can_mount() {
        return;
    }
    let (repository, old) = repository();
    repository.add_submodule();
    let new = moved(&repository);
    let git = repository.handle();
    let folder = tempfile::tempdir().unwrap();
    let seen = folder.path().join("seen");
    for (number, (below, commit)) in [(old, old), (old, new), (new, old), (new, new)].into_iter().enumerate() {
        let pool = pool(git.clone(), &folder.path().join(format!("state-{number}")));
        // One that was used for work, and written all over.
        let mut slot = slot_above(&pool, below, commit);
        run(
            "rm -r docs; echo x >fresh; mkfifo fifo",
            &mount_point(&mut slot, &seen).0,
        );
        slot.release().unwrap();
        let mut slot = slot_above(&pool, below, commit);
        let folders = slot.over_folders().unwrap().unwrap();
        assert!(folders.lower.ends_with(format!("{}/tree", git.tree_of(below).unwrap())));
        let private = folder.path().join("private");
        let private = slot.private_repository(&private, "main", commit, None).unwrap();
        let mounted = Mounted::new(&folders, &seen);
        assert_eq!(contents(&seen), expected(&git, commit), "{below} {commit}");
        // `diff-files` compares how the files look with what the index says, and reads nothing.
        for command in [
            &["diff-files", "--raw"][..],
            &["status", "--porcelain", "--ignore-submodules"],
        ] {
            let output = Command::new("git")
                .env_clear()
                .env("GIT_ALTERNATE_OBJECT_DIRECTORIES", git.common_dir().join("objects"))
                .arg("--git-dir")
                .arg(&private.git_dir)
                .arg("--work-tree")
                .arg(&seen)
                .args(command)
                .current_dir(&seen)
                .output()
                .unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            assert_eq!(
                String::from_utf8_lossy(&output.stdout),
                "",
                "{command:?} {below} {commit}"
            );
        }
        drop(mounted);
        let snapshot = slot.snapshot(commit, &LIMITS).unwrap();
        assert_eq!(
            (snapshot.tree, snapshot.changed.len()),
            (git.tree_of(commit).unwrap(), 0)
        );
        slot.release().unwrap();
    }
}

fn mount_point(slot: &mut Slot, at: &Path) -> Mounted {
    Mounted::new(&slot.over_folders().unwrap().unwrap(), at)
}

#[test]
fn a_further_slot_costs_no_copy_and_what_nobody_is_above_goes() {
    if !can_mount() {
        return;
    }
    let (repository, old) = repository();
    let git = repository.handle();
    let folder = tempfile::tempdir().unwrap();
    let pool = pool(git, &folder.path().join("state"));
    let slots: Vec<Slot> = (0..3)
        .map(|_| {
            let mut slot = pool.acquire("x").unwrap();
            assert!(slot.restore_over(old, None).unwrap());
            assert_eq!(contents(slot.path()), [], "it has a copy");
            slot
        })
        .collect();
    let checkouts = folder.path().join("state/checkouts");
    let listed = || {
        fs::read_dir(&checkouts)
            .unwrap()
            .flatten()
            .filter(|entry| entry.path().is_dir())
            .count()
    };
    assert_eq!(listed(), 1);
    // While somebody holds one above it, and while there may be work in one that nobody holds.
    pool.clear_checkouts(0).unwrap();
    drop(slots);
    pool.clear_checkouts(0).unwrap();
    assert_eq!(listed(), 1);
    for number in 1..=3 {
        pool.adopt(number).unwrap().release().unwrap();
    }
    fs::create_dir(checkouts.join(".new-left")).unwrap();
    assert_eq!(pool.unused_checkouts().unwrap(), [] as [PathBuf; 0]);
    pool.clear_checkouts(1).unwrap();
    assert_eq!(listed(), 1);
    fs::create_dir(checkouts.join(".new-left")).unwrap();
    // What another test starts has our locks for a moment.
    wait_until(|| {
        pool.clear_checkouts(0).unwrap();
        listed() == 0
    });
    // A slot is its own folder again, and both ways of it are removed.
    let mut slot = pool.acquire("x").unwrap();
    slot.restore(old, None).unwrap();
    assert!(!slot.is_over() && slot.path().join("plain").exists());
    slot.release().unwrap();
    let _ = pool.remove_all().unwrap();
    assert_eq!(fs::read_dir(folder.path().join("state/uppers")).unwrap().count(), 0);
}

#[test]
fn a_checkout_that_is_gone_is_made_again_for_the_work_above_it() {
    if !can_mount() {
        return;
    }
    let (repository, old) = repository();
    let new = moved(&repository);
    let git = repository.handle();
    let folder = tempfile::tempdir().unwrap();
    let pool = pool(git.clone(), &folder.path().join("state"));
    let seen = folder.path().join("seen");
    let mut slot = slot_above(&pool, old, new);
    run("rm -r docs; echo 3 >plain", &mount_point(&mut slot, &seen).0);
    let before = slot.snapshot(new, &LIMITS).unwrap();
    drop(slot);
    fs::remove_dir_all(folder.path().join("state/checkouts")).unwrap();
    let mut again = pool.adopt(1).unwrap();
    assert_eq!(again.snapshot(new, &LIMITS).unwrap(), before);
    let mounted = mount_point(&mut again, &seen);
    assert_eq!(contents(&seen), expected(&git, before.tree));
    drop(mounted);
    again.release().unwrap();
}

#[test]
fn what_a_layer_says_of_elsewhere_is_refused_and_an_agents_own_marks_mean_nothing() {
    if !can_mount() {
        return;
    }
    let (repository, base) = repository();
    let git = repository.handle();
    let folder = tempfile::tempdir().unwrap();
    let pool = pool(git.clone(), &folder.path().join("state"));
    let seen = folder.path().join("seen");
    let mut slot = slot_above(&pool, base, base);
    let mounted = mount_point(&mut slot, &seen);
    run(
        "echo 3 >plain; echo n >docs/new; echo n >deep/new; echo n >gone/new",
        &seen,
    );
    let mark = |path: &Path, name: &str, value: &[u8]| {
        rustix::fs::setxattr(path, name, value, rustix::fs::XattrFlags::empty()).unwrap();
    };
    // An agent may write these, and a mount as root does not heed them.
    mark(&seen.join("gone"), "user.overlay.opaque", b"y");
    mark(&seen.join("gone"), "user.overlay.redirect", b"/docs");
    assert!(seen.join("gone/x").exists());
    // Nobody in a container makes what says that something is gone.
    let device = rustix::fs::mknodat(
        rustix::fs::CWD,
        seen.join("null"),
        rustix::fs::FileType::CharacterDevice,
        rustix::fs::Mode::empty(),
        0,
    );
    assert!(device.is_err());
    drop(mounted);
    // These could be there only if the kernel was told to write them.
    mark(&slot.path().join("docs"), "trusted.overlay.redirect", b"/deep");
    mark(&slot.path().join("plain"), "trusted.overlay.metacopy", b"");
    mark(&slot.path().join("deep"), "trusted.overlay.opaque", b"x");
    let found = slot.snapshot(base, &LIMITS).unwrap();
    let refused: Vec<_> = found.refused.iter().map(|(path, _)| path.to_str().unwrap()).collect();
    assert_eq!(refused, ["deep", "docs", "plain"]);
    let changed: Vec<_> = found
        .changed
        .iter()
        .map(|change| change.path.to_str().unwrap())
        .collect();
    assert_eq!(changed, ["gone/new"]);
    slot.release().unwrap();
}

#[test]
fn files_are_read_through_a_layer_and_no_link_is_followed() {
    if !can_mount() {
        return;
    }
    let (repository, old) = repository();
    let new = moved(&repository);
    let folder = tempfile::tempdir().unwrap();
    let pool = pool(repository.handle(), &folder.path().join("state"));
    let seen = folder.path().join("seen");
    let mut slot = slot_above(&pool, old, new);
    run(
        "echo 3 >docs/text; rm -r deep; mkdir deep; rm a.crlf; ln -s /etc out; rm -r new; ln -s docs new",
        &mount_point(&mut slot, &seen).0,
    );
    let text = |path: &str| {
        let read = slot.read_file(Path::new(path), 100);
        read.map(|text| text.map(|text| String::from_utf8(text).unwrap()))
    };
    for (path, expect) in [
        ("docs/text", Some("3\n")),
        ("docs/a/b/c/file", Some("c")),
        ("plain", Some("2\n")),
        ("is", Some("a file now")),
        ("deep/er/two", None),
        ("a.crlf", None),
        ("gone/x", None),
        ("nowhere/at/all", None),
    ] {
        assert_eq!(text(path).unwrap().as_deref(), expect, "{path}");
    }
    for path in ["link", "out/passwd", "new/text", "docs/a", "plain/x"] {
        assert!(text(path).is_err(), "{path}");
    }
    assert!(slot.read_file(Path::new("docs/a/b/c/file"), 0).is_err());
    slot.release().unwrap();
}

#[test]
fn files_belong_to_the_containers_user_and_nothing_of_the_checkout_changes() {
    if !can_mount() {
        return;
    }
    let (repository, old) = repository();
    let new = moved(&repository);
    let folder = tempfile::tempdir().unwrap();
    let pool = pool(repository.handle(), &folder.path().join("state"));
    let ids = Some((1000, 1000));
    let mut slot = pool.acquire("x").unwrap();
    assert!(slot.restore_over(old, ids).unwrap() && slot.restore_over(new, ids).unwrap());
    let seen = folder.path().join("seen");
    let folders = slot.over_folders().unwrap().unwrap();
    let looks = |path: &Path| {
        let looks = fs::metadata(path).unwrap();
        (looks.uid(), looks.gid(), looks.mode(), looks.mtime(), looks.ctime())
    };
    let file = folders.lower.join("docs/a/b/c/file");
    let before = (contents(&folders.lower), looks(&file));
    let mounted = Mounted::new(&folders, &seen);
    for path in [
        "",
        "docs",
        "docs/text",
        "plain",
        "new",
        "new/folder/file",
        "word",
        "word/by",
    ] {
        assert_eq!(
            (looks(&seen.join(path)).0, looks(&seen.join(path)).1),
            (1000, 1000),
            "{path}"
        );
    }
    run(
        "echo x >docs/a/b/c/file; rm -r deep; chmod 600 plain; touch docs/text",
        &seen,
    );
    drop(mounted);
    assert_eq!((contents(&folders.lower), looks(&file)), before);
    slot.release().unwrap();
}
