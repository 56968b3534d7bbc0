//! What each task of a generation took, and what is left: a fold over its store, which is there when its records are gone.

use serde::Serialize;

use crate::accounting::ledger::Sum;
use crate::base::error::Result;
use crate::git::{DiffStat, Git};
use crate::issues::attempt::{Attempt, Outcome};
use crate::issues::issue::{Issue, Issues, Status};
use crate::lifecycle::{Estimate, Generator};
use crate::model::generation::GenerationName;
use crate::model::{CommitId, IssueId};

/// The tasks of a generation; the JSON of `cordwainer stats tasks --json`.
#[derive(Clone, Debug, Serialize)]
pub struct TaskReport {
    /// The generation.
    pub generation: GenerationName,
    /// Its tasks, the oldest one first.
    pub tasks: Vec<TaskFigures>,
    /// What the tasks that are not closed will take; `None` where the generation has ended.
    pub left: Option<Estimate>,
}

/// What one task took, all attempts at it together, however they ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TaskFigures {
    /// Its name.
    pub id: IssueId,
    /// Its title.
    pub title: String,
    /// Its state.
    pub status: Status,
    /// How the last attempt at it ended; `None` where there was none.
    pub outcome: Option<Outcome>,
    /// How many attempts there were.
    pub attempts: usize,
    /// How many fix rounds these had, those of all candidates.
    pub rounds: usize,
    /// The score of the last review that passed it, from 1 to 10; `None` where there was none.
    pub score: Option<u8>,
    /// How much was merged of it; `None` where nothing was.
    pub changed: Option<DiffStat>,
    /// What its calls took and used.
    pub used: Sum,
    /// How long its attempts took, in seconds: calls, gates and all.
    pub seconds: f64,
}

impl Generator {
    /// Returns what each task of the selected generation took, and, where it is open, what is left. An ended one is selected as
    /// by [`Generator::usage`].
    ///
    /// # Errors
    ///
    /// Those of [`Generator::usage`], and where the commit of a task cannot be read.
    pub fn task_figures(&self) -> Result<TaskReport> {
        let (generation, store) = self.store_to_read()?;
        let issues = store.read()?;
        let tasks = self.figures_of(&issues)?;
        let is_open = self.project.generations()?.contains(&generation);
        let left = is_open
            .then(|| self.in_its_mode()?.estimate_of_rest(&issues))
            .transpose()?;
        Ok(TaskReport {
            generation,
            tasks,
            left,
        })
    }

    /// Returns what each task took, the oldest one first.
    pub(super) fn figures_of(&self, issues: &Issues) -> Result<Vec<TaskFigures>> {
        let mut found: Vec<&Issue> = issues.iter().collect();
        // A stable sort: those of one moment stay in the order of their ids.
        found.sort_by_key(|issue| issue.created_at);
        let git = &self.project.git;
        let figures = |issue: &Issue| {
            let changed = issue
                .commit
                .as_ref()
                .map(|commit| changed_by(git, commit))
                .transpose()?;
            Ok(TaskFigures::of(issue, changed))
        };
        found.into_iter().map(figures).collect()
    }
}

/// Returns how much the commit of a task changes.
fn changed_by(git: &Git, commit: &CommitId) -> Result<DiffStat> {
    let commit = git.commit_info(git.resolve(commit.as_str())?)?;
    git.diff_stat(commit.first_parent("commit")?, commit.id)
}

