//! The items of a container that are guaranteed, and their names.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One thing that a sealed container is asked for, by the name that `container.relax` and reports have for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Item {
    /// The command runs as an ordinary user, in no group of root's.
    User,
    /// It has no capability, and can get none.
    Capabilities,
    /// No program that it runs gets more privileges than it has.
    NoNewPrivileges,
    /// A filter stands between it and the kernel's calls.
    Seccomp,
    /// The image's files can only be read.
    ReadOnlyRoot,
    /// The file systems in memory are there, and none is larger than asked.
    Tmpfs,
    /// Nothing is mounted that was not asked for, and nothing writable that was to be read.
    Mounts,
    /// No container engine can be reached by a mounted socket.
    EngineSocket,
    /// The kernel's own settings below `/proc/sys` and `/sys` can only be read.
    KernelFiles,
    /// Its memory is limited, swap included.
    Memory,
    /// Its computing time is limited.
    Cpus,
    /// Its processes are limited.
    Pids,
    /// The files that a process may have open are limited.
    OpenFiles,
    /// It has no network but its own loopback.
    Network,
    /// Its first process is an init, which reaps what others leave.
    Init,
    /// It can write the worktree, which belongs to its user.
    Worktree,
    /// Git works in it, and can read the repository's objects.
    Git,
    /// It can write its home.
    Home,
    /// It can write the folders for temporary files.
    Temporary,
}

impl Item {
    /// Every item, in the order of reports.
    pub const ALL: [Self; 19] = [
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

    /// The name of each, in the same order.
    pub const NAMES: [&str; Self::ALL.len()] = {
        let mut names = [""; Self::ALL.len()];
        let mut index = 0;
        while index < names.len() {
            names[index] = Self::ALL[index].name();
            index += 1;
        }
        names
    };

    /// Returns the name that the configuration and reports have for it.
    pub const fn name(self) -> &'static str {
        match self {
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

    /// Returns what a person can do where it does not hold.
    pub const fn fix(self) -> &'static str {
        match self {
            Self::User => "give `container.user` as a number other than 0, with a group other than 0",
            Self::Capabilities => "see that the engine's settings add no capabilities and do not run all privileged",
            Self::NoNewPrivileges => "use an engine and kernel that know no-new-privileges",
            Self::Seccomp => "give the engine its default seccomp profile back, and a kernel with seccomp",
            Self::ReadOnlyRoot => "use an engine that can make an image's files read-only",
            Self::Tmpfs => "see that every size in `container.tmpfs` is one that the engine keeps",
            Self::Mounts => "take default mounts out of the engine's settings, and `VOLUME` out of the image",
            Self::EngineSocket => "mount nothing in which an engine's socket lies",
            Self::KernelFiles => "see that the engine masks `/proc/sys` and `/sys`, as it does by default",
            Self::Memory => "use an engine with control groups for memory, or set `container.memory: off`",
            Self::Cpus => "use an engine with control groups for processors, or set `container.cpus: off`",
            Self::Pids => "use an engine with control groups for processes, or set `container.pids: off`",
            Self::OpenFiles => "see that the engine's settings do not raise the limit of open files",
            Self::Network => "set `container.network: none`",
            Self::Init => "install the engine's init: `catatonit` for podman, `docker-init` for Docker Engine",
            Self::Worktree => {
                "let the engine keep user ids (Docker Engine: no `userns-remap`), or give `container.user` as the number \
                 that worktrees are to have"
            }
            Self::Git => "let the container's user read the repository's objects, and see that git runs in the image",
            Self::Home => {
                "let `HOME` be a folder that the container's user can write, such as one of `container.tmpfs`"
            }
            Self::Temporary => "let everybody write `/tmp` and `/var/tmp` (`mode=1777` in `container.tmpfs`)",
        }
    }
}

impl fmt::Display for Item {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
