//! Which call an event is about, and which step of it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::accounting::ledger::is_first;
use crate::base::serialization::is_zero;
use crate::model::{IssueId, Role};

/// Which call of an agent an event is about: a task's attempt, or a measure.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CallName {
    /// `measure`, `stitch`, `review`, or a stage of the project's own.
    pub role: Role,
    /// The task; only a measure has none.
    pub task: Option<IssueId>,
    /// The attempt at the task, or the round of the measure; counted from 1.
    pub attempt: u32,
    /// The fix round of the attempt, counted from 1; 0 for its first call. For `review` and stages of the project's own,
    /// which call of the stage in the attempt it is, counted from 1.
    #[serde(default, skip_serializing_if = "is_first")]
    pub round: u32,
    /// Which candidate of the attempt it is of, counted from 1; 0 where it has none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub candidate: u32,
}

impl CallName {
    /// Returns the attempt by its number, with that of the candidate where it has several: `2`, `2.1`.
    pub fn attempt_in_words(&self) -> String {
        match self.candidate {
            0 => self.attempt.to_string(),
            candidate => format!("{}.{candidate}", self.attempt),
        }
    }
}

impl fmt::Display for CallName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.task {
            Some(task) if self.candidate > 0 => write!(formatter, "{task}.{}", self.candidate),
            Some(task) => write!(formatter, "{task}"),
            None => write!(formatter, "{}", self.role),
        }
    }
}

/// A step of a task or measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// A slot is taken, and brought to its commit.
    Checkout,
    /// The services beside the agent's container are started.
    Services,
    /// The agent's container is started.
    Container,
    /// What is in the slot is read into a tree.
    Snapshot,
    /// That is put on the generation branch.
    Merge,
}

impl Step {
    /// Returns the word that JSON and people know it by.
    pub fn name(self) -> &'static str {
        match self {
            Self::Checkout => "checkout",
            Self::Services => "services",
            Self::Container => "container",
            Self::Snapshot => "snapshot",
            Self::Merge => "merge",
        }
    }
}
