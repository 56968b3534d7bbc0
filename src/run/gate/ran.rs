//! How gates ended.

use std::time::Duration;

use super::cause::Missing;
use super::results::Results;
use crate::base::tail::{excerpt, last_lines};
use crate::model::TestCounts;
use crate::project::coverage::Coverage;

/// How a gate ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ran {
    /// It exited with 0.
    Passed,
    /// It ran, and did not: how it ended.
    Red(String),
    /// It did not run, or a part of it did not: how it ended, and what it lacks.
    CannotRun(String, Missing),
    /// The run ended first.
    Cancelled,
}

impl Ran {
    /// Returns how it ended, as the end of a sentence about it.
    pub(crate) fn how(&self) -> String {
        match self {
            Self::Passed => "passed".to_owned(),
            Self::Red(how) => how.clone(),
            Self::CannotRun(how, missing) => format!("{how}: {}", missing.words()),
            Self::Cancelled => "was not run to its end".to_owned(),
        }
    }

    pub(super) fn with(self, output: &[u8]) -> GateRun {
        GateRun {
            ran: self,
            output: last_lines(output),
            excerpt: excerpt(output),
            results: None,
            coverage: None,
            exit: None,
            end: output.to_vec(),
            took: Duration::ZERO,
        }
    }

    pub(super) fn without_output(self) -> GateRun {
        self.with(b"")
    }
}

/// How a gate ended, and what it printed last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GateRun {
    pub(crate) ran: Ran,
    /// The last lines of its output, harmless; none where it passed.
    pub(crate) output: Vec<String>,
    /// More of it, for whoever is to make it pass.
    pub(crate) excerpt: String,
    /// How its tests ended by name, where it reports that.
    pub(crate) results: Option<Results>,
    /// What it covers, by the names that files have in the repository, where it measures that.
    pub(crate) coverage: Option<Coverage>,
    /// What it exited with; `None` where it did not come to its end.
    pub(crate) exit: Option<i64>,
    /// The end of what it printed, redacted.
    pub(crate) end: Vec<u8>,
    /// How long it ran.
    pub(crate) took: Duration,
}

impl GateRun {
    /// Returns how many of its tests ended in which way, where it reports them.
    pub(crate) fn counts(&self) -> Option<TestCounts> {
        self.results.as_ref().map(Results::counts)
    }
}

/// The result of a gate on a commit.
pub(crate) struct Tried {
    pub(crate) ran: Ran,
    /// Whether it was run now, and not looked up.
    pub(crate) anew: bool,
    /// How its tests ended by name, where it reports that.
    pub(crate) results: Option<Results>,
    /// What it covers, where it measures that.
    pub(crate) coverage: Option<Coverage>,
    /// The last lines of its output, where it was run now and did not pass.
    pub(crate) output: Vec<String>,
}

impl Tried {
    /// Builds the result of a run that was made now.
    pub(super) fn anew(run: GateRun) -> Self {
        Self {
            ran: run.ran,
            anew: true,
            results: run.results,
            coverage: run.coverage,
            output: run.output,
        }
    }
}
