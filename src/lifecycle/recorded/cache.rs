//! The rows of runs that are over, so that a list need not read their events again. It is derived: a row counts only while the
//! events are as long, and as old, as when it was made, and the file may be deleted at any time.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::base::fs::{create_folder, write_atomically};
use crate::base::regular;
use crate::model::RunId;
use crate::record::overview::RunRow;

/// The form of the file, and of what rows mean: raised where the fold over events changes.
const FORMAT: u32 = 1;
/// The largest file that is read, in bytes: a hundred thousand rows.
const LARGEST: u64 = 64 << 20;

/// The rows that are known, and those that this command looked up.
#[derive(Debug)]
pub(super) struct CachedRows {
    path: PathBuf,
    known: BTreeMap<RunId, CachedRow>,
    seen: BTreeMap<RunId, CachedRow>,
    is_changed: bool,
}

/// A row, and the events that it was made of.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct CachedRow {
    bytes: u64,
    modified: Timestamp,
    row: RunRow,
}

/// The file.
#[derive(Serialize, Deserialize)]
struct Form<Rows> {
    format: u32,
    rows: Rows,
}

impl CachedRows {
    /// Reads what is known; nothing where that is not possible.
    pub(super) fn read(state_dir: &Path) -> Self {
        let path = state_dir.join("cache/runs.json");
        Self {
            known: read(&path).unwrap_or_default(),
            path,
            seen: BTreeMap::new(),
            is_changed: false,
        }
    }

    /// Returns the row of a run with these events: the known one, else the one that `make` makes. That of a run at work is not
    /// kept.
    pub(super) fn row_of(
        &mut self,
        run: &RunId,
        events: &Path,
        is_at_work: bool,
        make: impl FnOnce() -> RunRow,
    ) -> RunRow {
        // Before they are read: what is appended meanwhile makes the row an old one.
        let Some((bytes, modified)) = looks(events).filter(|_| !is_at_work) else {
            return make();
        };
        let known = self.known.remove(run);
        let known = known.filter(|known| (known.bytes, known.modified) == (bytes, modified));
        let cached = known.unwrap_or_else(|| {
            self.is_changed = true;
            CachedRow {
                bytes,
                modified,
                row: make(),
            }
        });
        let row = cached.row.clone();
        self.seen.insert(run.clone(), cached);
        row
    }

    /// Writes down what was looked up, if anything of it is new. Where that is not possible, it is looked up again.
    pub(super) fn write(self) {
        // What is left belongs to runs whose records are gone, or that are at work.
        if !self.is_changed && self.known.is_empty() {
            return;
        }
        let form = Form {
            format: FORMAT,
            rows: &self.seen,
        };
        let written = serde_json::to_vec(&form)
            .map_err(|error| error.to_string())
            .and_then(|bytes| {
                let written = self.path.parent().map_or(Ok(()), create_folder);
                written
                    .and_then(|()| write_atomically(&self.path, &bytes))
                    .map_err(|error| error.in_a_line())
            });
        if let Err(error) = written {
            tracing::debug!("the rows of runs are not kept: {error}");
        }
    }
}

fn read(path: &Path) -> Option<BTreeMap<RunId, CachedRow>> {
    if fs::metadata(path).ok()?.len() > LARGEST {
        return None;
    }
    let form: Form<BTreeMap<RunId, CachedRow>> = serde_json::from_slice(&regular::read(path).ok()?).ok()?;
    (form.format == FORMAT).then_some(form.rows)
}

/// Returns how long a file is, and when it was written.
fn looks(path: &Path) -> Option<(u64, Timestamp)> {
    let looks = fs::symlink_metadata(path).ok().filter(fs::Metadata::is_file)?;
    Some((looks.len(), Timestamp::try_from(looks.modified().ok()?).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(run: &RunId, reason: &str) -> RunRow {
        RunRow::new(run.clone()).unreadable(reason.to_owned())
    }

    #[test]
    fn a_row_is_made_once_and_again_when_the_events_have_changed() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path();
        let run: RunId = "20261130-120000000-1".parse().unwrap();
        let events = state.join("events.jsonl");
        fs::write(&events, "one\n").unwrap();
        let look = |is_at_work: bool, made: &str| {
            let mut cached = CachedRows::read(state);
            let row = cached.row_of(&run, &events, is_at_work, || row(&run, made));
            cached.write();
            row.reason.unwrap()
        };
        assert_eq!(look(true, "at work"), "at work");
        assert!(!state.join("cache").exists(), "nothing is kept of a run at work");
        assert_eq!(look(false, "first"), "first");
        assert_eq!(look(false, "second"), "first");
        assert_eq!(look(true, "third"), "third");
        assert_eq!(
            look(false, "fourth"),
            "fourth",
            "the row of before it was at work is gone"
        );
        fs::write(&events, "one\ntwo\n").unwrap();
        assert_eq!(look(false, "grown"), "grown");
        let later = fs::File::options().append(true).open(&events).unwrap();
        later.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(look(false, "as long, and another"), "as long, and another");
        // Derived: broken, of another form, or gone, it is made again.
        let file = state.join("cache/runs.json");
        for content in ["", "{\"format\":1,\"rows\":{\"", "{\"format\":99,\"rows\":{}}"] {
            fs::write(&file, content).unwrap();
            assert_eq!(look(false, "again"), "again", "{content}");
            assert_eq!(look(false, "not again"), "again");
        }
        fs::remove_dir_all(state.join("cache")).unwrap();
        fs::write(state.join("cache"), "in the way").unwrap();
        assert_eq!(look(false, "not kept"), "not kept");
    }

    #[test]
    fn rows_of_runs_that_are_gone_go() {
        let folder = tempfile::tempdir().unwrap();
        let events = folder.path().join("events.jsonl");
        fs::write(&events, "x\n").unwrap();
        let [one, two] = ["run-1", "run-2"].map(|run| run.parse::<RunId>().unwrap());
        let look = |runs: &[&RunId]| {
            let mut cached = CachedRows::read(folder.path());
            for run in runs {
                let _ = cached.row_of(run, &events, false, || row(run, "x"));
            }
            cached.write();
            read(&folder.path().join("cache/runs.json")).unwrap().len()
        };
        assert_eq!(look(&[&one, &two]), 2);
        assert_eq!(look(&[&two]), 1);
    }
}
