//! The repository's own id, and the place of its state: noted in the git folder, with the place of that folder.
//!
//! Where another git folder (by device and inode) with the same id is at the noted place, one of the two is a copy, and
//! the one that finds out takes a new id. Else the repository was moved, or is where it was.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Git;
use crate::base::clock::Clock;
use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::base::fs::write_atomically;
use crate::base::regular;

/// The note in a git folder.
const NOTE: &str = "cordwainer-repository.json";
/// The note in a folder of state, which names its repository.
const STATE_NOTE: &str = "repository.json";

/// Returns the device and inode of what is at a path, which two folders that are there at once never share; `None`
/// where there is nothing.
fn inode(path: &Path) -> io::Result<Option<(u64, u64)>> {
    match fs::metadata(path) {
        Ok(there) => Ok(Some((there.dev(), there.ino()))),
        Err(error) if [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory].contains(&error.kind()) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The content of a repository's note. Fields that a later version adds are ignored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    /// The repository's id.
    id: String,
    /// The id of the repository that this one is a copy of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    copy_of: Option<String>,
    /// The place of its git folder when a command last took the lock.
    git_folder: PathBuf,
    /// The place of its state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    state_dir: Option<PathBuf>,
}

/// The data of a folder of state about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct StateNote {
    /// The id of the repository that the state belongs to.
    id: String,
    /// That repository's git folder.
    git_folder: PathBuf,
    /// Where the folder of state itself was.
    folder: PathBuf,
}

impl Git {
    /// Returns the repository's id; `None` before the first command that changes anything, and in a copy before its
    /// first one.
    ///
    /// # Errors
    ///
    /// When the note in the git folder cannot be read.
    pub fn repository_id(&self) -> Result<Option<String>> {
        Ok(self.known()?.map(|note| note.id))
    }

