//! The specification of a container; an engine translates it to its API.

mod runtime;
mod sealed;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use runtime::Runtime;
pub use sealed::{ENTRYPOINT, GATEWAY_FOLDER};
pub(crate) use sealed::{STDERR_FILE, STDOUT_FILE};

/// The folder of the work in a container.
pub(crate) const WORKSPACE: &str = "/workspace";

/// The most files that a container may have open; fewer where the machine's own hard limit is lower.
pub(super) const OPEN_FILES: u64 = 65_536;
/// The most processes that its user may have; a rootful podman requests a million unless another number is set, and
/// lowers its own limit to this many.
pub(super) const PROCESSES: u64 = 32_768;
/// The size of `/dev/shm`, in bytes: the engines' own default.
pub(super) const SHARED_MEMORY: u64 = 64 << 20;

/// A folder or file of the host in the container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Where it is on the host; it must exist.
    pub source: PathBuf,
    /// Where it appears in the container.
    pub target: String,
    /// Whether the container may only read it.
    pub read_only: bool,
}

/// A read-only folder of the host under a writable one: the container sees both as one folder, and what it writes gets
/// into the upper one alone; overlayfs of the kernel's documentation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayeredMount {
    /// The folder that is only read.
    pub lower: PathBuf,
    /// The folder that gets what is written.
    pub upper: PathBuf,
    /// An empty folder beside the upper one, for the kernel.
    pub work: PathBuf,
    /// Where it appears in the container.
    pub target: String,
}

/// Who runs the command in the container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum UserChoice {
    /// The owner of the slots, see [`Engine::slot_owner`](super::engine::Engine::slot_owner).
    #[default]
    SlotOwner,
    /// `UID[:GID]`, or a name of the image.
    Given(String),
    /// The user that the image names: on a rootless engine one who cannot write to a slot.
    Image,
}

impl UserChoice {
    /// Returns the choice that `container.user` makes. A number alone is also used as the group: an engine would add it
    /// to root's.
    pub fn of(user: Option<&str>) -> Self {
        match user {
            None => Self::SlotOwner,
            Some(number) if number.parse::<u32>().is_ok() => Self::Given(format!("{number}:{number}")),
            Some(user) => Self::Given(user.to_owned()),
        }
    }

    /// Returns the user and group id that were given; `None` for a name, or for no user. A user without a group has
    /// group 0 in a container, and a group of its own number outside.
    pub(super) fn numbers(&self) -> Option<(u32, u32)> {
        let Self::Given(given) = self else { return None };
        let (user, group) = given.split_once(':').unwrap_or((given, given));
        Some((user.parse().ok()?, group.parse().ok()?))
    }
}

/// The specification of a container; [`ContainerSpec::sealed`] makes it one for agents. Every container runs with an
/// init as PID 1, without capabilities and without new privileges.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContainerSpec {
    /// Its name on the engine, unique there; empty lets [`Engine::start`](crate::sandbox::engine::Engine::start) choose.
    pub name: String,
    /// The image's reference or id; the engine must have it already.
    pub image: String,
    /// The command and its arguments; empty selects the image's own.
    pub command: Vec<String>,
    /// The working directory of the command; unset is the image's choice.
    pub working_dir: Option<String>,
    /// Environment variables.
    pub env: Vec<(String, String)>,
    /// Folders and files of the host.
    pub mounts: Vec<Mount>,
    /// Folders of the host that are written elsewhere; see [`Engine::layering`](super::engine::Engine::layering).
    pub layers: Vec<LayeredMount>,
    /// Which of the mounts are overlays that are mounted on the host while the container begins, by their targets, with their
    /// folders there, the uppermost first.
    pub overlays: BTreeMap<String, [PathBuf; 2]>,
    /// File systems in memory: path in the container to mount options. One without a size gets one.
    pub tmpfs: BTreeMap<String, String>,
    /// Who runs the command.
    pub user: UserChoice,
    /// Extra host names, `NAME:ADDRESS`.
    pub hosts: Vec<String>,
    /// A network's name or a mode such as `none`; unset is the engine's default.
    pub network: Option<String>,
    /// Bytes of memory, swap included.
    pub memory: Option<u64>,
    /// Cores.
    pub cpus: Option<f64>,
    /// Processes and threads.
    pub pids: Option<u32>,
    /// Labels; only they identify the owner of the container.
    pub labels: BTreeMap<String, String>,
    /// The runtime that the engine must start it with; unset is the engine's own choice.
    pub runtime: Option<Runtime>,
    /// Whether the image's files are read-only.
    pub read_only_root: bool,
    /// A folder of the host with the files into which the command's outputs go; unset leaves them to the engine's stream. See
    /// [`ContainerSpec::writing_to`].
    pub output: Option<PathBuf>,
    /// Whether the command's standard input stays open behind what it begins with, until it is closed by whoever started it, or
    /// the process of that ends.
    pub keeps_input_open: bool,
    /// Bytes kept of one line of output; unset is [`DEFAULT_LINE_LIMIT`](crate::base::lines::DEFAULT_LINE_LIMIT).
    pub line_limit: Option<usize>,
}

impl ContainerSpec {
    /// Builds the specification with which every other one for a worktree begins: `folder` of the host is the working
    /// directory.
    pub fn on(folder: &Path, read_only: bool, image: &str, user: UserChoice) -> Self {
        Self {
            image: image.to_owned(),
            working_dir: Some(WORKSPACE.to_owned()),
            mounts: vec![Mount {
                source: folder.to_owned(),
                target: WORKSPACE.to_owned(),
                read_only,
            }],
            user,
            ..Self::default()
        }
    }
}
