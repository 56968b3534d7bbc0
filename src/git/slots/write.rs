//! Files of a tree, written by open handles.

use std::io;

use git2::Repository;
use rustix::fs::Stat;

use super::expected::{Expected, ExpectedFile};
use super::folder::{Cursor, Folder, Owner};
use super::registration::Registration;
use crate::base::error::{Context as _, Result};
use crate::git::{EntryKind, bytes};

/// A file and how it looks now.
pub(super) type Looks = Vec<(Vec<u8>, ExpectedFile, Option<Stat>)>;

/// Writes the slot's own `.git` file, whatever is in its place.
pub(super) fn write_pointer(root: &Folder, registration: &Registration, owner: Owner) -> io::Result<()> {
    let pointer = registration.pointer();
    let most = pointer.len() as u64;
    if root.read_file(b".git", most).is_ok_and(|there| there == pointer) {
        return root.own(b".git", owner).map(drop);
    }
    root.remove(b".git")?;
    root.make_file(b".git", &pointer, false, owner).map(drop)
}

/// Writes every file that is not there.
pub(super) fn write_missing(
    repository: &Repository,
    root: &Folder,
    expected: &Expected,
    owner: Owner,
    looks: &mut Looks,
) -> Result<()> {
    let mut cursor = Cursor::new(root);
    for (path, file) in expected.missing() {
        let failed = || format!("cannot write `{}` into a slot", bytes::to_path(&path).display());
        let (parent, name) = bytes::split_last(&path);
        let folder = cursor
            .at(parent, |folder, part| folder.make_folder(part, owner))
            .context(failed())?;
        let links = expected.file_system.links;
        let stat = write_one((repository, links), (folder, name), &file, owner).context(failed())?;
        looks.push((path, file, stat));
    }
    Ok(())
}

/// Writes one file where nothing is, and returns how it looks; `None` for a submodule, which is an empty folder. Without
/// `links`, a link is a file with its target in it.
pub(super) fn write_one(
    (repository, links): (&Repository, bool),
    (folder, name): (&Folder, &[u8]),
    file: &ExpectedFile,
    owner: Owner,
) -> io::Result<Option<Stat>> {
    if file.kind == EntryKind::Submodule {
        return folder.make_folder(name, owner).map(|_| None);
    }
    let blob = repository.find_blob(file.id).map_err(io::Error::other)?;
    let written = match file.kind {
        EntryKind::Link if links => folder.make_link(name, blob.content(), owner),
        kind => folder.make_file(name, blob.content(), kind == EntryKind::Executable, owner),
    };
    written.map(Some)
}
