//! Changes of tasks, whoever asks for them: each is one update of the store for all tasks that it names, all or none, and returns
//! them as they now are.

use jiff::Timestamp;

use crate::base::error::{Error, Result};
use crate::issues::issue::{Issue, Issues};
use crate::issues::store::Store;
use crate::model::{AttemptId, IssueId, TypedId, id_list};

/// The tasks of a generation, to be changed now.
pub(in crate::cli) struct Tasks {
    pub(in crate::cli) store: Store,
    pub(super) now: Timestamp,
}

impl Tasks {
    /// Builds what changes the tasks of a store.
    pub(in crate::cli) fn new(store: Store, now: Timestamp) -> Self {
        Self { store, now }
    }

    /// Closes tasks that need no more work.
    pub(in crate::cli) fn close(&self, ids: &[TypedId], reason: Option<&str>) -> Result<Vec<Issue>> {
        let reason = match reason {
            Some(reason) => reason.to_owned(),
            None => format!("closed by {}", self.store.user()?),
        };
        self.each(ids, "close", |issues, id| issues.close(id, &reason, None, self.now))
    }

    /// Keeps tasks from being worked on.
    pub(in crate::cli) fn hold(&self, ids: &[TypedId], reason: &str) -> Result<Vec<Issue>> {
        self.each(ids, "hold", |issues, id| issues.hold(id, reason, self.now))
    }

    /// Releases tasks with a word of the person's to their next attempts, and an attempt to go on from.
    pub(in crate::cli) fn release_with(
        &self,
        ids: &[IssueId],
        text: Option<&str>,
        from: Option<AttemptId>,
    ) -> Result<Vec<Issue>> {
        let author = self.store.user()?;
        self.each_of(ids, "release", |issues, id| {
            if let Some(text) = text {
                issues.comment(id, &author, text, self.now)?;
            }
            match from {
                Some(from) => issues.release_from(id, from, self.now),
                None => issues.release(id, self.now),
            }
        })
    }

    /// Adds a comment to tasks.
    pub(in crate::cli) fn comment(&self, ids: &[TypedId], text: &str) -> Result<Vec<Issue>> {
        let author = self.store.user()?;
        let comment = |issues: &mut Issues, id: &IssueId| issues.comment(id, &author, text, self.now);
        self.each(ids, "comment on", comment)
    }

    /// Answers what the agent of a task asks: one text is for all of its questions, several are one for each.
    pub(in crate::cli) fn answer(&self, id: &TypedId, texts: &[String]) -> Result<Vec<Issue>> {
        let author = self.store.user()?;
        let answer = |issues: &mut Issues, id: &IssueId| match texts {
            [text] => issues.answer(id, &author, text, self.now),
            texts => issues.answer_each(id, &author, texts, self.now),
        };
        self.each(std::slice::from_ref(id), "answer", answer)
    }

    /// Applies a change to each of the named tasks, all or none; returns them as they now are.
    pub(super) fn each(
        &self,
        ids: &[TypedId],
        verb: &str,
        change: impl FnMut(&mut Issues, &IssueId) -> Result<()>,
    ) -> Result<Vec<Issue>> {
        self.each_of(&self.store.read()?.find_all(ids)?, verb, change)
    }

    /// Applies a change to each of some tasks, as [`Self::each`] does.
    pub(super) fn each_of(
        &self,
        ids: &[IssueId],
        verb: &str,
        mut change: impl FnMut(&mut Issues, &IssueId) -> Result<()>,
    ) -> Result<Vec<Issue>> {
        let why = format!("{verb} {}", id_list(ids));
        let changed = self.store.update(&why, self.now, |issues| {
            let mut one = |id: &IssueId| {
                change(issues, id)?;
                issues.get(id).cloned()
            };
            ids.iter().map(&mut one).collect::<Result<Vec<_>>>()
        });
        changed.map_err(|error| none_of(ids, error))
    }
}

/// Reports that none of several tasks was changed; of one task that is plain.
pub(super) fn none_of(ids: &[IssueId], error: Error) -> Error {
    if ids.len() < 2 {
        return error;
    }
    let message = format!("none of the {} tasks was changed", ids.len());
    Error::new(error.kind(), message).because(error)
}
