//! The results of gates, by tree, command and image, in one table: `cache/gates.json` in the state folder. The names of
//! tests, and what is covered, are beside it, in a file for each result that has them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha1_smol::Sha1;

use super::results::Results;
use crate::base::error::{Context as _, Result};
use crate::base::fs::{create_private_folder, write_atomically};
use crate::base::regular;
use crate::config::Gate;
use crate::model::TestCounts;
use crate::project::coverage::Coverage;

/// So many verdicts are kept. Beyond them the oldest go, those that passed last: by them is known what must stay green.
const MOST: usize = 1000;
/// Of so many, the newest, the names of tests and what is covered are kept.
const MOST_NAMED: usize = 40;
/// Of so many trees, the newest, it counts on how many the verdict of a gate depended on chance.
const COUNTED: usize = 50;

/// The result of a gate on a tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Said {
    /// It passed.
    Passed,
    /// It ran, and did not: how it ended.
    Red(String),
    /// It could not be run, for its own file is not in the tree: how it ended, and which file. What else keeps one from
    /// running may be fixed while tree, command and image stay what they are, so that is not kept.
    FileMissing(String, String),
}

/// A verdict that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) said: Said,
    /// How its tests ended by name, where it reports that.
    pub(crate) results: Option<Results>,
    /// What it covers, where it measures that.
    pub(crate) coverage: Option<Coverage>,
}

/// One verdict, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Row {
    tree: String,
    command: String,
    /// The engine's id of the image.
    image: String,
    said: Said,
    /// The configured `results` of the gate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    results: Option<String>,
    /// How its tests ended, and the file with their names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tests: Option<(TestCounts, String)>,
    /// The configured `coverage` of the gate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    coverage: Option<String>,
    /// The file with what it covers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    covered: Option<String>,
    /// How often it was run; none in tables of earlier versions.
    #[serde(default)]
    samples: Samples,
}

/// How often a gate passed and did not, on one tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Samples {
    passed: u32,
    red: u32,
}

impl Samples {
    fn add(&mut self, said: &Said) {
        let count = match said {
            Said::Passed => &mut self.passed,
            Said::Red(_) | Said::FileMissing(..) => &mut self.red,
        };
        *count = count.saturating_add(1);
    }

    /// Returns whether it came to both, so that chance decided.
    fn differ(self) -> bool {
        self.passed > 0 && self.red > 0
    }
}

impl Row {
    fn is_of(&self, tree: &str, gate: &Gate, image: &str) -> bool {
        self.image == image && self.is_on(tree, gate)
    }

    /// Returns whether it is of a gate on a tree, in whichever image.
    fn is_on(&self, tree: &str, gate: &Gate) -> bool {
        self.tree == tree
            && self.command == gate.identity()
            && self.results == gate.results.as_ref().map(ToString::to_string)
            && self.coverage == gate.coverage
    }

    /// Returns the files beside the table that it needs.
    fn files(&self) -> impl Iterator<Item = &str> {
        let tests = self.tests.as_ref().map(|(_, name)| name);
        tests.into_iter().chain(&self.covered).map(String::as_str)
    }
}

/// The table.
pub(crate) struct Verdicts {
    path: PathBuf,
    /// The folder of the files with names.
    names: PathBuf,
    rows: Vec<Row>,
}

impl Verdicts {
    /// Reads the table of a state folder. One that is missing or cannot be read only means that gates run again.
    pub(crate) fn open(state_dir: &Path) -> Self {
        let path = state_dir.join("cache").join("gates.json");
        let rows = regular::read(&path)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default();
        Self {
            path,
            names: state_dir.join("cache").join("gate-tests"),
            rows,
        }
    }

    /// Returns the result of a gate on a tree, in an image; `None` where the names of its tests are not there any more.
    pub(crate) fn get(&self, tree: &str, gate: &Gate, image: &str) -> Option<Kept> {
        let row = self.rows.iter().rev().find(|row| row.is_of(tree, gate, image))?;
        let results = match &row.tests {
            None => None,
            Some((_, name)) => Some(self.read(name)?),
        };
        let coverage = match &row.covered {
            None => None,
            Some(name) => Some(self.read(name)?),
        };
        Some(Kept {
            said: row.said.clone(),
            results,
            coverage,
        })
    }

    /// Returns what a gate covers on a tree, by its newest result in whichever image.
    pub(super) fn covered_on(&self, tree: &str, gate: &Gate) -> Option<Coverage> {
        let row = self.rows.iter().rev().find(|row| row.is_on(tree, gate))?;
        self.read(row.covered.as_deref()?)
    }

