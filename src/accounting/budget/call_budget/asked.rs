//! The parts of a request to the API that show what the answer may use.

/// How it is known how much input a request has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum KnownBy {
    /// By its length, which bounds it.
    #[default]
    Length,
    /// Not at all: it has parts whose length has nothing to do with their tokens, such as documents and images.
    Nothing,
    /// By the API's count, or by its length where the API cannot count: this is the last word.
    Count,
}

/// The parts of a request for an answer that show what the answer may use.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct AskedAnswer {
    /// The model that is asked for.
    pub(crate) model: String,
    /// The most tokens of input that it can have, by its length or as the API counted them.
    pub(crate) input: u64,
    /// How that is known.
    pub(crate) known_by: KnownBy,
    /// The most tokens that it lets be produced.
    pub(crate) max_tokens: u64,
    /// How many of those are set aside for thinking; the API refuses an answer that is not longer.
    pub(crate) thinking: u64,
    /// Whether input may be kept in the cache for an hour.
    pub(crate) hour: bool,
    /// Whether the answer is asked for at the higher price of a faster one.
    pub(crate) fast: bool,
    /// Whether it is to be answered in one region, which costs more.
    pub(crate) regional: bool,
    /// How many other models may answer instead, after this one has tried.
    pub(crate) fallbacks: u64,
}

impl AskedAnswer {
    /// Returns what so many tokens of one model's try come to with those of all others.
    pub(super) fn tries(&self, tokens: u64) -> u64 {
        tokens.saturating_mul(self.fallbacks.saturating_add(1))
    }
}
