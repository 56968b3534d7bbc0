//! Merges in memory: without checkout, index or HEAD, and without running a program; the result is compared with both
//! sides.

use std::path::PathBuf;

use git2::{ErrorCode, Oid, Repository};

use super::tree::peel;
use super::{Git, bytes};
use crate::base::error::{Context as _, Error, ErrorKind, Result};

mod changes;
mod check;
mod combine;
mod content;
mod drivers;
mod folders;
mod renames;
mod text;

use self::check::MergedTree;
use self::combine::{Paths, Trees, combine};

/// How many merges building a common ancestor may take, where histories cross again and again.
const DEEPEST: usize = 20;

/// How a merge ended.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Merge {
    /// Everything could be merged: the merged tree.
    Clean(Oid),
    /// The conflicting paths, in order; only objects were written.
    Conflict(Vec<PathBuf>),
}

impl Git {
    /// Merges the changes of `ours` and `theirs` since `ancestor`; each is a tree or a commit.
    pub fn merge_trees(&self, ancestor: Oid, ours: Oid, theirs: Oid) -> Result<Merge> {
        let repository = self.borrow_to_write()?;
        let ancestor = Ancestor {
            tree: peel(&repository, ancestor)?.id(),
            unknown: Paths::new(),
        };
        self.merge(&repository, &ancestor, ours, theirs)
    }

    /// Merges the changes of `ours` and `theirs` since `ancestor`, each a tree or a commit, where they fit. Returns the tree,
    /// which has our side's entries in the place of conflicts, and the paths of these, in order.
    pub(crate) fn merge_in_part(&self, ancestor: Oid, ours: Oid, theirs: Oid) -> Result<(Oid, Vec<PathBuf>)> {
        let repository = self.borrow_to_write()?;
        let ancestor = Ancestor {
            tree: peel(&repository, ancestor)?.id(),
            unknown: Paths::new(),
        };
        self.merged(&repository, &ancestor, ours, theirs)
    }

    /// Merges the histories of two commits, as `git merge` would, into a tree.
    pub fn merge_commits(&self, ours: Oid, theirs: Oid) -> Result<Merge> {
        let repository = self.borrow_to_write()?;
        let bases = merge_bases(&repository, ours, theirs)?;
        if bases.is_empty() {
            return Err(unrelated(ours, theirs));
        }
        let ancestor = self.ancestor(&repository, &bases, DEEPEST)?;
        self.merge(&repository, &ancestor, ours, theirs)
    }

    fn merge(&self, repository: &Repository, ancestor: &Ancestor, ours: Oid, theirs: Oid) -> Result<Merge> {
        let (tree, conflicts) = self.merged(repository, ancestor, ours, theirs)?;
        Ok(if conflicts.is_empty() {
            Merge::Clean(tree)
        } else {
            Merge::Conflict(conflicts)
        })
    }

    fn merged(
        &self,
        repository: &Repository,
        ancestor: &Ancestor,
        ours: Oid,
        theirs: Oid,
    ) -> Result<(Oid, Vec<PathBuf>)> {
        let trees = Trees {
            ancestor: ancestor.tree,
            ours: peel(repository, ours)?.id(),
            theirs: peel(repository, theirs)?.id(),
        };
        if let (Some(tree), true) = (trivial(trees), ancestor.unknown.is_empty()) {
            return Ok((tree, Vec::new()));
        }
        let combined = combine(self, repository, trees, &ancestor.unknown)?;
        let mut conflicts = combined.conflicts;
        if conflicts.is_empty() {
            let kept = MergedTree {
                sides: &combined.sides,
                merged: &[
                    changes::between(repository, trees.ours, combined.tree)?,
                    changes::between(repository, trees.theirs, combined.tree)?,
                ],
                followed: &combined.followed,
            };
            conflicts = kept.lost();
        }
        let conflicts = conflicts.iter().map(|path| bytes::to_path(path));
        Ok((combined.tree, conflicts.collect()))
    }

    /// Builds one common ancestor of several, as git does: they are merged with each other.
    fn ancestor(&self, repository: &Repository, bases: &[Oid], deepest: usize) -> Result<Ancestor> {
        let [first, others @ ..] = bases else {
            let tree = self.empty_tree()?;
            let unknown = Paths::new();
            return Ok(Ancestor { tree, unknown });
        };
        let mut made = Ancestor {
            tree: peel(repository, *first)?.id(),
            unknown: Paths::new(),
        };
        for base in others {
            let theirs = peel(repository, *base)?.id();
            if deepest == 0 {
                made.unknown
                    .extend(changes::between(repository, made.tree, theirs)?.into_keys());
                continue;
            }
            let before = self.ancestor(repository, &merge_bases(repository, *first, *base)?, deepest - 1)?;
            let trees = Trees {
                ancestor: before.tree,
                ours: made.tree,
                theirs,
            };
            let combined = combine(self, repository, trees, &before.unknown)?;
            made.tree = combined.tree;
            made.unknown.extend(combined.conflicts);
        }
        Ok(made)
    }
}

/// The common ancestor of two sides.
struct Ancestor {
    tree: Oid,
    /// The paths with an unknown state in it.
    unknown: Paths,
}

/// Returns the best common ancestors of two commits.
fn merge_bases(repository: &Repository, one: Oid, other: Oid) -> Result<Vec<Oid>> {
    match repository.merge_bases(one, other) {
        Ok(bases) => Ok(bases.iter().copied().collect()),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(Vec::new()),
        Err(error) => Err(error).context(format!("cannot compare the histories of {one} and {other}")),
    }
}

/// Refuses to merge without a common ancestor, as git does: with an empty one, every deletion of a side would be
/// undone.
fn unrelated(ours: Oid, theirs: Oid) -> Error {
    let message = format!("{ours} and {theirs} have no common ancestor that is known here");
    Error::new(ErrorKind::Precondition, message)
        .hint("in a shallow clone, `git fetch --unshallow` fetches the missing history")
}

/// Returns the result when only one side changed anything, or both the same: no file need be read.
fn trivial(trees: Trees) -> Option<Oid> {
    let Trees { ancestor, ours, theirs } = trees;
    if ancestor == theirs || ours == theirs {
        Some(ours)
    } else if ancestor == ours {
        Some(theirs)
    } else {
        None
    }
}
