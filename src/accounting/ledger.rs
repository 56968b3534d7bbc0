//! The ledger: one entry for each call of an agent, however the call ended.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::accounting::metering::Metered;
use crate::agent::{CallOutcome, CallReport};
use crate::base::serialization::is_zero;
use crate::model::{IssueId, Role, RunId, Usage};

mod sums;
#[cfg(test)]
pub(crate) use sums::tests;

pub use sums::{Sum, Sums, learned_rates};

/// The purpose, time and usage of one call of an agent. Entries are never changed, so sums over them are always the
/// same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The role of the agent.
    pub role: Role,
    /// The task, where the call was about one.
    pub task: Option<IssueId>,
    /// The attempt at the task, or the round of the measure; counted from 1.
    pub attempt: u32,
    /// The fix round of the attempt, counted from 1; 0 for its first call. Of a later stage, which
    /// of its calls in the attempt it is, counted from 1.
    #[serde(default, skip_serializing_if = "is_first")]
    pub round: u32,
    /// Which candidate of the attempt it is of, counted from 1; 0 where it has none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub candidate: u32,
    /// The cycle of the generation, counted from 1 by its measures; 0 is before the first one.
    pub cycle: u32,
    /// The run that made the call.
    pub run: RunId,
    /// The client's session; the entries of a resumed one have the same.
    pub session_id: Option<String>,
    /// The model that the client really used.
    pub model: Option<String>,
    /// Turns taken.
    pub turns: u32,
    /// Tokens and money of this call alone, sub-agents included; `calls` is 1.
    pub usage: Usage,
    /// What the API itself reported to the gateway about this call, with its money computed; `None` where there was no
    /// gateway between them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metered: Option<Usage>,
    /// Whether the client died before it reported its usage: input is right then, output and money are estimated.
    pub estimated: bool,
    /// Wall time, in milliseconds.
    pub duration_ms: u64,
    /// Time that the API took to answer, as the client measures it, in milliseconds.
    pub api_ms: u64,
    /// Time that the client waited before it repeated requests, in milliseconds.
    pub wait_ms: u64,
    /// How the call ended.
    pub outcome: CallOutcome,
    /// When it ended.
    pub ended_at: Timestamp,
}

/// The call of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallPlace {
    /// The role of the agent.
    pub role: Role,
    /// The task, where the call was about one.
    pub task: Option<IssueId>,
    /// The attempt at the task, or the round of the measure; counted from 1.
    pub attempt: u32,
    /// The fix round of the attempt, counted from 1; 0 for its first call. Of a later stage, which
    /// of its calls in the attempt it is, counted from 1.
    pub round: u32,
    /// Which candidate of the attempt it is of, counted from 1; 0 where it has none.
    pub candidate: u32,
    /// The cycle of the generation.
    pub cycle: u32,
    /// The run that made the call.
    pub run: RunId,
}

impl Entry {
    /// Builds the entry of a call that ended at `ended_at`.
    pub fn new(place: CallPlace, report: &CallReport, ended_at: Timestamp) -> Self {
        Self {
            role: place.role,
            task: place.task,
            attempt: place.attempt,
            round: place.round,
            candidate: place.candidate,
            cycle: place.cycle,
            run: place.run,
            session_id: report.session_id.clone(),
            model: report.model.clone(),
            turns: report.turns,
            usage: report.usage,
            metered: None,
            estimated: report.estimated,
            duration_ms: report.duration_ms,
            api_ms: report.api_ms,
            wait_ms: report.wait_ms,
            outcome: report.outcome,
            ended_at,
        }
    }

    /// Returns the entry with what the gateway metered.
    #[must_use]
    pub fn with_metered(self, metered: Option<&Metered>) -> Self {
        let usage = |metered: &Metered| Usage {
            calls: 1,
            ..metered.usage
        };
        Self {
            metered: metered.map(usage),
            ..self
        }
    }

    /// Returns whether client and gateway count different tokens, if both have counts.
    pub fn differs(&self) -> bool {
        let counts = |usage: &Usage| [usage.input, usage.cache_write, usage.cache_read, usage.output];
        let metered = self.metered.as_ref().filter(|_| !self.estimated);
        metered.is_some_and(|metered| counts(metered) != counts(&self.usage))
    }

    /// Returns the usage that counts against budgets: the API's, if a gateway was in front of it. A container has no
    /// credential but the gateway's, and the agent may have written its client's report.
    pub fn charged(&self) -> Usage {
        self.metered.map_or(self.usage, |metered| Usage {
            calls: self.usage.calls,
            ..metered
        })
    }

    /// Returns the model that it used, `unknown` where it used none.
    pub fn model_name(&self) -> &str {
        self.model.as_deref().unwrap_or("unknown")
    }

    /// Returns what distinguishes the call from every other one of its generation.
    pub(crate) fn identity(&self) -> (&RunId, Role, Option<&IssueId>, [u32; 3], Timestamp) {
        let number = [self.attempt, self.candidate, self.round];
        (&self.run, self.role, self.task.as_ref(), number, self.ended_at)
    }
}

/// Returns whether a round is an attempt's first call.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
pub(crate) fn is_first(round: &u32) -> bool {
    *round == 0
}
