//! What an agent may leave in a slot.

mod repositories;

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use cordwainer::git::{ChangeKind, Git, Slot, Snapshot, SnapshotLimits};
use git2::Oid;

use super::layered::same_above_a_checkout;
use super::slots::{pool, restore};
use crate::support::repository::TestRepository;

/// A repository, and a slot restored to its only commit.
pub(super) struct Scene {
    repository: TestRepository,
    git: Git,
    pub(super) slot: Slot,
    base: Oid,
}

impl Scene {
    pub(super) fn new(files: &[(&str, &str)]) -> Self {
        let repository = TestRepository::new().seeing_unheld();
        for (path, content) in files {
            repository.write(path, content);
        }
        let base = repository.commit("base");
        let git = repository.handle();
        let mut slot = pool(&repository).acquire("x").unwrap();
        restore(&mut slot, &git, base);
        Self {
            repository,
            git,
            slot,
            base,
        }
    }

    pub(super) fn at(&self, path: impl AsRef<Path>) -> PathBuf {
        self.slot.path().join(path)
    }

    pub(super) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        fs::create_dir_all(self.at(path).parent().unwrap()).unwrap();
        fs::write(self.at(path), content).unwrap();
    }

    /// Takes a snapshot, checks that the repository is sound and untouched, and that a restore mends everything.
    pub(super) fn snapshot(&mut self) -> Snapshot {
        let before = self.repository.snapshot_of_everything();
        let limits = SnapshotLimits {
            max_file_bytes: 1 << 20,
            max_files: 100,
            max_bytes: 10 << 20,
        };
        let snapshot = self.slot.snapshot(self.base, &limits).unwrap();
        same_above_a_checkout(&self.repository, (self.slot.path(), self.base), &limits, &snapshot);
        self.repository.git(&["fsck", "--strict"]);
        restore(&mut self.slot, &self.git, self.base);
        assert_eq!(self.repository.snapshot_of_everything(), before);
        snapshot
    }

    fn file(&self, snapshot: &Snapshot, path: &str) -> Option<String> {
        let content = self.git.read_file(snapshot.tree, Path::new(path)).unwrap();
        content.map(|content| String::from_utf8(content).unwrap())
    }
}

fn names(list: &[(PathBuf, String)]) -> Vec<&str> {
    list.iter().map(|(path, _)| path.to_str().unwrap()).collect()
}

#[test]
fn an_honest_change_is_recorded_as_it_is() {
    let mut scene = Scene::new(&[("a", "a"), ("gone", "g"), ("d/e", "e"), ("run", "r")]);
    scene.write("a", "A");
    scene.write("new/file", "n");
    fs::remove_file(scene.at("gone")).unwrap();
    fs::remove_dir_all(scene.at("d")).unwrap();
    scene.write("d", "now a file");
    fs::set_permissions(scene.at("run"), fs::Permissions::from_mode(0o755)).unwrap();
    symlink("new/file", scene.at("link")).unwrap();
    let snapshot = scene.snapshot();
    let changed: Vec<_> = snapshot
        .changed
        .iter()
        .map(|c| (c.path.to_str().unwrap(), c.kind))
        .collect();
    let expected = [
        ("a", ChangeKind::Modified),
        ("d", ChangeKind::Added),
        ("d/e", ChangeKind::Deleted),
        ("gone", ChangeKind::Deleted),
        ("link", ChangeKind::Added),
        ("new/file", ChangeKind::Added),
        ("run", ChangeKind::Modified),
    ];
    assert_eq!(changed, expected);
    assert_eq!(snapshot.changed, scene.git.changes(scene.base, snapshot.tree).unwrap());
    assert_eq!(scene.file(&snapshot, "link").as_deref(), Some("new/file"));
    assert!(snapshot.refused.is_empty() && snapshot.skipped.is_empty() && snapshot.ignored.is_empty());
}

