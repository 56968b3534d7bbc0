//! What an agent call is and how it can end; `agent/claude.rs` reads Claude Code's stream.

use std::fmt;

use serde::{Deserialize, Serialize};

mod claude;
mod command;
mod event;
mod model;
mod price;
mod report;
mod role;

pub use claude::{Transcript, reset_time};
pub(crate) use command::{CallExtra, command_line, is_session};
pub use event::AgentEvent;
pub(crate) use model::binds;
pub use price::Rates;
pub use report::{CallReport, Cut, Ending};
pub use role::Role;

/// Tokens and money of one or more calls. True input is `input + cache_write + cache_read`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Usage {
    /// Tokens read that no cache held.
    pub input: u64,
    /// Tokens written to the cache.
    pub cache_write: u64,
    /// Tokens read from the cache.
    pub cache_read: u64,
    /// Tokens produced.
    pub output: u64,
    /// US dollars at list price, as the client reckons them.
    pub cost_usd: f64,
    /// Calls of the client.
    pub calls: u64,
}

impl Usage {
    /// All tokens, read and written.
    pub fn tokens(&self) -> u64 {
        self.input
            .saturating_add(self.cache_write)
            .saturating_add(self.cache_read)
            .saturating_add(self.output)
    }
}

/// Adds up without overflow: the figures come from a stream that an agent may have written to.
impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.input = self.input.saturating_add(other.input);
        self.cache_write = self.cache_write.saturating_add(other.cache_write);
        self.cache_read = self.cache_read.saturating_add(other.cache_read);
        self.output = self.output.saturating_add(other.output);
        self.cost_usd = (self.cost_usd + other.cost_usd).min(f64::MAX);
        self.calls = self.calls.saturating_add(other.calls);
    }
}

impl std::iter::Sum for Usage {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |mut sum, one| {
            sum += one;
            sum
        })
    }
}

/// How a call ended, by what the stream showed and how the container ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallOutcome {
    /// `subtype: success` and `is_error: false`.
    Success,
    /// The client ended with an error of no other kind.
    Failed,
    /// A usage limit; `resets_at` says until when, if anything said so.
    Limited,
    /// Paid overage is being used.
    Overage,
    /// The turns were used up.
    MaxTurns,
    /// The call's own budget was used up.
    Budget,
    /// The API was overloaded or out of reach: worth another try.
    Transient,
    /// The account, the model or the request is refused: a person must mend it.
    Permanent,
    /// No result line: the client was killed or died.
    Crashed,
}

impl fmt::Display for CallOutcome {
    /// Writes the same word as the JSON does.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Success => "success",
            Self::Failed => "failed",
            Self::Limited => "limited",
            Self::Overage => "overage",
            Self::MaxTurns => "max_turns",
            Self::Budget => "budget",
            Self::Transient => "transient",
            Self::Permanent => "permanent",
            Self::Crashed => "crashed",
        })
    }
}
