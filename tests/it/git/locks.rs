//! Git's own locks: what a dead process of ours left goes, and nobody else's does.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, SystemTime};

use cordwainer::error::ErrorKind;
use cordwainer::git::{Git, RefMove};

use crate::support::command::cordwainer;
use crate::support::repository::TestRepository;

/// Leaves a lock as a process of ours leaves it that dies in it; returns the token and the lock.
fn abandon(repository: &TestRepository, lock: &str) -> (PathBuf, PathBuf) {
    let folder = repository.path().join(".git/cordwainer-locks");
    fs::create_dir_all(&folder).unwrap();
    let token = folder.join("0123456789abcdef");
    fs::write(&token, "").unwrap();
    fs::write(token.with_extension("path"), lock).unwrap();
    let lock = repository.path().join(".git").join(lock);
    fs::create_dir_all(lock.parent().unwrap()).unwrap();
    fs::hard_link(&token, &lock).unwrap();
    (token, lock)
}

/// How many files tell of locks.
fn notes(repository: &TestRepository) -> usize {
    let folder = repository.path().join(".git/cordwainer-locks");
    folder.read_dir().map_or(0, Iterator::count)
}

#[test]
fn a_lock_that_a_dead_process_of_ours_left_goes() {
    for lock in [
        "index.lock",
        "packed-refs.lock",
        "refs/heads/main.lock",
        "refs/cordwainer/new/below/x.lock",
    ] {
        let repository = TestRepository::new();
        let (_, left) = abandon(&repository, lock);
        let freed = repository.handle().free_abandoned_locks().unwrap();
        assert_eq!(freed, [left.canonicalize().unwrap_or(left.clone())], "{lock}");
        assert!(!left.exists(), "{lock}");
        assert_eq!(notes(&repository), 0, "{lock}");
    }
}

#[test]
fn a_ref_whose_lock_a_dead_process_of_ours_left_is_moved_at_once() {
    let repository = TestRepository::new();
    let (git, tip) = (repository.handle(), repository.oid("HEAD"));
    abandon(&repository, "refs/heads/held.lock");
    let moved = git.move_reference("refs/heads/held", None, Some(tip), "").unwrap();
    assert_eq!(moved, RefMove::Moved);
    abandon(&repository, "packed-refs.lock");
    let moved = git.move_reference("refs/heads/held", Some(tip), None, "").unwrap();
    assert_eq!(moved, RefMove::Moved);
    assert_eq!((notes(&repository), git.locks_held()), (0, Vec::new()));
}

#[test]
fn a_lock_whose_holder_lives_stays() {
    let repository = TestRepository::new();
    let (git, tip) = (repository.handle(), repository.oid("HEAD"));
    let (token, lock) = abandon(&repository, "refs/heads/held.lock");
    let holder = File::open(&token).unwrap();
    holder.lock().unwrap();
    assert_eq!(git.free_abandoned_locks().unwrap(), [""; 0].map(PathBuf::from));
    let error = git.move_reference("refs/heads/held", None, Some(tip), "").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Precondition);
    assert!(lock.exists() && token.exists());
    drop(holder);
    assert_eq!(git.free_abandoned_locks().unwrap().len(), 1);
    assert!(!lock.exists());
}

/// What tells whether a file is untouched.
fn looks(path: &Path) -> (Vec<u8>, u64, SystemTime) {
    use std::os::unix::fs::MetadataExt as _;
    let found = fs::symlink_metadata(path).unwrap();
    (fs::read(path).unwrap(), found.ino(), found.modified().unwrap())
}

/// Another's lock at a path that a note of ours tells of; it is three hours old.
fn anothers(repository: &TestRepository, lock: &str) -> PathBuf {
    let (_, path) = abandon(repository, lock);
    fs::remove_file(&path).unwrap();
    let mut file = File::create(&path).unwrap();
    file.write_all(b"another's").unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(3 * 3600))
        .unwrap();
    path
}

