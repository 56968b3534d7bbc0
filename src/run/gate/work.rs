//! The work that gates judge.

use crate::git::Oid;
use crate::issues::issue::{FileAction, Issue};

/// What is judged.
#[derive(Clone, Copy)]
pub(crate) struct Work<'a> {
    pub(crate) issue: &'a Issue,
    /// What the attempt began from.
    pub(crate) base: Oid,
    /// What it left.
    pub(crate) commit: Oid,
    /// Whether it passed by itself and is merged with newer work: a gate that is red on it runs once more, by itself.
    pub(crate) merged: bool,
    /// The other tasks whose work is in the commit.
    pub(crate) with: &'a [&'a Issue],
}

impl<'a> Work<'a> {
    /// Builds the work of one attempt.
    pub(crate) fn of(issue: &'a Issue, base: Oid, commit: Oid) -> Self {
        Self {
            issue,
            base,
            commit,
            merged: false,
            with: &[],
        }
    }

    /// Returns the tasks whose work it is.
    pub(super) fn issues(&self) -> impl Iterator<Item = &'a Issue> {
        std::iter::once(self.issue).chain(self.with.iter().copied())
    }

    /// Returns whether fewer tests may pass than before: where a task is to delete files.
    pub(super) fn may_lose(&self) -> bool {
        let mut files = self.issues().flat_map(|issue| &issue.plan.files);
        files.any(|file| file.action == FileAction::Delete)
    }
}
