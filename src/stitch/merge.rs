//! The merge of what an attempt left: one commit on the generation's tip, made in memory.

use super::Trial;
use crate::attempt::Outcome;
use crate::crash::crash_point;
use crate::error::{Error, ErrorKind, Result};
use crate::git::{Merge, NewCommit, RefMove, Snapshot};
use crate::judgement::Judgement;
use crate::task_commit::message;
use crate::text::one_line;
use crate::work::Work;

/// Puts the work on the generation branch: one commit on its tip, by compare-and-swap.
pub(super) fn merge(work: &Work<'_>, trial: &Trial, snapshot: &Snapshot) -> Result<Judgement> {
    let git = &work.generator.git;
    let branch = work.generation.branch();
    let ancestor = git.commit_info(trial.base)?.tree;
    loop {
        let tip = work.tip()?;
        if let Some(place) = git.checked_out_at(work.generation.as_str())?.first() {
            let message = format!(
                "the generation branch was checked out at `{}` meanwhile",
                place.display()
            );
            return Err(
                Error::new(ErrorKind::Precondition, message).hint("check out another branch there, then resume")
            );
        }
        let tree = if tip == trial.base {
            snapshot.tree
        } else {
            match git.merge_trees(ancestor, git.commit_info(tip)?.tree, snapshot.tree)? {
                Merge::Clean(tree) => tree,
                Merge::Conflict(paths) => {
                    let paths: Vec<_> = paths.iter().map(|path| format!("`{}`", path.display())).collect();
                    let reason = format!("conflicts with newer work in {}", paths.join(", "));
                    return Ok(Judgement::of(Outcome::Conflict, one_line(&reason, 500)));
                }
            }
        };
        let text = message(&trial.issue, trial.number, work.recorder.run(), trial.entry.as_ref());
        let commit = NewCommit {
            tree,
            parents: vec![tip],
            message: text,
            author: None,
            time: work.now(),
        };
        let commit = git.commit(&commit)?;
        let why = format!("cordwainer: {}", trial.issue.id);
        match git.move_reference(&branch, Some(tip), Some(commit), &why)? {
            RefMove::Moved => {
                crash_point!("stitch.merged");
                return Ok(Judgement {
                    commit: Some(commit),
                    ..Judgement::of(Outcome::Merged, "")
                });
            }
            // Somebody was faster: on the new tip, then.
            RefMove::Stale { .. } => {}
        }
    }
}
