//! The parts of a request to the API that show what the answer may use.

/// How the amount of a request's input is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum KnownBy {
    /// By its length, which is an upper bound.
    #[default]
    Length,
    /// Not at all: the length of some parts, such as documents and images, does not show their tokens.
    Nothing,
    /// By the API's count, or by its length where the API cannot count: this is final.
    Count,
}

/// The parts of a request for an answer that show what the answer may use.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct AskedAnswer {
    /// The requested model.
    pub(crate) model: String,
    /// The most tokens of input that it can have, by its length or by the API's count.
    pub(crate) input: u64,
    /// How that is known.
    pub(crate) known_by: KnownBy,
    /// The most tokens of output that it requests.
    pub(crate) max_tokens: u64,
    /// How many of those are reserved for thinking; the API refuses an answer that is not longer.
    pub(crate) thinking: u64,
    /// Whether input may be kept in the cache for an hour.
    pub(crate) hour: bool,
    /// Whether the answer is requested at the higher price of a faster one.
    pub(crate) fast: bool,
    /// Whether it must be answered in one region, which costs more.
    pub(crate) regional: bool,
    /// How many other models may answer instead, after this one has tried.
    pub(crate) fallbacks: u64,
}

impl AskedAnswer {
    /// Returns the total for so many tokens of one model's try and those of all others.
    pub(super) fn tries(&self, tokens: u64) -> u64 {
        tokens.saturating_mul(self.fallbacks.saturating_add(1))
    }
}
