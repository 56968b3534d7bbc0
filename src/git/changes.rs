//! Which files differ between two trees. Folders that are the same in both are not looked into, as libgit2 does: a task changes a
//! few of hundreds of thousands.

use git2::{Diff, DiffOptions, Oid, Repository};

use super::level::{Entry, files_of, level};
use super::tree::{Change, ChangeKind, peel};
use super::{Git, bytes};
use crate::base::error::{Context as _, Result};

/// A path that no tree has.
const NOWHERE: &str = ".git";

impl Git {
    /// Returns the paths that differ between two trees or commits, in git's order. A rename is a deletion and an
    /// addition.
    pub fn changes(&self, old: Oid, new: Oid) -> Result<Vec<Change>> {
        let repository = self.borrow()?;
        changes(&repository, old, new)
    }
}

/// Compares two trees or commits with libgit2, which looks at the paths alone that differ.
pub(super) fn diff(repository: &Repository, old: Oid, new: Oid) -> Result<Diff<'_>> {
    let changes = changes(repository, old, new)?;
    let (old_tree, new_tree) = (peel(repository, old)?, peel(repository, new)?);
    let mut options = DiffOptions::new();
    options.include_typechange(true).disable_pathspec_match(true);
    for change in &changes {
        options.pathspec(bytes::of_path(&change.path));
    }
    if changes.is_empty() {
        // No path at all would mean every one.
        options.pathspec(NOWHERE);
    }
    repository
        .diff_tree_to_tree(Some(&old_tree), Some(&new_tree), Some(&mut options))
        .context(format!("cannot compare {old} with {new}"))
}

fn changes(repository: &Repository, old: Oid, new: Oid) -> Result<Vec<Change>> {
    let (old, new) = (peel(repository, old)?.id(), peel(repository, new)?.id());
    let mut found = Found(Vec::new());
    found.compare(repository, b"", (old, new))?;
    let mut changes = found.0;
    changes.sort_unstable_by(|one, other| bytes::of_path(&one.path).cmp(bytes::of_path(&other.path)));
    Ok(changes)
}

struct Found(Vec<Change>);

impl Found {
    fn compare(&mut self, repository: &Repository, folder: &[u8], (old, new): (Oid, Oid)) -> Result<()> {
        if old == new {
            return Ok(());
        }
        let (before, after) = (level(repository, Some(old))?, level(repository, Some(new))?);
        for (name, was) in &before {
            let path = bytes::join(folder, name);
            match (was, after.get(name)) {
                (was, Some(is)) if was == is => {}
                (Entry::Tree(was), Some(Entry::Tree(is))) => self.compare(repository, &path, (*was, *is))?,
                (Entry::File(..), Some(Entry::File(..))) => self.add(&path, ChangeKind::Modified),
                (was, is) => {
                    self.add_all(repository, (&path, *was), ChangeKind::Deleted)?;
                    if let Some(is) = is {
                        self.add_all(repository, (&path, *is), ChangeKind::Added)?;
                    }
                }
            }
        }
        for (name, is) in after.iter().filter(|(name, _)| !before.contains_key(*name)) {
            self.add_all(repository, (&bytes::join(folder, name), *is), ChangeKind::Added)?;
        }
        Ok(())
    }

    fn add_all(&mut self, repository: &Repository, entry: (&[u8], Entry), kind: ChangeKind) -> Result<()> {
        files_of(repository, entry, &mut |path, _, _| self.add(path, kind))
    }

    fn add(&mut self, path: &[u8], kind: ChangeKind) {
        let path = bytes::to_path(path);
        self.0.push(Change { path, kind });
    }
}
