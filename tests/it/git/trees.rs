use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use cordwainer::error::ErrorKind;
use cordwainer::git::{ChangeKind, EntryKind, Git, Oid, TreeEdit};
use proptest::prelude::*;

use crate::support::repository::TestRepository;

fn paths(git: &Git, tree: Oid) -> Vec<String> {
    let files = git.files(tree).unwrap();
    files.iter().map(|file| file.path.display().to_string()).collect()
}

fn edit(remove: &[&str], keep: &[&str], write: &[(&str, &str)]) -> TreeEdit {
    let all = |paths: &[&str]| paths.iter().map(PathBuf::from).collect();
    TreeEdit {
        remove: all(remove),
        keep: all(keep),
        write: write
            .iter()
            .map(|(path, text)| (path.into(), text.as_bytes().to_vec()))
            .collect(),
    }
}

fn project() -> (TestRepository, Git, Oid) {
    let repository = TestRepository::empty();
    for path in [
        "a.txt",
        "src/lib.rs",
        "src/deep/er/x.rs",
        "src-gen/y.rs",
        "xtask/src/main.rs",
        "bin/run",
    ] {
        repository.write(path, path);
    }
    fs::set_permissions(repository.path().join("bin/run"), fs::Permissions::from_mode(0o755)).unwrap();
    symlink("src", repository.path().join("link")).unwrap();
    let tip = repository.commit("project");
    let git = repository.handle();
    (repository, git, tip)
}

#[test]
fn files_are_listed_with_their_kinds_and_read() {
    let (_repository, git, tip) = project();
    let files = git.files(tip).unwrap();
    let kind = |path: &str| files.iter().find(|file| file.path == Path::new(path)).unwrap().kind;
    assert_eq!(kind("bin/run"), EntryKind::Executable);
    assert_eq!(kind("link"), EntryKind::Link);
    assert_eq!(kind("a.txt"), EntryKind::File);
    let read = |path: &str| git.read_file(tip, Path::new(path)).unwrap();
    assert_eq!(read("src/lib.rs").as_deref(), Some(&b"src/lib.rs"[..]));
    assert_eq!(read("link").as_deref(), Some(&b"src"[..]));
    assert_eq!(read("link/lib.rs"), None);
    assert_eq!(read("src"), None);
    assert_eq!(read("nothing/here"), None);
}

#[test]
fn removing_spares_what_is_kept_and_names_alike() {
    let (repository, git, tip) = project();
    let result = git
        .edit_tree(
            tip,
            &edit(&["src", "xtask", "not/there"], &["src/deep/er", "xtask"], &[]),
        )
        .unwrap();
    let expected = [
        "a.txt",
        "bin/run",
        "link",
        "src-gen/y.rs",
        "src/deep/er/x.rs",
        "xtask/src/main.rs",
    ];
    assert_eq!(paths(&git, result), expected);
    repository.git(&["fsck", "--strict"]);
}

#[test]
fn the_last_file_of_a_folder_takes_the_folder_along() {
    let (_repository, git, tip) = project();
    let all = edit(&["a.txt", "bin", "src", "src-gen", "xtask"], &[], &[("link2/new", "x")]);
    let left = git.edit_tree(tip, &all).unwrap();
    assert_eq!(paths(&git, left), ["link", "link2/new"]);
    assert_eq!(
        git.edit_tree(left, &edit(&["link2/new"], &[], &[]))
            .unwrap()
            .to_string()
            .len(),
        40
    );
    assert_eq!(
        git.edit_tree(git.empty_tree().unwrap(), &edit(&["x"], &[], &[]))
            .unwrap(),
        git.empty_tree().unwrap()
    );
}

