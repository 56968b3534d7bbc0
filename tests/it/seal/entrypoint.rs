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

/// Waits by the entrypoint's functions for a relay at a port of 127.0.0.1, whose process is `process`; `sockstat` is the file in which
/// the kernel counts sockets, of which `before` were there before the relay.
fn awaited(sockstat: &Path, before: &str, process: u32, port: u16) -> (Option<i32>, String) {
    let begin = SCRIPT.find("# Whether somebody listens at an address").unwrap();
    let end = SCRIPT.find("# A child of the init").unwrap();
    let listening = &SCRIPT[begin..end];
    let begin = SCRIPT.find("# The TCP sockets of this network").unwrap();
    let end = SCRIPT.find("# Whether a service listens").unwrap();
    let waiting = &SCRIPT[begin..end];
    let refuse = "refuse() { printf '%s\\n' \"$1\"; exit 125; }";
    let values = format!("sockstat={} before={before}", sockstat.display());
    let script = format!("set -u\n{values}\n{refuse}\n{listening}\n{waiting}\nawait_all {process} x 127.0.0.1 {port}");
    let ran = Command::new("/bin/sh").args(["-c", &script]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&ran.stderr), "");
    (ran.status.code(), String::from_utf8(ran.stdout).unwrap())
}

#[test]
fn relays_are_waited_for_by_count_or_by_the_table_of_sockets() {
    let folder = tempfile::tempdir().unwrap();
    let sockstat = folder.path().join("sockstat");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    // A process that is there, and one that is not.
    let (own, none) = (std::process::id(), u32::MAX);
    let listens = (Some(0), String::new());
    let ended = |port| {
        (
            Some(125),
            format!("the relay to `x` ended before it listened at 127.0.0.1:{port}\n"),
        )
    };
    // Some kernels do not count.
    assert_eq!(awaited(&sockstat, "", own, port), listens);
    drop(listener);
    assert_eq!(awaited(&sockstat, "", none, port), ended(port));
    let counted = "sockets: used 9\nTCP: inuse 3 orphan 0 tw 0 alloc 3 mem 1\nUDP: inuse 0 mem 0\n";
    fs::write(&sockstat, counted).unwrap();
    assert_eq!(awaited(&sockstat, "2", none, port), listens);
    assert_eq!(
        awaited(&sockstat, "3", none, port),
        ended(port),
        "those that were there before are not it"
    );
}
