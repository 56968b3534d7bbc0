//! Something that must not be recorded, and what stands in its place.

use std::ops::Range;

/// What a credential in use is called; tokens of a known form have their issuer's name.
pub(super) const IN_USE: &str = "credential";

/// Something that must not be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What it is, in words: `credential` for one in use, else such as `GitHub token`.
    pub kind: &'static str,
    /// Where it is, in bytes.
    pub range: Range<usize>,
}

/// Returns what stands in the place of something redacted.
pub(super) fn marker(kind: &str) -> String {
    format!("[redacted {kind}]")
}
