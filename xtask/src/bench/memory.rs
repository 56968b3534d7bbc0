//! The most memory that a part of this process had, and that a child had.

use std::process::{Child, ExitStatus};

use anyhow::{Context, Result, bail};
use wait4::Wait4 as _;

/// Forgets what memory this process had at most until now.
pub(crate) fn forget_own_peak() -> Result<()> {
    // As proc(5) has it, 5 resets the high-water mark of the resident set.
    std::fs::write("/proc/self/clear_refs", "5").context("cannot write /proc/self/clear_refs")
}

/// The most memory that this process had since [`forget_own_peak`], in KiB; what it held already then included.
pub(crate) fn own_peak() -> Result<u64> {
    of_status("VmHWM:")
}

/// The memory that this process has now, in KiB.
pub(crate) fn own() -> Result<u64> {
    of_status("VmRSS:")
}

fn of_status(name: &str) -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status").context("cannot read /proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB"));
    number
        .with_context(|| format!("/proc/self/status has no {name}"))?
        .parse()
        .with_context(|| format!("{name} is no number"))
}

/// Waits for a child; answers the most memory, in KiB, that it or any process it waited for had.
///
/// Linux counts from the fork on, so that no figure is below what this process had then.
pub(crate) fn wait(mut child: Child) -> Result<u64> {
    let used = child.wait4().context("cannot wait for a child")?;
    if !ExitStatus::success(&used.status) {
        bail!("a child failed: {}", used.status);
    }
    Ok(used.rusage.maxrss / 1024)
}