#[test]
fn nothing_changed_is_the_base_tree() {
    let mut scene = Scene::new(&[("a", "a"), ("b/c", "c")]);
    scene.write("a", "a");
    let snapshot = scene.snapshot();
    assert_eq!(snapshot.tree, scene.git.tree_of(scene.base).unwrap());
    assert!(snapshot.changed.is_empty());
}

#[test]
fn forged_git_files_run_nothing_and_lead_nowhere() {
    let mut scene = Scene::new(&[("a", "a")]);
    let evil = scene.repository.outside().join("evil");
    scene.repository.git(&["init", "--quiet", evil.to_str().unwrap()]);
    let proof = scene.repository.outside().join("proof");
    let command = format!("touch {}", proof.display());
    for key in [
        "core.fsmonitor",
        "filter.evil.clean",
        "filter.evil.smudge",
        "core.sshCommand",
        "diff.external",
    ] {
        scene.repository.git_in(&evil, &["config", key, &command]);
    }
    scene.repository.git_in(&evil, &["config", "core.worktree", "/etc"]);
    fs::write(scene.at(".git"), format!("gitdir: {}/.git\n", evil.display())).unwrap();
    // The control: git itself is led astray.
    scene.repository.try_git_in(scene.slot.path(), &["status"]);
    assert!(proof.exists(), "the trap does not work");
    fs::remove_file(&proof).unwrap();
    scene.write("a", "changed");
    scene.write(".gitattributes", "* filter=evil diff=evil merge=evil\n");
    let snapshot = scene.snapshot();
    assert_eq!(scene.file(&snapshot, "a").as_deref(), Some("changed"));
    fs::remove_file(scene.at(".git")).unwrap();
    fs::rename(evil.join(".git"), scene.at(".git")).unwrap();
    scene.write("a", "again");
    let snapshot = scene.snapshot();
    assert_eq!(snapshot.changed.len(), 1);
    assert!(!proof.exists());
    // The restore has put the slot's own pointer back.
    assert_eq!(
        scene.repository.git_in(scene.slot.path(), &["status", "--porcelain"]),
        ""
    );
}

#[test]
fn a_link_in_the_place_of_a_folder_is_a_link() {
    let mut scene = Scene::new(&[("d/file", "x"), ("e/file", "y")]);
    let outside = scene.repository.outside().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("file"), "secret").unwrap();
    fs::remove_dir_all(scene.at("d")).unwrap();
    symlink(&outside, scene.at("d")).unwrap();
    let snapshot = scene.snapshot();
    assert_eq!(names(&snapshot.refused), ["d"]);
    assert!(
        snapshot.refused[0].1.contains("leads out of the repository"),
        "{snapshot:?}"
    );
    assert_eq!(scene.file(&snapshot, "d/file").as_deref(), Some("x"));
    fs::remove_dir_all(scene.at("d")).unwrap();
    symlink("e", scene.at("d")).unwrap();
    let snapshot = scene.snapshot();
    assert_eq!(scene.file(&snapshot, "d").as_deref(), Some("e"));
    assert_eq!(scene.file(&snapshot, "d/file"), None);
    assert_eq!(fs::read_to_string(outside.join("file")).unwrap(), "secret");
    // The slot's own folder replaced by a link is not entered either.
    let path = scene.slot.path().to_path_buf();
    fs::rename(&path, path.with_extension("aside")).unwrap();
    symlink(&outside, &path).unwrap();
    assert!(scene.slot.snapshot(scene.base, &SnapshotLimits::default()).is_err());
    assert!(scene.slot.restore(scene.base, None).is_err());
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
}

