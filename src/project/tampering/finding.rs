//! What is found.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Something that a change makes weaker.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Finding {
    /// The file, from the root of the repository: as it is now, or as it was where it is gone.
    pub(crate) path: String,
    /// The line in it, counted from 1.
    pub(crate) line: usize,
    /// What was done, as the end of a sentence about the place.
    pub(crate) what: String,
    /// What kind of weakening it is.
    pub(crate) kind: FindingKind,
}

/// What kind of weakening something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FindingKind {
    /// A test is gone, or is not collected any more.
    Deleted,
    /// A test became a comment.
    CommentedOut,
    /// A test does nothing any more.
    Emptied,
    /// A test does not run, or may fail, or keeps others from running.
    Skipped,
    /// A test asserts less.
    Weakened,
    /// A test ends before it asserts something.
    EarlyReturn,
    /// A test that was to stay as it was did not.
    Changed,
    /// CI, or a command that it runs, checks less.
    Ci,
    /// Less coverage is required.
    Coverage,
    /// A file could not be looked at.
    NotRead,
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{} {}", self.path, self.line, self.what)
    }
}
