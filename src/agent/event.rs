//! The events of a running call: enough for a live display, and harmless on a terminal.

use jiff::Timestamp;
use serde::Serialize;

use super::Usage;

/// A model context server, as the client's first event has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServerStatus {
    /// Its name.
    pub name: String,
    /// `connected`, or why not: `failed`, `pending`, `needs-auth`.
    pub status: String,
}

/// One thing that a line of the stream reported. All text is made harmless and fits on one line.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum AgentEvent {
    /// The client has started and selected a model.
    Started {
        /// The session, for `--resume`.
        session_id: Option<String>,
        /// The model that it really uses.
        model: Option<String>,
        /// The client's own version.
        version: Option<String>,
        /// Where the client found an API key; `None` when it uses none.
        api_key_source: Option<String>,
        /// The model context servers that the client knows of.
        servers: Vec<ServerStatus>,
    },
    /// The agent wrote a text.
    Text {
        /// The beginning of it.
        text: String,
    },
    /// The agent uses a tool.
    ToolUse {
        /// The tool.
        name: String,
        /// The file, command or pattern it is used on; empty when no short input names it.
        summary: String,
    },
    /// A message arrived with nothing to show; only the usage changed.
    Tokens {
        /// What the call used so far, each message counted once. Output is only known at the end.
        usage: Usage,
        /// Messages so far.
        turns: u32,
    },
    /// What the API reports of the account's limits.
    RateLimit {
        /// `allowed`, `allowed_warning` or `rejected`.
        status: Option<String>,
        /// Which limit: `five_hour`, `seven_day`, `overage`, …
        kind: Option<String>,
        /// When the limit is lifted.
        resets_at: Option<Timestamp>,
        /// Whether paid overage is being used: a caller that forbids it stops the call now.
        overage: bool,
    },
    /// The client repeats a refused request.
    Retry {
        /// Counted from 1.
        attempt: u32,
        /// How long it waits first, in milliseconds.
        delay_ms: u64,
        /// The HTTP status; `None` when the API could not be reached.
        status: Option<u16>,
        /// The API's word for it, such as `overloaded`.
        error: Option<String>,
    },
    /// The result line has arrived: the client should end by itself within a moment.
    Finished {
        /// Whether the result line claims success. The verdict is `Transcript::finish`.
        success: bool,
        /// Turns taken.
        turns: u32,
        /// Tokens and money of the call.
        usage: Usage,
    },
}
