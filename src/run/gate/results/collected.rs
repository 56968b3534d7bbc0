//! Results as they are collected.

use serde::{Deserialize, Serialize};

use crate::base::text::one_line;
use crate::model::TestCounts;

/// The most tests of a gate.
pub(super) const MOST_TESTS: usize = 200_000;
/// The most bytes of their names, together.
const MOST_BYTES: usize = 32 << 20;
/// How much of a name is kept, in characters.
pub(super) const NAME_WIDTH: usize = 300;

/// How a test ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed,
    Failed,
    Skipped,
}

/// How the tests of a gate ended: their names, sorted, in which repeats stay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Results {
    pub(crate) passed: Vec<String>,
    pub(crate) failed: Vec<String>,
    pub(crate) skipped: Vec<String>,
    /// The bytes of all names.
    bytes: usize,
}

impl Results {
    /// Adds a test; its name is put on a harmless line. Fails, with the reason as the end of a sentence, where there are
    /// too many.
    pub(in crate::run::gate) fn add(&mut self, name: &str, outcome: Outcome) -> Result<(), String> {
        let name = one_line(name, NAME_WIDTH);
        self.bytes += name.len();
        if self.len() == MOST_TESTS || self.bytes > MOST_BYTES {
            return Err(format!("more than {MOST_TESTS} tests, or too long names of tests"));
        }
        match outcome {
            Outcome::Passed => self.passed.push(name),
            Outcome::Failed => self.failed.push(name),
            Outcome::Skipped => self.skipped.push(name),
        }
        Ok(())
    }

    /// Sorts the names: results that are compared are sorted.
    pub(in crate::run::gate) fn sorted(mut self) -> Self {
        for names in [&mut self.passed, &mut self.failed, &mut self.skipped] {
            names.sort_unstable();
        }
        self
    }

    fn len(&self) -> usize {
        self.passed.len() + self.failed.len() + self.skipped.len()
    }

    /// Returns how many tests ended in which way.
    pub(crate) fn counts(&self) -> TestCounts {
        let count = |names: &Vec<String>| u32::try_from(names.len()).unwrap_or(u32::MAX);
        TestCounts {
            passed: count(&self.passed),
            failed: count(&self.failed),
            skipped: count(&self.skipped),
        }
    }
}
