//! The requested guarantees of a container.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::Item;
use crate::sandbox::spec::{LayeredMount, Runtime};

/// The requested guarantees of a container, as plain data; the engine adapter derives it from what it sends to the
/// engine.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestedContainer {
    /// User and group by number; `None` where a name, or the image's choice, was requested.
    pub user: Option<(u32, u32)>,
    /// Whether the engine runs as an ordinary user, so that its own user has id 0 one namespace further out.
    pub rootless: bool,
    /// Whether the image's files must be read-only.
    pub read_only_root: bool,
    /// File systems in memory: path in the container to bytes.
    pub tmpfs: BTreeMap<String, u64>,
    /// Folders and files of the host: path in the container to whether it may be written to.
    pub mounts: BTreeMap<String, bool>,
    /// Folders that are written elsewhere, by their paths in the container.
    pub layers: BTreeMap<String, LayeredMount>,
    /// Which of the mounts are overlays of the host's, by their paths in the container, with their folders.
    pub overlays: BTreeMap<String, [PathBuf; 2]>,
    /// The engine's own socket on the host.
    pub engine_socket: String,
    /// The runtime; `None` where the engine's own choice was requested.
    pub runtime: Option<Runtime>,
    /// The release of the kernel on which the engine runs.
    pub kernel: String,
    /// Bytes of memory; `None` means no limit.
    pub memory: Option<u64>,
    /// Cores; `None` means no limit.
    pub cpus: Option<f64>,
    /// Processes and threads; `None` means no limit.
    pub pids: Option<u64>,
    /// Files that a process may have open.
    pub open_files: u64,
    /// Which of [`Item::Worktree`], [`Item::Git`], [`Item::Home`] and [`Item::Temporary`] must be usable.
    pub usable: BTreeSet<Item>,
    /// The items that it may lack.
    pub relax: BTreeSet<Item>,
}
