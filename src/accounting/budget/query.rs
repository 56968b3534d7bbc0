//! A query of all budgets: how much of them a call may have.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::amount::{Amount, Bound, Pair, dollars};
use super::history::History;
use super::limits::BudgetConfig;
use super::request::{Held, Request, Spent};
use super::scope::Scope;
use crate::accounting::ledger::Entry;
use crate::model::{IssueId, RunId};

/// The budgets that a call draws on, the widest first: when that is spent, more must end.
const SCOPES: [Scope; 4] = [Scope::Generation, Scope::Run, Scope::Cycle, Scope::Task];

/// The most that a call may have.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Granted {
    pub(super) bound: Bound,
    /// The scopes of those limits, of money and of tokens.
    pub(super) scopes: Pair<Scope>,
    /// The highest average turn of such a call so far.
    pub(super) dearest_turn: Amount,
    /// Whether it is less than the budgets have left, for what other calls hold or are to get.
    pub(super) shared: bool,
}

/// A requested call, and the state of the budgets.
pub(super) struct BudgetQuery<'a> {
    config: &'a BudgetConfig,
    request: &'a Request,
    out: &'a BTreeMap<u64, Held>,
    entries: &'a [&'a Entry],
    history: History,
}

/// The state of one budget.
#[derive(Clone, Copy)]
struct Balance {
    scope: Scope,
    used: u64,
    held: u64,
    limit: u64,
}

/// What a call may have of one budget.
#[derive(Clone, Copy)]
struct Share {
    given: u64,
    /// What it could have were it the only call.
    left: u64,
}

impl Balance {
    fn left(self) -> u64 {
        self.limit.saturating_sub(self.used)
    }

    fn available(self) -> u64 {
        self.left().saturating_sub(self.held)
    }
}