#[test]
fn anothers_lock_is_told_with_its_age_and_never_touched() {
    for (lock, command) in [
        ("index.lock", ["generator", "stop"]),
        ("refs/heads/main.lock", ["generator", "stop"]),
        ("refs/heads/generation-a.lock", ["generator", "reset"]),
        ("packed-refs.lock", ["generator", "reset"]),
    ] {
        let repository = generation();
        let path = anothers(&repository, lock);
        let before = (
            looks(&path),
            repository.git(&["rev-parse", "main"]),
            repository.snapshot_of_everything(),
        );
        let said = cordwainer(&repository, &command).run();
        assert_eq!(said.code, 9, "{lock}: {said:#?}");
        assert!(
            said.stderr.contains(&format!("git's lock `{lock}`, made 3 h ago")),
            "{}",
            said.stderr
        );
        let doctor = cordwainer(&repository, &["doctor"]).run();
        assert!(doctor.stdout.contains("made 3 h ago"), "{}", doctor.stdout);
        let after = (
            looks(&path),
            repository.git(&["rev-parse", "main"]),
            repository.snapshot_of_everything(),
        );
        assert_eq!(after, before, "{lock}");
        assert_eq!(notes(&repository), 0);
        fs::remove_file(&path).unwrap();
        cordwainer(&repository, &command).run().done();
    }
}

/// A generation with something to merge, checked out at its base.
fn generation() -> TestRepository {
    let repository = TestRepository::new();
    repository.write("configuration.yaml", "base_branch: main\npreserve_sources: true\n");
    repository.commit("configure");
    cordwainer(&repository, &["generator", "start", "--name", "a"])
        .run()
        .done();
    repository.git(&["worktree", "add", "--quiet", "../ahead", "generation-a"]);
    let ahead = repository.outside().join("ahead");
    fs::write(ahead.join("new.txt"), "new\n").unwrap();
    repository.git_in(&ahead, &["add", "--all"]);
    repository.git_in(&ahead, &["commit", "--quiet", "--message", "work"]);
    repository.git(&["worktree", "remove", "../ahead"]);
    repository
}

