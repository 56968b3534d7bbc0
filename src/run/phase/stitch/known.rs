//! Whether a stage of the project's own has been called for a work before: it is not called again for the same files.

use crate::base::error::Result;
use crate::config::OwnStage;
use crate::git::{Git, Oid};
use crate::issues::stage::StageRun;
use crate::model::CommitId;

/// What is known of a stage that was called for a tree before.
pub(super) enum Known {
    /// Nothing: it is to be called.
    Nothing,
    /// What it left is in the tree, or it failed on it and need not pass.
    Done,
    /// It left this commit, which is not part of the work yet.
    Left(Oid),
}

/// Returns what is known of a stage that may have been called for a tree before: what was left on it, on from what it was
/// given, is looked for from the last call to the first.
pub(super) fn known(git: &Git, stage: &OwnStage, runs: &[&StageRun], tree: Oid) -> Result<Known> {
    let tree_of = |commit: &Option<CommitId>| {
        let commit = commit.as_ref();
        commit
            .map(|commit| git.tree_of(git.resolve(commit.as_str())?))
            .transpose()
    };
    let mut at = tree;
    for run in runs.iter().rev() {
        if tree_of(&run.left)? != Some(at) {
            continue;
        }
        if run.stage == stage.name.as_str() {
            return Ok(Known::Done);
        }
        at = tree_of(&run.commit)?.unwrap_or(at);
    }
    for run in runs.iter().rev().filter(|run| run.stage == stage.name.as_str()) {
        if tree_of(&run.commit)? != Some(tree) {
            continue;
        }
        if let Some(left) = &run.left {
            return Ok(Known::Left(git.resolve(left.as_str())?));
        }
        if run.failed.is_some() && !stage.required {
            return Ok(Known::Done);
        }
    }
    Ok(Known::Nothing)
}
