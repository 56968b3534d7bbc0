//! The group of this process: a terminal lets one group write to it, and a shell suspends a group.

use super::field;

/// Fields of `/proc/PID/stat`, by their numbers in proc(5).
const PARENT: usize = 4;
const GROUP: usize = 5;
const SESSION: usize = 6;

/// The most generations of processes that are looked at.
const MOST_PARENTS: usize = 64;

/// Returns whether this process was begun by a shell that can suspend it and let it go on: whether a process that is not of its
/// group, and of the same session, is the parent of one that is (the group is not orphaned, see setpgid(2)).
pub(crate) fn is_under_a_shell() -> bool {
    let mut process = std::process::id();
    let (group, session) = (own(), field(process, SESSION));
    for _ in 0..MOST_PARENTS {
        let parent = field(process, PARENT).and_then(|parent| u32::try_from(parent).ok());
        let Some(parent) = parent else { return false };
        if field(parent, GROUP) != group {
            return session.is_some() && field(parent, SESSION) == session;
        }
        process = parent;
    }
    false
}

/// Returns the group of this process; 0 is one of another namespace of processes, for which the calls of rustix have no value.
pub(crate) fn own() -> Option<u64> {
    field(std::process::id(), GROUP)
}