impl<'a> BudgetQuery<'a> {
    pub(super) fn new(
        config: &'a BudgetConfig,
        request: &'a Request,
        out: &'a BTreeMap<u64, Held>,
        entries: &'a [&'a Entry],
    ) -> Self {
        Self {
            config,
            request,
            out,
            entries,
            history: History::of(request.role, entries.iter().copied()),
        }
    }

    /// Decides what the call may use, or returns the budget that has no room for it.
    pub(super) fn grant(&self) -> Result<Granted, Spent> {
        let own = self.request.call.bound();
        let call = Pair {
            usd: Scope::Call,
            tokens: Scope::Call,
        };
        let (mut bound, mut scopes, mut whole) = (own, call, own);
        for scope in SCOPES.into_iter().filter(|scope| self.is_in(*scope)) {
            let share = self.share(scope, own)?;
            let given = share.map(|share| share.map(|share| share.given));
            let left = share.map(|share| share.map(|share| share.left));
            whole = whole.zip(left).map(|(one, other)| least(one, other));
            let both = bound.zip(given).map(|(one, other)| least(one, other));
            let narrowed = both.zip(bound).map(|(now, before)| now != before);
            scopes = scopes
                .zip(narrowed)
                .map(|(was, narrowed)| if narrowed { scope } else { was });
            bound = both;
        }
        Ok(Granted {
            bound,
            scopes,
            dearest_turn: self.history.dearest_turn,
            shared: bound != whole,
        })
    }

    /// Returns whether the call draws on a budget of this scope.
    fn is_in(&self, scope: Scope) -> bool {
        scope != Scope::Task || self.request.task.is_some()
    }

    /// Returns what the call may have of one scope's budget.
    fn share(&self, scope: Scope, own: Bound) -> Result<Pair<Option<Share>>, Spent> {
        let limits = scope.bound(self.config);
        if limits == Bound::default() {
            return Ok(Pair {
                usd: None,
                tokens: None,
            });
        }
        let same = |held: &&Held| self.same(scope, (&held.run, held.task.as_ref(), held.cycle));
        let out: Vec<&Held> = self.out.values().filter(same).collect();
        let stands = self.stands(scope, limits, &out);
        for (unit, balance) in [(Unit::Usd, stands.usd), (Unit::Tokens, stands.tokens)] {
            balance.map_or(Ok(()), |balance| self.room(balance, unit))?;
        }
        let others = u32::try_from(out.len()).unwrap_or(u32::MAX);
        let all = match scope {
            Scope::Task => self.request.beside,
            _ => self.request.parallel,
        };
        let sharers = u64::from(all.saturating_sub(others).max(1));
        let dear = self.history.dearest_call.and_a_half();
        Ok(stands.zip(own.zip(dear)).map(|(balance, (own, dear))| {
            let balance = balance?;
            let available = balance.available();
            // A role's own limit already keeps one call from taking everything, and but for candidates a task's calls are made
            // one by one.
            let alone = own.is_some() || (scope == Scope::Task && self.request.beside <= 1);
            let share = (available / sharers).max(dear).min(available);
            Some(Share {
                given: if alone { available } else { share },
                left: balance.left(),
            })
        }))
    }

    /// Returns the state of the limits of one scope; `out` is what draws on them at this moment.
    fn stands(&self, scope: Scope, limits: Bound, out: &[&Held]) -> Pair<Option<Balance>> {
        let same = |entry: &&&Entry| self.same(scope, (&entry.run, entry.task.as_ref(), entry.cycle));
        let used = self
            .entries
            .iter()
            .filter(same)
            .map(|entry| Amount::of(&entry.charged()));
        let held = out.iter().map(|held| held.bound.map(Option::unwrap_or_default));
        let used = used.fold(Amount::default(), Amount::plus);
        let held = held.fold(Amount::default(), Amount::plus);
        limits.zip(used.zip(held)).map(|(limit, (used, held))| {
            Some(Balance {
                scope,
                used,
                held,
                limit: limit?,
            })
        })
    }

    /// Returns whether a call in a run, about a task, in a cycle draws on the same budget of this scope.
    fn same(&self, scope: Scope, (run, task, cycle): (&RunId, Option<&IssueId>, u32)) -> bool {
        match scope {
            Scope::Call => false,
            Scope::Task => task.is_some() && task == self.request.task.as_ref(),
            Scope::Cycle => cycle == self.request.cycle,
            Scope::Run => run == &self.request.run,
            Scope::Generation => true,
        }
    }

    /// Checks that a budget has room for one turn: a call that would certainly be cut off is wasted money.
    fn room(&self, balance: Balance, unit: Unit) -> Result<(), Spent> {
        let least = unit.of(self.history.least());
        if balance.available() >= least {
            return Ok(());
        }
        let held = balance.left() >= least;
        Err(Spent {
            scope: balance.scope,
            held,
            reason: self.reason(balance, unit, held),
        })
    }

    /// Returns why a budget has no room: `the generation's budget is spent (5.00 of 5.00 USD)`.
    fn reason(&self, balance: Balance, unit: Unit, held: bool) -> String {
        let Request { role, task, .. } = self.request;
        let turn = unit.say(unit.of(self.history.least()));
        let whose = match (balance.scope, task) {
            (Scope::Task, Some(task)) => task.to_string(),
            (scope, _) => format!("the {}", scope.name()),
        };
        let details = if held {
            format!("; calls in progress hold {}", unit.say(balance.held))
        } else if balance.left() > 0 {
            format!("; a turn of {role} takes {turn}")
        } else {
            String::new()
        };
        let used = unit.number(balance.used);
        format!(
            "{whose}'s budget is spent ({used} of {}{details})",
            unit.say(balance.limit)
        )
    }
}

fn least(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    [one, other].into_iter().flatten().min()
}

/// The unit of a budget.
#[derive(Clone, Copy)]
pub(super) enum Unit {
    Usd,
    Tokens,
}

impl Unit {
    pub(super) fn of(self, amount: Pair<u64>) -> u64 {
        match self {
            Self::Usd => amount.usd,
            Self::Tokens => amount.tokens,
        }
    }

    pub(super) fn number(self, count: u64) -> String {
        match self {
            // Cents are too coarse for an amount of a few cents or less.
            Self::Usd if (1..100_000_000).contains(&count) => format!("{:.4}", dollars(count)),
            Self::Usd => format!("{:.2}", dollars(count)),
            Self::Tokens => count.to_string(),
        }
    }

    pub(super) fn say(self, count: u64) -> String {
        let unit = match self {
            Self::Usd => "USD",
            Self::Tokens => "tokens",
        };
        format!("{} {unit}", self.number(count))
    }
}
