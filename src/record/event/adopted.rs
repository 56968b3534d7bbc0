//! What is told of calls that others than their run have a part in: another run, or a person.

use serde::{Deserialize, Serialize};

use super::call::CallName;

/// A call that another run goes on with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adopted {
    /// Which call.
    pub call: CallName,
    /// The engine's id of its container.
    pub container: String,
}

/// What a person said to the session of a call while it was at work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonSaid {
    /// Which call.
    pub call: CallName,
    /// The text, as the session got it.
    pub text: String,
}
