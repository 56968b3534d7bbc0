//! Folders that one side renamed while the other side added a file to them: git does not know where that belongs, and
//! reports a conflict.

use std::collections::{BTreeMap, BTreeSet};

use super::changes::{Changes, Files, folders_above};
use super::renames::Moves;
use crate::base::error::Result;
use crate::git::bytes;

/// The folders of the ancestor that are gone on one side, and to which the other side added files.
#[derive(Default)]
pub(super) struct Vanished {
    /// Those to which files were added, at any depth: the new paths by folder.
    new: BTreeMap<Vec<u8>, Vec<Vec<u8>>>,
    /// Those that directly contain the new file: git searches for the place to which these, and all below them, were
    /// moved.
    sought: BTreeSet<Vec<u8>>,
}

impl Vanished {
    /// Finds them. `gone` is the tree of the side without them, `other` the changes of the other side.
    pub(super) fn find(ancestor: &Files<'_>, gone: &Files<'_>, other: &Changes) -> Result<Self> {
        let mut known: BTreeMap<Vec<u8>, bool> = BTreeMap::new();
        let mut found = Self::default();
        for (path, change) in other {
            if change.added().is_none() {
                continue;
            }
            for folder in folders_above(path) {
                let vanished = match known.get(folder) {
                    Some(vanished) => *vanished,
                    None => ancestor.folder(folder)?.is_some() && gone.folder(folder)?.is_none(),
                };
                known.insert(folder.to_vec(), vanished);
                if vanished {
                    found.new.entry(folder.to_vec()).or_default().push(path.clone());
                }
            }
            let own = bytes::split_last(path).0;
            if known.get(own) == Some(&true) {
                found.sought.insert(own.to_vec());
            }
        }
        Ok(found)
    }

    /// Returns whether it matters where the file at a path went.
    pub(super) fn have(&self, path: &[u8]) -> bool {
        !self.sought.is_empty() && folders_above(path).any(|folder| self.sought.contains(folder))
    }

    /// Returns whether git needs to know where a folder was moved.
    fn matters(&self, folder: &[u8]) -> bool {
        self.sought.contains(folder) || self.have(folder)
    }

    /// Returns the new paths in folders that were moved.
    pub(super) fn misplaced(&self, moves: &Moves) -> BTreeSet<Vec<u8>> {
        let unsure = moves.unsure.iter().map(|path| bytes::split_last(path).0);
        let mut folders: BTreeSet<&[u8]> = unsure.filter(|folder| self.matters(folder)).collect();
        for (old, new) in &moves.renames {
            let named = folders_moved(old, new).into_iter().enumerate();
            let is_sure = |(above, folder): &(usize, &[u8])| match above {
                0 => self.matters(folder),
                _ => self.sought.contains(*folder),
            };
            let certain = named.take_while(|(_, folder)| self.matters(folder)).filter(is_sure);
            folders.extend(certain.map(|(_, folder)| folder));
        }
        let misplaced = self
            .new
            .iter()
            .filter(|(folder, _)| folders.contains(folder.as_slice()));
        misplaced.flat_map(|(_, paths)| paths.iter().cloned()).collect()
    }
}

/// Returns the folders that a renamed file shows to be renamed: its own, and those above it while the names
/// below them are the same.
fn folders_moved<'a>(old: &'a [u8], new: &'a [u8]) -> Vec<&'a [u8]> {
    let mut found = Vec::new();
    let (mut old, mut new) = (bytes::split_last(old).0, bytes::split_last(new).0);
    while !old.is_empty() && old != new {
        found.push(old);
        let ((old_above, old_name), (new_above, new_name)) = (bytes::split_last(old), bytes::split_last(new));
        if old_name != new_name {
            break;
        }
        (old, new) = (old_above, new_above);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(old: &str, new: &str, expect: &[&str]) {
        let found = folders_moved(old.as_bytes(), new.as_bytes());
        let expect: Vec<_> = expect.iter().map(|folder| folder.as_bytes()).collect();
        assert_eq!(found, expect, "{old} -> {new}");
    }

    #[test]
    fn a_file_takes_its_folders_along_up_to_the_first_other_name() {
        check("src/a", "lib/a", &["src"]);
        check("src/a", "lib/b", &["src"]);
        check("a/b/c/d/e/f", "a/b/x/e/f", &["a/b/c/d/e", "a/b/c/d"]);
        check("src/a", "src/b", &[]);
        check("src/a", "a", &["src"]);
        check("a", "src/a", &[]);
        check("x/src/a", "y/src/a", &["x/src", "x"]);
    }
}
