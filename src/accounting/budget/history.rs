//! What calls of a role have cost so far: the basis for the next one.

use super::amount::{Amount, Pair};
use crate::accounting::ledger::Entry;
use crate::model::Role;

/// What calls of one role have cost so far; all zero before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct History {
    /// The most that a call cost.
    pub(super) dearest_call: Amount,
    /// The average turn of the call with the most expensive turns.
    pub(super) dearest_turn: Amount,
    /// The average turn of all calls together.
    pub(super) average_turn: Amount,
}

impl History {
    /// Evaluates the calls of a role. Those that never reached the model are left out.
    pub(super) fn of<'a>(role: Role, entries: impl Iterator<Item = &'a Entry>) -> Self {
        let mut history = Self::default();
        let (mut used, mut turns) = (Amount::default(), 0);
        for entry in entries.filter(|entry| entry.role == role) {
            let cost = Amount::of(&entry.charged());
            if cost == Amount::default() {
                continue;
            }
            let taken = u64::from(entry.turns.max(1));
            history.dearest_call = history.dearest_call.or_more(cost);
            history.dearest_turn = history.dearest_turn.or_more(cost.map(|all| all / taken));
            used = used.plus(cost);
            turns += taken;
        }
        history.average_turn = used.map(|all| all.checked_div(turns).unwrap_or(0));
        history
    }

    /// Returns the least with which it makes sense to begin a call: an average turn, and never nothing at all.
    pub(super) fn least(&self) -> Amount {
        self.average_turn.or_more(Pair { usd: 1, tokens: 1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounting::ledger::tests::entry;

    #[test]
    fn turns_are_weighed_by_role_and_calls_that_used_nothing_do_not_count() {
        let stitch = |turns, tokens, cost| Entry {
            turns,
            ..entry(Role::Stitch, 1, 1, tokens, cost)
        };
        let entries = [
            stitch(10, 1000, 1.0),
            stitch(2, 800, 0.5),
            stitch(0, 300, 0.3),
            stitch(1, 0, 0.0),
            entry(Role::Measure, 0, 1, 90_000, 9.0),
        ];
        let history = History::of(Role::Stitch, entries.iter());
        let pair = |usd, tokens| Pair { usd, tokens };
        assert_eq!(history.dearest_call, pair(1_000_000_000, 1000));
        assert_eq!(history.dearest_turn, pair(300_000_000, 400));
        assert_eq!(history.average_turn, pair(138_461_538, 161));
        assert_eq!(history.least(), history.average_turn);
        let none = History::of(Role::Review, entries.iter());
        assert_eq!(none, History::default());
        assert_eq!(none.least(), pair(1, 1));
    }
}