/// Starts the person's git, which takes a lock and keeps it until it is told to go on.
fn persons_git(repository: &TestRepository, arguments: &[&str], editor: &str) -> Child {
    Command::new("git")
        .args(arguments)
        .current_dir(repository.path())
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", repository.outside().join("home"))
        .env("GIT_EDITOR", editor)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn wait_for(path: &Path) {
    while !path.exists() {
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_commit_that_a_person_is_writing_keeps_its_index() {
    let repository = generation();
    let (begun, goes_on) = (repository.outside().join("begun"), repository.outside().join("goes-on"));
    let editor = format!(
        "sh -c 'touch {}; while [ ! -e {} ]; do sleep 0.01; done; echo mine > \"$1\"' -",
        begun.display(),
        goes_on.display()
    );
    let mut git = persons_git(&repository, &["commit", "--quiet", "--all", "--allow-empty"], &editor);
    let lock = repository.path().join(".git/index.lock");
    // By then the lock has its content.
    wait_for(&begun);
    let before = looks(&lock);
    for verb in ["stop", "status", "list"] {
        let said = cordwainer(&repository, &["generator", verb]).run();
        assert_eq!(said.code, if verb == "stop" { 9 } else { 0 }, "{said:#?}");
    }
    assert_eq!(looks(&lock), before);
    fs::write(&goes_on, "").unwrap();
    assert!(git.wait().unwrap().success());
    assert_eq!(repository.git(&["log", "-1", "--format=%s"]), "mine");
    cordwainer(&repository, &["generator", "stop"]).run().done();
    assert_eq!(repository.git(&["status", "--porcelain"]), "");
    assert_eq!(repository.git(&["show", "HEAD:new.txt"]), "new");
}

#[test]
fn a_ref_that_a_persons_git_is_moving_is_left_to_it() {
    let repository = generation();
    let mine = repository.git(&["commit-tree", "-p", "main", "-m", "mine", "main^{tree}"]);
    let mut git = persons_git(&repository, &["update-ref", "--stdin"], "false");
    let mut input = git.stdin.take().unwrap();
    writeln!(input, "start\nupdate refs/heads/main {mine}\nprepare").unwrap();
    let lock = repository.path().join(".git/refs/heads/main.lock");
    wait_for(&lock);
    let checkout = repository.snapshot_of_everything();
    let said = cordwainer(&repository, &["generator", "stop"]).run();
    assert_eq!(said.code, 9, "{said:#?}");
    assert!(said.stderr.contains("refs/heads/main.lock"), "{}", said.stderr);
    assert_eq!(repository.snapshot_of_everything(), checkout);
    writeln!(input, "commit").unwrap();
    drop(input);
    assert!(git.wait().unwrap().success());
    assert_eq!(repository.git(&["rev-parse", "main"]), mine);
}

#[test]
fn moves_are_in_the_logs_as_git_would_write_them() {
    let repository = TestRepository::new();
    let (git, first) = (repository.handle(), repository.oid("HEAD"));
    let second = repository.git(&["commit-tree", "-p", "HEAD", "-m", "second", "HEAD^{tree}"]);
    let second = cordwainer::git::Oid::from_str(&second).unwrap();
    let swap = |name, expected, new| git.move_reference(name, expected, new, "why\nso").unwrap();
    assert_eq!(swap("refs/heads/main", Some(first), Some(second)), RefMove::Moved);
    let log = |name| repository.git(&["reflog", "show", "-1", "--format=%H %gn <%ge> %gs", name]);
    let expected = format!("{second} Tess Ter <tess@example.org> why so");
    assert_eq!((log("main"), log("HEAD")), (expected.clone(), expected.clone()));
    assert_eq!(swap("refs/heads/side/way", None, Some(second)), RefMove::Moved);
    assert_eq!(log("side/way"), expected);
    assert_eq!(swap("refs/cordwainer/x", None, Some(second)), RefMove::Moved);
    assert!(!repository.path().join(".git/logs/refs/cordwainer").exists());
    assert_eq!(swap("refs/heads/side/way", Some(second), None), RefMove::Moved);
    for gone in [".git/logs/refs/heads/side", ".git/refs/heads/side"] {
        assert!(!repository.path().join(gone).exists(), "{gone}");
    }
    assert_eq!(swap("refs/heads/side", None, Some(first)), RefMove::Moved);
    repository.git(&["fsck", "--strict"]);
}

/// Packs all refs over and over, as `git gc` does, until the other work is done.
fn while_git_packs(repository: &TestRepository, work: impl FnOnce(&Git)) {
    let git = repository.handle();
    let done = repository.outside().join("done");
    thread::scope(|scope| {
        let packing = scope.spawn(|| {
            let mut times = 0;
            while !done.exists() || times == 0 {
                repository.try_git_in(&repository.path(), &["pack-refs", "--all", "--prune"]);
                times += 1;
            }
            times
        });
        work(&git);
        fs::write(&done, "").unwrap();
        assert!(packing.join().unwrap() > 0);
    });
}

#[test]
fn a_ref_that_was_deleted_while_git_packs_refs_stays_deleted() {
    let repository = TestRepository::new();
    let tip = repository.oid("HEAD");
    while_git_packs(&repository, |git| {
        for round in 0..150 {
            let name = format!("refs/cordwainer/g/{}", round % 7);
            assert_eq!(
                git.move_reference(&name, None, Some(tip), "").unwrap(),
                RefMove::Moved,
                "{round}"
            );
            assert_eq!(
                git.move_reference(&name, Some(tip), None, "").unwrap(),
                RefMove::Moved,
                "{round}"
            );
        }
    });
    assert_eq!(repository.git(&["for-each-ref", "refs/cordwainer"]), "");
    assert_eq!(notes(&repository), 0);
}
