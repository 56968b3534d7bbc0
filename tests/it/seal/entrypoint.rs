//! What the entrypoint of images says of whether work is possible, tried on this machine: its own functions, by `sh`.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::repository::TestRepository;

/// The entrypoint of the Claude image.
const SCRIPT: &str = include_str!("../../../container/entrypoint");

/// What the functions say in a worktree, with a container's folders below `place`.
fn said(place: &Path, worktree: &Path, path: &str) -> String {
    let begin = SCRIPT.find("read -r unique").unwrap();
    let end = SCRIPT.find("# The input is not closed before").unwrap();
    let own = place.display().to_string();
    let functions = SCRIPT[begin..end]
        .replace("/run/cordwainer", "@")
        .replace("/var/tmp", "@/var")
        .replace("/tmp", "@/tmp")
        .replace('@', &own);
    let ran = Command::new("/bin/sh")
        .args(["-c", &format!("set -u\n{functions}\nusable\ntidy")])
        .current_dir(worktree)
        .env_clear()
        .env("HOME", place.join("home"))
        .env("PATH", path)
        .output()
        .unwrap();
    String::from_utf8(ran.stdout).unwrap()
}

#[test]
fn work_is_possible_where_git_reads_and_folders_can_be_written() {
    const PATH: &str = "/usr/local/bin:/usr/bin:/bin";
    let repository = TestRepository::new();
    let place = repository.outside().join("container");
    for folder in ["git/refs/heads", "home", "tmp", "var"] {
        fs::create_dir_all(place.join(folder)).unwrap();
    }
    let objects = repository.path().join(".git/objects");
    std::os::unix::fs::symlink(&objects, place.join("objects")).unwrap();
    let commit = repository.git(&["rev-parse", "HEAD"]);
    let head = |id: &str| {
        fs::write(place.join("git/HEAD"), "ref: refs/heads/one\n").unwrap();
        fs::write(place.join("git/refs/heads/one"), format!("{id}\n")).unwrap();
    };
    head(commit.trim());
    let worktree = &repository.path();
    let good = "\n== usable\nworktree yes\nhome yes\ntemporary yes\ngit yes\n";
    assert_eq!(said(&place, worktree, PATH), good);
    // Nothing is left of it.
    for folder in ["home", "tmp", "var"] {
        assert_eq!(fs::read_dir(place.join(folder)).unwrap().count(), 0, "{folder}");
    }
    assert_eq!(repository.git(&["status", "--porcelain", "--ignored"]), "");
    // Settings of the container's repository, which an agent writes, are not read.
    let marker = repository.outside().join("ran");
    let trap = format!(
        "[alias]\n ls-tree = !touch {0}\n[core]\n fsmonitor = touch {0}\n",
        marker.display()
    );
    fs::write(place.join("git/config"), trap).unwrap();
    assert_eq!(said(&place, worktree, PATH), good);
    assert!(!marker.exists());
    head(&"1".repeat(40));
    let text = said(&place, worktree, PATH);
    assert!(text.contains("\ngit cannot read objects: fatal: "), "{text}");
    head("--help");
    let text = said(&place, worktree, PATH);
    assert!(text.contains("/git` has no commit\n"), "{text}");
    fs::remove_file(place.join("git/HEAD")).unwrap();
    assert!(said(&place, worktree, PATH).contains("/git` has no commit\n"));
    // Neither home nor temporary folders.
    fs::remove_dir(place.join("home")).unwrap();
    fs::remove_dir(place.join("var")).unwrap();
    let text = said(&place, worktree, PATH);
    assert!(
        text.contains("\nhome cannot write `") && text.contains("\ntemporary cannot write `"),
        "{text}"
    );
}
