//! Proposals of measure: the request, the reading and the checks.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::issues::issue::{Issue, Status, TaskFile};
use crate::model::IssueId;

mod answer;
mod check;
mod format;
mod order;
pub(crate) mod review;

pub use answer::extract;
pub use check::{Validated, validate};
pub use format::{example, json_schema};

/// One task in the form in which measure proposes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proposal {
    /// Its name within the batch: letters, digits, `-` and `_`, beginning with a letter.
    pub key: String,
    /// One line.
    pub title: String,
    /// Markdown.
    pub description: String,
    /// Paths of documents and sources to read first; may be empty.
    pub required_reading: Vec<String>,
    /// Files that the task creates, changes or deletes.
    pub files: Vec<TaskFile>,
    /// What must be built.
    pub requirements: Vec<String>,
    /// How to check that it is done.
    pub acceptance_criteria: Vec<String>,
    /// Size estimate in changed lines.
    pub estimated_lines: u32,
    /// 0 (first) to 4 (last).
    pub priority: u8,
    /// Keys of the batch, or ids of existing issues.
    pub depends_on: Vec<String>,
    /// The command that proves it, where one was asked for: see [`TaskPlan::proof`](crate::issues::issue::TaskPlan::proof).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<String>,
}

/// The content of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// The proposals that could be read.
    pub proposals: Vec<Proposal>,
    /// The keys of those that could not, where they could be determined.
    pub unread: BTreeSet<String>,
    /// The reasons, in a sentence each.
    pub problems: Vec<String>,
}

impl From<Vec<Proposal>> for Batch {
    fn from(proposals: Vec<Proposal>) -> Self {
        Self {
            proposals,
            ..Self::default()
        }
    }
}

/// The data of an existing issue that the checks need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownIssue {
    /// The key under which an earlier answer of the same measure proposed it.
    pub key: Option<String>,
    /// Its name.
    pub id: IssueId,
    /// Its title.
    pub title: String,
    /// Its state.
    pub status: Status,
}

impl From<&Issue> for KnownIssue {
    fn from(issue: &Issue) -> Self {
        Self {
            key: None,
            id: issue.id.clone(),
            title: issue.title.clone(),
            status: issue.status,
        }
    }
}

/// The limits of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchLimits {
    /// Proposals in a batch.
    pub max_issues: u32,
    /// Smallest estimate asked for, in changed lines.
    pub lines_min: u32,
    /// Largest estimate asked for, in changed lines.
    pub lines_max: u32,
    /// Largest estimate that is filed. The other two are advice, since an estimate is a guess.
    pub most_lines: Option<u32>,
    /// Whether each proposal must have a proof; without, none has one.
    pub needs_proof: bool,
}