#[test]
fn a_written_file_stays_executable_and_replaces_what_is_there() {
    let (_repository, git, tip) = project();
    let result = git
        .edit_tree(
            tip,
            &edit(
                &[],
                &[],
                &[("bin/run", "new"), ("a.txt/b", "b"), ("./src//lib.rs", "l")],
            ),
        )
        .unwrap();
    let files = git.files(result).unwrap();
    let run = files.iter().find(|file| file.path == Path::new("bin/run")).unwrap();
    assert_eq!(
        (run.kind, git.read_blob(run.id).unwrap()),
        (EntryKind::Executable, b"new".to_vec())
    );
    assert_eq!(
        git.read_file(result, Path::new("a.txt/b")).unwrap().as_deref(),
        Some(&b"b"[..])
    );
    let changes = git.changes(tip, result).unwrap();
    let kinds: Vec<_> = changes
        .iter()
        .map(|change| (change.path.to_str().unwrap(), change.kind))
        .collect();
    assert_eq!(
        kinds,
        [
            ("a.txt", ChangeKind::Deleted),
            ("a.txt/b", ChangeKind::Added),
            ("bin/run", ChangeKind::Modified),
            ("src/lib.rs", ChangeKind::Modified),
        ]
    );
}

#[test]
fn paths_that_leave_the_repository_or_meet_a_link_are_refused() {
    let (_repository, git, tip) = project();
    for path in [
        "/etc/passwd",
        "../x",
        "src/../../x",
        ".git/config",
        "src/.GIT/x",
        "git~1/x",
        "",
        ".",
        "link",
        "link/lib.rs",
    ] {
        for change in [edit(&[path], &[], &[]), edit(&[], &[], &[(path, "x")])] {
            let error = git.edit_tree(tip, &change).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration, "{path}");
            assert!(error.to_string().contains(&format!("`{path}`")), "{error}");
        }
    }
    let error = git.edit_tree(tip, &edit(&["link/lib.rs"], &[], &[])).unwrap_err();
    assert!(
        error.to_string().contains("`link`, which is a symbolic link"),
        "{error}"
    );
}

#[test]
fn names_of_any_bytes_are_kept() {
    let repository = TestRepository::new();
    let name = OsStr::from_bytes(b"caf\xe9 \n\"x\"");
    repository.write(Path::new("d").join(name), "x");
    let tip = repository.commit("bytes");
    let git = repository.handle();
    assert_eq!(git.files(tip).unwrap()[1].path, Path::new("d").join(name));
    assert_eq!(
        git.read_file(tip, &Path::new("d").join(name)).unwrap().as_deref(),
        Some(&b"x"[..])
    );
}

fn a_path() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(vec!["a", "b", "a-", "a.b", "a0", "c"]), 1..4)
        .prop_map(|parts| parts.join("/"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// An edit gives what git makes of the same changes in a checkout.
    #[test]
    fn an_edit_is_what_git_would_commit(first in prop::collection::vec(a_path(), 1..8), remove in prop::collection::vec(a_path(), 0..4), write in prop::collection::vec(a_path(), 0..4)) {
        let repository = TestRepository::new();
        let place = |path: &str| {
            let whole = repository.path().join(path);
            for above in whole.ancestors().take_while(|above| *above != repository.path()).skip(1) {
                if above.is_file() { fs::remove_file(above).unwrap(); }
            }
            if whole.is_dir() { fs::remove_dir_all(&whole).unwrap(); }
            repository.write(path, path);
        };
        for path in &first { place(path); }
        let tip = repository.commit("first");
        for path in &remove {
            let whole = repository.path().join(path);
            if whole.is_dir() { fs::remove_dir_all(whole).unwrap(); } else if whole.is_file() { fs::remove_file(whole).unwrap(); }
        }
        for path in &write { place(path); }
        let expected = repository.commit("second");
        let git = repository.handle();
        let change = TreeEdit {
            remove: remove.iter().map(PathBuf::from).collect(),
            keep: Vec::new(),
            write: write.iter().map(|path| (path.into(), path.as_bytes().to_vec())).collect(),
        };
        prop_assert_eq!(git.edit_tree(tip, &change).unwrap(), git.tree_of(expected).unwrap());
    }
}
