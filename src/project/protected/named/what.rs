//! What a file makes a tool run, and how much of that one file may name.

use crate::project::protected::paths::DEEPEST;

/// The most that one file may name: with more, it cannot be followed.
pub(super) const MOST_OF_A_FILE: usize = 1_000;

/// What a tool runs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum What {
    /// The file or folder at a path, whether it exists yet or not.
    Path(String),
    /// A value at a key: a literal command, or a setting that determines what runs.
    Value {
        /// The dotted key.
        key: String,
        /// The value.
        value: String,
    },
    /// Unknown: the file cannot be read here. Identified by its content.
    Unreadable(String),
}

impl What {
    /// Returns whether it is deeper in the tree than the search goes.
    pub(super) fn is_followed(&self) -> bool {
        !matches!(self, Self::Path(path) if path.matches('/').count() >= DEEPEST)
    }
}
