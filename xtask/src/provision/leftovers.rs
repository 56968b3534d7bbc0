//! Mounts and processes that engines leave behind.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// How the programs begin by which engines run containers, as they are called. Somebody may look at an engine's log with another.
const HELPERS: [&str; 7] = ["conmon", "containerd", "crun", "dockerd", "podman", "runc", "runsc"];
/// Until a process that was killed must be gone.
const GONE: Duration = Duration::from_secs(10);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// Waits until no process is left of an engine that has ended and had this folder. Those that are there after `grace` are killed
/// by their ids: an engine that was killed while it made a container knows of no process in it afterwards.
pub(super) fn end_processes(folder: &Path, grace: Duration) {
    wait_for_end(folder, grace);
    let open = |id| pidfd_open(Pid::from_raw(id)?, PidfdFlags::empty()).ok();
    let held: Vec<_> = processes(folder)
        .into_keys()
        .filter_map(|id| Some((id, open(id)?)))
        .collect();
    // Ids are used again: they are looked at once more, now that they are held.
    let left = processes(folder);
    for (id, handle) in held {
        let Some(command) = left.get(&id) else { continue };
        super::told(&format!("The engine left {id}, which is killed: {command}"));
        if let Err(error) = pidfd_send_signal(&handle, Signal::KILL) {
            super::told(&format!("{id} could not be killed: {error}"));
        }
    }
    wait_for_end(folder, GONE);
}

fn wait_for_end(folder: &Path, most: Duration) {
    let begun = Instant::now();
    while !processes(folder).is_empty() && begun.elapsed() < most {
        std::thread::sleep(LOOK);
    }
}

/// Returns the processes of the engine that has this folder, by id, with their command lines: its programs, by what of the folder
/// they were given, what they began, and what has its root there.
pub(super) fn processes(folder: &Path) -> BTreeMap<i32, String> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let all: BTreeMap<i32, Process> = ids.filter_map(|id| Some((id, Process::read(id)?))).collect();
    let mut found: BTreeMap<i32, String> = BTreeMap::new();
    loop {
        let is_its = |process: &Process| found.contains_key(&process.parent) || process.is_of(folder);
        let more: Vec<(i32, String)> = all
            .iter()
            .filter(|(id, process)| !found.contains_key(id) && is_its(process))
            .map(|(id, process)| (*id, process.words.join(" ")))
            .collect();
        if more.is_empty() {
            return found;
        }
        found.extend(more);
    }
}

/// What proc(5) has of a process.
struct Process {
    parent: i32,
    /// Its command line.
    words: Vec<String>,
    /// Its line of `mountinfo` for its root.
    root: String,
}

impl Process {
    /// `None` for one that has ended, or that this user may not look at.
    fn read(id: i32) -> Option<Self> {
        let read = |name: &str| std::fs::read(PathBuf::from(format!("/proc/{id}/{name}"))).ok();
        let text = |name: &str| Some(String::from_utf8_lossy(&read(name)?).into_owned());
        // The name in brackets may have any characters.
        let parent = text("stat")?
            .rsplit_once(')')?
            .1
            .split_whitespace()
            .nth(1)?
            .parse()
            .ok()?;
        let words: Vec<String> = text("cmdline")?.split_terminator('\0').map(String::from).collect();
        let mounts = text("mountinfo")?;
        let is_root = |line: &&str| line.split(' ').nth(4) == Some("/");
        let root = mounts.lines().rfind(is_root).unwrap_or_default().to_owned();
        (!words.is_empty()).then_some(Self { parent, words, root })
    }

    fn is_of(&self, folder: &Path) -> bool {
        let program = self
            .words
            .first()
            .and_then(|word| Path::new(word).file_name()?.to_str());
        let is_helper = program.is_some_and(|name| HELPERS.iter().any(|helper| name.starts_with(helper)));
        let names_it = |word: &String| {
            let value = word.split_once('=').map_or(word.as_str(), |(_, value)| value);
            Path::new(value).starts_with(folder)
        };
        // The field is relative to whatever is mounted where the folder is; its last name is drawn at random.
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let roots = self.root.contains(&format!("/{name}/"));
        roots || (is_helper && self.words.iter().any(names_it))
    }
}

/// Unmounts everything mounted below a folder, the deepest first, so that the folder can be removed.
pub(super) fn unmount_below(folder: &Path) {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    for point in points_below(&mounts, folder) {
        let unmounted = Command::new("umount").args(["--lazy", &point]).status();
        if !unmounted.is_ok_and(|status| status.success()) {
            super::told(&format!("`{point}` stays mounted"));
        }
    }
}

/// The mount points (proc(5): the fifth field of a line) below a folder, those mounted last first.
fn points_below(mountinfo: &str, folder: &Path) -> Vec<String> {
    let points = mountinfo.lines().filter_map(|line| line.split(' ').nth(4));
    let mut below: Vec<String> = points
        .filter(|point| Path::new(point).starts_with(folder))
        .map(String::from)
        .collect();
    below.reverse();
    below
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt as _;
    use std::process::{Child, Stdio};

    use super::*;

    /// A process that is called so, has begun another, and reads until its end.
    fn called(name: &str, words: &[&str]) -> Child {
        let mut command = Command::new("sh");
        let command = command.arg0(name).args(["-c", "cat; true"]).args(words);
        command.stdin(Stdio::piped()).spawn().unwrap()
    }

    #[test]
    fn only_an_engines_own_processes_are_killed_with_what_they_began() {
        let folder = tempfile::TempDir::new().unwrap();
        let address = folder.path().join("exec/containerd/containerd.sock");
        let address = address.to_str().unwrap();
        let shim = "/usr/bin/containerd-shim-runc-v2";
        let mut its = called(shim, &["-namespace", "moby", "-address", address]);
        let others = [
            called(
                shim,
                &["-namespace", "moby", "-address", "/run/containerd/containerd.sock"],
            ),
            called("tail", &["-f", address]),
            called("podman", &["--url", &format!("unix://{address}")]),
        ];
        let begun = Instant::now();
        while processes(folder.path()).len() < 2 {
            assert!(begun.elapsed() < GONE, "{:?}", processes(folder.path()));
        }
        let found = processes(folder.path());
        assert!(found.contains_key(&i32::try_from(its.id()).unwrap()), "{found:?}");
        assert!(found.values().any(|command| command == "cat"), "{found:?}");
        end_processes(folder.path(), Duration::ZERO);
        assert_eq!(processes(folder.path()), BTreeMap::new());
        assert!(!its.wait().unwrap().success());
        for mut other in others {
            assert!(other.try_wait().unwrap().is_none(), "it is another's");
            drop(other.stdin.take());
            assert!(other.wait().unwrap().success());
        }
    }

    #[test]
    fn the_deepest_come_first_and_neighbours_stay() {
        let mountinfo = "1 0 8:1 / / rw - ext4 x rw\n\
                         2 1 8:1 /a /tmp/engine/overlay rw - ext4 x rw\n\
                         3 1 8:1 /a /tmp/engine-2/overlay rw - ext4 x rw\n\
                         4 2 0:9 / /tmp/engine/overlay/merged rw - overlay x rw\n";
        let expect = ["/tmp/engine/overlay/merged", "/tmp/engine/overlay"];
        assert_eq!(points_below(mountinfo, Path::new("/tmp/engine")), expect);
    }
}
