//! Everything that depends on the kind of engine, in one place.

use std::fmt;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use bollard::models::{SystemInfo, SystemInfoCgroupVersionEnum, SystemVersion};

use crate::sandbox::engine::enforced::Enforced;
use crate::sandbox::spec::UserChoice;

/// The kind of an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineKind {
    /// Podman, through its Docker-compatible API.
    Podman,
    /// Docker Engine.
    Docker,
}

impl fmt::Display for EngineKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Podman => "podman",
            Self::Docker => "Docker Engine",
        })
    }
}

/// The user id of slots that root creates for a rootful engine: the client refuses to run as root.
const AGENT: (u32, u32) = (1000, 1000);

/// What an engine reported about itself, and the ids of this process.
#[derive(Clone, Debug)]
pub(super) struct EngineFacts {
    pub(super) kind: EngineKind,
    pub(super) version: String,
    pub(super) rootless: bool,
    pub(super) selinux: bool,
    /// Whether the engine can miss that memory ran out, with control groups of version 1: podman's monitor never notices
    /// it, and Docker Engine learns of it by an event that the container's end can overtake.
    pub(super) misses_oom: bool,
    pub(super) enforced: Enforced,
    pub(super) socket: PathBuf,
    /// The release of the kernel on which it runs, which containers without a kernel of their own must have.
    pub(super) kernel: String,
    /// User and group of this process.
    own: (u32, u32),
    /// Owner and group of the socket: on a rootless engine, its user.
    socket_owner: Option<(u32, u32)>,
}

impl EngineFacts {
    /// Reads podman's facts from its version, its socket and this machine, on which it runs, too.
    pub(super) fn podman(socket: &Path, version: &str) -> Self {
        let facts = Self::new(EngineKind::Podman, socket, version);
        let rootless = facts.socket_owner.is_some_and(|(user, _)| user != 0);
        let unified = Path::new("/sys/fs/cgroup/cgroup.controllers").exists();
        Self {
            rootless,
            selinux: Path::new("/sys/fs/selinux/enforce").exists(),
            misses_oom: !unified,
            // An ordinary user has no control groups of version 1. Podman then ignores limits, and reports that only in
            // its log; it reports a missing controller of version 2.
            enforced: if rootless && !unified {
                Enforced::NONE
            } else {
                Enforced::ALL
            },
            ..facts
        }
    }

    /// Reads Docker Engine's facts from its answers to `/version` and `/info`.
    pub(super) fn docker(socket: &Path, version: &SystemVersion, info: &SystemInfo) -> Self {
        let security = info.security_options.as_deref().unwrap_or_default();
        let says = |option: &str| security.iter().any(|said| said.split(',').any(|part| part == option));
        Self {
            rootless: says("name=rootless"),
            selinux: says("name=selinux"),
            misses_oom: info.cgroup_version == Some(SystemInfoCgroupVersionEnum::_1),
            enforced: Enforced::by_docker(info),
            kernel: info.kernel_version.clone().unwrap_or_else(own_kernel),
            ..Self::new(
                EngineKind::Docker,
                socket,
                version.version.as_deref().unwrap_or_default(),
            )
        }
    }

    fn new(kind: EngineKind, socket: &Path, version: &str) -> Self {
        let metadata = std::fs::metadata(socket).ok();
        Self {
            kind,
            version: version.to_owned(),
            rootless: false,
            selinux: false,
            misses_oom: false,
            enforced: Enforced::ALL,
            socket: socket.to_owned(),
            kernel: own_kernel(),
            own: (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw()),
            socket_owner: metadata.map(|socket| (socket.uid(), socket.gid())),
        }
    }

    /// Returns whether containers run in a user namespace in which the engine's user keeps its own id.
    pub(super) fn keeps_id(&self) -> bool {
        self.rootless && self.kind == EngineKind::Podman
    }

    /// Returns the user and group that must own, on the host, the files that a container of this user is to write.
    pub(super) fn slot_owner(&self, user: &UserChoice) -> (u32, u32) {
        match self.own {
            _ if self.rootless => self.socket_owner.unwrap_or(self.own),
            (0, _) => user.numbers().unwrap_or(AGENT),
            own => own,
        }
    }

    /// Returns that user inside the container, in the form of the API.
    pub(super) fn container_user(&self) -> String {
        if self.rootless && self.kind == EngineKind::Docker {
            // Rootless Docker has no keep-id: its own user is root inside, and no other user can write the slot.
            return "0:0".into();
        }
        let (user, group) = self.slot_owner(&UserChoice::SlotOwner);
        format!("{user}:{group}")
    }
}

/// Returns the release of the kernel on which this process runs; empty where it is not known, which no kernel has.
fn own_kernel() -> String {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease");
    release.map(|release| release.trim().to_owned()).unwrap_or_default()
}

impl fmt::Display for EngineFacts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = if self.rootless { "rootless" } else { "rootful" };
        let socket = self.socket.display();
        write!(formatter, "{} {} ({mode}, `{socket}`)", self.kind, self.version)
    }
}
