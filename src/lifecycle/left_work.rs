//! The work of an attempt that a person goes on with by hand.

use crate::base::error::Result;
use crate::git::{CommitInfo, Oid};
use crate::issues::issue::Issue;
use crate::lifecycle::Generator;
use crate::model::AttemptId;

/// What an attempt left.
pub(super) struct LeftWork {
    pub(super) attempt: AttemptId,
    /// The snapshot on the task's ref.
    pub(super) commit: CommitInfo,
    /// The commit of the generation that it is on.
    pub(super) base: Oid,
}

impl Generator {
    /// Returns what an attempt at a task left; where none is named, the last one that left anything, and `None` where none did.
    ///
    /// # Errors
    ///
    /// Those of [`Issue::left_by`], where an attempt is named; where the commit cannot be read.
    pub(super) fn left_work(&self, issue: &Issue, attempt: Option<AttemptId>) -> Result<Option<LeftWork>> {
        let git = &self.project.git;
        let (attempt, snapshot) = match issue.left_by(attempt) {
            Ok(left) => left,
            Err(error) if attempt.is_some() => return Err(error),
            Err(_) => return Ok(None),
        };
        let commit = git.commit_info(git.resolve(snapshot.as_str())?)?;
        let base = commit.first_parent("snapshot")?;
        Ok(Some(LeftWork { attempt, commit, base }))
    }
}
