//! The spent part of the budgets, to be shown.

use serde::Serialize;

use super::Scope;
use super::amount::{Amount, Bound, dollars};
use crate::accounting::budget::BudgetConfig;
use crate::accounting::ledger::Entry;
use crate::model::RunId;

/// The spent part of one budget.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Standing {
    /// The scope of the budget.
    pub scope: Scope,
    /// In US dollars; `None` means no limit.
    pub usd: Option<Portion<f64>>,
    /// In tokens; `None` means no limit.
    pub tokens: Option<Portion<u64>>,
}

/// A spent part, and its whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Portion<T> {
    /// What was used.
    pub spent: T,
    /// The limit.
    pub limit: T,
}

impl Standing {
    /// Returns the spent part of the budgets of the generation, of this run and of this cycle, if any.
    pub fn of<'a>(
        config: &BudgetConfig,
        run: Option<&RunId>,
        cycle: u32,
        ledger: impl Iterator<Item = &'a Entry>,
    ) -> Vec<Self> {
        let (mut all, mut in_run, mut in_cycle) = (Amount::default(), Amount::default(), Amount::default());
        for entry in ledger {
            let used = Amount::of(&entry.charged());
            all = all.plus(used);
            if run == Some(&entry.run) {
                in_run = in_run.plus(used);
            }
            if entry.cycle == cycle {
                in_cycle = in_cycle.plus(used);
            }
        }
        let of = |(scope, used): (Scope, Amount)| Self::new(scope, used, scope.bound(config));
        let scopes = [(Scope::Generation, all), (Scope::Run, in_run), (Scope::Cycle, in_cycle)];
        let there = |(scope, _): &(Scope, Amount)| *scope != Scope::Run || run.is_some();
        scopes.into_iter().filter(there).filter_map(of).collect()
    }

    fn new(scope: Scope, used: Amount, bound: Bound) -> Option<Self> {
        let portions = used
            .zip(bound)
            .map(|(spent, limit)| Some(Portion { spent, limit: limit? }));
        (bound != Bound::default()).then(|| Self {
            scope,
            usd: portions.usd.map(|portion| Portion {
                spent: dollars(portion.spent),
                limit: dollars(portion.limit),
            }),
            tokens: portions.tokens,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounting::ledger::tests::entry;
    use crate::model::Role;

    #[test]
    fn only_what_has_a_limit_is_shown() {
        let ledger = [entry(Role::Measure, 0, 1, 100, 1.0), entry(Role::Stitch, 1, 2, 20, 0.5)];
        let config = BudgetConfig {
            usd: Some(5.0),
            cycle_tokens: Some(50),
            task_usd: Some(1.0),
            ..BudgetConfig::default()
        };
        let expect = [
            Standing {
                scope: Scope::Generation,
                usd: Some(Portion { spent: 1.5, limit: 5.0 }),
                tokens: None,
            },
            Standing {
                scope: Scope::Cycle,
                usd: None,
                tokens: Some(Portion { spent: 20, limit: 50 }),
            },
        ];
        assert_eq!(Standing::of(&config, None, 2, ledger.iter()), expect);
        assert_eq!(Standing::of(&BudgetConfig::default(), None, 2, ledger.iter()), []);
        let of_run = BudgetConfig {
            run_usd: Some(2.0),
            ..BudgetConfig::default()
        };
        let standing = |run: &str| Standing::of(&of_run, Some(&run.parse().unwrap()), 2, ledger.iter());
        let usd = |spent| Some(Portion { spent, limit: 2.0 });
        assert_eq!(
            (standing("run-1")[0].scope, standing("run-1")[0].usd),
            (Scope::Run, usd(1.5))
        );
        assert_eq!(standing("run-2")[0].usd, usd(0.0));
        assert_eq!(Standing::of(&of_run, None, 2, ledger.iter()), []);
    }
}
