//! A match that must not be recorded, and its replacement.

use std::ops::Range;

/// The name of a credential in use; tokens of a known form have their issuer's name.
pub(super) const IN_USE: &str = "credential";

/// A match that must not be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its kind, in words: `credential` for one in use, else such as `GitHub token`.
    pub kind: &'static str,
    /// Its place, in bytes.
    pub range: Range<usize>,
}

/// Returns the replacement of a redacted match.
pub(super) fn marker(kind: &str) -> String {
    format!("[redacted {kind}]")
}
