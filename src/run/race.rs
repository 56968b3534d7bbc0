//! The candidates of one attempt beside each other: each waits before it lands until all have come to their end.

use std::collections::BTreeSet;

use tokio::sync::watch;

use crate::run::choice::{Standing, best};

/// The candidates of one attempt.
#[derive(Debug)]
pub(crate) struct Race(watch::Sender<State>);

#[derive(Debug, Default)]
struct State {
    /// Those that may still make calls.
    running: BTreeSet<u32>,
    /// Those whose work could be merged.
    passed: Vec<Standing>,
}

impl Race {
    /// Builds the race of candidates of these numbers.
    pub(crate) fn new(candidates: BTreeSet<u32>) -> Self {
        Self(watch::Sender::new(State {
            running: candidates,
            passed: Vec::new(),
        }))
    }

    /// Returns how many of them may still make calls.
    pub(crate) fn running(&self) -> u32 {
        u32::try_from(self.0.borrow().running.len()).unwrap_or(u32::MAX)
    }

    /// Takes in that a candidate's work could be merged. Returns, when all have come to their end, whether it is the one.
    pub(crate) async fn may_land(&self, standing: Standing) -> bool {
        self.0.send_modify(|state| {
            if state.running.remove(&standing.candidate) {
                state.passed.push(standing);
            }
        });
        self.winner().await == Some(standing.candidate)
    }

    /// Takes in that a candidate ended.
    pub(crate) fn ended(&self, candidate: u32) {
        self.0.send_if_modified(|state| state.running.remove(&candidate));
    }

    /// Waits until all have come to their end; returns the one that is taken, if any can be merged.
    pub(crate) async fn winner(&self) -> Option<u32> {
        let mut states = self.0.subscribe();
        // The sender lives as long as this does.
        let state = states.wait_for(|state| state.running.is_empty()).await.ok()?;
        best(&state.passed)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn standing(candidate: u32, lines: u64) -> Standing {
        Standing {
            candidate,
            not_passed: 0,
            score: None,
            lines,
        }
    }

    #[tokio::test]
    async fn nobody_lands_before_all_have_come_to_their_end_and_one_alone_does() {
        let race = Arc::new(Race::new([1, 2, 3].into()));
        let (first, second) = (Arc::clone(&race), Arc::clone(&race));
        let first = tokio::spawn(async move { first.may_land(standing(1, 20)).await });
        let second = tokio::spawn(async move { second.may_land(standing(2, 10)).await });
        while race.running() > 1 {
            tokio::task::yield_now().await;
        }
        assert!(!first.is_finished() && !second.is_finished());
        race.ended(3);
        race.ended(3);
        assert_eq!((first.await.unwrap(), second.await.unwrap()), (false, true));
        assert_eq!((race.running(), race.winner().await), (0, Some(2)));
        // Whoever was chosen may come back, and nobody else can be any more.
        assert!(race.may_land(standing(2, 99)).await && !race.may_land(standing(3, 1)).await);
    }

    #[tokio::test]
    async fn where_none_can_be_merged_none_is_taken() {
        let race = Race::new([1, 2].into());
        race.ended(1);
        race.ended(2);
        assert_eq!(race.winner().await, None);
    }
}
