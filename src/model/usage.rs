//! The usage of calls.

use serde::{Deserialize, Serialize};

/// Tokens and money of one or more calls. True input is `input + cache_write + cache_read`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Usage {
    /// Tokens read that were not in a cache.
    pub input: u64,
    /// Tokens written to the cache.
    pub cache_write: u64,
    /// Tokens read from the cache.
    pub cache_read: u64,
    /// Tokens produced.
    pub output: u64,
    /// US dollars at list price, as the client computes them.
    pub cost_usd: f64,
    /// Calls of the client.
    pub calls: u64,
}

impl Usage {
    /// Returns all tokens, read and written.
    pub fn tokens(&self) -> u64 {
        self.input
            .saturating_add(self.cache_write)
            .saturating_add(self.cache_read)
            .saturating_add(self.output)
    }
}

/// Adds up without overflow: the figures come from a stream that an agent may have written to.
impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.input = self.input.saturating_add(other.input);
        self.cache_write = self.cache_write.saturating_add(other.cache_write);
        self.cache_read = self.cache_read.saturating_add(other.cache_read);
        self.output = self.output.saturating_add(other.output);
        self.cost_usd = (self.cost_usd + other.cost_usd).min(f64::MAX);
        self.calls = self.calls.saturating_add(other.calls);
    }
}

impl std::iter::Sum for Usage {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |mut sum, one| {
            sum += one;
            sum
        })
    }
}
