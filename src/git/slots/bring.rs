//! What another session made of a slot's files, brought into the slot whose own session goes on.

use std::io;

use git2::{Oid, Repository};

use super::expected::{Expected, ExpectedFile};
use super::folder::{Cursor, Folder, Owner};
use super::slot::Slot;
use crate::base::error::{Context as _, Result};
use crate::git::rules::Settings;
use crate::git::{EntryKind, bytes};

impl Slot {
    /// Writes into the folder, which has the files of the tree or commit `old`, what differs from it in `new`, and gives
    /// new files to `owner_ids` (user, group) when this process is root. All else stays: ignored files, too. Can be done
    /// again after any crash. The container must be gone.
    ///
    /// # Errors
    ///
    /// Where a file cannot be written or removed; links are not followed.
    pub(crate) fn bring(&mut self, (old, new): (Oid, Oid), owner_ids: Option<(u32, u32)>) -> Result<()> {
        let changes = self.git.changes(old, new)?;
        let repository = self.git.open()?;
        let settings = Settings::of(&self.git, &repository)?;
        let expected = Expected::of(&repository, new, &settings)?;
        let root = Folder::open_slot(&self.path).context(format!("cannot open the slot `{}`", self.path.display()))?;
        for change in &changes {
            let failed = || format!("cannot remove `{}` from a slot", change.path.display());
            remove(&root, bytes::of_path(&change.path)).context(failed())?;
        }
        let mut cursor = Cursor::new(&root);
        for change in &changes {
            let path = bytes::of_path(&change.path);
            if let Some(file) = expected.files.get(path) {
                let links = expected.file_system.links;
                let failed = || format!("cannot write `{}` into a slot", change.path.display());
                write((&repository, links), &mut cursor, (path, file), owner_ids).context(failed())?;
            }
        }
        Ok(())
    }
}

/// Removes what is at a path, if anything is.
fn remove(root: &Folder, path: &[u8]) -> io::Result<()> {
    let (parent, name) = bytes::split_last(path);
    match Cursor::new(root).at(parent, Folder::enter) {
        Ok(folder) => folder.remove(name),
        // The folder is gone, or a file is in its place that is about to be replaced.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(()),
        Err(error) => Err(error),
    }
}

fn write(
    (repository, links): (&Repository, bool),
    cursor: &mut Cursor<'_>,
    (path, file): (&[u8], &ExpectedFile),
    owner: Owner,
) -> io::Result<()> {
    let (parent, name) = bytes::split_last(path);
    let folder = cursor.at(parent, |folder, part| folder.make_folder(part, owner))?;
    if file.kind == EntryKind::Submodule {
        return folder.make_folder(name, owner).map(drop);
    }
    let blob = repository.find_blob(file.id).map_err(io::Error::other)?;
    let written = match file.kind {
        EntryKind::Link if links => folder.make_link(name, blob.content(), owner),
        kind => folder.make_file(name, blob.content(), kind == EntryKind::Executable, owner),
    };
    written.map(drop)
}
