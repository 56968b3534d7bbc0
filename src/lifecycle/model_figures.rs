//! What models came to in each role: a fold over the stores of generations, open and ended.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::accounting::ledger::{Entry, Sum};
use crate::base::error::Result;
use crate::issues::attempt::Outcome;
use crate::issues::issue::Issues;
use crate::lifecycle::Generator;
use crate::model::Role;
use crate::model::generation::GenerationName;
use crate::record::overview::mean;

/// What models came to; the JSON of `cordwainer stats models --json`.
#[derive(Clone, Debug, Serialize)]
pub struct ModelReport {
    /// The generations that were looked at.
    pub generations: Vec<GenerationName>,
    /// By model and role.
    pub models: Vec<ModelFigures>,
}

/// What one model came to in one role.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelFigures {
    /// The model that the client used, `unknown` where it used none.
    pub model: String,
    /// The role.
    pub role: Role,
    /// In how many attempts at tasks it was called in this role. Each candidate of an attempt is one.
    pub attempts: usize,
    /// How many of them were stopped by something else than the work: a limit of the account, the infrastructure, a person, the end
    /// of a run.
    pub interrupted: usize,
    /// How many of them were merged.
    pub merged: usize,
    /// The merged ones as a part of those that were not interrupted, from 0 to 1; `None` where there are none.
    pub merged_rate: Option<f64>,
    /// What the reviews of the merged ones scored, from 1 to 10, on average; `None` where there was none.
    pub score: Option<f64>,
    /// What its calls in this role took and used, those about no task among them.
    pub used: Sum,
}

impl Generator {
    /// Returns what models came to in the selected generation, which is selected as by [`Generator::usage`], or in `all` of them, open
    /// and ended.
    ///
    /// # Errors
    ///
    /// Those of [`Generator::usage`], and where a store cannot be read.
    pub fn model_figures(&self, all: bool) -> Result<ModelReport> {
        let (mut generations, mut sums) = (Vec::new(), ModelSums::default());
        if all {
            self.each_generation(|generation, issues| {
                generations.push(generation.clone());
                sums.add(issues);
            })?;
        } else {
            let (generation, store) = self.store_to_read()?;
            sums.add(&store.read()?);
            generations.push(generation);
        }
        Ok(ModelReport {
            generations,
            models: sums.figures(),
        })
    }
}

/// What is known of models so far.
#[derive(Default)]
struct ModelSums(BTreeMap<(String, Role), Known>);

/// What is known of one model in one role.
#[derive(Default)]
struct Known {
    attempts: usize,
    interrupted: usize,
    merged: usize,
    scores: Vec<u8>,
    used: Sum,
}

impl ModelSums {
    /// Takes in a generation.
    fn add(&mut self, issues: &Issues) {
        for entry in issues.ledger() {
            self.known(entry).used += entry;
        }
        for attempt in issues.iter().flat_map(|issue| &issue.attempts) {
            self.add_attempt(attempt.own_calls(), attempt.outcome, attempt.score());
            for other in attempt.candidates.iter().filter(|candidate| !candidate.chosen) {
                self.add_attempt(other.calls(), other.outcome, other.score);
            }
        }
    }

    fn add_attempt<'a>(&mut self, calls: impl Iterator<Item = &'a Entry>, outcome: Outcome, score: Option<u8>) {
        let mut seen = BTreeSet::new();
        for call in calls {
            if !seen.insert((call.model_name(), call.role)) {
                continue;
            }
            let known = self.known(call);
            known.attempts += 1;
            known.interrupted += usize::from(is_interrupted(outcome));
            if outcome == Outcome::Merged {
                known.merged += 1;
                known.scores.extend(score);
            }
        }
    }

    fn known(&mut self, call: &Entry) -> &mut Known {
        self.0.entry((call.model_name().to_owned(), call.role)).or_default()
    }

    fn figures(self) -> Vec<ModelFigures> {
        let figures = |((model, role), known): ((String, Role), Known)| ModelFigures {
            model,
            role,
            attempts: known.attempts,
            interrupted: known.interrupted,
            merged: known.merged,
            merged_rate: rate(known.merged, known.attempts - known.interrupted),
            score: mean(&known.scores),
            used: known.used,
        };
        self.0.into_iter().map(figures).collect()
    }
}

