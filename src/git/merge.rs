//! Merges in memory: no checkout, no index and no HEAD takes part.

use std::collections::BTreeSet;
use std::path::PathBuf;

use git2::{Index, IndexEntry, Oid, Repository};

use super::tree::peel;
use super::{Git, bytes};
use crate::error::{Context as _, Error, ErrorKind, Result};

mod lost;

use self::lost::Sides;

/// How a merge ended.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Merge {
    /// Everything fits: the merged tree.
    Clean(Oid),
    /// The paths that do not fit, ordered; nothing was written.
    Conflict(Vec<PathBuf>),
}

impl Git {
    /// Merges what `ours` and `theirs` made of `ancestor`; each is a tree or a commit.
    pub fn merge_trees(&self, ancestor: Oid, ours: Oid, theirs: Oid) -> Result<Merge> {
        let repository = self.open()?;
        let (ancestor, ours, theirs) = (
            peel(&repository, ancestor)?,
            peel(&repository, ours)?,
            peel(&repository, theirs)?,
        );
        if let Some(tree) = trivial(ancestor.id(), ours.id(), theirs.id()) {
            return Ok(Merge::Clean(tree));
        }
        let failed = "cannot merge two trees";
        let index = repository
            .merge_trees(&ancestor, &ours, &theirs, None)
            .context(failed)?;
        let merged = finish(&repository, index).context(failed)?;
        self.nothing_lost(ancestor.id(), ours.id(), theirs.id(), merged)
    }

    /// Makes a conflict of a merge that is said to be clean and has lost what one side did.
    fn nothing_lost(&self, ancestor: Oid, ours: Oid, theirs: Oid, merged: Merge) -> Result<Merge> {
        let Merge::Clean(tree) = merged else {
            return Ok(merged);
        };
        let sides = Sides {
            ancestor: self.files(ancestor)?,
            ours: self.files(ours)?,
            theirs: self.files(theirs)?,
            merged: self.files(tree)?,
        };
        let lost = sides.lost();
        Ok(if lost.is_empty() {
            Merge::Clean(tree)
        } else {
            Merge::Conflict(lost.into_iter().collect())
        })
    }

    /// Merges the histories of two commits, as `git merge` would, into a tree.
    pub fn merge_commits(&self, ours: Oid, theirs: Oid) -> Result<Merge> {
        let repository = self.open()?;
        let failed = || format!("cannot merge {theirs} into {ours}");
        let bases: Vec<Oid> = match repository.merge_bases(ours, theirs) {
            Ok(bases) => bases.iter().copied().collect(),
            Err(error) if error.code() == git2::ErrorCode::NotFound => return Err(unrelated(ours, theirs)),
            Err(error) => return Err(error).context(failed()),
        };
        if let [base] = bases[..] {
            return self.merge_trees(base, ours, theirs);
        }
        let our_commit = repository.find_commit(ours).context(failed())?;
        let their_commit = repository.find_commit(theirs).context(failed())?;
        let index = repository
            .merge_commits(&our_commit, &their_commit, None)
            .context(failed())?;
        finish(&repository, index).context(failed())
    }
}

/// Refuses to merge without a common ancestor, as git does: with an empty one, all that a side deleted would come back.
fn unrelated(ours: Oid, theirs: Oid) -> Error {
    let message = format!("{ours} and {theirs} have no common ancestor that is known here");
    Error::new(ErrorKind::Precondition, message)
        .hint("in a shallow clone, `git fetch --unshallow` brings the history that is missing")
}

/// The result when only one side changed anything, or both the same: no file need be looked at.
fn trivial(ancestor: Oid, ours: Oid, theirs: Oid) -> Option<Oid> {
    if ancestor == theirs || ours == theirs {
        Some(ours)
    } else if ancestor == ours {
        Some(theirs)
    } else {
        None
    }
}

fn finish(repository: &Repository, mut index: Index) -> Result<Merge, git2::Error> {
    if !index.has_conflicts() {
        return Ok(Merge::Clean(index.write_tree_to(repository)?));
    }
    let mut paths = BTreeSet::new();
    for conflict in index.conflicts()? {
        let conflict = conflict?;
        let sides = [conflict.ancestor, conflict.our, conflict.their];
        let path = |entry: IndexEntry| bytes::to_path(&entry.path);
        paths.extend(sides.into_iter().flatten().map(path));
    }
    Ok(Merge::Conflict(paths.into_iter().collect()))
}