    /// Reads a file beside the table, if it is as it was written.
    fn read<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let bytes = regular::read(&self.names.join(name)).ok()?;
        (digest(&bytes) == name).then(|| serde_json::from_slice(&bytes).ok())?
    }

    /// Returns whether the gate of a command ever passed on one of these trees, in whichever image.
    pub(crate) fn passed_on(&self, trees: &[String], command: &str) -> bool {
        let passed = |row: &Row| row.command == command && row.said == Said::Passed && trees.contains(&row.tree);
        self.rows.iter().any(passed)
    }

    /// Returns on how many trees, of the newest that a gate was run on, it both passed and did not.
    pub(crate) fn by_chance(&self, gate: &Gate) -> u32 {
        let identity = gate.identity();
        let of_gate = self.rows.iter().rev().filter(|row| row.command == identity);
        let counted = of_gate.take(COUNTED).filter(|row| row.samples.differ());
        u32::try_from(counted.count()).unwrap_or(u32::MAX)
    }

    /// Returns whether the verdict of a gate is only told: that is configured, or depended on chance as often as its
    /// `quarantine` has it.
    pub(crate) fn is_advisory(&self, gate: &Gate) -> bool {
        gate.advisory || gate.quarantine.is_some_and(|most| self.by_chance(gate) >= most)
    }

    /// Keeps the result of a gate: one more sample where it was run on this tree before.
    pub(crate) fn note(&mut self, tree: &str, gate: &Gate, image: &str, kept: &Kept) -> Result<()> {
        if let Some(folder) = self.path.parent() {
            create_private_folder(folder)?;
        }
        let tests = match &kept.results {
            None => None,
            Some(results) => Some((results.counts(), self.write(results)?)),
        };
        let covered = kept
            .coverage
            .as_ref()
            .map(|coverage| self.write(coverage))
            .transpose()?;
        let before = self.rows.iter().find(|row| row.is_of(tree, gate, image));
        let mut samples = before.map(|row| row.samples).unwrap_or_default();
        samples.add(&kept.said);
        self.rows.retain(|row| !row.is_of(tree, gate, image));
        self.rows.push(Row {
            tree: tree.to_owned(),
            command: gate.identity(),
            image: image.to_owned(),
            said: kept.said.clone(),
            results: gate.results.as_ref().map(ToString::to_string),
            tests,
            coverage: gate.coverage.clone(),
            covered,
            samples,
        });
        while self.rows.len() > MOST {
            let oldest = self.rows.iter().position(|row| row.said != Said::Passed);
            self.rows.remove(oldest.unwrap_or(0));
        }
        let text = serde_json::to_vec(&self.rows).context("cannot write what gates said")?;
        write_atomically(&self.path, &text)?;
        self.remove_others()
    }

    /// Writes a file beside the table before the row that names it.
    fn write(&self, reported: &impl Serialize) -> Result<String> {
        let bytes = serde_json::to_vec(reported).context("cannot write the results of a gate")?;
        let name = digest(&bytes);
        create_private_folder(&self.names)?;
        let path = self.names.join(&name);
        if !path.exists() {
            write_atomically(&path, &bytes)?;
        }
        Ok(name)
    }

    /// Removes the files beside the table but for those of the newest rows.
    fn remove_others(&self) -> Result<()> {
        let named = self.rows.iter().rev().filter(|row| row.files().next().is_some());
        let kept: BTreeSet<&str> = named.take(MOST_NAMED).flat_map(Row::files).collect();
        let Ok(entries) = std::fs::read_dir(&self.names) else {
            return Ok(());
        };
        for entry in entries.flatten() {
            if !entry.file_name().to_str().is_some_and(|name| kept.contains(name)) {
                let removed = std::fs::remove_file(entry.path());
                removed.context(format!("cannot remove `{}`", entry.path().display()))?;
            }
        }
        Ok(())
    }
}

