//! The prices that a request is charged at.

use super::super::amount::{Amount, Bound, nanodollars};
use super::asked::AskedAnswer;
use crate::accounting::metering::AnswerCounts;
use crate::agent::Rates;
use crate::model::Usage;

/// How many times dearer a fast answer is, as Anthropic lists it.
const FAST: f64 = 6.0;
/// How many times dearer an answer in one region is, as Anthropic lists it.
const REGIONAL: f64 = 1.1;
/// How many times dearer than reading it is to keep input in the cache for an hour.
const HOUR: f64 = 2.0;
/// US dollars for a search of the web.
const SEARCH: f64 = 0.01;

/// The price of a million tokens at worst, in US dollars.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    input: f64,
    output: f64,
}

impl Terms {
    /// Builds the worst that a request can be charged at so many times these rates.
    pub(super) fn new(rates: &Rates, hour: bool, times: f64) -> Self {
        let kept = if hour { rates.input * HOUR } else { rates.cache_write };
        Self {
            input: rates.input.max(rates.cache_write).max(rates.cache_read).max(kept) * times,
            output: rates.output * times,
        }
    }

    /// Returns what so many tokens come to.
    pub(super) fn amount(&self, input: u64, output: u64) -> Amount {
        let rates = Rates {
            input: self.input,
            output: self.output,
            cache_write: 0.0,
            cache_read: 0.0,
        };
        let usage = Usage {
            input,
            output,
            ..Usage::default()
        };
        Amount::of(&Usage {
            cost_usd: rates.cost(&usage),
            ..usage
        })
    }

    /// Returns how many tokens of output there is room for, beside what is `fixed`.
    pub(super) fn room(&self, free: Bound, fixed: Amount) -> u64 {
        let left = free
            .zip(fixed)
            .map(|(free, fixed)| free.map(|free| free.saturating_sub(fixed)));
        let by_money = left.usd.map(|usd| self.tokens_for(usd));
        [by_money, left.tokens].into_iter().flatten().min().unwrap_or(u64::MAX)
    }

    /// Returns how many tokens of output so much money buys, rounded down.
    fn tokens_for(&self, left: u64) -> u64 {
        // In a million tokens there are as many dollars as there are thousands of nanodollars in one.
        let each = nanodollars(self.output / 1e6, u64::MAX);
        left.checked_div(each).unwrap_or(u64::MAX)
    }
}

/// Returns how many times dearer than listed the answer to a request is.
pub(super) fn times(asked: &AskedAnswer) -> f64 {
    let fast = if asked.fast { FAST } else { 1.0 };
    if asked.regional { fast * REGIONAL } else { fast }
}

/// Returns what an answer cost that is so many times dearer than these rates.
pub(super) fn cost(rates: &Rates, counts: &AnswerCounts, times: f64) -> f64 {
    let hour_writes = counts.hour_writes.min(counts.usage.cache_write);
    let dearer = Rates {
        input: 0.0,
        cache_write: (rates.input * HOUR - rates.cache_write).max(0.0),
        cache_read: 0.0,
        output: 0.0,
    };
    let kept = Usage {
        cache_write: hour_writes,
        ..Usage::default()
    };
    let searches = f64::from(u32::try_from(counts.searches).unwrap_or(u32::MAX));
    (rates.cost(&counts.usage) + dearer.cost(&kept)) * times + searches * SEARCH
}
