//! The items of a container that are guaranteed, and their names.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What is found of an item for which gVisor's kernel has no file.
pub(super) const NOT_SHOWN: &str = "gVisor does not show it";

/// One guarantee of a sealed container, with its name in `container.relax` and in reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Item {
    /// The kernel inside is one that the requested runtime gives.
    Runtime,
    /// The command runs as an ordinary user, and not in root's group.
    User,
    /// It has no capability, and can get none.
    Capabilities,
    /// No program that it runs gets more privileges than it has.
    NoNewPrivileges,
    /// A filter restricts its system calls.
    Seccomp,
    /// The image's files are read-only.
    ReadOnlyRoot,
    /// The file systems in memory exist, and none is larger than requested.
    Tmpfs,
    /// Nothing is mounted that was not requested, and nothing is writable that was to be read-only.
    Mounts,
    /// No container engine can be reached through a mounted socket.
    EngineSocket,
    /// The kernel's own settings below `/proc/sys` and `/sys` are read-only.
    KernelFiles,
    /// Its memory is limited, swap included.
    Memory,
    /// Its computing time is limited.
    Cpus,
    /// Its processes are limited.
    Pids,
    /// The files that a process may have open are limited.
    OpenFiles,
    /// It has no network except its own loopback.
    Network,
    /// Its first process is an init, which reaps orphaned processes.
    Init,
    /// It can write to the worktree, which belongs to its user.
    Worktree,
    /// Git works in it, and can read the repository's objects.
    Git,
    /// It can write to its home folder.
    Home,
    /// It can write to the folders for temporary files.
    Temporary,
}

impl Item {
    /// Every item, in the order of reports.
    pub const ALL: [Self; 20] = [
        Self::Runtime,
        Self::User,
        Self::Capabilities,
        Self::NoNewPrivileges,
        Self::Seccomp,
        Self::ReadOnlyRoot,
        Self::Tmpfs,
        Self::Mounts,
        Self::EngineSocket,
        Self::KernelFiles,
        Self::Memory,
        Self::Cpus,
        Self::Pids,
        Self::OpenFiles,
        Self::Network,
        Self::Init,
        Self::Worktree,
        Self::Git,
        Self::Home,
        Self::Temporary,
    ];

    /// The name of each, in that order.
    pub const NAMES: [&str; Self::ALL.len()] = {
        let mut names = [""; Self::ALL.len()];
        let mut index = 0;
        while index < names.len() {
            names[index] = Self::ALL[index].name();
            index += 1;
        }
        names
    };

    /// Returns its name in the configuration and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Runtime => "runtime",
            Self::User => "user",
            Self::Capabilities => "capabilities",
            Self::NoNewPrivileges => "no_new_privileges",
            Self::Seccomp => "seccomp",
            Self::ReadOnlyRoot => "read_only_root",
            Self::Tmpfs => "tmpfs",
            Self::Mounts => "mounts",
            Self::EngineSocket => "engine_socket",
            Self::KernelFiles => "kernel_files",
            Self::Memory => "memory",
            Self::Cpus => "cpus",
            Self::Pids => "pids",
            Self::OpenFiles => "open_files",
            Self::Network => "network",
            Self::Init => "init",
            Self::Worktree => "worktree",
            Self::Git => "git",
            Self::Home => "home",
            Self::Temporary => "temporary",
        }
    }

    /// Finds the item of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|item| item.name() == name)
    }

    /// Returns what a person can do if it does not hold.
    pub const fn fix(self) -> &'static str {
        match self {
            Self::Runtime => {
                "register the runtime with the engine under the name in `container.runtime`, as docs/engines.md has it"
            }
            Self::User => "give `container.user` as a number other than 0, with a group other than 0",
            Self::Capabilities => {
                "make sure that the engine's settings add no capabilities and do not make every container privileged"
            }
            Self::NoNewPrivileges => "use an engine and kernel that support no-new-privileges",
            Self::Seccomp => "restore the engine's default seccomp profile, and use a kernel with seccomp",
            Self::ReadOnlyRoot => "use an engine that can make an image's files read-only",
            Self::Tmpfs => "make sure that the engine supports every size in `container.tmpfs`",
            Self::Mounts => "remove default mounts from the engine's settings, and `VOLUME` from the image",
            Self::EngineSocket => "do not mount a folder that contains an engine's socket",
            Self::KernelFiles => "make sure that the engine masks `/proc/sys` and `/sys`, as it does by default",
            Self::Memory => "use an engine with control groups for memory, or set `container.memory: off`",
            Self::Cpus => "use an engine with control groups for processors, or set `container.cpus: off`",
            Self::Pids => "use an engine with control groups for processes, or set `container.pids: off`",
            Self::OpenFiles => "make sure that the engine's settings do not raise the limit of open files",
            Self::Network => "set `container.network: none`",
            Self::Init => "install the engine's init: `catatonit` for podman, `docker-init` for Docker Engine",
            Self::Worktree => {
                "let the engine keep user ids (Docker Engine: no `userns-remap`), or give `container.user` as the number \
                 that is to own worktrees"
            }
            Self::Git => {
                "let the container's user read the repository's objects, and make sure that git runs in the image"
            }
            Self::Home => {
                "set `HOME` to a folder that the container's user can write to, such as one of `container.tmpfs`"
            }
            Self::Temporary => "make `/tmp` and `/var/tmp` writable for everybody (`mode=1777` in `container.tmpfs`)",
        }
    }
}

impl fmt::Display for Item {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
