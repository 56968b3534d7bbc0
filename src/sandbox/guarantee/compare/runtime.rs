//! Checks which kernel the container is on: `/proc/version`, see proc(5). A program such as `/dev/kvm` in the container
//! shows nothing of that.

use super::verdict::{ItemVerdict, NOT_SEEN};
use crate::sandbox::guarantee::{Facts, Item, RequestedContainer};
use crate::sandbox::spec::Runtime;

/// How gVisor's kernel describes its build, in every release that calls itself Linux 4.4.0.
const GVISORS_BUILD: &str = "#1 SMP Sun Jan 10 15:06:54 PST 2016";

/// Checks that the kernel is one that the requested runtime gives. Two runtimes on one kernel look the same from inside:
/// which of them it is, the engine reports.
pub(super) fn runtime(asked: &RequestedContainer, facts: &Facts) -> ItemVerdict {
    let release = release(facts);
    let Some(runtime) = asked.runtime else {
        return ItemVerdict::new(true, "the engine's own", release.unwrap_or(NOT_SEEN));
    };
    let wanted = match runtime {
        Runtime::Runc | Runtime::Crun => format!("{runtime}, with the host's kernel {}", asked.kernel),
        Runtime::Runsc => format!("{runtime}, with gVisor's kernel"),
        Runtime::Kata | Runtime::Krun => format!("{runtime}, with another kernel than the host's {}", asked.kernel),
    };
    let Some(release) = release else {
        return ItemVerdict::unseen(wanted);
    };
    let gvisor = is_gvisor(facts);
    let held = match runtime {
        Runtime::Runc | Runtime::Crun => release == asked.kernel && !gvisor,
        Runtime::Runsc => release != asked.kernel && gvisor,
        Runtime::Kata | Runtime::Krun => release != asked.kernel && !gvisor,
    };
    let of = if gvisor { " of gVisor" } else { "" };
    ItemVerdict::new(held, wanted, format!("kernel {release}{of}"))
}

/// Returns whether the kernel says that it is gVisor's.
pub(super) fn is_gvisor(facts: &Facts) -> bool {
    facts
        .line("version")
        .is_some_and(|version| version.contains(GVISORS_BUILD) || version.to_ascii_lowercase().contains("gvisor"))
}

/// Returns whether an item cannot be checked in gVisor, as requested: its `/proc` has no file for it. Its kernel says of
/// every process that no filter restricts its system calls, and it has one mount for all of `/proc`.
pub(super) fn is_hidden(item: Item, found: &str, asked: &RequestedContainer, facts: &Facts) -> bool {
    let of_files = match item {
        Item::NoNewPrivileges | Item::Memory | Item::Cpus | Item::Pids | Item::OpenFiles => found == NOT_SEEN,
        Item::Seccomp | Item::KernelFiles => true,
        _ => false,
    };
    of_files && asked.runtime == Some(Runtime::Runsc) && is_gvisor(facts)
}

/// Returns the release of the kernel: the word after `Linux version`.
fn release(facts: &Facts) -> Option<&str> {
    let rest = facts.line("version")?.strip_prefix("Linux version ")?;
    rest.split_whitespace().next()
}
