//! Why a result cannot be used.

/// Why a result cannot be used: the line, counted from 1, and the end of a sentence.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Bad {
    pub(super) line: usize,
    pub(super) why: String,
}

impl Bad {
    /// Builds it for a line that is counted from 0.
    pub(super) fn at(index: usize, why: impl Into<String>) -> Self {
        Self {
            line: index + 1,
            why: why.into(),
        }
    }
}
