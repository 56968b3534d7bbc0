//! The tasks of a generation that ends: those that it brings, and those that it leaves behind. Pure.

use serde::Serialize;

use crate::base::text::one_line;
use crate::issues::attempt::{Attempt, InterfaceChanges};
use crate::issues::issue::{Issues, Status};
use crate::model::{CommitId, IssueId, Usage};

/// A task that its generation brings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MergedTask {
    /// Its name.
    pub id: IssueId,
    /// Its title.
    pub title: String,
    /// Its commit on the generation branch.
    pub commit: CommitId,
    /// The score of the review that passed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<u8>,
    /// The public interfaces that it changed, where it was to change the form of code alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interfaces: Option<InterfaceChanges>,
}

impl MergedTask {
    pub(super) fn all(issues: &Issues) -> Vec<Self> {
        let merged = issues.iter().filter_map(|issue| Some((issue, issue.commit.clone()?)));
        merged
            .map(|(issue, commit)| Self {
                id: issue.id.clone(),
                title: issue.title.clone(),
                commit,
                score: issue.attempts.last().and_then(Attempt::score),
                interfaces: issue.attempts.last().and_then(|last| last.interfaces.clone()),
            })
            .collect()
    }
}

/// What a generation took, all in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Totals {
    /// How many attempts at tasks were made.
    pub attempts: usize,
    /// What all calls used, those of measures too.
    pub usage: Usage,
}

impl Totals {
    pub(super) fn of(issues: &Issues) -> Self {
        Self {
            attempts: issues.iter().map(|issue| issue.attempts.len()).sum(),
            usage: issues.usage(),
        }
    }
}

/// A task that its generation ends with, not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UndoneTask {
    /// Its name.
    pub id: IssueId,
    /// Its title.
    pub title: String,
    /// How it stands.
    pub status: Status,
    /// Why it is held, where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold: Option<String>,
}

impl UndoneTask {
    pub(super) fn all(issues: &Issues) -> Vec<Self> {
        let undone = issues.iter().filter(|issue| issue.status != Status::Closed);
        undone
            .map(|issue| Self {
                id: issue.id.clone(),
                title: issue.title.clone(),
                status: issue.status,
                hold: issue.hold.as_ref().map(|hold| one_line(hold, 500)),
            })
            .collect()
    }
}

/// A group that its generation ends with, not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UndoneGroup {
    /// Its key.
    pub key: String,
    /// Its name.
    pub name: String,
    /// `open`, `waiting` or `at_work`.
    pub state: &'static str,
}

impl UndoneGroup {
    pub(super) fn all(issues: &Issues) -> Vec<Self> {
        let standings = issues.group_standings();
        let undone = standings.into_iter().filter(|group| group.done.is_none());
        undone
            .map(|group| Self {
                key: group.key,
                name: group.name,
                state: group.state,
            })
            .collect()
    }
}
