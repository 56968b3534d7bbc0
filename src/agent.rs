//! What an agent call is and how it can end; `agent/claude.rs` reads Claude Code's stream. Input is lines, output is a
//! verdict; no file, process or clock is used here.

use std::fmt;

use serde::{Deserialize, Serialize};

mod claude;
mod event;
mod model;
mod price;
mod report;

pub use crate::model::{Role, StageName, Usage};
pub(crate) use claude::{STREAMED_INPUT, user_message};
pub use claude::{Saying, Transcript, reset_time, sayings};
pub use event::{AgentEvent, ServerStatus};
pub(crate) use model::binds;
pub use price::Rates;
pub use report::{CallReport, Ending, StopCause, TooLarge};

/// The oldest version of the client with which this library was tested; the newest is the next.
pub const OLDEST_CLIENT_VERSION: &str = "2.1.220";
/// The version of the client with which this library was tested.
pub const DEFAULT_CLIENT_VERSION: &str = "2.1.329";

/// How a call ended, by what the stream showed and how the container ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallOutcome {
    /// `subtype: success` and `is_error: false`.
    Success,
    /// The client ended with an error that is none of the others.
    Failed,
    /// A usage limit; `resets_at` is its end, where that is known.
    Limited,
    /// Paid overage is being used.
    Overage,
    /// The turns were used up.
    MaxTurns,
    /// The call's own budget was used up.
    Budget,
    /// The API was overloaded or could not be reached: another try may succeed.
    Transient,
    /// The account, the model or the request was refused: a person must fix it.
    Permanent,
    /// No result line: the client was killed or died.
    Crashed,
}

impl fmt::Display for CallOutcome {
    /// Writes the word that the JSON has.
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
