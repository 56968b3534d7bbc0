//! The prices that a request is charged at.

use super::super::amount::{Amount, Bound, nanodollars};
use super::asked::AskedAnswer;
use crate::accounting::metering::AnswerCounts;
use crate::agent::Rates;
use crate::model::Usage;

/// How many times more a fast answer costs, as Anthropic lists it.
const FAST: f64 = 6.0;
/// How many times more an answer in one region costs, as Anthropic lists it.
const REGIONAL: f64 = 1.1;
/// How many times more it costs to keep input in the cache for an hour than to read it.
const HOUR: f64 = 2.0;
/// US dollars for a search of the web.
const SEARCH: f64 = 0.01;

/// The highest price of a million tokens, in US dollars.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    input: f64,
    output: f64,
}

impl Terms {
    /// Builds the highest prices for a request at so many times these rates.
    pub(super) fn new(rates: &Rates, hour: bool, times: f64) -> Self {
        let kept = if hour { rates.input * HOUR } else { rates.cache_write };
        Self {
            input: rates.input.max(rates.cache_write).max(rates.cache_read).max(kept) * times,
            output: rates.output * times,
        }
    }

    /// Returns the price of so many tokens.
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

    /// Returns how many tokens of output fit beside the `fixed` cost.
    pub(super) fn room(&self, free: Bound, fixed: Amount) -> u64 {
        let left = free
            .zip(fixed)
            .map(|(free, fixed)| free.map(|free| free.saturating_sub(fixed)));
        let by_money = left.usd.map(|usd| self.tokens_for(usd));
        [by_money, left.tokens].into_iter().flatten().min().unwrap_or(u64::MAX)
    }

    /// Returns how many tokens of output an amount of money buys, rounded down.
    fn tokens_for(&self, left: u64) -> u64 {
        // The price of a million tokens in dollars is the price of one token in thousands of nanodollars.
        let each = nanodollars(self.output / 1e6, u64::MAX);
        left.checked_div(each).unwrap_or(u64::MAX)
    }
}

/// Returns how many times more than listed the answer to a request costs.
pub(super) fn times(asked: &AskedAnswer) -> f64 {
    let fast = if asked.fast { FAST } else { 1.0 };
    if asked.regional { fast * REGIONAL } else { fast }
}

/// Returns the cost of an answer at so many times these rates.
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
