//! All that changed since a group began, in batches that fit into a prompt: none of it is left out.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::base::error::Result;
use crate::git::{Git, Oid};
use crate::prompt::CHANGES_BUDGET;

/// Changes that are read together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ChangesBatch {
    /// The changes, as a unified diff.
    pub(super) text: String,
    /// Files whose changes alone are too large: whoever reads the batch is told to read the files.
    pub(super) too_large: Vec<String>,
}

/// Returns the changes between two commits in batches, file by file, the same ones each time.
pub(super) fn of(git: &Git, old: Oid, new: Oid) -> Result<Vec<ChangesBatch>> {
    within(git, (old, new), CHANGES_BUDGET)
}

fn within(git: &Git, (old, new): (Oid, Oid), most: usize) -> Result<Vec<ChangesBatch>> {
    let mut batches = Vec::new();
    let mut wanted: Option<BTreeSet<PathBuf>> = None;
    loop {
        let is_wanted = |path: &std::path::Path| wanted.as_ref().is_none_or(|wanted| wanted.contains(path));
        let patch = git.patch_of(old, new, most, is_wanted)?;
        if patch.text.is_empty() {
            // What is left fits into no batch.
            if !patch.left_out.is_empty() {
                batches.push(ChangesBatch {
                    text: String::new(),
                    too_large: names(&patch.left_out),
                });
            }
            return Ok(batches);
        }
        batches.push(ChangesBatch {
            text: patch.text,
            too_large: names(&patch.not_shown),
        });
        if patch.left_out.is_empty() {
            return Ok(batches);
        }
        wanted = Some(patch.left_out.into_iter().collect());
    }
}

fn names(paths: &[PathBuf]) -> Vec<String> {
    paths.iter().map(|path| path.display().to_string()).collect()
}
