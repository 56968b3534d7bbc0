//! What a stage of the project's own came to.

use serde::{Deserialize, Serialize};

use crate::base::serialization::is_zero;
use crate::git::DiffStat;
use crate::model::IssueId;

/// A stage of the project's own ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StageEnded {
    /// The task.
    pub task: IssueId,
    /// The attempt at it, counted from 1.
    pub attempt: u32,
    /// Which candidate of the attempt it is of, counted from 1; 0 where it has none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub candidate: u32,
    /// The stage.
    pub stage: String,
    /// Which call of the stage in the attempt it is, counted from 1.
    pub number: u32,
    /// Whether what it left is part of the work now.
    pub passed: bool,
    /// Whether the work waits for a person where it did not pass.
    pub required: bool,
    /// What it came to, as the end of a sentence about it.
    pub how: String,
    /// How much it changed; `None` where it changed nothing, or did not pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<DiffStat>,
    /// How long it took, in seconds.
    pub seconds: f64,
}
