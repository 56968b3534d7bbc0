//! Sums over the ledger: time and usage of all calls, and of each group of them.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use super::Entry;
use crate::agent::Rates;
use crate::model::IssueId;
use crate::model::{Role, Usage};

/// Time and usage of some calls together; `usage.calls` is their number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sum {
    /// Tokens and money.
    pub usage: Usage,
    /// How many of the calls died before they reported their usage: their output and money are estimated.
    pub estimated: u64,
    /// Turns taken.
    pub turns: u64,
    /// Wall time, in milliseconds.
    pub duration_ms: u64,
    /// Time that the API took to answer, in milliseconds.
    pub api_ms: u64,
    /// Time that clients waited before they repeated requests, in milliseconds.
    pub wait_ms: u64,
}

impl Sum {
    /// Sums up entries of the ledger.
    pub fn of<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Self {
        let mut sum = Self::default();
        entries.into_iter().for_each(|entry| sum += entry);
        sum
    }
}

impl AddAssign<&Entry> for Sum {
    fn add_assign(&mut self, entry: &Entry) {
        self.usage += entry.usage;
        self.estimated = self.estimated.saturating_add(u64::from(entry.estimated));
        self.turns = self.turns.saturating_add(u64::from(entry.turns));
        self.duration_ms = self.duration_ms.saturating_add(entry.duration_ms);
        self.api_ms = self.api_ms.saturating_add(entry.api_ms);
        self.wait_ms = self.wait_ms.saturating_add(entry.wait_ms);
    }
}

/// The calls of a ledger, summed in total and by purpose; each group in the order of its name or number.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sums {
    /// All of them.
    pub total: Sum,
    /// By role of the agent.
    pub roles: BTreeMap<Role, Sum>,
    /// By cycle of the generation; 0 is before its first measure.
    pub cycles: BTreeMap<u32, Sum>,
    /// By task, all attempts at it together; calls without a task are left out.
    pub tasks: BTreeMap<IssueId, Sum>,
    /// By the model that the client used, `unknown` where it used none.
    pub models: BTreeMap<String, Sum>,
}

/// Returns the prices of tokens by model, computed from the calls that reported them.
pub fn learned_rates<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> BTreeMap<String, Rates> {
    let told = entries.into_iter().filter(|entry| !entry.estimated);
    let models = Sums::of(told).models.into_iter();
    models
        .filter_map(|(model, sum)| Some((model, Rates::learned(&sum.usage)?)))
        .collect()
}