#[test]
fn what_git_cannot_record_is_skipped_without_waiting_for_it() {
    let mut scene = Scene::new(&[
        ("a", "a"),
        (".gitattributes", "* text=auto\n"),
        ("sub/.gitignore", "x\n"),
    ]);
    let fifo = |path: PathBuf| assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    fifo(scene.at("fifo"));
    // In the place of files that are read for their rules.
    fifo(scene.at(".gitignore"));
    fs::remove_file(scene.at(".gitattributes")).unwrap();
    fifo(scene.at(".gitattributes"));
    fs::remove_file(scene.at("sub/.gitignore")).unwrap();
    fifo(scene.at("sub/.gitignore"));
    let _socket = UnixListener::bind(scene.at("socket")).unwrap();
    scene.write("a", "b");
    let snapshot = scene.snapshot();
    assert_eq!(
        names(&snapshot.skipped),
        [".gitattributes", ".gitignore", "fifo", "socket", "sub/.gitignore"]
    );
    assert_eq!(scene.file(&snapshot, "a").as_deref(), Some("b"));
    assert_eq!(scene.file(&snapshot, ".gitattributes"), None);
}

#[test]
fn a_huge_file_is_refused_unread_and_the_base_keeps_its_own() {
    let mut scene = Scene::new(&[("a", "a"), ("b", "b")]);
    for path in ["a", "huge"] {
        let file = File::create(scene.at(path)).unwrap();
        file.set_len(200 << 30).unwrap();
    }
    scene.write("b", "B");
    let snapshot = scene.snapshot();
    assert_eq!(names(&snapshot.refused), ["a", "huge"]);
    assert_eq!(scene.file(&snapshot, "a").as_deref(), Some("a"));
    assert_eq!(scene.file(&snapshot, "b").as_deref(), Some("B"));
}

#[test]
fn modes_and_names_of_any_kind_are_coped_with() {
    let mut scene = Scene::new(&[("d/a", "a"), ("e/b", "b")]);
    let strange = OsStr::from_bytes(b"\xff\xfe \n*?[\x1b[31m");
    fs::write(scene.at("d").join(strange), "s").unwrap();
    fs::write(scene.at("e/secret"), "s").unwrap();
    fs::set_permissions(scene.at("e/secret"), fs::Permissions::from_mode(0o000)).unwrap();
    fs::set_permissions(scene.at("e"), fs::Permissions::from_mode(0o000)).unwrap();
    fs::set_permissions(scene.at("d"), fs::Permissions::from_mode(0o500)).unwrap();
    let snapshot = scene.snapshot();
    let path = Path::new("d").join(strange);
    assert_eq!(
        scene.git.read_file(snapshot.tree, &path).unwrap().as_deref(),
        Some(&b"s"[..])
    );
    assert_eq!(scene.file(&snapshot, "e/secret").as_deref(), Some("s"));
}

#[test]
fn ignored_new_files_are_left_out_and_tracked_ones_are_not() {
    let mut scene = Scene::new(&[(".gitignore", "build/\n*.log\n!keep.log\n"), ("x", "x")]);
    let exclude = scene.git.common_dir().join("info/exclude");
    fs::write(exclude, "scratch\n").unwrap();
    let personal = scene.repository.outside().join("home/.gitignore");
    fs::write(&personal, "personal\n").unwrap();
    scene
        .repository
        .git(&["config", "core.excludesFile", personal.to_str().unwrap()]);
    for path in [
        "build/out",
        "a.log",
        "keep.log",
        "scratch",
        "src/main.rs",
        "sub/b.log",
        "sub/c",
        "src/personal",
    ] {
        scene.write(path, path);
    }
    scene.write("sub/.gitignore", "c\n!b.log\n");
    let snapshot = scene.snapshot();
    let ignored: Vec<_> = snapshot.ignored.iter().map(|path| path.to_str().unwrap()).collect();
    assert_eq!(ignored, ["a.log", "build", "scratch", "src/personal", "sub/c"]);
    let changed: Vec<_> = snapshot
        .changed
        .iter()
        .map(|change| change.path.to_str().unwrap())
        .collect();
    assert_eq!(changed, ["keep.log", "src/main.rs", "sub/.gitignore", "sub/b.log"]);
}

