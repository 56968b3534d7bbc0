//! The person's repository through libgit2: refs, commits, trees and guards. Opens the main repository only, never a
//! slot.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

pub use git2::Oid;
use git2::{ErrorCode, ObjectType, Repository, RepositoryOpenFlags};

use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::base::redact::Redactor;

mod bytes;
mod changed_texts;
mod changes;
mod checkout;
mod chosen;
mod commits;
mod diff_stat;
mod edit;
mod environment;
mod failure;
#[cfg(feature = "cli")]
mod file_patches;
mod hazards;
mod history;
mod identity;
mod idle;
mod ignored;
mod level;
mod lines;
mod locks;
mod merge;
mod objects;
mod patch;
mod refs;
mod repository_id;
mod rules;
mod settings;
mod slots;
mod tags;
mod tree;
mod work;

pub(crate) use changed_texts::{ChangedText, Content, TextLimits};
pub(crate) use checkout::SIMPLER;
pub use checkout::{Advance, Obstacle};
pub(crate) use chosen::ChosenFiles;
pub use commits::{CommitInfo, NewCommit};
pub use diff_stat::{DiffStat, FileDiff};
pub use edit::TreeEdit;
pub use environment::EnvironmentIdentities;
#[cfg(feature = "cli")]
pub(crate) use file_patches::FilePatch;
pub use hazards::{Hazard, Severity};
pub use history::HistoryDepth;
pub use identity::Identity;
use idle::Borrowed;
pub(crate) use locks::in_words;
pub use merge::Merge;
pub use refs::{Head, RefMove};
pub(crate) use slots::{FoundFile, Globs, SeenFolder, find as find_files, read as read_found};
pub use slots::{
    Leftover, MountedView, OverFolders, PrivateMount, PrivateRepository, Slot, SlotPool, SlotRemoval, Snapshot,
    SnapshotLimits, View,
};
pub(crate) use slots::{
    SOURCE_TIME, Times, copy_tree, fingerprint, make_folder, nameless_bytes, remove_folder, settle,
};
pub(crate) use tree::path_in_tree;
pub use tree::{Change, ChangeKind, EntryKind, TreeEntry};

/// A handle on the person's repository. Cheap to clone, shared between threads: libgit2 is opened for each operation, or was
/// for one a moment ago.
#[derive(Clone, Debug)]
pub struct Git {
    /// The git common directory.
    pub(crate) common_dir: PathBuf,
    /// The git directory of the current checkout: the common one, or a linked worktree's.
    own_dir: PathBuf,
    /// The root of the current checkout.
    pub(crate) workdir: PathBuf,
    /// The folder of a person's own settings of git.
    pub(crate) config_home: Option<PathBuf>,
    /// The committer, where the environment names one.
    identities: EnvironmentIdentities,
    /// Redacts our own commits and agents' files before they become objects.
    pub(crate) redactor: Redactor,
    /// Objects that were written and that no ref holds yet.
    objects: objects::Objects,
    /// Repositories that are open already.
    idle: idle::Idle,
}

impl Git {
    /// Finds the repository that contains `start`: the main checkout or a person's linked worktree, from any folder of
    /// it.
    ///
    /// Fails with [`ErrorKind::Precondition`] where there is no repository, where it is bare, and inside one of our
    /// slots.
    pub fn discover(start: &Path) -> Result<Self> {
        let start = start.canonicalize().map_err(|error| {
            let message = format!("cannot look for a repository in `{}`", start.display());
            Error::new(ErrorKind::Precondition, message)
                .because(error)
                .hint("name an existing folder")
        })?;
        refuse_slot(&start)?;
        let found = Repository::open_ext(&start, RepositoryOpenFlags::empty(), [] as [&Path; 0])
            .map_err(|error| not_opened(&start, error))?;
        let Some(workdir) = found.workdir() else {
            return Err(Error::new(
                ErrorKind::Precondition,
                format!("`{}` is a bare repository", found.path().display()),
            )
            .hint("run the command in a repository with a checkout"));
        };
        let canonical = |path: &Path| {
            path.canonicalize()
                .context(format!("cannot find the folder `{}`", path.display()))
        };
        Ok(Self {
            common_dir: canonical(found.commondir())?,
            own_dir: canonical(found.path())?,
            workdir: canonical(workdir)?,
            config_home: None,
            identities: EnvironmentIdentities::default(),
            redactor: Redactor::default(),
            objects: objects::Objects::default(),
            idle: idle::Idle::default(),
        })
    }

    /// Creates an empty repository in a folder.
    pub(crate) fn init(folder: &Path) -> Result<Self> {
        Repository::init(folder).context(format!("cannot create a repository in `{}`", folder.display()))?;
        Self::discover(folder)
    }

    /// Returns whether a folder lies in any repository, even one that cannot be worked on.
    pub(crate) fn is_anywhere(start: &Path) -> bool {
        let found = Repository::open_ext(start, RepositoryOpenFlags::empty(), [] as [&Path; 0]);
        !matches!(found, Err(error) if error.code() == ErrorCode::NotFound)
    }