impl Sums {
    /// Sums up entries of the ledger.
    pub fn of<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Self {
        let mut sums = Self::default();
        for entry in entries {
            sums.total += entry;
            *sums.roles.entry(entry.role).or_default() += entry;
            *sums.cycles.entry(entry.cycle).or_default() += entry;
            *sums.models.entry(entry.model_name().to_owned()).or_default() += entry;
            if let Some(task) = &entry.task {
                *sums.tasks.entry(task.clone()).or_default() += entry;
            }
        }
        sums
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::accounting::metering::Metered;
    use crate::agent::CallOutcome;

    /// Builds an entry of a call by this role, about this task if it is not 0.
    pub(crate) fn entry(role: Role, task: u32, cycle: u32, tokens: u64, cost_usd: f64) -> Entry {
        Entry {
            role,
            task: (task > 0).then(|| IssueId::new(task)),
            attempt: 1,
            round: 0,
            candidate: 0,
            cycle,
            run: "run-1".parse().unwrap(),
            session_id: None,
            model: Some("model-x".to_owned()),
            turns: 1,
            usage: Usage {
                input: tokens,
                cost_usd,
                calls: 1,
                ..Usage::default()
            },
            metered: None,
            estimated: false,
            duration_ms: 2000,
            api_ms: 1500,
            wait_ms: 10,
            outcome: CallOutcome::Success,
            ended_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn what_is_metered_counts_against_budgets_whatever_the_client_tells() {
        let told = entry(Role::Stitch, 1, 1, 10, 0.1);
        assert_eq!(told.charged(), told.usage);
        let metered = Metered {
            usage: Usage {
                input: 7,
                output: 6,
                cost_usd: 0.3,
                ..Usage::default()
            },
            ..Metered::default()
        };
        let expect = Usage {
            calls: 1,
            ..metered.usage
        };
        assert!(!told.differs());
        let both = told.with_metered(Some(&metered));
        assert_eq!(both.charged(), expect);
        assert!(both.differs());
        // An agent's line in its client's stream spends no budget.
        let forged = Entry {
            usage: Usage {
                output: u64::MAX,
                cost_usd: 1e18,
                ..both.usage
            },
            ..both.clone()
        };
        assert_eq!(forged.charged(), expect);
        let nothing = forged.clone().with_metered(Some(&Metered::default()));
        assert_eq!((nothing.charged().tokens(), nothing.charged().calls), (0, 1));
        assert!(
            !Entry {
                estimated: true,
                ..both
            }
            .differs()
        );
    }

    #[test]
    fn every_group_gets_its_calls_and_no_others() {
        let mut died = entry(Role::Stitch, 2, 1, 5, 0.5);
        died.estimated = true;
        died.model = None;
        let entries = [
            entry(Role::Measure, 0, 1, 100, 1.0),
            entry(Role::Stitch, 2, 1, 20, 0.25),
            died,
            entry(Role::Stitch, 10, 2, 3, 0.125),
        ];
        let sums = Sums::of(&entries);
        let tokens = |sum: &Sum| (sum.usage.tokens(), sum.usage.calls, sum.estimated);
        assert_eq!(tokens(&sums.total), (128, 4, 1));
        assert_eq!(
            sums.roles
                .iter()
                .map(|(role, sum)| (*role, tokens(sum)))
                .collect::<Vec<_>>(),
            [(Role::Measure, (100, 1, 0)), (Role::Stitch, (28, 3, 1))]
        );
        assert_eq!(
            sums.cycles
                .iter()
                .map(|(cycle, sum)| (*cycle, tokens(sum)))
                .collect::<Vec<_>>(),
            [(1, (125, 3, 1)), (2, (3, 1, 0))]
        );
        let by_task = sums
            .tasks
            .iter()
            .filter_map(|(task, sum)| Some((task.number()?, tokens(sum))));
        assert_eq!(by_task.collect::<Vec<_>>(), [(2, (25, 2, 1)), (10, (3, 1, 0))]);
        let by_model = sums.models.iter().map(|(model, sum)| (model.as_str(), tokens(sum)));
        assert_eq!(
            by_model.collect::<Vec<_>>(),
            [("model-x", (123, 3, 0)), ("unknown", (5, 1, 1))]
        );
        assert_eq!((sums.total.turns, sums.total.duration_ms), (4, 8000));
        assert_eq!((sums.total.api_ms, sums.total.wait_ms), (6000, 40));
    }

    proptest! {
        #[test]
        fn groups_of_a_kind_add_up_to_the_total(
            calls in prop::collection::vec((0..4_usize, 0..5_u32, 0..3_u32, prop_oneof![0..1000_u64, Just(u64::MAX)]), 0..20),
        ) {
            let entry = |(role, task, cycle, tokens)| entry(Role::ALL[role], task, cycle, tokens, 0.5);
            let entries: Vec<_> = calls.into_iter().map(entry).collect();
            let sums = Sums::of(&entries);
            let groups = [
                sums.roles.values().collect::<Vec<_>>(),
                sums.cycles.values().collect(),
                sums.models.values().collect(),
            ];
            for group in groups {
                let usage: Usage = group.iter().map(|sum| sum.usage).sum();
                prop_assert_eq!(usage, sums.total.usage);
                prop_assert_eq!(group.iter().map(|sum| sum.turns).sum::<u64>(), sums.total.turns);
            }
        }
    }
}
