//! How a gate came out, and how many of its tests ended in which way.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How a gate came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It passed.
    Passed,
    /// It ran, and did not.
    Failed,
    /// It did not run, or its results cannot be used: that is never a pass.
    NotRun,
    /// It need not pass yet: what it needs is still to be written in a generation that cleared its sources.
    NotYet,
    /// It failed, and no test failed that did not fail before the work.
    StillFailing,
}

impl Verdict {
    /// Returns the word that JSON and trailers know it by.
    pub fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::NotRun => "not_run",
            Self::NotYet => "not_yet",
            Self::StillFailing => "still_failing",
        }
    }
}

/// How a gate came out on work that may land.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GateResult {
    /// The gate's name.
    pub(crate) gate: String,
    /// How it came out.
    pub(crate) verdict: Verdict,
    /// Whether that is only reported.
    pub(crate) advisory: bool,
    /// How it came out in words, with the reason.
    pub(crate) said: String,
}

/// How many tests of a gate ended in which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestCounts {
    /// Those that passed.
    pub passed: u32,
    /// Those that failed.
    pub failed: u32,
    /// Those that were not run on purpose.
    pub skipped: u32,
}

impl TestCounts {
    /// Returns whether there is no test.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for TestCounts {
    /// Writes `12 passed`, or `12 passed, 1 failed, 2 skipped`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} passed", self.passed)?;
        for (count, how) in [(self.failed, "failed"), (self.skipped, "skipped")] {
            if count > 0 {
                write!(formatter, ", {count} {how}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_told_without_what_is_none() {
        let counts = |passed, failed, skipped| {
            let counts = TestCounts {
                passed,
                failed,
                skipped,
            };
            counts.to_string()
        };
        assert_eq!(counts(3, 0, 0), "3 passed");
        assert_eq!(counts(3, 1, 2), "3 passed, 1 failed, 2 skipped");
    }
}
