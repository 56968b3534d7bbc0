//! The file on disk.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use cordwainer::config::Config;
use cordwainer::error::{Error, ErrorKind};
use tempfile::TempDir;

fn folder(configuration: impl AsRef<[u8]>) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("configuration.yaml"), configuration).expect("a file");
    folder
}

/// The error's text and that of its causes.
fn failure(root: &Path) -> String {
    let error = Config::load(root).expect_err("it has problems");
    assert_eq!(error.kind(), ErrorKind::Configuration);
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        text = format!("{text}\n{error}");
        cause = error.source();
    }
    text.replace(&root.display().to_string(), "ROOT")
}

#[test]
fn a_missing_file_says_how_to_get_one() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let error = Config::load(folder.path()).expect_err("nothing is there");
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert_eq!(error.hint_text(), Some("run `cordwainer init` to write one"));
    assert_eq!(
        failure(folder.path()),
        "there is no configuration at `ROOT/configuration.yaml`"
    );
}

#[test]
fn what_is_no_text_file_is_refused() {
    let no_text = folder(b"max_issues: 3\n# \xff\n");
    assert_eq!(failure(no_text.path()), "configuration.yaml:2: not UTF-8");
    let no_file = tempfile::tempdir().expect("a temporary folder");
    fs::create_dir(no_file.path().join("configuration.yaml")).expect("a folder");
    assert_eq!(failure(no_file.path()), "`ROOT/configuration.yaml` is not a file");
    let huge = folder(vec![b'#'; 3 << 20]);
    let expected = "`configuration.yaml` has 1 problem\nconfiguration.yaml:1:1: larger than 1048576 bytes";
    assert_eq!(failure(huge.path()), expected);
}

#[test]
fn a_good_file_is_read() -> Result<(), Error> {
    assert_eq!(Config::load(folder("max_issues: 3\n").path())?.max_issues, 3);
    Ok(())
}

/// By another name, a link shows what must stay hidden, and clears what must stay.
#[test]
fn links_and_absolute_paths_are_seen_through() {
    let folder = folder("");
    let root = folder.path();
    for dir in [".secrets", "xtask", "state", "harmless"] {
        fs::create_dir(root.join(dir)).expect("a folder");
    }
    symlink(".secrets", root.join("innocent")).expect("a link");
    symlink("xtask", root.join("src")).expect("a link");
    let here = root.display();
    let cases = [
        (
            "container: {mounts: [innocent:/x]}",
            "container.mounts[0]: the mount of `innocent` would show `secrets_dir` to the agent",
        ),
        (
            "container: {mounts: ['ROOT:/x']}",
            "container.mounts[0]: the mount of `ROOT` would show git's own folder to the agent",
        ),
        (
            "container: {mounts: ['ROOT/.secrets/a:/x']}",
            "container.mounts[0]: the mount of `ROOT/.secrets/a` would show `secrets_dir` to the agent",
        ),
        (
            "container: {mounts: ['ROOT/harmless:/x:rw']}",
            "container.mounts[0]: the mount of `ROOT/harmless` would let the agent write into the checkout; mount a folder \
             outside of it",
        ),
        (
            "source_dirs: [src]",
            "source_dirs[0]: expected a folder that may be cleared, but `xtask_dir` is there",
        ),
        (
            "{state_dir: ROOT/state, cleanup_dirs: [state]}",
            "cleanup_dirs[0]: expected a folder that may be cleared, but `state_dir` is there",
        ),
    ];
    for (text, expected) in cases {
        fs::write(root.join("configuration.yaml"), text.replace("ROOT", &here.to_string())).expect("a file");
        assert!(
            failure(root).ends_with(&format!(": {expected}")),
            "{text}: {}",
            failure(root)
        );
    }
    fs::write(
        root.join("configuration.yaml"),
        "container: {mounts: [harmless:/x]}\nsource_dirs: [harmless]",
    )
    .expect("a file");
    Config::load(root).expect("nothing is wrong with it");
}

/// In a linked worktree, what must stay hidden lies elsewhere.
#[test]
fn the_git_folder_of_a_linked_worktree_is_found() {
    let main = folder("");
    let linked = main.path().join(".git/worktrees/linked");
    fs::create_dir_all(&linked).expect("a folder");
    fs::write(linked.join("commondir"), "../..\n").expect("a file");
    let main = main.path().canonicalize().expect("a path");
    for shown in [main.clone(), main.join(".git"), main.join(".git/objects")] {
        let text = format!("container: {{mounts: ['{}:/x']}}", shown.display());
        let worktree = folder(&text);
        fs::write(worktree.path().join(".git"), format!("gitdir: {}\n", linked.display())).expect("a file");
        let failure = failure(worktree.path());
        assert!(
            failure.ends_with("would show git's own folder to the agent"),
            "{failure}"
        );
    }
}
