//! What `cargo xtask bench quality` measures of gates by itself, beside the interface of the library.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::compare::difference;
use super::results::{Outcome, Results};
use super::verdicts::{Kept, Said, Verdicts};
use crate::base::error::{Error, ErrorKind, Result};
use crate::config::{Gate, ResultsFormat};

/// The gates of a project.
const GATES: [&str; 3] = ["make build", "make lint", "make test"];
/// The tests that each of them names.
const TESTS: usize = 1000;
/// The image in which they run.
const IMAGE: &str = "sha256:0123456789abcdef";

/// A table of verdicts with as many rows as it keeps.
pub struct BaseVerdicts {
    state_dir: PathBuf,
    gates: Vec<Gate>,
    tree: String,
}

impl BaseVerdicts {
    /// Fills the table of a state folder with the verdicts of `trees` trees, each of three gates with a thousand tests.
    ///
    /// # Errors
    ///
    /// Where the folder cannot be written.
    pub fn fill(state_dir: &Path, trees: usize) -> Result<Self> {
        let by_name = |command: &str| Gate {
            results: Some(ResultsFormat::Cargo),
            ..Gate::of(command.to_owned(), command.to_owned(), Duration::MAX)
        };
        let gates: Vec<Gate> = GATES.map(by_name).into();
        let mut verdicts = Verdicts::open(state_dir);
        let tree = |number: usize| format!("{number:040x}");
        for number in 0..trees {
            for gate in &gates {
                let kept = Kept {
                    said: Said::Passed,
                    results: Some(results(TESTS, number)?),
                    coverage: None,
                };
                verdicts.note(&tree(number), gate, IMAGE, &kept)?;
            }
        }
        Ok(Self {
            state_dir: state_dir.to_owned(),
            gates,
            tree: tree(trees.saturating_sub(1)),
        })
    }

    /// Looks the verdicts of all gates on the last tree up, as before a call; returns how many there are.
    pub fn look_up(&self) -> usize {
        let verdicts = Verdicts::open(&self.state_dir);
        let known = |gate: &&Gate| verdicts.get(&self.tree, gate, IMAGE).is_some();
        self.gates.iter().filter(known).count()
    }
}

/// What a gate reports of its tests on two trees.
pub struct TwoResults {
    before: Results,
    now: Results,
}

impl TwoResults {
    /// Makes results of so many tests, of which each hundredth has a new name, and fails in place of another.
    ///
    /// # Errors
    ///
    /// Where a gate may not have so many.
    pub fn of(tests: usize) -> Result<Self> {
        Ok(Self {
            before: results(tests, 0)?,
            now: results(tests, 1)?,
        })
    }

    /// Compares them by name; returns how many names are different.
    pub fn difference(&self) -> usize {
        let found = difference(&self.before, &self.now);
        found.newly_failing.len() + found.still_failing.len() + found.gone.len()
    }
}

/// Results of so many tests: of each hundred one fails, one is skipped, and one has the `mark` in its name.
fn results(tests: usize, mark: usize) -> Result<Results> {
    let mut results = Results::default();
    for number in 0..tests {
        let area = number % 97;
        let (name, outcome) = match number % 100 {
            0 => (format!("area_{area}::case_{number}::marked_{mark}"), Outcome::Passed),
            1 => (format!("area_{area}::case_{}", number + mark), Outcome::Failed),
            2 => (format!("area_{area}::case_{number}"), Outcome::Skipped),
            _ => (format!("area_{area}::case_{number}"), Outcome::Passed),
        };
        let added = results.add(&name, outcome);
        added.map_err(|why| Error::new(ErrorKind::Precondition, why))?;
    }
    Ok(results.sorted())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_measured_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let verdicts = BaseVerdicts::fill(folder.path(), 2).unwrap();
        assert_eq!(verdicts.look_up(), GATES.len());
        // Of three hundred tests three fail that did not, and three are gone.
        assert_eq!(TwoResults::of(300).unwrap().difference(), 6);
    }
}