#[test]
fn line_endings_are_recorded_as_git_would_and_untouched_files_stay() {
    let crlf = "one\r\ntwo\r\n";
    let mut scene = Scene::new(&[("old.txt", crlf), ("touched.txt", crlf), ("edited.txt", crlf)]);
    scene.write(".gitattributes", "* text=auto\n*.bat text eol=crlf\n*.raw -text\n");
    scene.write("touched.txt", crlf);
    scene.write("edited.txt", "one\r\n2\r\n");
    for name in ["new.txt", "new.bat", "new.raw"] {
        scene.write(name, crlf);
    }
    scene.write("binary", b"\0\r\n");
    let snapshot = scene.snapshot();
    let file = |path: &str| scene.file(&snapshot, path).unwrap();
    assert_eq!((file("old.txt").as_str(), file("touched.txt").as_str()), (crlf, crlf));
    assert_eq!(file("new.txt"), "one\ntwo\n");
    assert_eq!(file("new.bat"), "one\ntwo\n");
    assert_eq!(file("new.raw"), crlf);
    assert_eq!(file("binary"), "\0\r\n");
    // As git: a file stored with carriage returns keeps them under `text=auto`.
    assert_eq!(file("edited.txt"), "one\r\n2\r\n");
}

/// A token of GitHub's form that nobody has.
const TOKEN: &str = "ghp_0a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R";

/// Whether any object of the repository holds this, whoever points to it.
fn is_in_an_object(scene: &Scene, text: &str) -> bool {
    let objects = Command::new("git")
        .args(["cat-file", "--batch-all-objects", "--batch"])
        .current_dir(scene.repository.path())
        .env("GIT_ALTERNATE_OBJECT_DIRECTORIES", scene.repository.unheld())
        .output()
        .unwrap();
    assert!(objects.status.success());
    memchr::memmem::find(&objects.stdout, text.as_bytes()).is_some()
}

#[test]
fn no_token_becomes_an_object_and_the_work_is_kept() {
    let mut scene = Scene::new(&[("a", "one\n"), ("binary", "x")]);
    scene.write("a", format!("one\ntwo\nkey = \"{TOKEN}\"\n"));
    scene.write("binary", [b"\0\xff".as_slice(), TOKEN.as_bytes(), b"\xfe\0"].concat());
    scene.write("clean", "clean");
    let snapshot = scene.snapshot();
    let refused = [
        ("a", "line 3 holds a GitHub token; the kept file has it redacted"),
        ("binary", "line 1 holds a GitHub token; the kept file has it redacted"),
    ];
    let refused = refused.map(|(path, why)| (PathBuf::from(path), why.to_owned()));
    assert_eq!(snapshot.refused, refused);
    assert_eq!(
        scene.file(&snapshot, "a").as_deref(),
        Some("one\ntwo\nkey = \"[redacted GitHub token]\"\n")
    );
    let binary = scene
        .git
        .read_file(snapshot.tree, Path::new("binary"))
        .unwrap()
        .unwrap();
    assert_eq!(binary, b"\0\xff[redacted GitHub token]\xfe\0");
    assert_eq!(scene.file(&snapshot, "clean").as_deref(), Some("clean"));
    assert!(!is_in_an_object(&scene, TOKEN));
    // The control: git itself records it.
    scene.repository.write("a", TOKEN);
    scene.repository.commit("careless");
    scene.repository.git(&["repack", "-adq"]);
    assert!(is_in_an_object(&scene, TOKEN));
}

