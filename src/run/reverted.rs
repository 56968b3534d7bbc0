//! Work that a person took out of a generation again: a commit that undoes a task's commit names both, and the task is open
//! again. Whoever finds the one without the other finishes it.

use std::collections::BTreeMap;

use crate::base::crash::crash_point;
use crate::base::error::Result;
use crate::git::CommitInfo;
use crate::issues::issue::{Issues, Status};
use crate::issues::store::Store;
use crate::model::generation::GenerationName;
use crate::model::{CommitId, IssueId, trailer};
use crate::project::Project;

/// The commits of a generation branch that were undone, each with the commit that undid it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reverted(BTreeMap<String, CommitId>);

impl Reverted {
    /// Reads them from the commits of a branch.
    pub(crate) fn among(commits: &[CommitInfo], generation: &GenerationName) -> Self {
        let undone = commits.iter().filter_map(|commit| {
            let of_this = commit.trailer(trailer::GENERATION).as_deref() == Some(generation.as_str());
            let undone = commit.trailer(trailer::REVERTS_COMMIT).filter(|_| of_this)?;
            Some((undone, CommitId::from(commit.id)))
        });
        Self(undone.collect())
    }

    /// Reads them from a generation's branch.
    ///
    /// # Errors
    ///
    /// Where its commits cannot be read.
    fn of(project: &Project, generation: &GenerationName) -> Result<Self> {
        let Some(tip) = project.git.reference(&generation.branch())? else {
            return Ok(Self::default());
        };
        let base = project.git.reference(&generation.base_mark())?;
        Ok(Self::among(&project.git.first_parents(tip, base)?, generation))
    }

    /// Returns the commit that undid another one.
    pub(crate) fn by(&self, commit: &CommitId) -> Option<&CommitId> {
        self.0.get(commit.as_str())
    }

    /// Returns the tasks that are closed with a commit that was undone, each with that and what undid it: somebody died before
    /// they were open again.
    fn unfinished(&self, issues: &Issues) -> Vec<(IssueId, Undone)> {
        let closed = issues.iter().filter(|issue| issue.status == Status::Closed);
        let undone = closed.filter_map(|issue| {
            let commit = issue.commit.clone()?;
            let by = self.by(&commit)?.clone();
            Some((issue.id.clone(), Undone { commit, by }))
        });
        undone.collect()
    }
}

/// A task's commit, and the one that undid it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Undone {
    pub(crate) commit: CommitId,
    pub(crate) by: CommitId,
}

impl Undone {
    /// Opens the task again; what was done is a comment, which its next attempt reads.
    ///
    /// # Errors
    ///
    /// Where the task is not closed with that commit any more, or the store cannot be changed.
    pub(crate) fn reopen(
        &self,
        (project, store): (&Project, &Store),
        id: &IssueId,
        (reason, closed): (Option<&str>, bool),
    ) -> Result<()> {
        let now = project.clock().now();
        let author = store.user()?;
        let why = reason.map_or_else(String::new, |reason| format!(" {reason}"));
        let text = format!(
            "Its work, the commit {}, was taken out of the generation again by the commit {}.{why}",
            self.commit, self.by
        );
        store.update(&format!("take {id} out again"), now, |issues| {
            if issues.get(id)?.commit.as_ref() == Some(&self.commit) {
                issues.reopen(id, now)?;
                issues.comment(id, &author, &text, now)?;
                if closed {
                    let reason = reason.map_or_else(|| format!("taken out again by {author}"), str::to_owned);
                    issues.close(id, &reason, None, now)?;
                }
            }
            Ok(())
        })?;
        crash_point!("revert.reopened");
        Ok(())
    }
}

/// Opens the tasks whose work was taken out by somebody who died before that; returns what it did, in sentences.
///
/// # Errors
///
/// Where branch or store cannot be read, or the store cannot be changed.
pub(crate) fn finish(project: &Project, generation: &GenerationName, store: &Store) -> Result<Vec<String>> {
    let reverted = Reverted::of(project, generation)?;
    let unfinished = reverted.unfinished(&store.read()?);
    let finish = |(id, undone): (IssueId, Undone)| {
        undone.reopen((project, store), &id, (None, false))?;
        Ok(format!("opened {id} again: its work was taken out by {}", undone.by))
    };
    unfinished.into_iter().map(finish).collect()
}
