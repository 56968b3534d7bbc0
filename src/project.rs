//! One repository as the later folders see it: git, its configuration, the state folder, the environment, and the
//! selected generation. Nothing in here runs a container or moves a generation.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use secrecy::SecretString;

use crate::base::clock::Clock;
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::interruption::Leftovers;
use crate::base::redact::Redactor;
use crate::config::file::{self, LoadedConfig};
use crate::config::{self, Config, ConfigSource};
use crate::git::{EnvironmentIdentities, Git, SlotPool};
use crate::issues::store::Store;
use crate::model::RunId;
use crate::sandbox::credential::CredentialSource;
use crate::sandbox::engine::ConnectOptions;
use crate::sandbox::gateway::Proxy;

use self::protected::ProtectedPaths;

pub(crate) mod archive;
mod cleared;
pub mod coverage;
pub mod detect;
pub(crate) mod generated;
mod hazards;
mod host_credentials;
pub(crate) mod interfaces;
pub(crate) mod labels;
pub(crate) mod layers;
#[cfg(feature = "lines")]
pub(crate) mod line_count;
mod list;
mod lock;
pub(crate) mod obeyed;
pub(crate) mod protected;
mod read_tree;
pub(crate) mod register;
pub(crate) mod run_socket;
mod select;
pub(crate) mod specification;
pub(crate) mod tampering;
pub(crate) mod templates;
pub(crate) mod unmatched;
pub(crate) mod weakened;

pub(crate) use host_credentials::HostCredentials;
pub use host_credentials::SecretVariables;
pub use list::{GenerationSummary, Listing};
pub(crate) use lock::{HeldLock, RunPlace};
pub use read_tree::read_tree;
pub use run_socket::{RunStanding, RunState};

/// What a generator needs to know of the machine it runs on and of its caller; the library reads no environment itself.
#[derive(Clone, Debug)]
pub struct Environment {
    /// The clock.
    pub clock: Clock,
    /// Where the configuration comes from.
    pub config: ConfigSource,
    /// `DOCKER_HOST`.
    pub docker_host: Option<String>,
    /// `CONTAINER_HOST`.
    pub container_host: Option<String>,
    /// `XDG_CONFIG_HOME`, or `.config` in `HOME`: the place of a person's own settings of git.
    pub config_home: Option<PathBuf>,
    /// The committer, where the environment names one.
    pub identities: EnvironmentIdentities,
    /// The proxy for HTTPS of the machine's settings: the gateway reaches the model's API through it.
    pub proxy: Option<Proxy>,
    /// `XDG_RUNTIME_DIR`.
    pub runtime_dir: Option<PathBuf>,
    /// `XDG_STATE_HOME`, or `.local/state` in `HOME`: the place of the register of all runs of a user. Without it, runs are
    /// not registered.
    pub state_home: Option<PathBuf>,
    /// `PATH`, where an installed podman is looked for.
    pub search_path: Option<std::ffi::OsString>,
    /// `ANTHROPIC_API_KEY`, for the gateway alone.
    pub api_key: Option<SecretString>,
    /// `CLAUDE_CODE_OAUTH_TOKEN`, for the gateway alone.
    pub oauth_token: Option<SecretString>,
    /// The variables that `network.credentials` names, for gateways alone.
    pub secrets: SecretVariables,
    /// Redacts everything that is recorded or shown. The caller's own texts can pass it, too.
    pub redactor: Redactor,
    /// What would remain if the process ended now.
    pub leftovers: Leftovers,
}

impl Default for Environment {
    fn default() -> Self {
        Self {
            clock: Clock::machine(),
            config: ConfigSource::default(),
            docker_host: None,
            container_host: None,
            config_home: None,
            identities: EnvironmentIdentities::default(),
            proxy: None,
            runtime_dir: None,
            state_home: None,
            search_path: None,
            api_key: None,
            oauth_token: None,
            secrets: SecretVariables::default(),
            redactor: Redactor::default(),
            leftovers: Leftovers::default(),
        }
    }
}

impl Environment {
    /// Returns the options for finding an engine; one that has to be started keeps its files below `folder`, or in the
    /// usual place for temporary files.
    pub(crate) fn connect_options(&self, config: &Config, folder: Option<&Path>) -> ConnectOptions {
        ConnectOptions {
            choice: config.container.engine,
            socket: config.container.socket.clone(),
            runtime: config.container.runtime,
            docker_host: self.docker_host.clone(),
            container_host: self.container_host.clone(),
            runtime_dir: self.runtime_dir.clone(),
            search_path: self.search_path.clone(),
            service_dir: folder.map(|folder| folder.join("engine")),
            leftovers: self.leftovers.clone(),
        }
    }
}

