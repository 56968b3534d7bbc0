//! The rest of one call's allowance, computed before each of its requests with the worst case of that request.
//!
//! Input is reserved as if each of its bytes were a token and all of them were written to the cache; where that is more
//! than what is left, the API must count it first. The answer is limited by its `max_tokens`, which is lowered to what
//! is left. Usage that is not reported counts as it was reserved. So answers exceed an allowance only by what cannot be
//! known before: what the API's own tools read meanwhile, and what it does by itself to shorten a context.

use std::collections::BTreeMap;

use super::Allowance;
use super::amount::{Amount, Bound, Pair, dollars};
use super::query::Unit;
use crate::accounting::metering::{AnswerCounts, AnswerReading};
use crate::agent::{Rates, binds};
use crate::model::Usage;

mod asked;
mod terms;

pub(crate) use asked::{AskedAnswer, KnownBy};
use terms::Terms;

/// The part of an allowance that the requests of a call have not used, and have not reserved at this moment.
#[derive(Debug)]
pub struct CallBudget {
    allowed: Bound,
    rates: BTreeMap<String, Rates>,
    used: Amount,
    held: Amount,
    under_way: u32,
}

/// The reservation of one request; to be returned by [`CallBudget::settle`] or [`CallBudget::release`].
#[must_use = "a reservation stays until it is returned"]
#[derive(Debug)]
pub(crate) struct Hold {
    amount: Amount,
    asked: AskedAnswer,
    /// The most tokens that the answer may have.
    pub(crate) max_tokens: u64,
}

impl Hold {
    /// Returns the most that the answer can use.
    pub(crate) fn worst(&self) -> Usage {
        Usage {
            input: self.asked.tries(self.asked.input),
            output: self.asked.tries(self.max_tokens),
            cost_usd: dollars(self.amount.usd),
            ..Usage::default()
        }
    }
}

/// Why nothing is reserved for a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Short {
    /// Its worst case may not fit: its input must be counted first.
    Uncounted,
    /// The rest may suffice when requests in progress are settled.
    Held,
    /// Too little is left; the sentence names it.
    Spent(String),
}

impl CallBudget {
    /// Builds the budget of a call. `rates` are learned prices of models, which precede list prices; an unknown model
    /// counts as the most expensive one.
    pub fn new(allowance: Allowance, rates: BTreeMap<String, Rates>) -> Self {
        Self {
            allowed: allowance.bound(),
            rates,
            used: Amount::default(),
            held: Amount::default(),
            under_way: 0,
        }
    }

    /// Counts what requests of the call used before, whoever let them pass.
    pub(crate) fn used_before(&mut self, usage: &Usage) {
        self.used = self.used.plus(Amount::of(usage));
    }

    /// Returns whether there is any limit.
    pub(crate) fn is_limited(&self) -> bool {
        self.allowed != Bound::default()
    }

    /// Reserves what a request may use. It gets at most as many tokens of output as were requested: fewer, and at least
    /// one, if only that is left and no other request in progress may leave more.
    pub(crate) fn reserve(&mut self, asked: AskedAnswer) -> Result<Hold, Short> {
        let terms = self.worst(&asked);
        let worst = |output| terms.amount(asked.tries(asked.input), asked.tries(output));
        let free = self.allowed.zip(self.used.plus(self.held));
        let free = free.map(|(allowed, taken)| allowed.map(|allowed| allowed.saturating_sub(taken)));
        let room = terms.room(free, worst(0)) / asked.tries(1);
        // A request for no output token pays for its input all the same.
        let lowered = room < asked.max_tokens.max(1);
        let is_unsure = match asked.known_by {
            KnownBy::Length => lowered,
            KnownBy::Nothing => true,
            KnownBy::Count => false,
        };
        if is_unsure && self.is_limited() {
            return Err(Short::Uncounted);
        }
        if lowered && self.under_way > 0 {
            return Err(Short::Held);
        }
        let max_tokens = room.min(asked.max_tokens);
        if lowered && (max_tokens == 0 || max_tokens <= asked.thinking) {
            return Err(Short::Spent(self.reason(worst(asked.thinking + 1))));
        }
        let amount = worst(max_tokens);
        self.held = self.held.plus(amount);
        self.under_way += 1;
        Ok(Hold {
            amount,
            asked,
            max_tokens,
        })
    }

