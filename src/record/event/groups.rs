//! What events say of groups.

use serde::{Deserialize, Serialize};

use super::FiledTask;
use crate::model::{CommitId, Usage};

/// A group of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedGroup {
    /// Its key.
    pub key: String,
    /// Its name.
    pub name: String,
    /// The keys of those that must be done first.
    pub depends_on: Vec<String>,
    /// How many tasks it may have.
    pub estimated_tasks: u32,
}

/// Groups are asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupsAsked {
    /// How many documents they are planned from.
    pub documents: usize,
    /// Those that changed since groups were planned last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<String>,
}

/// Groups were planned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupsPlanned {
    /// The new ones, in order.
    pub groups: Vec<PlannedGroup>,
    /// Where the documents contradict each other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contradictions: Vec<String>,
    /// Whether nobody was asked: the work is so small that it is one group, or merged generations have done it, and there is none.
    pub by_rule: bool,
    /// What the calls used.
    pub usage: Usage,
}

/// A batch of the closing review of a group was read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupReviewed {
    /// The group.
    pub group: String,
    /// Which closing review of it, counted from 1.
    pub round: u32,
    /// Which batch, counted from 1; 0 where nothing has changed.
    pub batch: u32,
    /// How many there are.
    pub batches: u32,
    /// What is to be changed, by this batch, in a line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<String>,
    /// How many findings all batches have, with the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<usize>,
    /// The tasks that they became, with the last one: a finding that was filed before is not filed again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filed: Option<Vec<FiledTask>>,
    /// Findings of lesser weight, in all batches so far.
    pub lesser: u32,
    /// Findings of this batch about places that are not there.
    pub dropped: u32,
    /// Findings of this batch beyond those that are kept of one answer.
    pub left_out: u32,
    /// Files whose changes are too large for any batch.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub too_large: Vec<String>,
    /// What the calls used.
    pub usage: Usage,
    /// How long it took, in seconds.
    pub seconds: f64,
}

/// A group is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupEnded {
    /// The group.
    pub group: String,
    /// Its name.
    pub name: String,
    /// The commit on which all gates passed.
    pub tip: CommitId,
    /// How many groups are done by now.
    pub done: usize,
    /// How many there are.
    pub all: usize,
}
