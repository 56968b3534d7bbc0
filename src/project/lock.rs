//! The lock of a repository: one for all of its worktrees, whatever their configurations are.

use std::path::{Path, PathBuf};

use crate::base::error::{Error, ErrorKind, Result};
use crate::base::fs::{LockHolder, RepositoryLock, lock_holder, own_folder, remove_unfinished};
use crate::base::socket::remove_sockets;
use crate::project::Project;

/// The folder of the lock in the git folder.
const LOCK_FOLDER: &str = "cordwainer";

/// The lock of a repository, and that of the folder of its state; held until it is dropped.
#[derive(Debug)]
pub(crate) struct HeldLock {
    /// The repository's id.
    pub(crate) id: String,
    _repository: RepositoryLock,
    /// The only lock that earlier versions know; it also keeps two repositories out of one folder.
    _state: Option<RepositoryLock>,
}

/// Where it is looked for a run, and where it is spoken to: the folder of its repository's lock, and that of its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RunPlace {
    pub(crate) lock: PathBuf,
    pub(crate) state_dir: PathBuf,
}

impl RunPlace {
    /// Returns the place for the repository with this git folder, and this folder of state.
    pub(crate) fn of(git_folder: &Path, state_dir: &Path) -> Self {
        Self {
            lock: git_folder.join(LOCK_FOLDER),
            state_dir: state_dir.to_owned(),
        }
    }

    /// Returns who is at work there, if anybody is.
    pub(crate) fn at_work(&self) -> Result<Option<LockHolder>> {
        let holder = lock_holder(&self.lock)?;
        holder.map_or_else(|| lock_holder(&self.state_dir), |holder| Ok(Some(holder)))
    }
}

impl Project {
    /// Takes the repository's lock for a command or a run, and checks that repository and state belong to each other.
    ///
    /// Fails with [`ErrorKind::Locked`](crate::base::error::ErrorKind::Locked) and the holder's name, and with
    /// [`ErrorKind::Precondition`](crate::base::error::ErrorKind::Precondition) when the state is elsewhere, or another
    /// repository's.
    pub(crate) fn lock(&self, holder: &str) -> Result<HeldLock> {
        let folder = self.run_place().lock;
        own_folder(&folder)?;
        let repository = RepositoryLock::acquire(&folder, holder).map_err(|error| self.held(error))?;
        let id = self.git.identify()?;
        let state_dir = &self.configured_state_dir;
        self.refuse_second_state_dir()?;
        let is_one_folder = state_dir.canonicalize().ok() == folder.canonicalize().ok();
        let state = (!is_one_folder)
            .then(|| RepositoryLock::acquire(state_dir, holder).map_err(|error| self.held(error)))
            .transpose()?;
        self.git.own_state_folder(state_dir)?;
        self.clear_unfinished()?;
        Ok(HeldLock {
            id,
            _repository: repository,
            _state: state,
        })
    }

    /// Removes what dead processes were writing, wherever files of ours are replaced as a whole, and the sockets of their
    /// gateways and services, which work under this lock alone.
    fn clear_unfinished(&self) -> Result<()> {
        let state = &self.configured_state_dir;
        let cache = state.join("cache");
        for folder in [self.git.common_dir(), state, &cache, &cache.join("gate-tests")] {
            remove_unfinished(folder)?;
        }
        for parent in ["history", "gateways"].map(|name| state.join(name)) {
            for folder in std::fs::read_dir(parent).into_iter().flatten().flatten() {
                remove_unfinished(&folder.path())?;
                remove_sockets(&folder.path())?;
            }
        }
        Ok(())
    }

    /// Adds to the error about a lock that a run holds how that run is ended, or lets go on.
    fn held(&self, error: Error) -> Error {
        let is_run = || {
            self.run_at_work()
                .is_ok_and(|holder| holder.is_some_and(|holder| holder.is_run()))
        };
        if error.kind() != ErrorKind::Locked || !is_run() {
            return error;
        }
        error.hint(
            "wait until it ends, or end it with `cordwainer runs stop`; `cordwainer runs resume` lets it go on if it is \
             paused, and `cordwainer status` shows what it does",
        )
    }

    /// Fails with [`ErrorKind::Precondition`](crate::base::error::ErrorKind::Precondition) when the state of this
    /// repository is not where the configuration places it.
    pub(crate) fn refuse_second_state_dir(&self) -> Result<()> {
        self.git.refuse_second_state_folder(&self.configured_state_dir)
    }

    /// Returns the run in progress on this repository, if any.
    pub(crate) fn run_at_work(&self) -> Result<Option<LockHolder>> {
        self.run_place().at_work()
    }

    /// Returns where a run of this repository is: its lock is always in the git folder, which all worktrees share.
    pub(crate) fn run_place(&self) -> RunPlace {
        RunPlace::of(self.git.common_dir(), &self.state_dir)
    }
}
