//! The person's index: the staged files, and its update when files are moved.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use git2::{Index, IndexEntry, IndexTime, Oid};

use super::side::File;
use super::worktree::Arrived;
use crate::base::error::{Context as _, Result};
use crate::git::{EntryKind, Git, bytes};

/// Set in [`IndexEntry::flags`]: git takes the file for unchanged without a look.
const ASSUME_VALID: u16 = 1 << 15;
/// Set in [`IndexEntry::flags_extended`]: the file should not be in the checkout.
const SKIP_WORKTREE: u16 = 1 << 14;

/// The index of the current checkout.
pub(super) struct Staged {
    /// Opened by its path: without a repository behind it, libgit2 compares no file when it writes.
    index: Index,
    /// When the file was written; an entry as young as this proves nothing.
    written: Option<(i64, i64)>,
}

impl Staged {
    /// Reads the person's index.
    pub(super) fn of(git: &Git) -> Result<Self> {
        Self::at(&git.own_dir.join("index"))
    }

    /// Reads an index, or a copy of one that has its times.
    pub(super) fn at(path: &Path) -> Result<Self> {
        let looks = fs::metadata(path).ok();
        Ok(Self {
            index: Index::open(path).context("cannot read the index")?,
            written: looks.map(|looks| (looks.mtime(), looks.mtime_nsec())),
        })
    }

    /// Returns the staged entry of a path; `None` also during a conflict.
    pub(super) fn get(&self, path: &Path) -> Option<File> {
        self.index.get_path(path, 0).as_ref().map(file)
    }

    /// Returns all entries; those of conflicts several times.
    pub(super) fn entries(&self) -> impl Iterator<Item = IndexEntry> {
        self.index.iter()
    }

    /// Returns whether the file of an entry is certainly the staged one, by its present state or by what the person
    /// declared about it.
    pub(super) fn vouches(&self, entry: &IndexEntry, looks: Option<&Metadata>) -> bool {
        if entry.flags & ASSUME_VALID != 0 || entry.flags_extended & SKIP_WORKTREE != 0 {
            return true;
        }
        !self.is_racy(entry)
            && looks.is_some_and(|looks| stamp(&entry_of(entry.path.clone(), file(entry), looks)) == stamp(entry))
    }

    /// Returns whether an entry may have changed in the same tick of the clock in which the index was written.
    fn is_racy(&self, entry: &IndexEntry) -> bool {
        let modified = (i64::from(entry.mtime.seconds()), i64::from(entry.mtime.nanoseconds()));
        self.written.is_none_or(|written| modified >= written)
    }

    /// Records the new state of files, and those that were removed, and writes the index.
    pub(super) fn record(&mut self, arrived: &[Arrived]) -> Result<()> {
        let failed = "cannot bring the index up to date";
        self.doubt_racy().context(failed)?;
        for (path, _) in arrived.iter().filter(|(_, new)| new.is_none()) {
            if self.index.get_path(path, 0).is_some() {
                self.index.remove(path, 0).context(failed)?;
            }
        }
        for (path, new) in arrived {
            let Some((file, looks)) = new else { continue };
            let mut entry = entry_of(bytes::of_path(path).to_vec(), *file, looks);
            if let Some(old) = self.index.get_path(path, 0) {
                entry.flags = old.flags & ASSUME_VALID;
                entry.flags_extended = old.flags_extended & SKIP_WORKTREE;
            }
            self.index.add(&entry).context(failed)?;
        }
        self.index.write().context(failed)
    }

    /// Makes git compare racy entries again: the index will be younger than they are, which would confirm them.
    fn doubt_racy(&mut self) -> Result<(), git2::Error> {
        let racy: Vec<_> = self
            .index
            .iter()
            .filter(|entry| stage(entry) == 0 && self.is_racy(entry))
            .collect();
        for mut entry in racy {
            entry.file_size = 0;
            self.index.add(&entry)?;
        }
        Ok(())
    }
}

/// Returns 0, or the number of a side of a conflict.
pub(super) fn stage(entry: &IndexEntry) -> u16 {
    (entry.flags >> 12) & 3
}

/// Returns the data of an entry about its path.
pub(super) fn file(entry: &IndexEntry) -> File {
    (EntryKind::of_mode(entry.mode), entry.id)
}

/// Returns the fields of an entry that record the state of the file.
fn stamp(entry: &IndexEntry) -> (IndexTime, IndexTime, u32, u32, u32) {
    (entry.mtime, entry.ctime, entry.ino, entry.file_size, entry.mode)
}

/// Returns the entry for a file with this state. Numbers are cut to 32 bits, as in git.
fn entry_of(path: Vec<u8>, (kind, id): (EntryKind, Oid), looks: &Metadata) -> IndexEntry {
    let low = |number: u64| u32::try_from(number & 0xffff_ffff).unwrap_or_default();
    let time = |seconds: i64, nanoseconds: i64| {
        let seconds = low(seconds.cast_unsigned()).cast_signed();
        IndexTime::new(seconds, low(nanoseconds.cast_unsigned()))
    };
    IndexEntry {
        ctime: time(looks.ctime(), looks.ctime_nsec()),
        mtime: time(looks.mtime(), looks.mtime_nsec()),
        dev: low(looks.dev()),
        ino: low(looks.ino()),
        mode: kind.mode(),
        uid: looks.uid(),
        gid: looks.gid(),
        file_size: low(looks.len()),
        id,
        flags: 0,
        flags_extended: 0,
        path,
    }
}
