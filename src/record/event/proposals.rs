//! What events say of proposals.

use serde::{Deserialize, Serialize};

use crate::issues::proposal::review::Change;
use crate::model::{IssueId, Usage};

/// A task that measure filed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FiledTask {
    /// Its name.
    pub id: IssueId,
    /// Its title.
    pub title: String,
    /// What it waits for.
    pub depends_on: Vec<IssueId>,
}

/// A proposal that repeats an issue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DroppedProposal {
    /// Its title.
    pub title: String,
    /// The issue it repeats.
    pub repeats: IssueId,
}

/// A measure ended with a valid answer that is written down, and not filed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeasurePlanned {
    /// How many tasks are planned.
    pub tasks: usize,
    /// What was wrong with the proposals that are not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
    /// What the calls used.
    pub usage: Usage,
}

/// A measure ended without a valid answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeasureFailed {
    /// Why.
    pub reason: String,
    /// Where the answer is kept, below the state folder.
    pub records: String,
    /// What the calls used.
    pub usage: Usage,
}

/// A review of proposals ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProposalsReviewed {
    /// Which answer of the reviewer it is, counted from 1.
    pub number: u32,
    /// How many proposals are filed as they were.
    pub kept: usize,
    /// What it changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// Why it came to nothing, in sentences; empty where it did not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
    /// How long it took, in seconds.
    pub seconds: f64,
}
