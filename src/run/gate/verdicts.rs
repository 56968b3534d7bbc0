//! The results of gates, by tree, command and image, in one table: `cache/gates.json` in the state folder.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::base::error::{Context as _, Result};
use crate::base::fs::{create_private_folder, write_atomically};

/// So many verdicts are kept. Beyond them the oldest go, those that passed last: by them is known what must stay green.
const MOST: usize = 1000;

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

/// One verdict, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Row {
    tree: String,
    command: String,
    /// The engine's id of the image.
    image: String,
    said: Said,
}

/// The table.
pub(crate) struct Verdicts {
    path: PathBuf,
    rows: Vec<Row>,
}

impl Verdicts {
    /// Reads the table of a state folder. One that is missing or cannot be read only means that gates run again.
    pub(crate) fn open(state_dir: &Path) -> Self {
        let path = state_dir.join("cache").join("gates.json");
        let rows = std::fs::read(&path)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default();
        Self { path, rows }
    }

    /// Returns the result of the gate of a command on a tree, in an image.
    pub(crate) fn get(&self, tree: &str, command: &str, image: &str) -> Option<&Said> {
        let row = self
            .rows
            .iter()
            .rev()
            .find(|row| row.tree == tree && row.command == command && row.image == image);
        row.map(|row| &row.said)
    }

    /// Returns whether the gate of a command ever passed on one of these trees, in whichever image.
    pub(crate) fn passed_on(&self, trees: &[String], command: &str) -> bool {
        let passed = |row: &Row| row.command == command && row.said == Said::Passed && trees.contains(&row.tree);
        self.rows.iter().any(passed)
    }

    /// Keeps the result of a gate.
    pub(crate) fn note(&mut self, tree: &str, command: &str, image: &str, said: Said) -> Result<()> {
        self.rows
            .retain(|row| row.tree != tree || row.command != command || row.image != image);
        self.rows.push(Row {
            tree: tree.to_owned(),
            command: command.to_owned(),
            image: image.to_owned(),
            said,
        });
        while self.rows.len() > MOST {
            let oldest = self.rows.iter().position(|row| row.said != Said::Passed);
            self.rows.remove(oldest.unwrap_or(0));
        }
        if let Some(folder) = self.path.parent() {
            create_private_folder(folder)?;
        }
        let text = serde_json::to_vec(&self.rows).context("cannot write what gates said")?;
        write_atomically(&self.path, &text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_is_found_again_by_tree_command_and_image() {
        let folder = tempfile::tempdir().unwrap();
        let mut verdicts = Verdicts::open(folder.path());
        let red = || Said::Red("exited with 1".to_owned());
        verdicts.note("t1", "make", "i1", Said::Passed).unwrap();
        verdicts.note("t2", "make", "i1", red()).unwrap();
        let missing = Said::FileMissing("exited with 127".to_owned(), "x".to_owned());
        verdicts.note("t2", "./x", "i1", missing.clone()).unwrap();
        let kept = Verdicts::open(folder.path());
        assert_eq!(kept.get("t1", "make", "i1"), Some(&Said::Passed));
        assert_eq!(kept.get("t2", "make", "i1"), Some(&red()));
        assert_eq!(kept.get("t2", "./x", "i1"), Some(&missing));
        assert_eq!(kept.get("t1", "make", "i2"), None);
        assert!(kept.passed_on(&["t0".to_owned(), "t1".to_owned()], "make"));
        assert!(!kept.passed_on(&["t2".to_owned()], "make"));
        assert!(!kept.passed_on(&["t1".to_owned()], "./x"));
        verdicts.note("t1", "make", "i1", red()).unwrap();
        assert_eq!(Verdicts::open(folder.path()).get("t1", "make", "i1"), Some(&red()));
        std::fs::write(folder.path().join("cache/gates.json"), "{").unwrap();
        assert_eq!(Verdicts::open(folder.path()).get("t1", "make", "i1"), None);
    }

    #[test]
    fn the_table_is_bounded_and_what_passed_stays_longest() {
        let folder = tempfile::tempdir().unwrap();
        let mut verdicts = Verdicts::open(folder.path());
        verdicts.note("green", "make", "i", Said::Passed).unwrap();
        for number in 0..MOST {
            verdicts.rows.push(Row {
                tree: number.to_string(),
                command: "make".to_owned(),
                image: "i".to_owned(),
                said: Said::Red(String::new()),
            });
        }
        verdicts.note("last", "make", "i", Said::Red(String::new())).unwrap();
        assert_eq!(verdicts.rows.len(), MOST);
        assert!(verdicts.get("green", "make", "i").is_some());
        assert!(verdicts.get("0", "make", "i").is_none());
        assert!(verdicts.get("last", "make", "i").is_some());
    }
}
