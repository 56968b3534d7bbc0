//! Budgets of money and tokens: what a call may use is reserved before it begins, and its actual usage is counted once.
//!
//! A budget of a scope is never exceeded if each call stays within its `Allowance`: the caller passes that to the
//! client and to a `Watch` over its stream. Sums are of whole numbers and saturate; money that is not a number counts
//! as unlimited usage, and as an allowance of nothing.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::accounting::ledger::Entry;
use crate::model::Usage;

mod allowance;
mod amount;
mod call_budget;
mod history;
mod limits;
mod query;
mod request;
mod scope;
mod standing;
mod watch;

pub use allowance::Allowance;
use amount::{Amount, Bound, dollars};
pub use call_budget::CallBudget;
pub(crate) use call_budget::{AskedAnswer, Hold, KnownBy, Short};
pub use limits::{BudgetConfig, BudgetWarning};
use query::BudgetQuery;
pub(crate) use query::Granted;
use request::Held;
pub(crate) use request::{Request, Spent};
pub use scope::Scope;
pub use standing::{Portion, Standing};
pub(crate) use watch::Watch;

/// The budgets of one generation, shared by all calls of a run.
#[derive(Clone, Debug)]
pub(crate) struct Budgets {
    config: Arc<Mutex<BudgetConfig>>,
    reservations: Arc<Mutex<Reservations>>,
}

/// The state of this process beyond the store.
#[derive(Debug, Default)]
struct Reservations {
    /// Calls that were settled. They are kept although the store gets them, too: the store may have been read before
    /// that.
    made: Vec<Entry>,
    /// The reservations of calls in progress, by number.
    out: BTreeMap<u64, Held>,
    next: u64,
}

impl Budgets {
    /// Builds the budgets that the configuration sets.
    pub(crate) fn new(config: BudgetConfig) -> Self {
        Self {
            config: Arc::new(Mutex::new(config)),
            reservations: Arc::default(),
        }
    }

    /// Sets other budgets from now on; calls in progress keep what was set aside for them.
    pub(crate) fn set(&self, config: BudgetConfig) {
        *self.config.lock().unwrap_or_else(PoisonError::into_inner) = config;
    }

    /// Returns the budgets in force.
    pub(crate) fn config(&self) -> BudgetConfig {
        *self.config.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reserves what a call may use, or returns the budget that has no room for it. `ledger` is every entry of the
    /// generation, read from the store at some moment after the run began.
    pub(crate) fn reserve<'a>(
        &self,
        request: &Request,
        ledger: impl Iterator<Item = &'a Entry>,
    ) -> Result<Reservation, Spent> {
        let mut reservations = self.lock();
        let granted = self.query(&reservations, request, ledger)?;
        Ok(self.hold(request, granted, &mut reservations))
    }

    /// Sets aside again what a dead run had granted to a call that goes on: all of it, whatever is left by now.
    pub(crate) fn reserve_again(&self, request: &Request, granted: Granted) -> Reservation {
        self.hold(request, granted, &mut self.lock())
    }

    /// Counts a call that a dead run has made and that the store does not have yet.
    pub(crate) fn note_made(&self, entry: &Entry) {
        self.lock().made.push(entry.clone());
    }

    fn hold(&self, request: &Request, granted: Granted, reservations: &mut Reservations) -> Reservation {
        let number = reservations.next;
        reservations.next += 1;
        let held = Held {
            task: request.task.clone(),
            cycle: request.cycle,
            run: request.run.clone(),
            bound: granted.bound,
        };
        reservations.out.insert(number, held);
        Reservation {
            budgets: self.clone(),
            number,
            granted,
        }
    }

    /// Returns the budget that has no room for a call, without reserving anything.
    pub(crate) fn spent<'a>(&self, request: &Request, ledger: impl Iterator<Item = &'a Entry>) -> Option<Spent> {
        self.query(&self.lock(), request, ledger).err()
    }

    fn query<'a>(
        &self,
        reservations: &Reservations,
        request: &Request,
        ledger: impl Iterator<Item = &'a Entry>,
    ) -> Result<Granted, Spent> {
        let mut entries: Vec<&Entry> = ledger.collect();
        let stored: HashSet<_> = entries.iter().map(|entry| entry.identity()).collect();
        let newer = reservations
            .made
            .iter()
            .filter(|entry| !stored.contains(&entry.identity()));
        entries.extend(newer);
        BudgetQuery::new(&self.config(), request, &reservations.out, &entries).grant()
    }

    fn lock(&self) -> MutexGuard<'_, Reservations> {
        self.reservations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The reservation of one call. If it is dropped without being settled, the call counts as never made.
#[must_use = "the reservation is released when this is dropped"]
#[derive(Debug)]
pub(crate) struct Reservation {
    budgets: Budgets,
    number: u64,
    granted: Granted,
}

impl Reservation {
    /// Returns what the call may use.
    pub(crate) fn allowance(&self) -> Allowance {
        Allowance::from_bound(self.granted.bound)
    }

    /// Returns all that was granted, so that it can be reserved again.
    pub(crate) fn granted(&self) -> Granted {
        self.granted
    }

    /// Returns the scope of the limit that a call with this usage has reached: of money or of tokens, whichever it came
    /// nearer to.
    pub(crate) fn scope_met(&self, usage: &Usage) -> Scope {
        let (used, scopes) = (Amount::of(usage), self.granted.scopes);
        let (money, tokens) = match self.granted.bound {
            Bound {
                usd: Some(money),
                tokens: Some(tokens),
            } => (money.max(1), tokens.max(1)),
            Bound { usd: Some(_), .. } => return scopes.usd,
            Bound { usd: None, .. } => return scopes.tokens,
        };
        // The larger share of the allowance, without a division.
        let of_money = u128::from(used.usd) * u128::from(tokens);
        let of_tokens = u128::from(used.tokens) * u128::from(money);
        if of_money >= of_tokens {
            scopes.usd
        } else {
            scopes.tokens
        }
    }

    /// Returns whether the call may use less than the budgets have left, for what other calls hold or are to get: whoever
    /// meets its limit may have more once they have ended.
    pub(crate) fn is_shared(&self) -> bool {
        self.granted.shared
    }

    /// Returns the value of `--max-budget-usd`; see [`Allowance::for_client`].
    pub(crate) fn for_client(&self) -> Option<f64> {
        self.allowance().for_client(dollars(self.granted.dearest_turn.usd))
    }

    /// Notes the usage of the call: it counts from now on, whether or not the store has it yet, and only once.
    pub(crate) fn settle(&self, entry: &Entry) {
        let mut reservations = self.budgets.lock();
        if reservations.out.remove(&self.number).is_some() {
            reservations.made.push(entry.clone());
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budgets.lock().out.remove(&self.number);
    }
}

#[cfg(test)]
mod tests;
