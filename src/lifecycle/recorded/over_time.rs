//! What a generation used in the course of time, for whoever looks again and again: it takes the rows of runs, which are kept, and
//! none of their events.

use jiff::Timestamp;

use super::compare::of_generation;
use super::report::{attempts_of, ledger_of};
use crate::base::error::Result;
use crate::lifecycle::{Generator, UsageReport};
use crate::model::RunId;
use crate::record::course::Spent;
use crate::record::overview::RunRow;

/// What a generation used, and when it was at work.
#[derive(Debug)]
pub(crate) struct UsageOverTime {
    /// What its calls used.
    pub(crate) usage: UsageReport,
    /// What each of them used, in the order in which they ended.
    pub(crate) spent: Vec<Spent>,
    /// Its runs whose records are there.
    pub(crate) runs: Vec<RunRow>,
    /// The attempts that the store knows: of each its run, and when it began and ended.
    pub(crate) attempts: Vec<(RunId, Timestamp, Timestamp)>,
    /// When it was read.
    pub(crate) made_at: Timestamp,
}

impl Generator {
    /// Returns what the selected generation used in the course of time, with the sums of [`Self::usage`]. `rows` has all runs.
    ///
    /// # Errors
    ///
    /// Those of [`Self::usage`].
    pub(crate) fn usage_over_time(&self, rows: Vec<RunRow>) -> Result<UsageOverTime> {
        let (generation, store) = self.store_to_read()?;
        let issues = store.read()?;
        let attempts = attempts_of(&issues).map(|(_, one)| (one.run.clone(), one.started_at, one.ended_at));
        Ok(UsageOverTime {
            runs: of_generation(rows, &generation, &issues),
            spent: ledger_of(&issues),
            attempts: attempts.collect(),
            usage: UsageReport::new(generation, &issues)?,
            made_at: self.project.clock().now(),
        })
    }
}