/// A repository with its configuration, its state folder and its environment.
#[derive(Clone, Debug)]
pub(crate) struct Project {
    pub(crate) git: Git,
    pub(crate) config: Config,
    /// The files that the configuration names and no task may change, in whichever mode it is.
    named: Vec<PathBuf>,
    /// The file that the configuration was read from, if it was.
    config_file: Option<PathBuf>,
    /// The folder of the state; before it exists, the place where it will be.
    pub(crate) state_dir: PathBuf,
    /// The folder for it that the configuration names.
    configured_state_dir: PathBuf,
    pub(crate) environment: Environment,
    /// The folder to which relative folders of the configuration refer.
    main_checkout: PathBuf,
    chosen: Option<String>,
    /// What `network.credentials` names.
    host_credentials: HostCredentials,
    /// The locks of git that a dead process of ours had held and that were removed.
    freed: Vec<PathBuf>,
}

impl Project {
    /// Opens the repository that contains `directory`, with its configuration.
    ///
    /// Fails with [`ErrorKind::Precondition`](crate::base::error::ErrorKind::Precondition) where there is no usable
    /// repository, and with [`ErrorKind::Configuration`](crate::base::error::ErrorKind::Configuration) and every
    /// problem of the file at once.
    pub(crate) fn open(directory: &Path, environment: Environment) -> Result<Self> {
        Self::open_with(directory, environment, LoadedConfig::load)
    }

    /// Opens the repository for a command that only reads: where the file is missing, the defaults apply.
    pub(crate) fn open_to_look(directory: &Path, environment: Environment) -> Result<Self> {
        Self::open_with(directory, environment, LoadedConfig::load_if_there)
    }

    /// Opens the repository for a command that speaks to a run at work, and must reach it whatever the file says by now.
    pub(crate) fn open_to_request(directory: &Path, environment: Environment) -> Result<Self> {
        Self::open_with(directory, environment, |root, source| {
            Ok(LoadedConfig::load_or_default(root, source))
        })
    }

    /// Opens the repository to look at names: nothing is changed, and whatever could take long is left out.
    #[cfg(feature = "cli")]
    pub(crate) fn open_to_complete(directory: &Path, environment: Environment) -> Result<Self> {
        let git = Git::discover(directory)?;
        let LoadedConfig { config, .. } = LoadedConfig::load_or_default(git.workdir(), &environment.config);
        let used = git.state_folder()?;
        let mut project = Self::with_config(git, config, environment);
        if let Some(used) = used {
            project.state_dir = used;
        }
        Ok(project)
    }

    fn open_with(
        directory: &Path,
        environment: Environment,
        load: impl FnOnce(&Path, &ConfigSource) -> Result<LoadedConfig>,
    ) -> Result<Self> {
        let git = Git::discover(directory)?;
        // Before anything can fail: the person's own git waits for these locks, too.
        let freed = git.free_abandoned_locks()?;
        let LoadedConfig { config, file, .. } = load(git.workdir(), &environment.config)?;
        let main = git.main_checkout()?.unwrap_or_else(|| git.workdir().to_owned());
        let mut project = Self::with_config(git, config, environment);
        project.config_file = Some(file.path);
        project.main_checkout.clone_from(&main);
        project.freed = freed;
        if let Some(state_dir) = &project.config.state_dir {
            project.configured_state_dir = main.join(state_dir);
        }
        // The state belongs to the repository, whatever the configuration of this worktree names: a worktree with
        // another place for it is refused.
        let used = project.git.state_folder()?;
        project.state_dir = used.unwrap_or_else(|| project.configured_state_dir.clone());
        // So that the redactor knows it; its user reports what is wrong with it.
        let _ = project.credential().map(|source| source.current(project.clock().now()));
        project.host_credentials = HostCredentials::read(
            &project.config.network.credentials,
            &project.environment.secrets,
            &project.main_checkout.join(&project.config.secrets_dir),
            project.redactor(),
        );
        Ok(project)
    }

