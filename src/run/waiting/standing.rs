//! `<state_dir>/standing.json`: what the run of a generation knows that is in no ref, for the one that goes on after it was
//! killed: what the infrastructure failed, until when that is waited for, and whether a person has paused it. A run that
//! comes to its end leaves nothing there.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::base::error::Result;
use crate::model::IssueId;
use crate::model::generation::GenerationName;
use crate::run::waiting::list;
use crate::run::waiting::retry::Rest;

/// How the run of a generation stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Standing {
    pub(crate) generation: GenerationName,
    /// Whether a person has paused it.
    pub(crate) paused: bool,
    /// What the infrastructure failed since calls got through.
    pub(crate) failing: Option<Failing>,
    /// The tasks whose calls it failed.
    pub(crate) tasks: Vec<FailingTask>,
}

/// What the infrastructure failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Failing {
    /// Calls in a row.
    pub(crate) in_a_row: u32,
    /// Calls in all.
    pub(crate) in_all: u32,
    /// Why the last of them failed.
    pub(crate) reason: String,
    /// Whether it is given some time.
    pub(crate) rest: Rest,
}

/// A task whose calls the infrastructure failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct FailingTask {
    pub(crate) task: IssueId,
    pub(crate) failures: u32,
    /// Until when it is not tried again while others are at work.
    pub(crate) until: Option<Timestamp>,
}

impl Standing {
    fn is_nothing(&self) -> bool {
        !self.paused && self.failing.is_none() && self.tasks.is_empty()
    }
}

/// Returns how the run of a generation stood that was killed; `None` where nothing is written down of one.
pub(crate) fn load(state_dir: &Path, generation: &GenerationName) -> Result<Option<Standing>> {
    let all = load_all(state_dir)?;
    Ok(all.into_iter().find(|one| one.generation == *generation))
}

/// Writes down how the run of a generation stands, in place of what was written before.
pub(crate) fn note(state_dir: &Path, standing: &Standing) -> Result<()> {
    let worth = (!standing.is_nothing()).then_some(standing);
    replace(state_dir, &standing.generation, worth)
}

/// Removes what is written down of a generation, if anything is.
pub(crate) fn forget(state_dir: &Path, generation: &GenerationName) -> Result<()> {
    replace(state_dir, generation, None)
}

/// Writes only where that changes anything.
fn replace(state_dir: &Path, generation: &GenerationName, standing: Option<&Standing>) -> Result<()> {
    let before = load_all(state_dir)?;
    let others = before.iter().filter(|other| other.generation != *generation);
    let all: Vec<Standing> = others.chain(standing).cloned().collect();
    if before == all {
        return Ok(());
    }
    list::write(&path(state_dir), &all)
}

/// Removes what is written down of all, readable or not: a person lets calls be made now.
pub(crate) fn clear(state_dir: &Path) -> Result<()> {
    match load_all(state_dir) {
        Ok(all) if all.is_empty() => Ok(()),
        _ => list::write::<Standing>(&path(state_dir), &[]),
    }
}

fn load_all(state_dir: &Path) -> Result<Vec<Standing>> {
    list::read(
        &path(state_dir),
        "it says how runs stood that were killed: fix it, or remove it to go on as if nothing had failed before",
    )
}

fn path(state_dir: &Path) -> PathBuf {
    state_dir.join("standing.json")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    fn standing(generation: &str) -> Standing {
        Standing {
            generation: GenerationName::new(generation).unwrap(),
            paused: false,
            failing: None,
            tasks: Vec::new(),
        }
    }

    #[test]
    fn each_generation_has_its_own_and_nothing_is_written_where_nothing_is_known() {
        let folder = TempDir::new().unwrap();
        let state = folder.path().join("not/made/yet");
        let (one, other) = (standing("one"), standing("other"));
        note(&state, &one).unwrap();
        forget(&state, &one.generation).unwrap();
        clear(&state).unwrap();
        assert!(!state.exists());

        let paused = Standing {
            paused: true,
            ..one.clone()
        };
        let until: Timestamp = "2026-11-29T21:00:00Z".parse().unwrap();
        let failing = Standing {
            failing: Some(Failing {
                in_a_row: 2,
                in_all: 3,
                reason: "it was away".to_owned(),
                rest: Rest::Until(until),
            }),
            tasks: vec![FailingTask {
                task: IssueId::new(1),
                failures: 2,
                until: Some(until),
            }],
            ..other.clone()
        };
        note(&state, &paused).unwrap();
        note(&state, &failing).unwrap();
        let of = |standing: &Standing| load(&state, &standing.generation).unwrap();
        assert_eq!((of(&one), of(&other)), (Some(paused.clone()), Some(failing.clone())));
        note(&state, &one).unwrap();
        assert_eq!((of(&one), of(&other)), (None, Some(failing)));
        forget(&state, &other.generation).unwrap();
        assert_eq!(of(&other), None);
        note(&state, &paused).unwrap();
        clear(&state).unwrap();
        assert_eq!(of(&one), None);
    }

    #[test]
    fn a_damaged_file_is_an_error_until_a_person_lets_calls_be_made() {
        let folder = TempDir::new().unwrap();
        fs::write(path(folder.path()), "[{").unwrap();
        let one = standing("one");
        let errors = [
            load(folder.path(), &one.generation).unwrap_err(),
            note(folder.path(), &one).unwrap_err(),
        ];
        for error in errors {
            assert!(error.to_string().ends_with("standing.json`"), "{error}");
        }
        clear(folder.path()).unwrap();
        assert_eq!(load(folder.path(), &one.generation).unwrap(), None);
    }
}