impl TaskFigures {
    /// Sums up the attempts at a task.
    fn of(issue: &Issue, changed: Option<DiffStat>) -> Self {
        let attempts = &issue.attempts;
        let took = |attempt: &Attempt| attempt.ended_at.duration_since(attempt.started_at).as_secs_f64();
        Self {
            id: issue.id.clone(),
            title: issue.title.clone(),
            status: issue.status,
            outcome: issue.came_to(),
            attempts: attempts.len(),
            rounds: attempts.iter().map(Attempt::round_count).sum(),
            score: attempts.iter().rev().find_map(Attempt::score),
            changed,
            used: Sum::of(attempts.iter().flat_map(Attempt::calls)),
            // A sum of nothing would be a negative zero.
            seconds: attempts.iter().fold(0.0, |sum, attempt| sum + took(attempt).max(0.0)),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::accounting::ledger::Entry;
    use crate::accounting::ledger::tests::entry;
    use crate::issues::attempt::Candidate;
    use crate::issues::issue::{NewIssue, StoreMeta};
    use crate::issues::round::{CheckKind, FailedCheck, Round};
    use crate::issues::stage::StageRun;
    use crate::model::Role;

    /// Builds an empty store.
    pub(in crate::lifecycle) fn issues() -> Issues {
        let generation = GenerationName::new("generation-a").unwrap();
        Issues::new(StoreMeta::new(generation, "main".to_owned(), Timestamp::UNIX_EPOCH))
    }

    /// Files a task with these attempts.
    pub(in crate::lifecycle) fn file(issues: &mut Issues, id: &str, attempts: Vec<Attempt>) {
        let id: IssueId = id.parse().unwrap();
        issues.insert(id.clone(), NewIssue::titled("T"), Timestamp::UNIX_EPOCH);
        for (number, attempt) in (1..).zip(attempts) {
            let attempt = Attempt { number, ..attempt };
            issues.record_attempt(&id, attempt, Timestamp::UNIX_EPOCH).unwrap();
        }
    }

    /// Builds a call of a model in a role, of 2 s and one turn, for so many tokens and as many cents.
    pub(in crate::lifecycle) fn call(model: &str, role: Role, tokens: u32) -> Entry {
        Entry {
            model: Some(model.to_owned()),
            ..entry(role, 1, 1, u64::from(tokens), f64::from(tokens) / 100.0)
        }
    }

    /// Builds an attempt of ten seconds that made this call.
    pub(in crate::lifecycle) fn attempt(outcome: Outcome, call: Option<Entry>) -> Attempt {
        Attempt {
            call,
            ..Attempt::new(
                (1, "run-1".parse().unwrap()),
                outcome,
                (
                    Timestamp::from_second(100).unwrap(),
                    Timestamp::from_second(110).unwrap(),
                ),
            )
        }
    }

    /// Builds a fix round with this call.
    pub(in crate::lifecycle) fn round(number: u32, call: Entry) -> Round {
        Round {
            number,
            red: FailedCheck {
                by: CheckKind::Gate,
                gate: "test".to_owned(),
                how: "exited with 1".to_owned(),
                output: String::new(),
                onto: None,
            },
            records: None,
            call: Some(call),
        }
    }

    /// Builds a review that passed what a round left.
    pub(in crate::lifecycle) fn review(round: u32, score: u8, call: Entry) -> StageRun {
        let review = serde_json::json!({ "score": score, "approved": true, "passed": true });
        StageRun {
            stage: Role::Review.name().to_owned(),
            number: 1,
            round,
            commit: None,
            records: None,
            call: Some(call),
            left: None,
            changed: None,
            review: Some(serde_json::from_value(review).unwrap()),
            failed: None,
        }
    }

    /// Builds a candidate that was not chosen.
    pub(in crate::lifecycle) fn other(outcome: Outcome, call: Entry, rounds: Vec<Round>) -> Candidate {
        Candidate {
            number: 2,
            chosen: false,
            outcome,
            reason: String::new(),
            snapshot: None,
            score: Some(4),
            changed: None,
            records: None,
            call: Some(call),
            rounds,
            stages: Vec::new(),
            red: None,
            summary: None,
            question: None,
        }
    }

    fn figures(attempts: Vec<Attempt>) -> TaskFigures {
        let mut issues = issues();
        file(&mut issues, "cw-1", attempts);
        TaskFigures::of(issues.get(&"cw-1".parse().unwrap()).unwrap(), None)
    }

    #[test]
    fn all_attempts_count_however_they_ended() {
        let one = |tokens| Some(call("m", Role::Stitch, tokens));
        let merged = Attempt {
            rounds: vec![round(1, call("m", Role::Stitch, 7))],
            stages: vec![review(1, 8, call("r", Role::Review, 5))],
            candidates: vec![other(
                Outcome::NotChosen,
                call("m", Role::Stitch, 11),
                vec![
                    round(1, call("m", Role::Stitch, 13)),
                    round(2, call("m", Role::Stitch, 17)),
                ],
            )],
            ..attempt(Outcome::Merged, one(3))
        };
        let limited = attempt(Outcome::Limited, one(100));
        let found = figures(vec![limited, attempt(Outcome::InfrastructureFailed, None), merged]);
        // 100, then 3 + 7 + 5 + 11 + 13 + 17.
        assert_eq!((found.used.usage.tokens(), found.used.usage.calls), (156, 7));
        assert!((found.used.usage.cost_usd - 1.56).abs() < 1e-9, "{found:?}");
        assert_eq!((found.used.duration_ms, found.used.turns), (14_000, 7));
        assert!(
            (found.seconds - 30.0).abs() < 1e-9,
            "three attempts of ten seconds: {found:?}"
        );
        assert_eq!((found.attempts, found.rounds, found.score), (3, 3, Some(8)));
        assert_eq!(found.outcome, Some(Outcome::Merged));
    }

    #[test]
    fn a_task_that_nobody_has_attempted_took_nothing() {
        let found = figures(Vec::new());
        assert_eq!(
            (found.attempts, found.rounds, found.score, found.outcome),
            (0, 0, None, None)
        );
        assert_eq!(found.used, Sum::default());
        assert_eq!(found.seconds.to_string(), "0");
        // A clock that was set back takes no time away.
        let back = Attempt {
            ended_at: Timestamp::from_second(90).unwrap(),
            ..attempt(Outcome::NoChange, None)
        };
        let found = figures(vec![back, attempt(Outcome::NoChange, None)]);
        assert!((found.seconds - 10.0).abs() < 1e-9, "{found:?}");
    }
}
