//! How far a run is: its tasks, what it used, and what is left of its budget; a fold over its events.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::model::Usage;
use crate::record::event::{CallName, EventKind};

/// What a run came to so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SoFar {
    /// The task that it is at, counted from 1; or how many were attempted, where none is in progress. 0 before the first.
    pub task: usize,
    /// How many tasks there are in all: those attempted, and those that it may still attempt.
    pub tasks: usize,
    /// What its calls used, with what those in progress have reported.
    pub usage: Usage,
    /// How much money is left of the tightest budget that the run as a whole has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_usd: Option<f64>,
}

/// Counts what a run comes to, event by event.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// Without the calls in progress.
    ended: SoFar,
    in_progress: HashMap<CallName, Usage>,
}

impl Tally {
    /// Takes in what happened.
    pub(crate) fn note(&mut self, event: &EventKind) {
        match event {
            EventKind::RunProgress {
                task,
                tasks,
                usage,
                left_usd,
            } => {
                self.ended = SoFar {
                    task: *task,
                    tasks: *tasks,
                    usage: *usage,
                    left_usd: *left_usd,
                }
            }
            EventKind::AgentProgress { call, usage, .. } => {
                self.in_progress.insert(call.clone(), *usage);
            }
            // What is left of a budget follows with the next step, which knows all of it.
            EventKind::AgentEnded { call, entry, .. } => {
                self.in_progress.remove(call);
                add(&mut self.ended, &entry.usage);
            }
            // Of a call that died, no end is told.
            EventKind::AttemptEnded { task, .. } => {
                self.in_progress.retain(|call, _| call.task.as_ref() != Some(task));
            }
            EventKind::RunEnded { .. } => self.in_progress.clear(),
            _ => {}
        }
    }

    /// Returns what that comes to.
    pub(crate) fn so_far(&self) -> SoFar {
        let mut all = self.ended;
        self.in_progress.values().for_each(|usage| add(&mut all, usage));
        all
    }
}

fn add(to: &mut SoFar, usage: &Usage) {
    to.usage += *usage;
    to.left_usd = to.left_usd.map(|left| (left - usage.cost_usd).max(0.0));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{IssueId, Role};

    #[test]
    fn calls_in_progress_count_until_they_are_counted_for_good() {
        let usage = |cost_usd| Usage {
            cost_usd,
            ..Usage::default()
        };
        let call = |number: u32| CallName {
            role: Role::Stitch,
            task: Some(IssueId::new(number)),
            attempt: 1,
            round: 0,
            candidate: 0,
        };
        let mut tally = Tally::default();
        tally.note(&EventKind::RunProgress {
            task: 2,
            tasks: 3,
            usage: usage(1.0),
            left_usd: Some(1.0),
        });
        for (number, cost) in [(1, 0.25), (1, 0.5), (2, 0.125)] {
            tally.note(&EventKind::AgentProgress {
                call: call(number),
                turns: 1,
                usage: usage(cost),
            });
        }
        let so_far = tally.so_far();
        assert_eq!((so_far.task, so_far.tasks), (2, 3));
        assert_eq!((so_far.usage.cost_usd, so_far.left_usd), (1.625, Some(0.375)));
        tally.note(&EventKind::RunProgress {
            task: 2,
            tasks: 3,
            usage: usage(0.0),
            left_usd: Some(0.1),
        });
        assert_eq!(tally.so_far().left_usd, Some(0.0), "never less than nothing");
    }
}
