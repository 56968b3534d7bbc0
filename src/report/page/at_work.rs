//! What is in progress, for a page; of a run that died, what was.

use serde::Serialize;

use super::tasks::Reader;
use crate::base::text::one_line;
use crate::lifecycle::WorkReport;
use crate::record::overview::RunOutcome;
use crate::report::runs;

/// What is in progress.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct AtWork {
    /// What stands above it.
    pub(crate) heading: &'static str,
    /// A line each.
    pub(crate) lines: Vec<String>,
}

impl AtWork {
    /// Shows what is in progress, in lines of so many characters; `None` where nothing is.
    pub(super) fn of(report: &WorkReport, reader: &Reader, width: usize) -> Option<Self> {
        let is_at_work = reader.at_work.is_some();
        let line = |one| one_line(&runs::at_work(one, reader.now, is_at_work), width);
        let lines: Vec<String> = report.at_work.iter().map(line).collect();
        let outcome = report.runs.last().map_or(RunOutcome::Ended, |run| run.outcome);
        (!lines.is_empty()).then(|| Self {
            heading: runs::at_work_heading(outcome),
            lines,
        })
    }
}
