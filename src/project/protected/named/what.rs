//! What a file has a tool run, and how much of that one file may name.

use crate::project::protected::paths::DEEPEST;

/// The most that one file may name: whoever names more cannot be followed.
pub(super) const MOST_OF_A_FILE: usize = 1_000;

/// What a tool runs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum What {
    /// The file or folder at a path, whether it is there by now or not.
    Path(String),
    /// A value at a key: a command in so many words, or a setting that decides what runs.
    Value {
        /// The dotted key.
        key: String,
        /// The value.
        value: String,
    },
    /// Nobody knows: the file cannot be read here. Distinguished by its content.
    Unreadable(String),
}

impl What {
    /// Returns whether it lies nowhere deeper than anybody looks.
    pub(super) fn is_followed(&self) -> bool {
        !matches!(self, Self::Path(path) if path.matches('/').count() >= DEEPEST)
    }
}
