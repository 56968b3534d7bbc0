//! Which candidate of an attempt is taken. It is pure.

use crate::issues::attempt::Outcome;
use crate::model::{GateResult, Verdict};
use crate::run::attempt_verdict::AttemptVerdict;

/// What is known of a candidate whose work could be merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Its number, counted from 1.
    pub(crate) candidate: u32,
    /// How many gates need not pass, and do not.
    pub(crate) not_passed: usize,
    /// The score of its review; `None` where there is none.
    pub(crate) score: Option<u8>,
    /// How many lines it adds and removes.
    pub(crate) lines: u64,
}

impl Standing {
    /// Counts the gates of a work that did not pass, of those that let it pass all the same.
    pub(crate) fn not_passed(results: &[GateResult]) -> usize {
        results
            .iter()
            .filter(|result| result.verdict != Verdict::Passed)
            .count()
    }
}

/// Returns the best of some candidates: gates decide, then the score of the review, then which one is smaller. Of equals the
/// first one is taken, so that it is the same each time.
pub(crate) fn best(standings: &[Standing]) -> Option<u32> {
    let place = |one: &&Standing| {
        let score = std::cmp::Reverse(one.score.unwrap_or_default());
        (one.not_passed, score, one.lines, one.candidate)
    };
    standings.iter().min_by_key(place).map(|one| one.candidate)
}

/// Returns how far from a merge an attempt ended with this verdict, which none of its candidates got through: the attempt
/// comes to what the nearest one came to. One that something else ended goes on, and so comes first.
pub(crate) fn distance(verdict: &AttemptVerdict) -> u8 {
    match verdict.outcome {
        // A question is told, whatever the others wait for.
        Outcome::Merged | Outcome::Asked => 0,
        // What a call was allowed is spent.
        Outcome::BudgetSpent if verdict.hold && verdict.later.spent.is_none() => 7,
        Outcome::Limited | Outcome::Cancelled | Outcome::InfrastructureFailed | Outcome::BudgetSpent => 1,
        Outcome::Conflict => 2,
        Outcome::ReviewFailed | Outcome::StageFailed | Outcome::Unproven => 3,
        Outcome::ReviewRefused => 4,
        Outcome::GateFailed => 5,
        Outcome::ProtectedPath | Outcome::TooLarge | Outcome::WeakenedTests => 6,
        Outcome::AgentFailed | Outcome::TimedOut => 7,
        Outcome::NoChange => 8,
        Outcome::NotChosen => 9,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(candidate: u32, not_passed: usize, score: Option<u8>, lines: u64) -> Standing {
        Standing {
            candidate,
            not_passed,
            score,
            lines,
        }
    }

    #[test]
    fn gates_decide_then_the_score_then_the_size_and_of_equals_the_first() {
        for (standings, expect) in [
            (&[][..], None),
            (&[of(2, 0, None, 9)], Some(2)),
            (&[of(1, 1, Some(10), 1), of(2, 0, Some(7), 900)], Some(2)),
            (&[of(1, 0, Some(7), 1), of(2, 0, Some(9), 900)], Some(2)),
            (&[of(1, 0, Some(8), 20), of(2, 0, Some(8), 10)], Some(2)),
            (&[of(1, 0, None, 20), of(2, 0, Some(7), 900)], Some(2)),
            (
                &[of(3, 0, Some(8), 10), of(1, 0, Some(8), 10), of(2, 0, Some(8), 10)],
                Some(1),
            ),
        ] {
            assert_eq!(best(standings), expect, "{standings:?}");
            let mut turned = standings.to_vec();
            turned.reverse();
            assert_eq!(best(&turned), expect, "{turned:?}");
        }
    }

    #[test]
    fn what_something_else_ended_is_nearer_than_what_failed() {
        let of = |outcome| AttemptVerdict::of(outcome, "");
        let spent = AttemptVerdict::held(Outcome::BudgetSpent, "its own");
        let ended = [
            of(Outcome::NoChange),
            of(Outcome::GateFailed),
            spent,
            of(Outcome::Limited),
        ];
        let far = ended.iter().map(distance).collect::<Vec<_>>();
        assert_eq!(far, [8, 5, 7, 1]);
    }
}
