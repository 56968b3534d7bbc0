//! What a slot has above a shared checkout, written by us as the kernel would: what is to be gone is said to be, and a folder
//! that takes the place of a gone one hides that. No link is followed.

use std::io;

use git2::{Oid, Repository};
use rustix::fs::FileType;

use super::expected::ExpectedFile;
use super::folder::{Folder, Owner};
use super::marks::{is_opaque, is_whiteout, make_opaque, make_whiteout};
use super::write::write_one;
use crate::git::bytes;
use crate::git::level::{Entry, level};

/// The upper layer of a slot.
pub(super) struct Upper<'a> {
    repository: &'a Repository,
    root: &'a Folder,
    /// What the checkout below has.
    tree: Oid,
    owner: Owner,
}

/// A folder of the upper layer, and what is seen through it of the checkout: a tree, or nothing.
pub(super) struct Above {
    pub(super) folder: Folder,
    seen: Option<Oid>,
}

/// What stands in the way of a path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Folders are made, also where there are none.
    Make,
    /// Folders are made where the checkout has some.
    Find,
}

impl<'a> Upper<'a> {
    pub(super) fn new(repository: &'a Repository, root: &'a Folder, tree: Oid, owner: Owner) -> Self {
        Self {
            repository,
            root,
            tree,
            owner,
        }
    }

    /// Writes a file in place of whatever is there.
    pub(super) fn write(&self, path: &[u8], file: &ExpectedFile, links: bool) -> io::Result<()> {
        let (parent, name) = bytes::split_last(path);
        let above = self.reach(parent, Way::Make)?.ok_or(io::ErrorKind::NotADirectory)?;
        above.folder.remove(name)?;
        write_one((self.repository, links), (&above.folder, name), file, self.owner)?;
        if let (Some(Entry::Tree(_)), Ok(folder)) = (self.seen(&above, name)?, above.folder.open_below(name)) {
            // A submodule's folder is empty, whatever was there.
            make_opaque(&folder)?;
        }
        Ok(())
    }

    /// Has nothing be at a path.
    pub(super) fn remove(&self, path: &[u8]) -> io::Result<()> {
        let (parent, name) = bytes::split_last(path);
        let Some(above) = self.reach(parent, Way::Find)? else {
            return Ok(());
        };
        above.folder.remove(name)?;
        if self.seen(&above, name)?.is_some() {
            make_whiteout(&above.folder, name)?;
        }
        Ok(())
    }

    /// Makes a folder to be mounted over, if its parent is there and at most an empty folder in its place; returns whether it is
    /// there now.
    pub(super) fn make_mount_point(&self, path: &[u8]) -> io::Result<bool> {
        let (parent, name) = bytes::split_last(path);
        let Some(above) = self.reach(parent, Way::Find)? else {
            return Ok(false);
        };
        match above.folder.stat(name)? {
            Some(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Directory => {
                let there = above.folder.enter(name)?;
                let is_seen_through = self.seen(&above, name)?.is_some_and(|entry| entry.tree().is_some());
                Ok(there.names()?.is_empty() && (!is_seen_through || is_opaque(&there)?))
            }
            Some(stat) if !is_whiteout(&stat) => Ok(false),
            // A folder of the checkout has something in it.
            None if self.seen(&above, name)?.is_some() => Ok(false),
            there => {
                if there.is_some() {
                    above.folder.remove(name)?;
                }
                let made = above.folder.make_folder(name, self.owner)?;
                if self.seen(&above, name)?.is_some() {
                    make_opaque(&made)?;
                }
                Ok(true)
            }
        }
    }

    /// Opens the folder at a path; `None` where none is to be found.
    fn reach(&self, path: &[u8], way: Way) -> io::Result<Option<Above>> {
        let folder = self.root.open_below(b".")?;
        let mut above = Above {
            folder,
            seen: Some(self.tree),
        };
        for name in path.split(|byte| *byte == b'/').filter(|name| !name.is_empty()) {
            match self.step(&above, name, way)? {
                Some(next) => above = next,
                None => return Ok(None),
            }
        }
        Ok(Some(above))
    }

    fn step(&self, above: &Above, name: &[u8], way: Way) -> io::Result<Option<Above>> {
        let below = self.seen(above, name)?;
        let seen = below.and_then(Entry::tree);
        let there = above.folder.stat(name)?;
        match there {
            Some(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Directory => {
                let folder = above.folder.enter(name)?;
                let seen = if is_opaque(&folder)? { None } else { seen };
                return Ok(Some(Above { folder, seen }));
            }
            Some(stat) if !is_whiteout(&stat) => {
                return match way {
                    Way::Find => Ok(None),
                    Way::Make => Err(io::ErrorKind::NotADirectory.into()),
                };
            }
            _ => {}
        }
        let is_gone = there.is_some();
        if way == Way::Find && (is_gone || seen.is_none()) {
            return Ok(None);
        }
        if is_gone {
            above.folder.remove(name)?;
        }
        let folder = above.folder.make_folder(name, self.owner)?;
        let is_hidden = is_gone && seen.is_some();
        if is_hidden {
            make_opaque(&folder)?;
        }
        let seen = if is_hidden { None } else { seen };
        Ok(Some(Above { folder, seen }))
    }

    /// Returns what the checkout has at a name, if it is seen there.
    fn seen(&self, above: &Above, name: &[u8]) -> io::Result<Option<Entry>> {
        let level = level(self.repository, above.seen).map_err(io::Error::other)?;
        Ok(level.get(name).copied())
    }
}
