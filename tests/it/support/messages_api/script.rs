//! What a script says, once it is read.

use std::time::Duration;

use serde_json::Value;

/// Conversations and what is answered in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Script {
    pub(super) conversations: Vec<Conversation>,
}

/// The conversations that begin in one way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Conversation {
    /// A text of its first message; of a later turn, of the message that begins that.
    pub(super) about: String,
    /// Whether it is a later turn of conversations: tool results count from its beginning.
    pub(super) is_later: bool,
    /// What is answered to a request with no tool result, with one, and so on.
    pub(super) answers: Vec<Answer>,
}

/// One answer of the model, and what comes before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) troubles: Vec<Met>,
    pub(super) block: Block,
    pub(super) settings: Settings,
}

/// What an answer consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Block {
    /// Words; the conversation's turn ends with them.
    Text(String),
    /// A tool is to be used.
    ToolUse {
        /// The tool, by the client's name for it.
        name: String,
        /// Its input.
        input: Value,
    },
}

/// A trouble and how often it is still met; `None` is always.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Met {
    pub(super) trouble: Trouble,
    pub(super) times: Option<u32>,
}

/// What comes instead of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// An error of the API.
    Refuse(Refusal),
    /// The connection is torn down.
    Reset,
    /// Nothing, for ever.
    Hang,
    /// The beginning of the answer; then the connection is closed.
    StopCause,
    /// The beginning of the answer; then nothing, for ever.
    Stall,
}

/// An error of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The HTTP status.
    pub(super) status: u16,
    /// The API's word for it, such as `overloaded_error`.
    pub(super) kind: String,
    pub(super) message: String,
    pub(super) headers: Vec<Header>,
}

/// A header of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) name: String,
    pub(super) value: HeaderValue,
}

/// What a header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum HeaderValue {
    /// This.
    Text(String),
    /// The moment so far from now, in Unix seconds.
    In(Duration),
}

/// How an answer is given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) headers: Vec<Header>,
    pub(super) tokens: Tokens,
    /// Another model than the one asked for.
    pub(super) model: Option<String>,
    /// Between two events.
    pub(super) pause: Option<Duration>,
}

/// Tokens that an answer counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tokens {
    pub(super) input: u64,
    pub(super) cache_write: u64,
    pub(super) cache_read: u64,
    pub(super) output: u64,
}

impl Default for Tokens {
    fn default() -> Self {
        Self {
            input: 120,
            cache_write: 30,
            cache_read: 900,
            output: 40,
        }
    }
}