    /// Counts the usage of an answer instead of its reservation; returns that usage, with its cost. Usage that was not
    /// reported counts as it was reserved: the API may have read and written all of it, whoever received it.
    pub(crate) fn settle(&mut self, hold: Hold, reading: &AnswerReading) -> Usage {
        let usage = if reading.begun {
            self.told(&hold, reading)
        } else {
            hold.worst()
        };
        self.used = self.used.plus(Amount::of(&usage));
        self.release(hold);
        usage
    }

    /// Returns the usage of an answer by its report; one that broke off counts with all the output that it was allowed
    /// to have.
    fn told(&self, hold: &Hold, reading: &AnswerReading) -> Usage {
        let mut counts = reading.counts;
        if !reading.complete {
            counts.usage.output = counts.usage.output.max(hold.max_tokens);
        }
        let model = reading.model.as_deref().unwrap_or(&hold.asked.model);
        Usage {
            cost_usd: self.cost(model, &counts, terms::times(&hold.asked)),
            ..counts.usage
        }
    }

    /// Releases the reservation of a request that did not reach the API, or that it refused.
    #[expect(clippy::needless_pass_by_value, reason = "a reservation cannot be released twice")]
    pub(crate) fn release(&mut self, hold: Hold) {
        self.held = self.held.minus(hold.amount);
        self.under_way = self.under_way.saturating_sub(1);
    }

    /// Returns the cost of tokens, for the ledger.
    fn cost(&self, model: &str, counts: &AnswerCounts, times: f64) -> f64 {
        let rates = self.learned(model).or_else(|| Rates::listed(model)).unwrap_or_default();
        terms::cost(&rates, counts, times)
    }

    /// Returns the greatest possible cost of a request's tokens. Learned rates are right on average, not for each kind
    /// of token: so the higher of learned and listed ones is used.
    fn worst(&self, asked: &AskedAnswer) -> Terms {
        let (learned, listed) = (self.learned(&asked.model), Rates::listed(&asked.model));
        let rates = match (learned, listed) {
            (Some(learned), Some(listed)) => learned.or_more(listed),
            (one, other) => one.or(other).unwrap_or_default(),
        };
        // Nothing is known here about the models that may answer instead.
        let rates = if asked.fallbacks > 0 {
            rates.or_more(Rates::default())
        } else {
            rates
        };
        Terms::new(&rates, asked.hour, terms::times(asked))
    }

    fn learned(&self, model: &str) -> Option<Rates> {
        let mut rates = self.rates.iter();
        let found = rates.find(|(known, _)| *known == model || binds(model, known));
        found.map(|(_, rates)| *rates)
    }

    /// Returns how little is left: `this call's budget is spent (0.9950 of 1.00 USD; the next answer takes 0.0120
    /// USD)`.
    fn reason(&self, least: Amount) -> String {
        let stands = self.allowed.zip(self.used.zip(least));
        let short = |unit: Unit, (allowed, (used, least)): (Option<u64>, (u64, u64))| {
            let allowed = allowed.filter(|allowed| used.saturating_add(least) > *allowed)?;
            let (used, least, allowed) = (unit.number(used), unit.say(least), unit.say(allowed));
            Some(format!(
                "this call's budget is spent ({used} of {allowed}; the next answer may take {least})"
            ))
        };
        let Pair { usd, tokens } = stands;
        let reason = short(Unit::Usd, usd).or_else(|| short(Unit::Tokens, tokens));
        reason.unwrap_or_else(|| "this call's budget is spent".to_owned())
    }
}

#[cfg(test)]
mod tests;
