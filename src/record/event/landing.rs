//! What happens between the work of a task and its landing.

use serde::{Deserialize, Serialize};

use crate::base::serialization::is_zero;
use crate::git::DiffStat;
use crate::issues::attempt::Outcome;
use crate::model::IssueId;

/// A gate was red on work that was merged with newer work, and passed when it ran once more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GateFlaked {
    /// The task whose work was merged with newer work.
    pub task: IssueId,
    /// The gate.
    pub gate: String,
    /// How it ended when it was red.
    pub how: String,
    /// On how many of the last trees that it was run on its verdict depended on chance.
    pub trees: u32,
    /// On how many it may; `None` is however many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quarantine: Option<u32>,
}

/// The work of several tasks, merged with newer work, was judged together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MergeJudged {
    /// The tasks, in the order in which they land.
    pub tasks: Vec<IssueId>,
    /// Whether every gate let it pass.
    pub passed: bool,
    /// Why not, in a line; empty where it passed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub how: String,
}

/// A gate begins to run. One whose verdict is known does not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GateStarted {
    /// The task on whose work it runs; `None` on a commit that has landed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<IssueId>,
    /// Which candidate of the attempt it is of, counted from 1; 0 where it has none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub candidate: u32,
    /// The gate.
    pub gate: String,
}

/// A candidate of an attempt ended; the attempt's own end follows those of all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CandidateEnded {
    /// The task.
    pub task: IssueId,
    /// Counted from 1.
    pub attempt: u32,
    /// Its number, counted from 1.
    pub candidate: u32,
    /// Whether the attempt comes to what this one came to.
    pub chosen: bool,
    /// How.
    pub outcome: Outcome,
    /// Why, in a line; may be empty.
    pub reason: String,
    /// The score of the last review of what it left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<u8>,
    /// How much its agent changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<DiffStat>,
}

/// What is told of a question of an agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QuestionAsked {
    /// The task.
    pub task: IssueId,
    /// Counted from 1.
    pub attempt: u32,
    /// The candidates that ask it, by number; none where the attempt has no candidates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<u32>,
    /// What it asks, of several lines perhaps.
    pub question: String,
}
