//! The verdict on one item: what was requested, what was found, and whether the item holds.

/// What is found of a fact that is missing.
pub(super) const NOT_SEEN: &str = "not seen";

/// The result of a check.
pub(super) struct ItemVerdict {
    pub(super) held: bool,
    pub(super) asked: String,
    pub(super) found: String,
}

impl ItemVerdict {
    pub(super) fn new(held: bool, asked: impl Into<String>, found: impl Into<String>) -> Self {
        Self {
            held,
            asked: asked.into(),
            found: found.into(),
        }
    }

    /// Returns the verdict where a fact is missing.
    pub(super) fn unseen(asked: impl Into<String>) -> Self {
        Self::new(false, asked, NOT_SEEN)
    }

    /// Returns the verdict on a list of offences: the item holds where there are none.
    pub(super) fn without(offences: &[String], asked: impl Into<String>, good: impl Into<String>) -> Self {
        match offences {
            [] => Self::new(true, asked, good),
            some => Self::new(false, asked, some.join(", ")),
        }
    }
}
