//! What a slot's layer does not have itself: what is seen through it of the shared checkout, and what should be there.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use git2::{Oid, Repository};
use rustix::fs::FileType;

use super::folder::Folder;
use super::marks::{is_elsewhere, is_opaque, is_whiteout};
use crate::base::error::Result;
use crate::git::level::{Entry, Level, level};
use crate::git::{EntryKind, Git, bytes};

/// One folder of two trees.
pub(super) struct Levels {
    /// What should be there.
    pub(super) base: Level,
    /// What is seen through the layer, where that has nothing of the name.
    pub(super) seen: Level,
}

/// What becomes of a name that the layer does not have.
#[derive(Clone, Copy)]
pub(super) enum Unseen {
    /// What should be there is seen.
    Same(Entry),
    /// This should be there, and is not.
    Missing(Entry),
    /// This is seen instead, or where nothing should be.
    Other(Entry),
}

impl Levels {
    /// Reads a folder of both.
    pub(super) fn of(repository: &Repository, base: Option<Oid>, seen: Option<Oid>) -> Result<Self> {
        Ok(Self {
            base: level(repository, base)?,
            seen: level(repository, seen)?,
        })
    }

    /// Reads the folder `name` of this one; `folder` is that of the layer.
    ///
    /// # Errors
    ///
    /// Where the layer says of it what is not for an agent to have it say, or a tree cannot be read.
    pub(super) fn below(&self, repository: &Repository, name: &[u8], folder: &Folder) -> io::Result<Self> {
        if is_elsewhere(folder.handle()) {
            return Err(io::Error::other("its layer says that it is elsewhere"));
        }
        let tree = |level: &Level| level.get(name).copied().and_then(Entry::tree);
        let seen = if is_opaque(folder)? { None } else { tree(&self.seen) };
        Self::of(repository, tree(&self.base), seen).map_err(io::Error::other)
    }

    /// Returns what becomes of each name that is not among those of the layer.
    pub(super) fn without(&self, names: &[Vec<u8>]) -> Vec<(Vec<u8>, Unseen)> {
        let names: BTreeSet<&[u8]> = names.iter().map(Vec::as_slice).collect();
        let mut found = Vec::new();
        let is_unseen = |(name, _): &(&Vec<u8>, &Entry)| !names.contains(name.as_slice());
        for (name, base) in self.base.iter().filter(is_unseen) {
            let is_same = self.seen.get(name) == Some(base);
            let becomes = if is_same {
                Unseen::Same(*base)
            } else {
                Unseen::Missing(*base)
            };
            found.push((name.clone(), becomes));
        }
        for (name, seen) in self.seen.iter().filter(is_unseen) {
            if self.base.get(name) != Some(seen) {
                found.push((name.clone(), Unseen::Other(*seen)));
            }
        }
        found
    }

    /// Returns whether the checkout has something else at a name than what should be there, so that the layer got that from us.
    pub(super) fn is_laid(&self, name: &[u8]) -> bool {
        self.base
            .get(name)
            .is_some_and(|base| self.seen.get(name) != Some(base))
    }

    /// Returns the content of a regular file that is seen, of at most `most` bytes.
    pub(super) fn content(&self, repository: &Repository, name: &[u8], most: u64) -> Option<Vec<u8>> {
        match self.seen.get(name)? {
            Entry::File(EntryKind::File | EntryKind::Executable, id) => {
                let blob = repository.find_blob(*id).ok()?;
                (blob.size() as u64 <= most).then(|| blob.content().to_vec())
            }
            Entry::File(..) | Entry::Tree(_) => None,
        }
    }
}

/// Reads a regular file of a layer over `tree`, or through it; `None` where there is nothing. No link is followed.
pub(super) fn read_through(
    git: &Git,
    root: &Path,
    tree: Oid,
    (path, most): (&Path, u64),
) -> io::Result<Option<Vec<u8>>> {
    let repository = git.open().map_err(io::Error::other)?;
    let mut folder = Some(Folder::open_slot(root)?);
    let mut seen = Some(tree);
    let mut names = bytes::of_path(path).split(|byte| *byte == b'/').peekable();
    while let Some(name) = names.next() {
        let is_last = names.peek().is_none();
        let below = level(&repository, seen).map_err(io::Error::other)?.get(name).copied();
        let there = folder.as_ref().map(|folder| folder.stat(name)).transpose()?.flatten();
        if let (Some(stat), Some(above)) = (there, &folder) {
            if is_whiteout(&stat) {
                return Ok(None);
            }
            if is_last {
                return above.read_file(name, most).map(Some);
            }
            if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
                return Err(io::ErrorKind::NotADirectory.into());
            }
            let next = above.enter(name)?;
            seen = if is_opaque(&next)? {
                None
            } else {
                below.and_then(Entry::tree)
            };
            folder = Some(next);
            continue;
        }
        folder = None;
        match below {
            None => return Ok(None),
            Some(Entry::Tree(tree)) if !is_last => seen = Some(tree),
            Some(Entry::File(EntryKind::File | EntryKind::Executable, id)) if is_last => {
                let blob = repository.find_blob(id).map_err(io::Error::other)?;
                if blob.size() as u64 > most {
                    return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than allowed"));
                }
                return Ok(Some(blob.content().to_vec()));
            }
            Some(_) => return Err(io::Error::other("not a regular file")),
        }
    }
    Ok(None)
}
