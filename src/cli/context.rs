//! What every command gets: where it stands, how it talks, what the environment said.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::cli::Environment;
use crate::config::Config;
use crate::engine::ConnectOptions;
use crate::error::{Context as _, Result};
use crate::world::World;

/// The surroundings of one command.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    /// One JSON document on stdout instead of text.
    pub(crate) json: bool,
    /// Where the command was called, or what `-C` says.
    pub(crate) directory: PathBuf,
    /// `--generation`.
    pub(crate) generation: Option<String>,
    /// The environment, read once.
    pub(crate) environment: Environment,
    /// The clock.
    pub(crate) world: World,
}

impl Context {
    /// Where to look for a container engine; `service_dir` is where a podman service may be started.
    pub(crate) fn connect_options(&self, config: &Config, service_dir: &Path) -> ConnectOptions {
        ConnectOptions {
            choice: config.container.engine,
            socket: config.container.socket.clone(),
            docker_host: self.environment.docker_host.clone(),
            container_host: self.environment.container_host.clone(),
            runtime_dir: self.environment.runtime_dir.clone(),
            search_path: self.environment.path.clone(),
            service_dir: service_dir.to_owned(),
        }
    }

    /// Writes data to stdout, with a newline; a reader that went away is no error.
    pub(crate) fn print(&self, text: &str) -> Result<()> {
        match writeln!(anstream::stdout(), "{text}") {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            other => other.context("cannot write to stdout"),
        }
    }

    /// Writes one JSON document to stdout.
    pub(crate) fn print_json<T: Serialize>(&self, value: &T) -> Result<()> {
        let text = serde_json::to_string_pretty(value).context("cannot write JSON")?;
        self.print(&text)
    }

    /// Says something to the person, on stderr. Talk is not data: a closed stderr is no error.
    pub(crate) fn say(&self, text: &str) {
        let _ = writeln!(anstream::stderr(), "{text}");
    }
}
