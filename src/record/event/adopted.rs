//! What is told of a call that goes on although its run died.

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
