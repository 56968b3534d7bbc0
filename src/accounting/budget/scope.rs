//! The scope of a limit: a call's, a task's, a cycle's, a run's or the generation's.

use serde::{Deserialize, Serialize};

use super::amount::Bound;
use super::limits::BudgetConfig;

/// The scope of a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// One call's: its role's own.
    Call,
    /// One task's, all attempts at it together.
    Task,
    /// One cycle's: a measure and the tasks after it.
    Cycle,
    /// One run's, whatever it works on.
    Run,
    /// The generation's.
    Generation,
}

impl Scope {
    /// Returns the scope's name, as JSON has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Task => "task",
            Self::Cycle => "cycle",
            Self::Run => "run",
            Self::Generation => "generation",
        }
    }

    /// Returns the limits of the configuration; a call's own limit is its role's, and not here.
    pub(super) fn bound(self, config: &BudgetConfig) -> Bound {
        match self {
            Self::Call => Bound::default(),
            Self::Task => Bound::new(config.task_usd, config.task_tokens),
            Self::Cycle => Bound::new(config.cycle_usd, config.cycle_tokens),
            Self::Run => Bound::new(config.run_usd, config.run_tokens),
            Self::Generation => Bound::new(config.usd, config.tokens),
        }
    }
}