    /// Returns this handle with a redactor that knows the credentials in use, beside the known forms of tokens.
    #[must_use]
    pub fn with_redactor(self, redactor: Redactor) -> Self {
        Self { redactor, ..self }
    }

    /// Returns this handle with the folder of a person's settings, which contains git's: `XDG_CONFIG_HOME`, or
    /// `.config` at home.
    #[must_use]
    pub fn with_config_home(self, config_home: Option<PathBuf>) -> Self {
        Self { config_home, ..self }
    }

    /// Returns this handle with the committer that the environment names.
    #[must_use]
    pub fn with_identities(self, identities: EnvironmentIdentities) -> Self {
        Self { identities, ..self }
    }

    /// Returns the git common directory, shared by all worktrees.
    pub fn common_dir(&self) -> &Path {
        &self.common_dir
    }

    /// Returns the root of the current checkout.
    pub fn workdir(&self) -> &Path {
        &self.workdir
    }

    /// Opens the repository, with the configuration and HEAD of the person's checkout.
    pub(crate) fn open(&self) -> Result<Repository> {
        let nowhere_else = RepositoryOpenFlags::NO_SEARCH | RepositoryOpenFlags::NO_DOTGIT;
        let repository = Repository::open_ext(&self.own_dir, nowhere_else, [] as [&Path; 0])
            .map_err(|error| not_opened(&self.own_dir, error))?;
        // If the git folder is elsewhere, libgit2 takes the folder above it for the checkout.
        let taken = repository.workdir().and_then(|folder| folder.canonicalize().ok());
        if taken.as_ref() != Some(&self.workdir) {
            let set = repository.set_workdir(&self.workdir, false);
            set.context(format!("cannot open the checkout `{}`", self.workdir.display()))?;
        }
        self.objects.show(&repository)?;
        Ok(repository)
    }

    /// Returns the folders with objects that no ref holds and whose process is gone.
    pub(crate) fn objects_of_dead(&self) -> Result<Vec<PathBuf>> {
        objects::of_dead(&self.common_dir)
    }

    /// Removes these folders.
    pub(crate) fn clear_objects(&self) -> Result<()> {
        objects::clear(&self.common_dir)
    }

    /// Borrows an open repository for what reads objects and refs, or writes objects. Its settings may be those of a second ago:
    /// what looks whether settings are harmless has to [`open`](Self::open) its own.
    ///
    /// # Errors
    ///
    /// Where the repository cannot be opened.
    pub(crate) fn borrow(&self) -> Result<Borrowed> {
        let has_unheld = self.objects.are_begun();
        self.idle.borrow(&self.common_dir, has_unheld, || self.open())
    }

    /// Borrows the repository for what writes objects and reads them again.
    fn borrow_to_write(&self) -> Result<Borrowed> {
        self.objects.begin(&self.common_dir)?;
        self.borrow()
    }

    /// Writes an object, so that it stays until a ref holds it or this process ends.
    fn write_object(&self, kind: ObjectType, content: &[u8]) -> Result<Oid> {
        self.objects.write(&self.common_dir, kind, content)
    }
}

/// Returns whether an open file is the one that is at a path now.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let ours = file.metadata()?;
    match fs::symlink_metadata(path) {
        Ok(there) => Ok((ours.dev(), ours.ino()) == (there.dev(), there.ino())),
        Err(error) if [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory].contains(&error.kind()) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Refuses a folder in a slot, because an agent can forge its `.git`. The lock file beside a slot identifies it.
fn refuse_slot(start: &Path) -> Result<()> {
    for folder in start.ancestors() {
        let in_slots = folder
            .parent()
            .and_then(Path::file_name)
            .is_some_and(|name| name == "slots");
        if in_slots && fs::symlink_metadata(folder.with_extension("lock")).is_ok() {
            return Err(Error::new(
                ErrorKind::Precondition,
                format!("`{}` is a slot, where an agent works", folder.display()),
            )
            .hint("run the command in the repository itself"));
        }
    }
    Ok(())
}

/// Returns the error about a repository that libgit2 did not open.
fn not_opened(place: &Path, error: git2::Error) -> Error {
    let (message, hint) = match error.code() {
        ErrorCode::NotFound => {
            let message = format!("`{}` is not in a git repository", place.display());
            return Error::new(ErrorKind::Precondition, message)
                .hint("run the command in a repository, or create one with `git init`");
        }
        ErrorCode::Owner => (
            format!("the repository at `{}` belongs to another user", place.display()),
            "add its path to `safe.directory` of your git configuration if you trust it",
        ),
        _ => (
            format!("cannot open the repository at `{}`", place.display()),
            "repositories with the `files` ref format and SHA-1 objects, not partially cloned, are supported",
        ),
    };
    Error::new(ErrorKind::Precondition, message).because(error).hint(hint)
}
