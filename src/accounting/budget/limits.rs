//! What a generation, a run, a cycle and a task may use.

use serde::Serialize;

use crate::base::serialization::or_off;

/// The `budget` section; `None` means no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct BudgetConfig {
    /// US dollars a generation may cost.
    #[serde(serialize_with = "or_off")]
    pub usd: Option<f64>,
    /// Tokens a generation may use, read and written.
    #[serde(serialize_with = "or_off")]
    pub tokens: Option<u64>,
    /// US dollars one run may cost.
    #[serde(serialize_with = "or_off")]
    pub run_usd: Option<f64>,
    /// Tokens one run may use.
    #[serde(serialize_with = "or_off")]
    pub run_tokens: Option<u64>,
    /// US dollars one cycle may cost: a measure and the tasks after it.
    #[serde(serialize_with = "or_off")]
    pub cycle_usd: Option<f64>,
    /// Tokens one cycle may use.
    #[serde(serialize_with = "or_off")]
    pub cycle_tokens: Option<u64>,
    /// US dollars one task may cost, all attempts at it together.
    #[serde(serialize_with = "or_off")]
    pub task_usd: Option<f64>,
    /// Tokens one task may use, all attempts at it together.
    #[serde(serialize_with = "or_off")]
    pub task_tokens: Option<u64>,
    /// Whether agents are told before the turns or the budget of their call end.
    pub warn: BudgetWarning,
}

impl BudgetConfig {
    /// Returns whether anything is bounded that more than one task uses: a cycle, a run or a generation.
    pub(crate) fn is_for_several(&self) -> bool {
        let usd = [self.usd, self.run_usd, self.cycle_usd];
        let tokens = [self.tokens, self.run_tokens, self.cycle_tokens];
        usd.iter().any(Option::is_some) || tokens.iter().any(Option::is_some)
    }
}

/// Whether agents are told that their call ends soon.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum BudgetWarning {
    /// They are.
    #[default]
    On,
    /// Their call just ends.
    Off,
}
