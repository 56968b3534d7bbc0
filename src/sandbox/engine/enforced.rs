//! Limits that an engine cannot enforce: some engines ignore them silently, and an agent without a requested limit is
//! worse than no agent.

use std::fmt;

use bollard::models::SystemInfo;

use crate::base::error::{Error, ErrorKind, Result};
use crate::sandbox::spec::ContainerSpec;

/// Which limits an engine enforces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Enforced {
    memory: bool,
    cpus: bool,
    pids: bool,
}

impl Enforced {
    /// Every limit.
    pub(super) const ALL: Self = Self {
        memory: true,
        cpus: true,
        pids: true,
    };
    /// None: an ordinary user's engine on a machine with control groups of version 1.
    pub(super) const NONE: Self = Self {
        memory: false,
        cpus: false,
        pids: false,
    };

    /// Reads them from Docker Engine's answer to `/info`; a limit that it does not mention is enforced.
    pub(super) fn by_docker(info: &SystemInfo) -> Self {
        let has = |said: Option<bool>| said.unwrap_or(true);
        Self {
            memory: has(info.memory_limit),
            cpus: has(info.cpu_cfs_quota),
            pids: has(info.pids_limit),
        }
    }

    /// Refuses a container with a limit that would not be enforced.
    pub(super) fn check(self, spec: &ContainerSpec, engine: &impl fmt::Display) -> Result<()> {
        let asked = [
            ("memory", spec.memory.is_some() && !self.memory),
            ("cpus", spec.cpus.is_some() && !self.cpus),
            ("pids", spec.pids.is_some() && !self.pids),
        ];
        let keys: Vec<String> = asked
            .iter()
            .filter(|(_, unkept)| *unkept)
            .map(|(key, _)| format!("`container.{key}"))
            .collect();
        if keys.is_empty() {
            return Ok(());
        }
        let named = keys.join("`, ");
        let off = keys.join(": off`, ");
        let message = format!("{engine} cannot enforce {named}` on this machine: its user has no such control group");
        Err(Error::new(ErrorKind::Engine, message).hint(format!(
            "set {off}: off` to run without a limit, use an engine that root runs, or start the machine with control groups \
             of version 2 alone"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_limit_that_was_asked_for_is_missed() {
        let spec = |memory: Option<u64>, pids: Option<u32>| ContainerSpec {
            memory,
            pids,
            ..ContainerSpec::default()
        };
        let limited = spec(Some(1 << 20), Some(7));
        assert!(Enforced::ALL.check(&limited, &"podman").is_ok());
        assert!(Enforced::NONE.check(&spec(None, None), &"podman").is_ok());
        let error = Enforced::NONE.check(&limited, &"podman").unwrap_err();
        assert_eq!(
            error.to_string(),
            "podman cannot enforce `container.memory`, `container.pids` on this machine: its user has no such control group"
        );
        let without_memory = SystemInfo {
            memory_limit: Some(false),
            ..SystemInfo::default()
        };
        let docker = Enforced::by_docker(&without_memory);
        assert!(docker.check(&spec(None, Some(7)), &"docker").is_ok());
        assert!(docker.check(&limited, &"docker").is_err());
    }
}
