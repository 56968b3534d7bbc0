//! The programs that an engine starts containers with.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A runtime of containers, by the name under which an engine has it: the value of `container.runtime`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Runtime {
    /// The reference runtime; containers share the kernel of the host.
    Runc,
    /// A runtime in C; containers share the kernel of the host.
    Crun,
    /// gVisor: a kernel of its own as a program of the host.
    Runsc,
    /// Kata Containers: a virtual machine for each container.
    Kata,
    /// crun with libkrun: a virtual machine for each container.
    Krun,
}

impl Runtime {
    /// Every runtime, in the order of the documentation.
    pub const ALL: [Self; 5] = [Self::Runc, Self::Crun, Self::Runsc, Self::Kata, Self::Krun];

    /// The name of each, in that order.
    pub const NAMES: [&str; Self::ALL.len()] = ["runc", "crun", "runsc", "kata", "krun"];

    /// Returns its name for engines and in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Runc => "runc",
            Self::Crun => "crun",
            Self::Runsc => "runsc",
            Self::Kata => "kata",
            Self::Krun => "krun",
        }
    }

    /// Returns whether its containers share the kernel of the host.
    pub const fn shares_kernel(self) -> bool {
        matches!(self, Self::Runc | Self::Crun)
    }

    /// Returns whether cordwainer's tests run with it where it is installed.
    pub const fn is_tried(self) -> bool {
        matches!(self, Self::Runc | Self::Runsc)
    }
}

impl fmt::Display for Runtime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_configuration() {
        assert_eq!(Runtime::ALL.map(Runtime::name), Runtime::NAMES);
        for runtime in Runtime::ALL {
            assert_eq!(serde_json::to_value(runtime).unwrap(), runtime.name());
        }
    }
}
