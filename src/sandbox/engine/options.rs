//! Which engine to look for, and where.

use std::ffi::OsString;
use std::path::PathBuf;

use serde::Serialize;

use crate::base::interruption::Leftovers;
use crate::sandbox::spec::Runtime;

/// `container.engine`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EngineChoice {
    /// The first that responds.
    #[default]
    Auto,
    /// Only podman.
    Podman,
    /// Only Docker Engine.
    Docker,
}

/// Where to look for an engine.
#[derive(Clone, Debug, Default)]
pub struct ConnectOptions {
    /// `container.engine`.
    pub choice: EngineChoice,
    /// `container.socket`: a path, or `unix://PATH`.
    pub socket: Option<String>,
    /// `container.runtime`: what a podman service that we start makes containers with.
    pub runtime: Option<Runtime>,
    /// The variable `DOCKER_HOST`.
    pub docker_host: Option<String>,
    /// The variable `CONTAINER_HOST`.
    pub container_host: Option<String>,
    /// The variable `XDG_RUNTIME_DIR`.
    pub runtime_dir: Option<PathBuf>,
    /// The variable `PATH`, in which an installed podman is looked for; if it is unset, none is started.
    pub search_path: Option<OsString>,
    /// A folder of ours for the socket, configuration and log of a podman service that we start; created when needed.
    /// Without one, a temporary folder is created.
    pub service_dir: Option<PathBuf>,
    /// Where containers, and a service that is started, are noted while they exist.
    pub leftovers: Leftovers,
}
