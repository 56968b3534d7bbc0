//! How a tree differs from the one that a shared checkout has, folder by folder: what is the same is not looked into.

use std::collections::BTreeMap;

use git2::{Oid, Repository};

use super::expected::ExpectedFile;
use crate::base::error::Result;
use crate::git::bytes;
use crate::git::level::{Entry, files_of, level};

/// What must be above a tree's files to see another tree.
#[derive(Debug, Default)]
pub(super) struct Difference {
    /// Paths at which nothing is any more; with a folder, all that was in it.
    pub(super) gone: Vec<Vec<u8>>,
    /// Files that are new or others.
    pub(super) written: BTreeMap<Vec<u8>, ExpectedFile>,
    /// Files that are gone, or in whose place a folder is.
    pub(super) files_gone: Vec<Vec<u8>>,
}

impl Difference {
    /// Compares two trees; `None` where more than `most` files differ.
    pub(super) fn between(repository: &Repository, old: Oid, new: Oid, most: usize) -> Result<Option<Self>> {
        let mut found = Self::default();
        let is_small = found.compare(repository, b"", (old, new), most)?;
        Ok(is_small.then_some(found))
    }

    fn size(&self) -> usize {
        self.written.len() + self.files_gone.len()
    }

    fn compare(&mut self, repository: &Repository, folder: &[u8], (old, new): (Oid, Oid), most: usize) -> Result<bool> {
        if old == new {
            return Ok(true);
        }
        let (before, after) = (level(repository, Some(old))?, level(repository, Some(new))?);
        for (name, was) in &before {
            if !after.contains_key(name) {
                let path = bytes::join(folder, name);
                self.take_away(repository, (&path, *was))?;
                self.gone.push(path);
            }
        }
        for (name, is) in after {
            let path = bytes::join(folder, &name);
            let was = before.get(&name).copied();
            match (was, is) {
                (Some(was), is) if was == is => {}
                (Some(Entry::Tree(was)), Entry::Tree(is)) => {
                    if !self.compare(repository, &path, (was, is), most)? {
                        return Ok(false);
                    }
                }
                (was, is) => {
                    if let Some(was) = was {
                        self.take_away(repository, (&path, was))?;
                    }
                    self.add(repository, (&path, is))?;
                }
            }
            if self.size() > most {
                return Ok(false);
            }
        }
        Ok(self.size() <= most)
    }

    fn take_away(&mut self, repository: &Repository, was: (&[u8], Entry)) -> Result<()> {
        files_of(repository, was, &mut |path, _, _| self.files_gone.push(path.to_vec()))
    }

    fn add(&mut self, repository: &Repository, is: (&[u8], Entry)) -> Result<()> {
        files_of(repository, is, &mut |path, kind, id| {
            let file = ExpectedFile {
                kind,
                id,
                stamp: None,
                met: false,
            };
            self.written.insert(path.to_vec(), file);
        })
    }
}
