//! One issue: the JSON contract that other tools of the field read, too.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::issues::attempt::{Attempt, Outcome};
use crate::model::Usage;

mod batch;
mod carry;
mod collection;
mod dependencies;
mod edit;
mod external;
mod group_standing;
mod groups;
mod input;
mod left;
mod lookup;
mod reading;
#[cfg(test)]
mod tests;
mod transition;
mod tree;

pub use crate::issues::new_ids::NewIds;
pub use crate::model::{AttemptId, CommitId, IssueId, RunId, TypedId};
pub use batch::{BatchIssue, BatchProblems, ImportedState};
pub use collection::{FORMAT, IssueCounts, Issues, Measure, MeasureOf, StoreMeta};
pub use edit::IssueEdit;
pub use group_standing::GroupStanding;
pub(crate) use groups::BuildStep;
pub use groups::{GroupCounts, GroupEdit, GroupPlace};
pub(crate) use input::proof_problem;
pub use input::{NewIssue, PRIORITY_MAX, TYPES};
pub use reading::{ImportedBatch, read_batch};
pub use tree::TreeRow;

/// The state of an issue. An open issue with dependencies that are not closed stays `open` and is not ready.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// To be done.
    #[default]
    Open,
    /// Claimed by a run.
    InProgress,
    /// Held for a person; `hold` has the reason.
    Blocked,
    /// Done, or given up by a person; `close_reason` has the reason.
    Closed,
}

impl Status {
    /// Returns the word by which people read and type it. JSON has `blocked` where people read `held`.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::InProgress => "in_progress",
            Self::Blocked => "held",
            Self::Closed => "closed",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Open => "open",
            Self::InProgress => "in_progress",
            Self::Blocked => "blocked",
            Self::Closed => "closed",
        })
    }
}

/// One edge: `issue_id` cannot begin before `depends_on_id` is closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dependency {
    /// The issue that waits.
    pub issue_id: IssueId,
    /// The issue it waits for.
    pub depends_on_id: IssueId,
    /// Always `blocks` here; other tools of the field know more.
    #[serde(rename = "type")]
    pub kind: String,
}

/// What kind of hold one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldKind {
    /// Its agent waits for the answer to a question.
    Question,
    /// Its attempts make no progress.
    Stuck,
    /// A person works on it, on a branch of their own.
    Taken,
}

/// Where a person works on an issue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Taken {
    /// Their branch, by its short name.
    pub branch: String,
    /// The worktree that was made for it.
    pub path: String,
}

/// A comment on an issue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comment {
    /// Its author: a person's name, or `cordwainer`.
    pub author: String,
    /// Its text.
    pub text: String,
    /// When.
    pub created_at: Timestamp,
}

/// What happens to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileAction {
    /// The file is new.
    Create,
    /// The file exists and changes.
    Modify,
    /// The file is deleted.
    Delete,
}

/// A file of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskFile {
    /// Path from the repository's root.
    pub path: String,
    /// What happens to it.
    pub action: FileAction,
}

/// The requirements of a task beyond its title and description.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TaskPlan {
    /// Documents and sources to read first.
    pub required_reading: Vec<String>,
    /// Files that the task creates, changes or deletes.
    pub files: Vec<TaskFile>,
    /// What must be built.
    pub requirements: Vec<String>,
    /// How to check that it is done.
    pub acceptance_criteria: Vec<String>,
    /// Size estimate in changed lines.
    pub estimated_lines: Option<u32>,
    /// The command that proves it: it fails on what the work begins from, and passes on its result. Run by `sh -c` in a
    /// sealed container, as a gate is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof: Option<String>,
}

/// The claim of a run on an issue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// The run's name.
    pub run: RunId,
    /// The id of the run's repository; `None` for a claim of an earlier version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// When the run took it.
    pub at: Timestamp,
}