#[test]
fn names_and_targets_with_tokens_are_left_out() {
    let mut scene = Scene::new(&[("a", "a")]);
    scene.write(&format!("d/{TOKEN}/x"), "x");
    scene.write(&format!("{TOKEN}.txt"), "x");
    symlink(TOKEN, scene.at("link")).unwrap();
    let snapshot = scene.snapshot();
    assert_eq!(
        names(&snapshot.refused),
        ["[redacted GitHub token].txt", "d/[redacted GitHub token]/x", "link"]
    );
    assert!(
        snapshot.changed.is_empty() && !format!("{snapshot:?}").contains(TOKEN),
        "{snapshot:?}"
    );
    assert!(!is_in_an_object(&scene, TOKEN));
}

#[test]
fn tokens_that_the_base_has_are_the_persons_own() {
    let (other, data) = (TOKEN.replace("0a1B", "9z8Y"), format!("first: {TOKEN}\n"));
    let mut scene = Scene::new(&[("data", data.as_str()), ("a", "a")]);
    scene.write("data", format!("{data}second\n"));
    scene.write("moved/data", &data);
    let snapshot = scene.snapshot();
    assert!(snapshot.refused.is_empty(), "{snapshot:?}");
    assert_eq!(scene.file(&snapshot, "data"), Some(format!("{data}second\n")));
    assert_eq!(scene.file(&snapshot, "moved/data").as_ref(), Some(&data));
    scene.write("data", format!("{data}second: {other}\n"));
    let snapshot = scene.snapshot();
    assert_eq!(names(&snapshot.refused), ["data"]);
    assert!(
        snapshot.refused[0].1.starts_with("line 2 holds a GitHub token;"),
        "{snapshot:?}"
    );
    assert_eq!(
        scene.file(&snapshot, "data"),
        Some(format!("{data}second: [redacted GitHub token]\n"))
    );
    assert!(!is_in_an_object(&scene, &other));
}

#[test]
fn a_credential_in_use_is_found_encoded_too() {
    let repository = TestRepository::new();
    repository.write("a", "a");
    let base = repository.commit("base");
    let secret = secrecy::SecretString::from("correct-horse-battery");
    let git = repository
        .handle()
        .with_redactor(cordwainer::redact::Redactor::new([&secret]));
    let state = git.common_dir().join("cordwainer");
    let mut slot = cordwainer::git::SlotPool::new(git.clone(), &state)
        .acquire("x")
        .unwrap();
    restore(&mut slot, &git, base);
    fs::write(slot.path().join("a"), "Basic dXNlcjpjb3JyZWN0LWhvcnNlLWJhdHRlcnk=").unwrap();
    let snapshot = slot.snapshot(base, &SnapshotLimits::default()).unwrap();
    let why = "line 1 holds a credential that is in use; the kept file has it redacted";
    assert_eq!(snapshot.refused, [(PathBuf::from("a"), why.to_owned())]);
}

#[test]
fn names_and_links_that_lead_elsewhere_on_some_system_are_refused() {
    let mut scene = Scene::new(&[("a", "a"), ("d/x", "x")]);
    let bad = [
        "..\\up",
        "C:drive",
        "\\root",
        "a\\..\\b",
        ".. ",
        "．ｇｉｔ",
        ".g\u{131}t",
    ];
    for name in bad {
        fs::write(scene.at(name), "x").unwrap();
    }
    let links = [
        ("in-git", ".git/hooks/pre-commit"),
        ("d/up", "../../x"),
        ("absolute", "/etc/passwd"),
        ("folded", "d/../../x"),
    ];
    for (path, target) in links {
        symlink(target, scene.at(path)).unwrap();
    }
    symlink("../a", scene.at("d/fine")).unwrap();
    scene.write("nul", "a name of a device leads nowhere");
    let snapshot = scene.snapshot();
    let mut expected: Vec<_> = bad.into_iter().chain(links.map(|(path, _)| path)).collect();
    expected.sort_unstable();
    let mut refused = names(&snapshot.refused);
    refused.sort_unstable();
    assert_eq!(refused, expected);
    assert_eq!(scene.file(&snapshot, "d/fine").as_deref(), Some("../a"));
    assert!(scene.file(&snapshot, "nul").is_some());
}