    /// Returns the project with a configuration that did not come from the file.
    pub(crate) fn with_config(git: Git, config: Config, environment: Environment) -> Self {
        let state_dir = match &config.state_dir {
            Some(state_dir) => git.workdir().join(state_dir),
            None => git.common_dir().join("cordwainer"),
        };
        Self {
            main_checkout: git.workdir().to_owned(),
            git: git
                .with_redactor(environment.redactor.clone())
                .with_config_home(environment.config_home.clone())
                .with_identities(environment.identities.clone()),
            named: config::protected_files(&config),
            config,
            config_file: None,
            configured_state_dir: state_dir.clone(),
            state_dir,
            environment,
            chosen: None,
            host_credentials: HostCredentials::default(),
            freed: Vec::new(),
        }
    }

    /// Selects this generation, whatever the configuration and `switch` select.
    #[must_use]
    pub(crate) fn choose(mut self, generation: Option<String>) -> Self {
        self.chosen = generation;
        self
    }

    /// Returns the generation that was chosen for this command, by the name that was given.
    pub(crate) fn chosen(&self) -> Option<&str> {
        self.chosen.as_deref()
    }

    /// Reads the configuration again, as it was read when the project was opened.
    pub(crate) fn reread_config(&self) -> Result<Config> {
        if self.config_file.is_none() {
            let message = "the configuration of this run was not read from a file";
            return Err(Error::new(ErrorKind::Precondition, message));
        }
        Ok(LoadedConfig::load(self.git.workdir(), &self.environment.config)?.config)
    }

    /// Returns the configuration in force.
    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// Returns the repository.
    pub(crate) fn git(&self) -> &Git {
        &self.git
    }

    /// Returns the folder to which relative folders of the configuration refer: the repository's first worktree.
    pub(crate) fn main_checkout(&self) -> &Path {
        &self.main_checkout
    }

    /// Returns the folder with slots and run records.
    pub(crate) fn state_dir(&self) -> &Path {
        &self.state_dir
    }

    /// Returns the redactor for everything that is recorded or shown.
    pub(crate) fn redactor(&self) -> &Redactor {
        &self.environment.redactor
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.environment.clock
    }

    /// Names the run that this process begins now.
    ///
    /// The process is that of the machine even beside a fixed clock: containers have the run's name in theirs, and an
    /// engine that serves several repositories refuses a name that it has.
    pub(crate) fn new_run(&self) -> RunId {
        RunId::new(self.clock().now(), std::process::id())
    }

    /// Returns what to report about the locks that were freed.
    pub(crate) fn freed_locks(&self) -> impl Iterator<Item = String> {
        let freed = self.freed.iter();
        freed.map(|lock| {
            format!(
                "removed the lock `{}` of a killed process of cordwainer",
                lock.display()
            )
        })
    }

    pub(crate) fn slots(&self) -> SlotPool {
        SlotPool::new(self.git.clone(), &self.state_dir)
            .with_history(self.config.git.history)
            .telling(self.environment.leftovers.clone())
    }

    /// Returns what no task may change without a person's consent: `protected_paths`, the configuration, the files that keys of the
    /// configuration name, and those that git's settings of this repository name.
    pub(crate) fn protected(&self) -> Result<ProtectedPaths> {
        let mut named = self.named.clone();
        named.extend(self.config_file.clone());
        named.extend(self.git.obeyed_by_settings()?);
        let roots = [self.git.workdir(), &self.main_checkout];
        let places: BTreeSet<PathBuf> = roots
            .iter()
            .flat_map(|root| named.iter().flat_map(|path| file::places(root, path)))
            .collect();
        ProtectedPaths::of(&self.config, &Vec::from_iter(places))
    }

    /// Returns where the gateway finds the credential; `None` where none is required. A relative folder of secrets is
    /// in the main checkout, in whichever worktree a command is called.
    pub(crate) fn credential(&self) -> Option<CredentialSource> {
        let (config, environment) = (&self.config, &self.environment);
        let name = config.token_file.as_ref().unwrap_or(&config.default_token_file);
        CredentialSource::choose(
            config.agent.credentials,
            environment.api_key.clone(),
            environment.oauth_token.clone(),
            &self.main_checkout.join(&config.secrets_dir).join(name),
            &environment.redactor,
        )
    }

    /// Returns what was read of the credentials of other hosts.
    pub(crate) fn host_credentials(&self) -> &HostCredentials {
        &self.host_credentials
    }

    /// Returns the options for finding an engine.
    pub(crate) fn connect_options(&self) -> ConnectOptions {
        self.environment.connect_options(&self.config, Some(&self.state_dir))
    }

    /// Opens the issue store of the selected generation.
    pub(crate) fn store(&self) -> Result<Store> {
        Store::open(&self.git, &self.generation()?)
    }
}