fn digest(bytes: &[u8]) -> String {
    Sha1::from(bytes).digest().to_string()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::results::Outcome;
    use super::*;
    use crate::config::ResultsFormat;

    fn gate(command: &str) -> Gate {
        Gate::of(command.to_owned(), command.to_owned(), Duration::MAX)
    }

    fn kept(said: Said) -> Kept {
        Kept {
            said,
            results: None,
            coverage: None,
        }
    }

    #[test]
    fn what_was_said_is_found_again_by_tree_command_and_image() {
        let folder = tempfile::tempdir().unwrap();
        let mut verdicts = Verdicts::open(folder.path());
        let red = || kept(Said::Red("exited with 1".to_owned()));
        let passed = || kept(Said::Passed);
        let (make, other) = (gate("make"), gate("./x"));
        verdicts.note("t1", &make, "i1", &passed()).unwrap();
        verdicts.note("t2", &make, "i1", &red()).unwrap();
        let missing = kept(Said::FileMissing("exited with 127".to_owned(), "x".to_owned()));
        verdicts.note("t2", &other, "i1", &missing).unwrap();
        let reread = Verdicts::open(folder.path());
        assert_eq!(reread.get("t1", &make, "i1"), Some(passed()));
        assert_eq!(reread.get("t2", &make, "i1"), Some(red()));
        assert_eq!(reread.get("t2", &other, "i1"), Some(missing));
        assert_eq!(reread.get("t1", &make, "i2"), None);
        assert!(reread.passed_on(&["t0".to_owned(), "t1".to_owned()], "make"));
        assert!(!reread.passed_on(&["t2".to_owned()], "make"));
        assert!(!reread.passed_on(&["t1".to_owned()], "./x"));
        verdicts.note("t1", &make, "i1", &red()).unwrap();
        assert_eq!(Verdicts::open(folder.path()).get("t1", &make, "i1"), Some(red()));
        std::fs::write(folder.path().join("cache/gates.json"), "{").unwrap();
        assert_eq!(Verdicts::open(folder.path()).get("t1", &make, "i1"), None);
    }

    #[test]
    fn a_gate_that_comes_to_both_on_a_tree_is_counted_until_it_is_long_ago() {
        let folder = tempfile::tempdir().unwrap();
        let mut verdicts = Verdicts::open(folder.path());
        let make = Gate {
            quarantine: Some(2),
            ..gate("make")
        };
        let mut note = |tree: &str, said: Said| {
            verdicts.note(tree, &make, "i", &kept(said)).unwrap();
            (verdicts.by_chance(&make), verdicts.is_advisory(&make))
        };
        let red = || Said::Red("exited with 1".to_owned());
        assert_eq!(note("t1", red()), (0, false));
        assert_eq!(note("t2", Said::Passed), (0, false));
        assert_eq!(note("t1", Said::Passed), (1, false));
        assert_eq!(note("t1", red()), (1, false), "it is one tree");
        assert_eq!(note("t2", red()), (2, true));
        for number in 0..COUNTED {
            note(&format!("later {number}"), Said::Passed);
        }
        assert_eq!(note("last", Said::Passed), (0, false));
        let reread = Verdicts::open(folder.path());
        assert!(!reread.is_advisory(&make));
        assert!(reread.is_advisory(&Gate {
            advisory: true,
            ..make.clone()
        }));
    }

    #[test]
    fn names_of_tests_are_kept_with_the_newest() {
        let folder = tempfile::tempdir().unwrap();
        let mut verdicts = Verdicts::open(folder.path());
        let make = gate("make");
        let by_name = Gate {
            results: Some(ResultsFormat::Tap),
            ..make.clone()
        };
        let of = |number: usize| {
            let mut results = Results::default();
            results.add(&format!("test {number}"), Outcome::Failed).unwrap();
            Kept {
                said: Said::Red("exited with 1".to_owned()),
                results: Some(results),
                coverage: None,
            }
        };
        for number in 0..=MOST_NAMED {
            verdicts
                .note(&format!("t{number}"), &by_name, "i", &of(number))
                .unwrap();
        }
        let reread = Verdicts::open(folder.path());
        assert_eq!(reread.get("t1", &by_name, "i"), Some(of(1)));
        assert_eq!(reread.get("t0", &by_name, "i"), None, "its names are gone");
        assert_eq!(reread.get("t1", &make, "i"), None, "without names, it is another gate");
        // What was changed beside the table is not believed.
        for entry in std::fs::read_dir(folder.path().join("cache/gate-tests")).unwrap() {
            std::fs::write(entry.unwrap().path(), "{\"passed\":[],\"failed\":[],\"skipped\":[]}").unwrap();
        }
        assert_eq!(reread.get("t1", &by_name, "i"), None);
    }

    #[test]
    fn what_is_covered_is_kept_and_found_in_whichever_image() {
        let folder = tempfile::tempdir().unwrap();
        let mut verdicts = Verdicts::open(folder.path());
        let make = gate("make");
        let measuring = Gate {
            coverage: Some("*.info".to_owned()),
            ..make.clone()
        };
        let coverage = crate::project::coverage::of_files("SF:a\nDA:1,1\nDA:2,0\nend_of_record\n", &["a"]);
        let covering = Kept {
            coverage: Some(coverage.clone()),
            ..kept(Said::Passed)
        };
        verdicts.note("t", &measuring, "i", &covering).unwrap();
        verdicts.note("t", &make, "i", &kept(Said::Passed)).unwrap();
        let reread = Verdicts::open(folder.path());
        assert_eq!(reread.get("t", &measuring, "i"), Some(covering));
        assert_eq!(reread.get("t", &measuring, "other"), None);
        assert_eq!(reread.covered_on("t", &measuring), Some(coverage));
        assert_eq!(reread.covered_on("t", &make), None);
        assert_eq!(reread.covered_on("u", &measuring), None);
    }

    #[test]
    fn the_table_is_bounded_and_what_passed_stays_longest() {
        let folder = tempfile::tempdir().unwrap();
        let mut verdicts = Verdicts::open(folder.path());
        let make = gate("make");
        verdicts.note("green", &make, "i", &kept(Said::Passed)).unwrap();
        for number in 0..MOST {
            verdicts.rows.push(Row {
                tree: number.to_string(),
                command: "make".to_owned(),
                image: "i".to_owned(),
                said: Said::Red(String::new()),
                results: None,
                tests: None,
                coverage: None,
                covered: None,
                samples: Samples::default(),
            });
        }
        verdicts
            .note("last", &make, "i", &kept(Said::Red(String::new())))
            .unwrap();
        assert_eq!(verdicts.rows.len(), MOST);
        assert!(verdicts.get("green", &make, "i").is_some());
        assert!(verdicts.get("0", &make, "i").is_none());
        assert!(verdicts.get("last", &make, "i").is_some());
    }
}
