//! What a generation used in the course of time, for whoever looks again and again: of runs that are over, when they and their
//! attempts were at work is all that has to be kept.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::compare::of_generation;
use super::report::{attempts_of, ledger_of};
use crate::base::error::Result;
use crate::issues::issue::Issues;
use crate::lifecycle::{Generator, UsageReport};
use crate::model::{IssueId, RunId};
use crate::record::attempts::AttemptRecord;
use crate::record::course::Spent;
use crate::record::overview::RunRow;

/// What a generation used, and when it was at work.
#[derive(Debug)]
pub(crate) struct UsageOverTime {
    /// What its calls used.
    pub(crate) usage: UsageReport,
    /// What each of them used, in the order in which they ended.
    pub(crate) spent: Vec<Spent>,
    /// When its runs were at work whose records are there.
    pub(crate) runs: Vec<Arc<RunTimes>>,
    /// When its attempts were.
    pub(crate) attempts: Vec<AttemptTimes>,
    /// When it was read.
    pub(crate) made_at: Timestamp,
}

/// When a run was at work, and its attempts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RunTimes {
    pub(crate) run: RunId,
    /// When it recorded its first event and its last one.
    pub(crate) ends: Option<(Timestamp, Timestamp)>,
    pub(crate) is_at_work: bool,
    pub(super) attempts: Vec<AttemptTimes>,
}

/// When an attempt was at work.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AttemptTimes {
    pub(crate) run: RunId,
    pub(crate) began_at: Timestamp,
    /// `None` of one that is at work, or whose run died.
    pub(crate) ended_at: Option<Timestamp>,
    task: IssueId,
    attempt: u32,
}

impl From<&AttemptRecord> for AttemptTimes {
    fn from(record: &AttemptRecord) -> Self {
        Self {
            run: record.run.clone(),
            began_at: record.began_at,
            ended_at: record.ended_at,
            task: record.task.clone(),
            attempt: record.attempt,
        }
    }
}

impl Generator {
    /// Returns what the selected generation used in the course of time, with the sums of [`Self::usage`]. `rows` has all runs, and
    /// `times_of` finds when one of them was at work; `None` where its records are gone.
    ///
    /// # Errors
    ///
    /// Those of [`Self::usage`], and what `times_of` fails with.
    pub(crate) fn usage_over_time(
        &self,
        rows: Vec<RunRow>,
        times_of: impl Fn(&RunRow) -> Result<Option<Arc<RunTimes>>>,
    ) -> Result<UsageOverTime> {
        let (generation, store) = self.store_to_read()?;
        let issues = store.read()?;
        let rows = of_generation(rows, &generation, &issues);
        let runs = rows.iter().rev().filter_map(|row| times_of(row).transpose());
        let runs = runs.collect::<Result<Vec<_>>>()?;
        let mut attempts: Vec<AttemptTimes> = runs.iter().flat_map(|run| run.attempts.iter().cloned()).collect();
        add_stored(&mut attempts, &issues);
        Ok(UsageOverTime {
            usage: UsageReport::new(generation, &issues)?,
            spent: ledger_of(&issues),
            runs,
            attempts,
            made_at: self.project.clock().now(),
        })
    }
}

/// Adds what the store knows of attempts, as a report of the generation does.
fn add_stored(attempts: &mut Vec<AttemptTimes>, issues: &Issues) {
    let name = |times: &AttemptTimes| (times.task.clone(), times.attempt, times.run.clone());
    let known: HashMap<(IssueId, u32, RunId), usize> = attempts.iter().map(name).zip(0..).collect();
    for (issue, attempt) in attempts_of(issues) {
        let stored = AttemptTimes {
            run: attempt.run.clone(),
            began_at: attempt.started_at,
            ended_at: Some(attempt.ended_at),
            task: issue.id.clone(),
            attempt: attempt.number,
        };
        match known.get(&name(&stored)) {
            Some(place) => attempts[*place].ended_at = attempts[*place].ended_at.or(stored.ended_at),
            None => attempts.push(stored),
        }
    }
}
