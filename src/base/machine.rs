//! What the machine has that containers share.

use std::fs;
use std::thread::available_parallelism;

/// The machine that this process runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Machine {
    /// Cores that this process may use.
    pub(crate) cores: u32,
    /// Memory in bytes; `None` where the kernel does not report it.
    pub(crate) memory: Option<u64>,
}

impl Machine {
    /// Looks at this machine.
    pub(crate) fn here() -> Self {
        let cores = available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(u32::MAX));
        let text = fs::read_to_string("/proc/meminfo").ok();
        Self {
            cores,
            memory: text.as_deref().and_then(total_memory),
        }
    }
}

/// Returns the total memory that `/proc/meminfo` reports, in bytes.
fn total_memory(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_has_cores_and_memory() {
        let here = Machine::here();
        assert!(
            here.cores >= 1 && here.memory.is_some_and(|bytes| bytes > 1 << 20),
            "{here:?}"
        );
        assert_eq!(
            total_memory("MemTotal:       16384 kB\nMemFree: 1 kB\n"),
            Some(16 << 20)
        );
        assert_eq!(total_memory("MemFree: 1 kB\n"), None);
    }
}
