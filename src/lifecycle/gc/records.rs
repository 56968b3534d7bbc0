//! The records of runs: those beyond the bounds of `keep`, but for those that something open refers to.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use super::open::Open;
use super::report::{Kept, Looked};
use crate::base::crash::crash_point;
use crate::base::error::{Context as _, ErrorKind, Result};
use crate::base::fs::size_on_disk;
use crate::config::KeepConfig;
use crate::project::Project;

/// The end of the name of a record that is being removed: it is not a run's any more.
const GOING: &str = ".removed";

/// The record of a run.
#[derive(Debug)]
pub(super) struct Record {
    run: String,
    path: PathBuf,
    bytes: u64,
    /// When it was last written.
    written: Timestamp,
}

impl Record {
    /// Removes it: first its name, so that nobody reads half of one.
    pub(super) fn remove(&self) -> Result<()> {
        let failed = || format!("cannot remove `{}`", self.path.display());
        let mut path = self.path.clone();
        if !self.run.ends_with(GOING) {
            path = self.path.with_file_name(format!("{}{GOING}", self.run));
            fs::rename(&self.path, &path).with_context(ErrorKind::Unexpected, failed)?;
            crash_point!("gc.record_renamed");
        }
        fs::remove_dir_all(&path).with_context(ErrorKind::Unexpected, failed)
    }
}

/// Lists the records beyond the bounds, the newest of which are kept.
pub(super) fn look(project: &Project, open: &Open) -> Result<Looked<Record>> {
    let mut looked = Looked::default();
    let mut records = records(&project.state_dir.join("runs"))?;
    records.sort_by(|one, other| other.written.cmp(&one.written).then_with(|| other.run.cmp(&one.run)));
    let mut bounds = Bounds::new(project.config.keep, project.clock().now());
    for record in records {
        let Some(why) = bounds.exceeded_by(&record) else {
            continue;
        };
        let what = format!("record of run {}", record.run);
        if open.runs.contains(&record.run) {
            let why = "a task that is not closed, or a session that can go on, refers to it";
            looked.kept.push(Kept::new(what, why));
            continue;
        }
        looked.free(what, why, Some(record.bytes), record);
    }
    Ok(looked)
}

/// What records may be beyond, counted from the newest one.
struct Bounds {
    keep: KeepConfig,
    now: Timestamp,
    count: u32,
    bytes: u64,
}

impl Bounds {
    fn new(keep: KeepConfig, now: Timestamp) -> Self {
        Self {
            keep,
            now,
            count: 0,
            bytes: 0,
        }
    }

    /// Counts a record, and returns which bound it is beyond; `None` where it stays.
    fn exceeded_by(&mut self, record: &Record) -> Option<String> {
        if record.run.ends_with(GOING) {
            return Some("its removal was interrupted".to_owned());
        }
        self.count = self.count.saturating_add(1);
        self.bytes = self.bytes.saturating_add(record.bytes);
        let age = Duration::try_from(self.now.duration_since(record.written)).unwrap_or_default();
        if self.keep.runs.is_some_and(|most| self.count > most) {
            Some("`keep.runs`: there are enough newer ones".to_owned())
        } else if self.keep.run_age.is_some_and(|most| age > most) {
            Some("`keep.run_age`: it is older".to_owned())
        } else if self.keep.run_size.is_some_and(|most| self.bytes > most) {
            Some("`keep.run_size`: newer ones take up the room".to_owned())
        } else {
            None
        }
    }
}

/// Returns all records below a folder; what is not a folder there is nobody's.
fn records(folder: &Path) -> Result<Vec<Record>> {
    let failed = || format!("cannot list `{}`", folder.display());
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(ErrorKind::Unexpected, failed),
    };
    let mut records = Vec::new();
    for entry in entries {
        let entry = entry.with_context(ErrorKind::Unexpected, failed)?;
        let is_folder = entry.file_type().with_context(ErrorKind::Unexpected, failed)?.is_dir();
        if let (true, Ok(run)) = (is_folder, entry.file_name().into_string()) {
            let path = entry.path();
            records.push(Record {
                run,
                bytes: size_on_disk(&path),
                written: written(&path).with_context(ErrorKind::Unexpected, failed)?,
                path,
            });
        }
    }
    Ok(records)
}

/// Returns when a run recorded its last event; where it recorded none, when its folder was last changed.
fn written(path: &Path) -> std::io::Result<Timestamp> {
    let looks = fs::metadata(path.join("events.jsonl")).or_else(|_| fs::metadata(path))?;
    Ok(Timestamp::try_from(looks.modified()?).unwrap_or(Timestamp::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(run: &str, bytes: u64, days_ago: i64) -> Record {
        Record {
            run: run.to_owned(),
            path: PathBuf::new(),
            bytes,
            written: Timestamp::from_second(1_000_000_000 - days_ago * 24 * 60 * 60).unwrap(),
        }
    }

    #[test]
    fn a_record_stays_while_it_is_within_every_bound() {
        let keep = KeepConfig {
            runs: Some(3),
            run_age: Some(Duration::from_secs(10 * 24 * 60 * 60)),
            run_size: Some(100),
            ..KeepConfig::default()
        };
        let now = Timestamp::from_second(1_000_000_000).unwrap();
        let beyond = |keep, records: &[Record]| {
            let mut bounds = Bounds::new(keep, now);
            let beyond = records.iter().filter_map(|record| bounds.exceeded_by(record));
            beyond
                .map(|why| why.split(':').next().unwrap_or_default().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            beyond(keep, &[record("c", 10, 1), record("b", 90, 2)]),
            Vec::<String>::new()
        );
        assert_eq!(
            beyond(keep, &[record("c", 10, 1), record("b", 91, 2)]),
            ["`keep.run_size`"]
        );
        assert_eq!(
            beyond(keep, &[record("c", 10, 10), record("b", 10, 11)]),
            ["`keep.run_age`"]
        );
        let four = ["d", "c", "b", "a"].map(|run| record(run, 1, 1));
        assert_eq!(beyond(keep, &four), ["`keep.runs`"]);
        assert_eq!(
            beyond(KeepConfig::default(), &[record("a", u64::MAX, 9999)]),
            Vec::<String>::new()
        );
        // One of tomorrow is not old.
        assert_eq!(beyond(keep, &[record("a", 1, -1)]), Vec::<String>::new());
    }
}
