//! The library's face: one repository, its configuration, and what can be done with its generations.

use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::engine::ConnectOptions;
use crate::error::{Context as _, Error, ErrorKind, Result};
use crate::fs::{RepositoryLock, create_folder, write_atomically};
use crate::generation::{ARCHIVE, GenerationName, NAMESPACE};
use crate::git::{Git, SlotPool};
use crate::store::Store;
use crate::text::nearest;
use crate::world::World;

mod end;
mod list;
mod reset;
mod run;
mod start;
mod status;
mod stop;

pub use end::Removal;
pub use list::{GenerationSummary, Listing};
pub use reset::ResetDone;
pub use run::{RunDone, RunOptions};
pub use start::{StartDone, StartOptions};
pub use status::Status;
pub use stop::{StopDone, StopOptions};

/// What a generator needs to know of the machine it runs on; the library reads no environment itself.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The clock.
    pub world: World,
    /// `DOCKER_HOST`.
    pub docker_host: Option<String>,
    /// `CONTAINER_HOST`.
    pub container_host: Option<String>,
    /// `XDG_RUNTIME_DIR`.
    pub runtime_dir: Option<PathBuf>,
    /// `PATH`, where an installed podman is looked for.
    pub search_path: Option<std::ffi::OsString>,
}

impl Default for Surroundings {
    fn default() -> Self {
        Self {
            world: World::machine(),
            docker_host: None,
            container_host: None,
            runtime_dir: None,
            search_path: None,
        }
    }
}

/// A repository, its configuration, and what can be done with its generations.
#[derive(Clone, Debug)]
pub struct Generator {
    pub(crate) git: Git,
    pub(crate) config: Config,
    pub(crate) state_dir: PathBuf,
    pub(crate) surroundings: Surroundings,
    chosen: Option<String>,
}

impl Generator {
    /// Opens the repository that `directory` lies in, with its `configuration.yaml`.
    ///
    /// Fails with [`ErrorKind::Precondition`] where there is no usable repository, and with
    /// [`ErrorKind::Configuration`] and every problem of the file at once.
    pub fn open(directory: &Path, surroundings: Surroundings) -> Result<Self> {
        let git = Git::discover(directory)?;
        let config = Config::load(git.workdir())?;
        Ok(Self::with_config(git, config, surroundings))
    }

    /// The same with a configuration that did not come from the file.
    pub fn with_config(git: Git, config: Config, surroundings: Surroundings) -> Self {
        let state_dir = match &config.state_dir {
            Some(state_dir) => git.workdir().join(state_dir),
            None => git.common_dir().join("cordwainer"),
        };
        Self {
            git,
            config,
            state_dir,
            surroundings,
            chosen: None,
        }
    }

    /// Means this generation, whatever the configuration and `switch` say.
    #[must_use]
    pub fn choose(mut self, generation: Option<String>) -> Self {
        self.chosen = generation;
        self
    }

    /// The configuration in force.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The repository.
    pub fn git(&self) -> &Git {
        &self.git
    }

    /// The folder with lock, slots and run records.
    pub fn state_dir(&self) -> &Path {
        &self.state_dir
    }

    pub(crate) fn world(&self) -> &World {
        &self.surroundings.world
    }

    pub(crate) fn slots(&self) -> SlotPool {
        SlotPool::new(self.git.clone(), &self.state_dir)
    }

    /// Takes the repository's lock for a command or a run.
    pub(crate) fn lock(&self, id: &str) -> Result<RepositoryLock> {
        RepositoryLock::acquire(&self.state_dir, id)
    }

    /// How an engine is looked for.
    pub fn connect_options(&self) -> ConnectOptions {
        ConnectOptions {
            choice: self.config.container.engine,
            socket: self.config.container.socket.clone(),
            docker_host: self.surroundings.docker_host.clone(),
            container_host: self.surroundings.container_host.clone(),
            runtime_dir: self.surroundings.runtime_dir.clone(),
            search_path: self.surroundings.search_path.clone(),
            service_dir: self.state_dir.join("engine"),
        }
    }

    /// The generations that are not ended, by name.
    pub(crate) fn generations(&self) -> Result<Vec<GenerationName>> {
        let mut names = Vec::new();
        for (reference, _) in self.git.references(NAMESPACE)? {
            if reference.starts_with(ARCHIVE) {
                continue;
            }
            if let Some(name) = reference
                .strip_prefix(NAMESPACE)
                .and_then(|rest| rest.strip_suffix("/base"))
            {
                names.push(GenerationName::new(name)?);
            }
        }
        Ok(names)
    }

    /// The generation that is meant: the one chosen, else the configuration's, else the one switched
    /// to, else the only one. Fails with [`ErrorKind::Precondition`], listing what there is.
    pub fn generation(&self) -> Result<GenerationName> {
        let names = self.generations()?;
        if let Some(wanted) = self.chosen.clone().or_else(|| self.config.generation_branch.clone()) {
            return self.find(&wanted, &names);
        }
        if let Some(current) = self.current()?
            && let Some(found) = names.iter().find(|name| name.as_str() == current)
        {
            return Ok(found.clone());
        }
        match names.as_slice() {
            [] => Err(
                Error::new(ErrorKind::Precondition, "no generation is open in this repository")
                    .hint("`cargo xtask generator start` makes one"),
            ),
            [only] => Ok(only.clone()),
            _ => Err(Error::new(
                ErrorKind::Precondition,
                format!("several generations are open: {}", listed(&names)),
            )
            .hint("`generator switch NAME` says which one is meant, `--generation NAME` for one command")),
        }
    }

    /// Finds an open generation by its name, with or without the configured prefix.
    pub(crate) fn find(&self, wanted: &str, names: &[GenerationName]) -> Result<GenerationName> {
        let prefixed = format!("{}{wanted}", self.config.gen_prefix);
        if let Some(found) = names
            .iter()
            .find(|name| name.as_str() == wanted || name.as_str() == prefixed)
        {
            return Ok(found.clone());
        }
        let error = Error::new(
            ErrorKind::Precondition,
            format!("no generation `{}` is open", wanted.escape_debug()),
        );
        Err(match nearest(wanted, names.iter().map(GenerationName::as_str)) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None if names.is_empty() => error.hint("`cargo xtask generator start` makes one"),
            None => error.hint(format!("open are: {}", listed(names))),
        })
    }

    /// The generation last started or switched to.
    fn current(&self) -> Result<Option<String>> {
        let path = self.state_dir.join("current");
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text.trim().to_owned())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => {
                Err(error).with_context(ErrorKind::Unexpected, || format!("cannot read `{}`", path.display()))
            }
        }
    }

    /// Means `generation` from now on.
    pub(crate) fn remember(&self, generation: &GenerationName) -> Result<()> {
        create_folder(&self.state_dir)?;
        write_atomically(&self.state_dir.join("current"), generation.as_str().as_bytes())
    }

    /// Switches to an open generation: it is meant from now on.
    pub fn switch(&self, wanted: &str) -> Result<GenerationName> {
        let found = self.find(wanted, &self.generations()?)?;
        self.remember(&found)?;
        Ok(found)
    }

    /// Opens the issue store of the generation that is meant.
    pub fn store(&self) -> Result<Store> {
        Store::open(&self.git, &self.generation()?)
    }
}

fn listed(names: &[GenerationName]) -> String {
    names
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}
