//! What is told of others than the run who have a part in it: another run, or a person.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::call::CallName;

/// A call that another run goes on with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adopted {
    /// Which call.
    pub call: CallName,
    /// The engine's id of its container.
    pub container: String,
    /// When the task was claimed whose call it is; when the call began, where it is of none. `None` in records of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began_at: Option<Timestamp>,
}

impl Adopted {
    /// Returns since when the work lasts whose call it is; `told_at` is when it was told that another run goes on with it.
    pub(crate) fn since(&self, told_at: Timestamp) -> Timestamp {
        self.began_at.unwrap_or(told_at)
    }
}

/// What a person said to the session of a call while it was at work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonSaid {
    /// Which call.
    pub call: CallName,
    /// The text, as the session got it.
    pub text: String,
}

/// What another process requested: that the run stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopRequested {
    /// Whether what is in progress is suspended at once.
    pub now: bool,
}