/// Returns whether an attempt ended by something else than its work, which says nothing of the model.
fn is_interrupted(outcome: Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Limited | Outcome::InfrastructureFailed | Outcome::Cancelled
    )
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of attempts are far below the numbers that a float has no room for"
)]
fn rate(part: usize, all: usize) -> Option<f64> {
    (all > 0).then(|| part as f64 / all as f64)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::issues::attempt::{Attempt, Candidate};
    use crate::issues::issue::Measure;
    use crate::lifecycle::task_figures::tests::{attempt, call, file, issues, other, review, round};

    fn of(issues: &Issues) -> Vec<ModelFigures> {
        let mut sums = ModelSums::default();
        sums.add(issues);
        sums.figures()
    }

    #[test]
    fn each_model_is_judged_in_each_role_by_what_it_took_part_in() {
        let work = |model: &str| Some(call(model, Role::Stitch, 10));
        let reviewed = |outcome, score| Attempt {
            rounds: vec![round(1, call("a", Role::Stitch, 1))],
            stages: vec![review(1, score, call("b", Role::Review, 2))],
            ..attempt(outcome, work("a"))
        };
        let mut issues = issues();
        file(
            &mut issues,
            "cw-1",
            vec![reviewed(Outcome::GateFailed, 3), reviewed(Outcome::Merged, 8)],
        );
        file(
            &mut issues,
            "cw-2",
            vec![reviewed(Outcome::Merged, 9), attempt(Outcome::Limited, work("a"))],
        );
        file(
            &mut issues,
            "cw-3",
            vec![attempt(Outcome::NoChange, work("b")), attempt(Outcome::Cancelled, None)],
        );
        let filed = call("b", Role::Measure, 100);
        issues.record_measure(Measure {
            run: "run-1".parse().unwrap(),
            at: Timestamp::UNIX_EPOCH,
            filed: Some(Vec::new()),
            calls: vec![filed],
            part: None,
            of: None,
        });
        let found = of(&issues);
        let shape: Vec<_> = found
            .iter()
            .map(|one| {
                (
                    one.model.as_str(),
                    one.role,
                    one.attempts,
                    one.interrupted,
                    one.merged,
                    one.used.usage.tokens(),
                )
            })
            .collect();
        assert_eq!(
            shape,
            [
                // Four attempts of ten tokens, three rounds of one.
                ("a", Role::Stitch, 4, 1, 2, 43),
                ("b", Role::Measure, 0, 0, 0, 100),
                ("b", Role::Stitch, 1, 0, 0, 10),
                ("b", Role::Review, 3, 0, 2, 6),
            ]
        );
        // Two of three, without the one that was limited.
        assert_eq!(found[0].merged_rate, rate(2, 3));
        assert_eq!((found[0].score, found[3].score), (Some(8.5), Some(8.5)));
        assert_eq!((found[1].merged_rate, found[1].score), (None, None));
        assert_eq!((found[2].merged_rate, found[2].score), (Some(0.0), None));
        assert_eq!(found[0].used.duration_ms, 14_000);
    }

    #[test]
    fn candidates_are_attempts_of_their_own_and_their_calls_count_once() {
        let mut issues = issues();
        let candidates = vec![
            Candidate {
                number: 1,
                chosen: true,
                call: None,
                ..other(Outcome::Merged, call("a", Role::Stitch, 1), Vec::new())
            },
            other(Outcome::NotChosen, call("b", Role::Stitch, 5), Vec::new()),
        ];
        let both = Attempt {
            candidates,
            ..attempt(Outcome::Merged, Some(call("a", Role::Stitch, 3)))
        };
        file(&mut issues, "cw-1", vec![both]);
        let found = of(&issues);
        assert_eq!(found.len(), 2);
        assert_eq!(
            (found[0].attempts, found[0].merged, found[0].used.usage.tokens()),
            (1, 1, 3)
        );
        assert_eq!(
            (found[1].attempts, found[1].merged, found[1].used.usage.tokens()),
            (1, 0, 5)
        );
    }

    #[test]
    fn attempts_that_were_all_interrupted_have_no_rate() {
        let mut issues = issues();
        assert!(of(&issues).is_empty());
        let died = Entry {
            model: None,
            ..call("a", Role::Stitch, 1)
        };
        file(
            &mut issues,
            "cw-1",
            vec![attempt(Outcome::InfrastructureFailed, Some(died))],
        );
        let found = of(&issues);
        assert_eq!(
            (found[0].model.as_str(), found[0].interrupted, found[0].merged_rate),
            ("unknown", 1, None)
        );
    }
}
