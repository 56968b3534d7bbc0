//! What is left of one call's allowance, computed before each of its requests at what that may come to at worst.
//!
//! Input is set aside as if each of its bytes were a token and all of them were written to the cache; where that is
//! more than what is left, the API is to count it first. The answer is bounded by its `max_tokens`, which is lowered to
//! what is left. What is not reported counts as it was set aside. So answers pass an allowance only by what cannot be
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

/// The part of an allowance that the requests of a call have not used, nor may use at this moment.
#[derive(Debug)]
pub struct CallBudget {
    allowed: Bound,
    rates: BTreeMap<String, Rates>,
    used: Amount,
    held: Amount,
    under_way: u32,
}

/// What is set aside for one request; to be given back by [`CallBudget::settle`] or [`CallBudget::release`].
#[must_use = "what is set aside stays so until it is given back"]
#[derive(Debug)]
pub(crate) struct Hold {
    amount: Amount,
    asked: AskedAnswer,
    /// The most tokens that the answer may have.
    pub(crate) max_tokens: u64,
}

impl Hold {
    /// Returns what the answer uses at worst.
    pub(crate) fn worst(&self) -> Usage {
        Usage {
            input: self.asked.tries(self.asked.input),
            output: self.asked.tries(self.max_tokens),
            cost_usd: dollars(self.amount.usd),
            ..Usage::default()
        }
    }
}

/// Why nothing is set aside for a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Short {
    /// It may not fit, at its worst: its input is to be counted first.
    Uncounted,
    /// What is left may suffice when requests under way are settled.
    Held,
    /// Too little is left; the sentence names it.
    Spent(String),
}

impl CallBudget {
    /// Makes the budget of a call. `rates` are what was learned of models' prices, which count before list prices; a
    /// model of which nothing is known is taken for the dearest.
    pub fn new(allowance: Allowance, rates: BTreeMap<String, Rates>) -> Self {
        Self {
            allowed: allowance.bound(),
            rates,
            used: Amount::default(),
            held: Amount::default(),
            under_way: 0,
        }
    }

    /// Returns whether anything bounds what may be used.
    pub(crate) fn is_limited(&self) -> bool {
        self.allowed != Bound::default()
    }

    /// Sets aside what a request may use. What is granted has at most as many tokens of output as were asked for:
    /// fewer, and one at least, where that is all there is left, and no other request is under way that may leave more.
    pub(crate) fn reserve(&mut self, asked: AskedAnswer) -> Result<Hold, Short> {
        let terms = self.worst(&asked);
        let worst = |output| terms.amount(asked.tries(asked.input), asked.tries(output));
        let free = self.allowed.zip(self.used.plus(self.held));
        let free = free.map(|(allowed, taken)| allowed.map(|allowed| allowed.saturating_sub(taken)));
        let room = terms.room(free, worst(0)) / asked.tries(1);
        // One that asks for no token of output pays for its input all the same.
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

    /// Counts what an answer used instead of what was set aside for it; returns what that is, with its cost. What was
    /// not reported counts as it was set aside: the API may have read and written all of it, whoever got to see that.
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

    /// Returns what an answer used by what it reported; one that broke off has all the output that it was allowed to
    /// have.
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

    /// Gives back what was set aside for a request that did not reach the API, or that it refused.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "what was given back cannot be given back twice"
    )]
    pub(crate) fn release(&mut self, hold: Hold) {
        self.held = self.held.minus(hold.amount);
        self.under_way = self.under_way.saturating_sub(1);
    }

    /// Returns what tokens cost, as the ledger is to have it.
    fn cost(&self, model: &str, counts: &AnswerCounts, times: f64) -> f64 {
        let rates = self.learned(model).or_else(|| Rates::listed(model)).unwrap_or_default();
        terms::cost(&rates, counts, times)
    }

    /// Returns what a request's tokens cost at worst. Learned rates are right on average, not for each kind of token:
    /// hence the dearer of learned and listed.
    fn worst(&self, asked: &AskedAnswer) -> Terms {
        let (learned, listed) = (self.learned(&asked.model), Rates::listed(&asked.model));
        let rates = match (learned, listed) {
            (Some(learned), Some(listed)) => learned.or_more(listed),
            (one, other) => one.or(other).unwrap_or_default(),
        };
        // Nothing is known here of the models that may answer instead.
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
