//! The command line: a consuming `xtask` takes it whole with [`main`], or flattens [`Command`] beside its own tasks.

pub mod config;
mod context;
pub mod init;
mod transcript;

use std::path::PathBuf;
use std::process::ExitCode;

pub(crate) use context::Context;

/// What the process's environment says, read once here and nowhere else.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// `DOCKER_HOST`.
    pub docker_host: Option<String>,
    /// `CONTAINER_HOST`.
    pub container_host: Option<String>,
    /// `XDG_RUNTIME_DIR`.
    pub runtime_dir: Option<PathBuf>,
    /// `PATH`, for finding an installed podman.
    pub path: Option<std::ffi::OsString>,
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    ExitCode::SUCCESS
}
