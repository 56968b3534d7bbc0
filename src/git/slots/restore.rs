//! A slot made exactly a commit's tree. What does not certainly look as we left it is deleted and written anew; what
//! does is not touched, so the next task at twenty thousand files costs what changed.
//!
//! Contents are written as they are stored: no filter runs, no line ending is converted. A crash at any moment is
//! healed by the next restore, because only the index, replaced last and at once, records what need not be written.

use std::io;

use git2::{Index, Oid};
use rustix::fs::{FileType, Stat};

use super::expected::{Expected, index_entry};
use super::folder::{Cursor, Folder, Owner};
use super::slot::Slot;
use super::times::Times;
use super::write::{Looks, write_missing, write_pointer};
use crate::base::crash::crash_point;
use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::git::rules::Settings;
use crate::git::{EntryKind, bytes};

impl Slot {
    /// Makes the folder exactly the commit's tree, whatever is in it, and gives new files to `owner_ids` (user,
    /// group) when this process is root. Contents are written without filters. Can be done again after any crash.
    pub fn restore(&mut self, commit: Oid, owner_ids: Option<(u32, u32)>) -> Result<()> {
        self.stand_alone()?;
        restore(self, commit, owner_ids, None)
    }

    /// Does what [`Slot::restore`] does, and gives files the times that fit what was built from another tree.
    pub(crate) fn restore_for(&mut self, commit: Oid, owner_ids: Option<(u32, u32)>, times: &Times) -> Result<()> {
        self.stand_alone()?;
        restore(self, commit, owner_ids, Some(times))
    }
}

/// Makes the slot's folder the commit's tree.
fn restore(slot: &Slot, commit: Oid, owner: Owner, times: Option<&Times>) -> Result<()> {
    let repository = slot.git.borrow()?;
    let settings = Settings::of(&slot.git, &repository)?;
    let mut expected = Expected::of(&repository, commit, &settings)?;
    slot.git
        .hold_in_worktree(commit, || slot.registration.point_at(commit))?;
    slot.registration.free_index()?;
    let known = expected.add_stamps(&slot.registration);
    let failed = || format!("cannot restore the slot `{}`", slot.path.display());
    let root = Folder::open_slot(&slot.path).context(failed())?;
    root.normalise(owner).context(failed())?;
    let mut sweep = Sweep {
        expected: &mut expected,
        owner,
        looks: Vec::new(),
    };
    sweep.folder(&root, b"")?;
    let mut looks = sweep.looks;
    crash_point!("slot.swept");
    write_pointer(&root, &slot.registration, owner).context(failed())?;
    write_missing(&repository, &root, &expected, owner, &mut looks)?;
    if let Some(times) = times {
        let built = Expected::of(&repository, times.tree, &settings)?;
        set_times(&root, &expected, &built, times, &mut looks).context(failed())?;
    }
    crash_point!("slot.written");
    save_index(slot, known, &expected, looks).map_err(|error| Error::new(error.kind(), failed()).because(error))?;
    slot.registration.note_boot()?;
    crash_point!("slot.restored");
    Ok(())
}

/// Deletes from a slot what does not belong in it.
struct Sweep<'expected> {
    expected: &'expected mut Expected,
    owner: Owner,
    /// Files that were given to another owner, and so look different now.
    looks: Looks,
}

impl Sweep<'_> {
    /// Sweeps one folder of the tree, and the folders of the tree below it.
    fn folder(&mut self, folder: &Folder, path: &[u8]) -> Result<()> {
        let failed = || format!("cannot clean the folder `{}` of a slot", bytes::to_path(path).display());
        for name in folder.names().context(failed())? {
            if path.is_empty() && name == b".git" {
                continue;
            }
            let below = bytes::join(path, &name);
            let Some(stat) = folder.stat(&name).context(failed())? else {
                continue;
            };
            let is_folder = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
            if is_folder && self.expected.folders.contains(&below) {
                let child = folder.enter(&name).context(failed())?;
                child.normalise(self.owner).context(failed())?;
                self.folder(&child, &below)?;
            } else if !self.keeps(folder, &name, &below, &stat).context(failed())? {
                folder.remove(&name).with_context(ErrorKind::Unexpected, || {
                    format!("cannot remove `{}` from a slot", bytes::to_path(&below).display())
                })?;
            }
        }
        Ok(())
    }

    /// Returns whether a file is what it should be; makes it the owner's.
    fn keeps(&mut self, folder: &Folder, name: &[u8], path: &[u8], stat: &Stat) -> io::Result<bool> {
        let Some(file) = self.expected.meet_unchanged(path, stat) else {
            return Ok(false);
        };
        if folder.own_as_seen(name, stat, self.owner)? {
            self.looks.push((path.to_vec(), file, folder.stat(name)?));
        }
        Ok(true)
    }
}

/// Gives every file that is as it was in the tree from which something was built the time that it had then, and any other
/// one that looks older than what was built the time of now. Build tools compare these times: one would build anew what
/// it need not, or take what was built of another content for up to date.
fn set_times(root: &Folder, expected: &Expected, built: &Expected, times: &Times, looks: &mut Looks) -> io::Result<()> {
    let mut paths: Vec<_> = expected.files.iter().collect();
    paths.sort_unstable_by_key(|(path, _)| *path);
    let mut cursor = Cursor::new(root);
    for (path, file) in paths {
        let (parent, name) = bytes::split_last(path);
        let folder = cursor.at(parent, Folder::enter)?;
        let is_file = file.kind != EntryKind::Submodule;
        let Some(stat) = folder.stat(name)?.filter(|_| is_file) else {
            continue;
        };
        let same = built
            .files
            .get(path)
            .is_some_and(|was| (was.kind, was.id) == (file.kind, file.id));
        if folder.set_time(name, &stat, times.wanted(&stat, same))? {
            looks.push((path.clone(), *file, folder.stat(name)?));
        }
    }
    Ok(())
}

/// Brings the trusted index up to what was written, and replaces it at once.
fn save_index(slot: &Slot, known: bool, expected: &Expected, looks: Looks) -> Result<()> {
    let path = slot.registration.begin_index(known)?;
    let write = || -> Result<(), git2::Error> {
        let mut index = Index::open(&path)?;
        let gone: Vec<_> = index
            .iter()
            .filter(|entry| !expected.files.contains_key(&entry.path))
            .map(|entry| entry.path)
            .collect();
        for path in gone {
            index.remove(&bytes::to_path(&path), 0)?;
        }
        for (path, file, stat) in looks {
            index.add(&index_entry(&path, &file, stat.as_ref()))?;
        }
        index.write()
    };
    write().context(format!("cannot write `{}`", path.display()))?;
    slot.registration.put_index(&path)
}
