//! What an attempt left, kept on its task's ref before anybody judges it.

use super::Stitch;
use super::stages::{Attempting, Work};
use crate::base::error::Result;
use crate::git::{Oid, Snapshot};
use crate::issues::attempt::Ignored;
use crate::issues::round::Calls;
use crate::model::IssueId;
use crate::run::commit_message::message;
use crate::run::context::RunContext;
use crate::run::land::{Contribution, keep_snapshot, left_out};
use crate::run::session::Session;

impl Stitch {
    /// Records what is in the slot, as a commit on the task's ref. The container is gone by now.
    pub(super) fn keep(&self, session: &mut Session, attempting: &Attempting, calls: &Calls) -> Result<Work> {
        let context = self.context();
        let Attempting { issue, name, .. } = attempting;
        let base = session.base();
        let snapshot = session.snapshot()?;
        for what in left_out(&snapshot.skipped) {
            context.warn(format!("{}: {what}", issue.id));
        }
        let ignored = Ignored::of(&snapshot.ignored);
        if let Some(ignored) = &ignored {
            context.warn(format!("{}: ignore rules leave out {ignored}", issue.id));
        }
        let is_changed = snapshot.tree != context.project.git.commit_info(base)?.tree;
        let commit = is_changed.then(|| {
            let made = contribution(context, &issue.id, base, &snapshot);
            let text = message(
                &context.attempt(&issue.id, name.attempt).of_candidate(name.candidate),
                issue,
                calls,
                context.project.config.commits.style,
            );
            keep_snapshot(&context.project, made, &text)
        });
        let commit = commit.transpose()?;
        // Not before it is kept: what is compared may be large, and nothing is lost where that fails.
        let changed = match commit {
            Some(_) => context.project.git.file_diffs(base, snapshot.tree)?,
            None => Vec::new(),
        };
        Ok(Work {
            snapshot,
            commit,
            changed,
            ignored,
        })
    }
}

/// Names what an attempt made of the commit `base`.
pub(super) fn contribution<'a>(
    context: &'a RunContext,
    task: &'a IssueId,
    base: Oid,
    snapshot: &Snapshot,
) -> Contribution<'a> {
    Contribution {
        generation: &context.generation,
        task,
        base,
        tree: snapshot.tree,
    }
}
