//! Processes of containers that their engine has forgotten. One that is killed while it creates a container knows of no
//! process in it afterwards: it removes the container, and the runtime's process waits for ever, with the worktree mounted.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// How long a process that was killed may take to be gone.
const GONE: Duration = Duration::from_secs(5);
/// Between two looks at it.
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);
/// The length of a container's id in full. A shorter text could be a part of another one.
const ID_LENGTH: usize = 64;

/// Kills what still runs on this machine in the control group of a container that its engine has removed, and waits until
/// it is gone. What belongs to another user is left, and its worktree with it.
pub(super) async fn end(id: &str) {
    for process in processes(id) {
        let Ok(handle) = pidfd_open(process, PidfdFlags::empty()) else {
            continue;
        };
        // The number of a process is used again: it is looked at once more, now that it is held.
        if !is_in(process, id) {
            continue;
        }
        if let Err(error) = pidfd_send_signal(&handle, Signal::KILL) {
            tracing::debug!(process = process.as_raw_nonzero(), %error, "a process of a removed container stays");
            continue;
        }
        wait_for_end(process).await;
    }
}

/// Waits until nothing is mounted for a process any more.
async fn wait_for_end(process: Pid) {
    let table = format!("/proc/{}/mountinfo", process.as_raw_nonzero());
    let begun = Instant::now();
    while fs::read(&table).is_ok_and(|mounts| !mounts.is_empty()) && begun.elapsed() < GONE {
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}

/// Returns the processes in the control group of a container.
fn processes(id: &str) -> Vec<Pid> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let processes = numbers.filter_map(Pid::from_raw);
    processes.filter(|process| is_in(*process, id)).collect()
}

fn is_in(process: Pid, id: &str) -> bool {
    let path = format!("/proc/{}/cgroup", process.as_raw_nonzero());
    fs::read_to_string(path).is_ok_and(|groups| names(&groups, id))
}

/// Returns whether the control groups of a process (cgroups(7)) are those of a container: engines name them after its id.
fn names(groups: &str, id: &str) -> bool {
    let is_whole = id.len() == ID_LENGTH && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    let group = |line: &str| line.splitn(3, ':').nth(2).is_some_and(|path| path.contains(id));
    is_whole && groups.lines().any(group)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_control_groups_of_a_container_have_its_whole_id() {
        let id = "c3b78cd3ce6c98ae175bfc8d889893dda6827ea3eff91720d5db93a26b8aba97";
        for (groups, is_its) in [
            (format!("9:name=systemd:/libpod_parent/libpod-{id}\n8:pids:/\n"), true),
            (format!("0::/system.slice/docker-{id}.scope\n"), true),
            ("8:pids:/libpod_parent/conmon\n".to_owned(), false),
            (format!("{id}\n"), false),
        ] {
            assert_eq!(names(&groups, id), is_its, "{groups}");
        }
        assert!(!names("0::/system.slice\n", "s"), "a part of an id is none");
        assert!(!names("0::/\n", ""));
    }
}
