//! The hard limits of this process, above which no container can get more.

use crate::sandbox::spec::OPEN_FILES;

/// The content of `/proc/self/limits`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ProcessLimits {
    /// Files open at once; `None` is unlimited, or unknown.
    pub(super) open_files: Option<u64>,
    /// Processes of the user; `None` is unlimited, or unknown.
    pub(super) processes: Option<u64>,
}

impl ProcessLimits {
    /// Reads them; on a system without `/proc` none is known.
    pub(super) fn of_this_process() -> Self {
        std::fs::read_to_string("/proc/self/limits")
            .map(|text| Self::parse(&text))
            .unwrap_or_default()
    }

    /// Parses the format of proc(5): a name, the soft limit, the hard limit, a unit.
    fn parse(text: &str) -> Self {
        let hard = |name: &str| {
            let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
            rest.split_whitespace().nth(1)?.parse().ok()
        };
        Self {
            open_files: hard("Max open files"),
            processes: hard("Max processes"),
        }
    }
}

/// Returns how many files a process in a container may have open.
pub(super) fn open_files(limits: &ProcessLimits) -> u64 {
    limits.open_files.unwrap_or(OPEN_FILES).min(OPEN_FILES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_hard_column() {
        let text = "Limit                     Soft Limit           Hard Limit           Units     \n\
                    Max processes             96365                unlimited            processes \n\
                    Max open files            1024                 20000                files     \n";
        let expect = ProcessLimits {
            open_files: Some(20_000),
            processes: None,
        };
        assert_eq!(ProcessLimits::parse(text), expect);
        assert_eq!(ProcessLimits::parse(""), ProcessLimits::default());
    }
}