    /// Returns the place of this repository's state, whatever a configuration names; `None` while there is none.
    pub(crate) fn state_folder(&self) -> Result<Option<PathBuf>> {
        let Some(note) = self.known()? else { return Ok(None) };
        let Some(folder) = note.state_dir else { return Ok(None) };
        let path = folder.join(STATE_NOTE);
        if fs::metadata(&path).is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied) {
            // Another user's: a caller that needs it reports that.
            return Ok(Some(folder));
        }
        let found = read::<StateNote>(&path)?;
        Ok(found.filter(|state| state.id == note.id).map(|_| folder))
    }

    /// Refuses a folder of state when there is another one, before it is made. The caller holds the repository's lock.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Precondition`], when the state of this repository is elsewhere.
    pub(crate) fn refuse_second_state_folder(&self, folder: &Path) -> Result<()> {
        let failed = || format!("cannot look at the folder `{}`", folder.display());
        let Some(used) = self.state_folder()? else {
            return Ok(());
        };
        if inode(&used).context(failed())? == inode(folder).context(failed())? {
            return Ok(());
        }
        let (used, folder) = (used.display(), folder.display());
        let message = format!("the state of this repository is in `{used}`, and `state_dir` names `{folder}`");
        Err(Error::new(ErrorKind::Precondition, message).hint(format!(
            "set `state_dir` to the same folder in every worktree; to change it, move `{used}` to `{folder}` while nothing runs"
        )))
    }

    /// Returns whether another repository with the same id has its git folder at `path`: a copy of this one, or what
    /// this one is a copy of. One that may not be looked at counts as there.
    pub(crate) fn is_another_at(&self, path: &Path, id: &str) -> Result<bool> {
        let failed = || format!("cannot look at the folder `{}`", self.common_dir.display());
        if path == self.common_dir {
            return Ok(false);
        }
        let own = inode(&self.common_dir).context(failed())?;
        Ok(match inode(path) {
            Ok(None) => false,
            Ok(there) if there == own => false,
            Ok(Some(_)) => read::<Note>(&path.join(NOTE)).map_or(true, |note| note.is_some_and(|note| note.id == id)),
            Err(_) => true,
        })
    }

    /// Gives the repository an id of its own where it has none, keeps its place in the note, and returns the id. The
    /// caller holds its lock.
    pub(crate) fn identify(&self) -> Result<String> {
        let git_folder = self.common_dir.clone();
        let noted = read::<Note>(&self.note())?;
        let note = match (self.known()?, noted.clone()) {
            (Some(known), _) => Note { git_folder, ..known },
            (None, noted) => Note {
                id: Clock::machine().token()?,
                copy_of: noted.map(|original| original.id),
                git_folder,
                state_dir: None,
            },
        };
        if noted.as_ref() != Some(&note) {
            self.write_note(&note)?;
        }
        Ok(note.id)
    }

    /// Notes that the state of this repository is in a folder that is there, after [`Git::identify`]. The caller holds
    /// the locks of both.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Precondition`], when the folder has another repository's state.
    pub(crate) fn own_state_folder(&self, folder: &Path) -> Result<()> {
        let failed = || format!("cannot look at the folder `{}`", folder.display());
        let folder = folder.canonicalize().context(failed())?;
        let note = self
            .known()?
            .ok_or_else(|| Error::new(ErrorKind::Unexpected, failed()))?;
        let path = folder.join(STATE_NOTE);
        let noted = read::<StateNote>(&path)?;
        if let Some(other) = &noted
            && self.is_anothers(other, &note, &folder)?
        {
            return Err(anothers(other, &folder));
        }
        let state = StateNote {
            id: note.id.clone(),
            git_folder: self.common_dir.clone(),
            folder: folder.clone(),
        };
        if noted.as_ref() != Some(&state) {
            write(&path, &state)?;
        }
        if note.state_dir.as_ref() != Some(&folder) {
            let state_dir = Some(folder);
            self.write_note(&Note { state_dir, ..note })?;
        }
        Ok(())
    }

    /// Returns whether a folder of state belongs to another repository. One that was copied with this repository does
    /// not.
    fn is_anothers(&self, state: &StateNote, own: &Note, folder: &Path) -> Result<bool> {
        if state.id == own.id {
            return self.is_another_at(&state.git_folder, &own.id);
        }
        let failed = || format!("cannot look at the folder `{}`", folder.display());
        let is_shared = inode(&state.folder).context(failed())? == inode(folder).context(failed())?;
        Ok(is_shared || own.copy_of.as_ref() != Some(&state.id))
    }

    /// Returns the note, unless this is a copy that has none of its own yet.
    fn known(&self) -> Result<Option<Note>> {
        let Some(note) = read::<Note>(&self.note())? else {
            return Ok(None);
        };
        let is_copy = self.is_another_at(&note.git_folder, &note.id)?;
        Ok((!is_copy).then_some(note))
    }

    /// Writes the note, readable for everybody who may read the git folder.
    fn write_note(&self, note: &Note) -> Result<()> {
        let path = self.note();
        write(&path, note)?;
        let readable = fs::set_permissions(&path, Permissions::from_mode(0o644));
        readable.context(format!("cannot let others read `{}`", path.display()))
    }

    fn note(&self) -> PathBuf {
        self.common_dir.join(NOTE)
    }
}

fn anothers(other: &StateNote, folder: &Path) -> Error {
    let (whose, folder) = (other.git_folder.display(), folder.display());
    let message = format!("`{folder}` has the state of another repository, whose git folder is `{whose}`");
    Error::new(ErrorKind::Precondition, message).hint(
        "set `state_dir` to another folder here; or remove that one, if the other repository is gone and nothing in it is needed",
    )
}

/// Reads a note; `None` where there is none.
fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let failed = || format!("cannot read `{}`", path.display());
    let text = match regular::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        text => text.with_context(ErrorKind::Unexpected, failed)?,
    };
    let note = serde_json::from_slice(&text).map_err(|error| {
        Error::new(ErrorKind::Precondition, failed())
            .because(error)
            .hint("remove it, and `repository.json` in the folder that `state_dir` names: both are created again")
    })?;
    Ok(Some(note))
}

fn write<T: Serialize>(path: &Path, note: &T) -> Result<()> {
    let text = serde_json::to_vec(note).map_err(|error| {
        Error::new(ErrorKind::Precondition, format!("cannot write `{}`", path.display()))
            .because(error)
            .hint("move the repository to a path in UTF-8")
    })?;
    write_atomically(path, &text)
}
