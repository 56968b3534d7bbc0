//! Which repositories are served: one, or those of the user's register.

use std::path::{Path, PathBuf};

use crate::base::error::{Error, ErrorKind, Result};
use crate::cli::Context;
use crate::config::ConfigSource;
use crate::lifecycle::{Environment, Generator};
use crate::project::RunPlace;
use crate::project::register::{Entry, Register};

/// How many letters the name of a repository in addresses has.
const ID: usize = 12;

/// A repository that is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Repository {
    /// Its name in addresses: a hash of where its git folder is.
    pub(super) id: String,
    /// Its main checkout, as people know it.
    pub(super) path: PathBuf,
    /// The git folder that its worktrees share.
    pub(super) git_folder: PathBuf,
    /// Where its state is.
    pub(super) state_dir: PathBuf,
    /// Where it is opened.
    directory: PathBuf,
    /// Whether the options of the command are about it.
    is_own: bool,
}

/// What is served.
#[derive(Clone, Debug)]
pub(super) enum Scope {
    /// The repository in which the server was started.
    One(Box<Repository>),
    /// All of the register.
    All,
}

impl Repository {
    /// Describes the repository in which the server was started.
    ///
    /// # Errors
    ///
    /// Where its worktrees cannot be listed.
    pub(super) fn own(generator: &Generator, directory: &Path) -> Result<Self> {
        let git = generator.git();
        let git_folder = git.common_dir().to_owned();
        Ok(Self {
            id: id(&git_folder),
            path: git.main_checkout()?.unwrap_or_else(|| git.workdir().to_owned()),
            state_dir: generator.state_dir().to_owned(),
            git_folder,
            directory: directory.to_owned(),
            is_own: true,
        })
    }

    fn registered(entry: Entry) -> Self {
        Self {
            id: id(&entry.git_folder),
            directory: entry.repository.clone(),
            path: entry.repository,
            git_folder: entry.git_folder,
            state_dir: entry.state_dir,
            is_own: false,
        }
    }

    /// Returns what people call it: the last part of its path.
    pub(super) fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or(self.path.as_os_str());
        name.to_string_lossy().into_owned()
    }

    /// Returns where its run is found.
    pub(super) fn place(&self) -> RunPlace {
        RunPlace::of(&self.git_folder, &self.state_dir)
    }

    fn environment(&self, context: &Context) -> Environment {
        let mut environment = context.environment.clone();
        if !self.is_own {
            environment.config = ConfigSource::default();
        }
        environment
    }

    /// Opens it to look at it, as commands do that change nothing.
    ///
    /// # Errors
    ///
    /// Those of [`Generator::open_to_look`].
    pub(super) fn look(&self, context: &Context, generation: Option<String>) -> Result<Generator> {
        let generator = Generator::open_to_look(&self.directory, self.environment(context))?;
        Ok(generator.choose(generation))
    }

    /// Opens it to change a task.
    ///
    /// # Errors
    ///
    /// Those of [`Generator::open`].
    pub(super) fn open(&self, context: &Context, generation: Option<String>) -> Result<Generator> {
        let generator = Generator::open(&self.directory, self.environment(context))?;
        Ok(generator.with(context.extensions.clone())?.choose(generation))
    }

    /// Opens it to request something of its run.
    ///
    /// # Errors
    ///
    /// Those of [`Generator::open_to_request`].
    pub(super) fn request(&self, context: &Context) -> Result<Generator> {
        Generator::open_to_request(&self.directory, self.environment(context))
    }
}

impl Scope {
    /// Returns the repositories, the one with the newest run first, and what could not be read of the register.
    ///
    /// # Errors
    ///
    /// Where the register cannot be read.
    pub(super) fn all(&self, context: &Context) -> Result<(Vec<Repository>, Vec<String>)> {
        match self {
            Self::One(own) => Ok((vec![(**own).clone()], Vec::new())),
            Self::All => {
                let Some(register) = Register::of(&context.environment) else {
                    return Ok((Vec::new(), Vec::new()));
                };
                let entries = register.read()?;
                let all = entries.all.into_iter().map(Repository::registered);
                Ok((all.collect(), entries.unread))
            }
        }
    }

    /// Returns the repository of a name in an address.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::NothingToDo`] where none that is served has it, and where the register cannot be read.
    pub(super) fn find(&self, id: &str, context: &Context) -> Result<Repository> {
        let (all, _) = self.all(context)?;
        all.into_iter().find(|one| one.id == id).ok_or_else(|| {
            let message = format!("there is no repository `{}` here", id.escape_debug());
            Error::new(ErrorKind::NothingToDo, message).hint("`/api/v1/repositories` lists those that are")
        })
    }
}

fn id(git_folder: &Path) -> String {
    use std::os::unix::ffi::OsStrExt as _;
    let digest = sha1_smol::Sha1::from(git_folder.as_os_str().as_bytes())
        .digest()
        .to_string();
    digest.chars().take(ID).collect()
}
