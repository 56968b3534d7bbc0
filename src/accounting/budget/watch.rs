//! Whether a call must be stopped now, so that its next answer does not exceed its allowance.

use super::Allowance;
use super::amount::{Amount, Bound};
use crate::model::Usage;

/// Watches the usage of a running call. An answer of the model that has begun cannot be stopped, so a call is stopped
/// as soon as one more answer like the last would exceed its allowance.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    allowed: Bound,
    turns: u32,
    /// How many answers have begun.
    answers: u32,
    /// What was used so far.
    used: Amount,
    /// The usage when the present answer began.
    before: Amount,
    /// The estimate by the answer before the present one.
    earlier: Amount,
}

impl Watch {
    /// Watches a call that may use this much.
    pub(crate) fn new(allowance: Allowance) -> Self {
        Self {
            allowed: allowance.bound(),
            turns: 0,
            answers: 0,
            used: Amount::default(),
            before: Amount::default(),
            earlier: Amount::default(),
        }
    }

    /// Processes the turns and the usage so far, and returns whether the call must be stopped now. Do not call it after
    /// the result line: no answer follows that one.
    pub(crate) fn observe(&mut self, turns: u32, usage: &Usage) -> bool {
        if turns > self.turns {
            self.earlier = self.expected(self.used);
            self.before = self.used;
            self.turns = turns;
            self.answers = self.answers.saturating_add(1);
        }
        self.used = Amount::of(usage);
        // An answer is metered in parts: until it is complete, the one before may show more.
        let next = self.expected(self.used).or_more(self.earlier);
        self.used.plus(next).passes(self.allowed)
    }

    /// Returns what an answer after the present one may use, if the present one used the difference to `used`: half as
    /// much again, because conversations grow. Only the first answer is not multiplied: it includes the cost of writing
    /// to the cache what the next ones only read.
    fn expected(&self, used: Amount) -> Amount {
        let present = used.minus(self.before);
        if self.answers <= 1 {
            present
        } else {
            present.and_a_half()
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn usage(tokens: u64, cost_usd: f64) -> Usage {
        Usage {
            input: tokens,
            cost_usd,
            ..Usage::default()
        }
    }

    /// Observes a call step by step: each step is the turns and the usage so far, and whether to stop then.
    fn check(usd: Option<f64>, tokens: Option<u64>, steps: &[(u32, u64, f64, bool)]) {
        let mut watch = Watch::new(Allowance { usd, tokens });
        for (turns, tokens, cost, stop) in steps {
            assert_eq!(
                watch.observe(*turns, &usage(*tokens, *cost)),
                *stop,
                "{turns} {tokens} {cost}"
            );
        }
    }

    #[test]
    fn a_call_is_stopped_before_the_answer_that_would_pass_its_allowance() {
        check(
            None,
            Some(1000),
            &[(1, 100, 0.0, false), (2, 300, 0.0, false), (3, 600, 0.0, true)],
        );
        check(
            None,
            Some(1000),
            &[(1, 100, 0.0, false), (2, 300, 0.0, false), (3, 580, 0.0, false)],
        );
        check(
            Some(1.0),
            None,
            &[(1, 9, 0.2, false), (2, 99, 0.4, false), (3, 999, 0.7, true)],
        );
        check(None, None, &[(1, u64::MAX, f64::INFINITY, false)]);
    }

    #[test]
    fn the_first_answer_is_not_taken_for_more_than_it_was() {
        check(Some(1.0), None, &[(1, 1, 0.5, false), (2, 1, 0.55, true)]);
        check(Some(1.0), None, &[(1, 1, 0.5, false), (2, 1, 0.5, false)]);
        check(Some(1.0), None, &[(1, 1, 0.51, true)]);
        check(
            Some(1.0),
            None,
            &[
                (1, 1, 0.3, false),
                (2, 1, 0.35, false),
                (3, 1, 0.4, false),
                (4, 1, 0.92, true),
            ],
        );
    }

    #[test]
    fn an_answer_in_pieces_is_one() {
        let steps = [
            (1, 100, 0.0, false),
            (2, 300, 0.0, false),
            (3, 310, 0.0, false),
            (3, 520, 0.0, false),
        ];
        check(None, Some(850), &steps);
        check(None, Some(849), &[&steps[..3], &[(3, 520, 0.0, true)]].concat());
        // Just begun, it does not yet show how dear it is: the one before does.
        check(None, Some(609), &[&steps[..2], &[(3, 310, 0.0, true)]].concat());
    }

    #[test]
    fn what_is_no_number_stops_a_call_and_what_shrinks_does_not() {
        check(Some(1.0), None, &[(1, 1, f64::NAN, true)]);
        check(Some(f64::NAN), None, &[(1, 1, 0.1, true)]);
        check(
            Some(1.0),
            Some(1000),
            &[(1, 400, 0.4, false), (2, 300, 0.3, false), (0, 0, 0.0, false)],
        );
    }

    proptest! {
        #[test]
        fn no_allowance_is_passed_by_answers_that_grow_by_half_at_most(
            first in 1..100_000_u64,
            growth in prop::collection::vec(0..=150_u64, 1..40),
            allowed in 1..3_000_000_u64,
        ) {
            prop_assume!(first <= allowed);
            let mut watch = Watch::new(Allowance { usd: None, tokens: Some(allowed) });
            let (mut used, mut answer) = (first, first);
            for (turn, percent) in (1..).zip(growth) {
                prop_assert!(used <= allowed);
                if watch.observe(turn, &usage(used, 0.0)) {
                    break;
                }
                // The second is like the first at most: what is new to it is small.
                answer = if turn == 1 { answer * percent.min(100) / 100 } else { answer * percent / 100 };
                used += answer;
            }
        }
    }
}