/// One issue of a generation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issue {
    /// Its name.
    pub id: IssueId,
    /// One line.
    pub title: String,
    /// Markdown.
    pub description: String,
    /// Its state.
    pub status: Status,
    /// 0 (first) to 4 (last).
    pub priority: u8,
    /// One of [`TYPES`], always `task` for proposals of measure; any word in what was imported, and in stores of earlier
    /// versions.
    pub issue_type: String,
    /// Any words.
    #[serde(default)]
    pub labels: Vec<String>,
    /// The issues that it waits for.
    #[serde(default)]
    pub dependencies: Vec<Dependency>,
    /// Comments on it, oldest first.
    #[serde(default)]
    pub comments: Vec<Comment>,
    /// Every attempt at it, oldest first.
    #[serde(default)]
    pub attempts: Vec<Attempt>,
    /// Why it is held, while it is `blocked`.
    #[serde(default)]
    pub hold: Option<String>,
    /// What kind of hold it is, where it is more than a reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_kind: Option<HoldKind>,
    /// What its agent asks a person, while it is held for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<String>,
    /// Where a person works on it, while it is held for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken: Option<Taken>,
    /// When it was filed.
    pub created_at: Timestamp,
    /// When any part of it last changed.
    pub updated_at: Timestamp,
    /// When it was closed.
    #[serde(default)]
    pub closed_at: Option<Timestamp>,
    /// Why it was closed.
    #[serde(default)]
    pub close_reason: Option<String>,
    /// The commit on the generation branch with its result.
    #[serde(default)]
    pub commit: Option<CommitId>,
    /// The run that works on it, while it is `in_progress`.
    #[serde(default)]
    pub claim: Option<Claim>,
    /// How many attempts had been made when a person last released or reopened it: those no longer count against `max_attempts`.
    #[serde(default)]
    pub forgiven_attempts: u32,
    /// The attempt with whose work the next one begins, until that has been called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begins_from: Option<AttemptId>,
    /// Its id in the place that it was imported from, so that it is not imported twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<String>,
    /// The key of the group that it belongs to, in a generation that works through groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The details of the task.
    #[serde(default)]
    pub plan: TaskPlan,
}

/// Why a proposal of measure is held that a person has yet to release.
pub const PROPOSED: &str = "proposed, and not released yet";

impl Issue {
    /// Returns whether the issue is a proposal of measure that a person has yet to release.
    pub fn is_proposed(&self) -> bool {
        self.hold.as_deref() == Some(PROPOSED)
    }

    /// Returns whether the issue is held because its attempts make no progress.
    pub fn is_stuck(&self) -> bool {
        self.hold_kind == Some(HoldKind::Stuck)
    }

    /// Returns the number of the next attempt, counted from 1.
    pub fn next_attempt(&self) -> u32 {
        u32::try_from(self.attempts.len()).unwrap_or(u32::MAX).saturating_add(1)
    }

    /// Counts the attempts that count against `max_attempts`: the agent's own failures since a person last forgave them.
    pub fn counted_attempts(&self) -> u32 {
        u32::try_from(self.counted().count()).unwrap_or(u32::MAX)
    }

    /// Returns the attempts that count, oldest first.
    pub(crate) fn counted(&self) -> impl Iterator<Item = &Attempt> {
        let forgiven = usize::try_from(self.forgiven_attempts).unwrap_or(usize::MAX);
        let attempts = self.attempts.iter().skip(forgiven);
        attempts.filter(|attempt| attempt.outcome.counts())
    }

    /// Counts the last attempts whose work conflicted, since a person last forgave attempts. Those that nothing of their own
    /// ended come between without a break.
    pub(crate) fn conflicts_in_a_row(&self) -> u32 {
        let forgiven = usize::try_from(self.forgiven_attempts).unwrap_or(usize::MAX);
        let outcomes = self.attempts.iter().skip(forgiven).rev().map(|attempt| attempt.outcome);
        let conflicts = outcomes
            .take_while(|outcome| !outcome.counts() && *outcome != Outcome::Merged)
            .filter(|outcome| *outcome == Outcome::Conflict);
        u32::try_from(conflicts.count()).unwrap_or(u32::MAX)
    }

    /// Sums tokens and money over all attempts, the forgiven ones too.
    pub fn usage(&self) -> Usage {
        self.attempts.iter().map(Attempt::usage).sum()
    }
}
