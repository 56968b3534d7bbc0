//! What runs recorded, for whoever looks: all of them, one of them, and one as it goes on. Nothing here takes the lock.

use std::fs;
use std::io::ErrorKind as Io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::base::fs::LockHolder;
use crate::base::text::one_line;
use crate::issues::issue::Status;
use crate::issues::store::Store;
use crate::lifecycle::Generator;
use crate::model::generation::GenerationName;
use crate::model::{IssueId, RunId, TypedId};
use crate::record::event_lines::{EventLine, EventLines};
use crate::record::history::events_of;
use crate::record::overview::{RunOutcome, RunOverview, RunRow};

mod cache;
mod compare;
mod following;
#[cfg(feature = "serve")]
mod live;
#[cfg(feature = "serve")]
mod over_time;
mod report;
mod talk;

use self::cache::CachedRows;
pub use self::compare::{Compared, ComparedKind, Comparison};
pub use self::following::{Next, RunEvents};
#[cfg(feature = "serve")]
pub(crate) use self::live::{LiveCourse, generation_in};
#[cfg(feature = "serve")]
pub(crate) use self::over_time::UsageOverTime;
pub use self::report::{ReportedTask, ReviewFinding, WorkReport};
pub use self::talk::{Talk, TalkItem};

/// The end of the name of a record that is being removed.
const GOING: &str = ".removed";
/// Why a run cannot be read whose events were deleted.
const GONE: &str = "its events are gone";
/// How many runs an error names.
const NAMED: usize = 5;

impl Generator {
    /// Lists the runs of this repository whose records are there, the newest first, those of ended generations, too. What
    /// cannot be read of one does not keep the others from being listed.
    ///
    /// # Errors
    ///
    /// Where the folder of records, or the lock, cannot be read.
    pub fn runs(&self) -> Result<Vec<RunRow>> {
        self.runs_with(|run| row(run.clone(), &events_of(&self.project.state_dir, run)))
    }

    /// Lists the runs as [`Self::runs`] does; `read` reads the events of the one that is at work.
    pub(crate) fn runs_with(&self, read: impl Fn(&RunId) -> RunRow) -> Result<Vec<RunRow>> {
        let (at_work, now) = (self.id_at_work()?, self.project.clock().now());
        let mut cached = CachedRows::read(&self.project.state_dir);
        let rows = self.run_ids()?.into_iter().map(|run| {
            let is_at_work = at_work.as_ref() == Some(&run);
            let path = events_of(&self.project.state_dir, &run);
            let make = || {
                if is_at_work {
                    read(&run)
                } else {
                    row(run.clone(), &path)
                }
            };
            let row = cached.row_of(&run, &path, is_at_work, make);
            standing(row, is_at_work, now)
        });
        let rows = rows.collect();
        cached.write();
        Ok(rows)
    }

    /// Returns everything that a run came to by now. `named` is its name or the first letters of it, or a generation, of which
    /// the last run is meant; without it, it is the run at work, else the last one.
    ///
    /// # Errors
    ///
    /// Those of [`Self::find_run`], and where its records cannot be read.
    pub fn recorded_run(&self, named: Option<&str>) -> Result<RunOverview> {
        self.overview(&self.find_run(named)?)
    }

    /// Returns the run that is meant, as [`Self::recorded_run`] has it.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::NothingToDo`] where there is none yet, and of kind [`ErrorKind::Precondition`] where none has
    /// this name, or several have.
    pub fn find_run(&self, named: Option<&str>) -> Result<RunId> {
        let Some(named) = named else {
            let run = match self.id_at_work()? {
                Some(at_work) => Some(at_work),
                None => self.last_run()?,
            };
            return run.ok_or_else(|| {
                Error::new(ErrorKind::NothingToDo, "no run is recorded in this repository")
                    .hint("`cordwainer run` begins one")
            });
        };
        match self.run_of_name(named)? {
            Some(run) => Ok(run),
            None => self.last_run_of(named),
        }
    }

    /// Returns the last run that began, passing over records of gates and shells outside of a run.
    fn last_run(&self) -> Result<Option<RunId>> {
        let has_begun = |row: &RunRow| row.outcome != RunOutcome::NotBegun;
        Ok(self.runs()?.into_iter().find(has_begun).map(|row| row.run))
    }

    /// Returns the run of a name, or of the first letters of one; `None` where there is none.
    fn run_of_name(&self, named: &str) -> Result<Option<RunId>> {
        let all = self.run_ids()?;
        if let Some(run) = all.iter().find(|run| run.as_str() == named) {
            return Ok(Some(run.clone()));
        }
        let begins: Vec<&RunId> = all.iter().filter(|run| run.as_str().starts_with(named)).collect();
        match begins.as_slice() {
            [] => Ok(None),
            [only] => Ok(Some((*only).clone())),
            several => {
                let some: Vec<&str> = several.iter().take(NAMED).map(|run| run.as_str()).collect();
                let message = format!("{} runs begin with `{}`", several.len(), one_line(named, 100));
                Err(Error::new(ErrorKind::Precondition, message)
                    .because(some.join("\n"))
                    .hint("type more of the name"))
            }
        }
    }

    /// Returns the last run that worked on a generation.
    fn last_run_of(&self, named: &str) -> Result<RunId> {
        let is_it = |name: &GenerationName| self.project.is_named(name, named);
        let rows = self.runs()?;
        let found = rows.into_iter().find(|row| row.generation.as_ref().is_some_and(is_it));
        if let Some(row) = found {
            return Ok(row.run);
        }
        if self.project.open_named(named)?.is_some() || self.project.ended_named(named)?.is_some() {
            let message = format!("no run of the generation `{}` is recorded", one_line(named, 100));
            return Err(Error::new(ErrorKind::Precondition, message).hint("`cordwainer run` begins one"));
        }
        Err(unknown(named))
    }

    /// Returns everything that a run came to by now.
    ///
    /// # Errors
    ///
    /// Where its records cannot be read.
    pub fn overview(&self, run: &RunId) -> Result<RunOverview> {
        self.overview_if_there(run)?.ok_or_else(|| self.events_gone(run))
    }

    fn events_gone(&self, run: &RunId) -> Error {
        let path = events_of(&self.project.state_dir, run);
        let message = format!("the events of run {run} are gone");
        Error::new(ErrorKind::Precondition, message).hint(format!(
            "`{}` is not there: a part of its records was deleted",
            path.display()
        ))
    }

    /// Returns everything that a run came to by now; `None` where its events are gone.
    fn overview_if_there(&self, run: &RunId) -> Result<Option<RunOverview>> {
        let mut overview = RunOverview::new(run.clone());
        let Some(is_at_work) = self.read_events(run, |line| match line {
            EventLine::Event(event, _) => overview.add(&event),
            EventLine::Unreadable(_) => overview.add_unreadable(),
        })?
        else {
            return Ok(None);
        };
        let mut overview = overview.summed_up();
        overview.run = standing(overview.run, is_at_work, self.project.clock().now());
        Ok(Some(overview))
    }

    /// Reads the events of a run, and returns whether that is at work; `None` where they are gone.
    fn read_events(&self, run: &RunId, mut take: impl FnMut(EventLine)) -> Result<Option<bool>> {
        let is_at_work = self.id_at_work()?.as_ref() == Some(run);
        match EventLines::open(&events_of(&self.project.state_dir, run))? {
            Some(mut lines) => {
                while let Some(line) = lines.next_event()? {
                    take(line);
                }
            }
            // One that is at work has just begun.
            None if is_at_work => {}
            None => return Ok(None),
        }
        Ok(Some(is_at_work))
    }

    /// Returns the task of a typed id that a run at work may still begin; `None` where there is none.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Usage`] where the id is the beginning of several; where the store cannot be read.
    pub fn task_to_come(&self, run: &RunRow, typed: &TypedId) -> Result<Option<IssueId>> {
        let generation = run.generation.as_ref().filter(|_| run.outcome == RunOutcome::AtWork);
        let Some(generation) = generation else { return Ok(None) };
        let issues = Store::open(&self.project.git, generation)?.read()?;
        if !issues
            .iter()
            .any(|issue| typed.is(&issue.id) || typed.begins(&issue.id))
        {
            return Ok(None);
        }
        let id = issues.find(typed)?;
        Ok((issues.get(&id)?.status != Status::Closed).then_some(id))
    }

    /// Opens the events of a run, to read them and to wait for more.
    pub fn run_events(&self, run: &RunId) -> RunEvents {
        RunEvents::new(self.project.clone(), run.clone())
    }

    /// Opens what agents said and did in the calls of a run, to read it beside its events.
    pub fn talk_of(&self, run: &RunId) -> Talk {
        Talk::new(self.records_of(run))
    }

    fn records_of(&self, run: &RunId) -> PathBuf {
        self.project.state_dir.join("runs").join(run.as_str())
    }

    /// Returns the run that holds the repository's lock.
    fn id_at_work(&self) -> Result<Option<RunId>> {
        let holder = self.project.run_at_work()?.filter(LockHolder::is_run);
        Ok(holder.and_then(|holder| RunId::parse(&holder.id)))
    }

    /// Returns the names of all runs that have a folder, the newest first.
    pub(super) fn run_ids(&self) -> Result<Vec<RunId>> {
        run_ids_in(&self.project.state_dir)
    }
}

/// Returns the names of all runs that have a folder in the one of records, the newest first: names begin with a date.
///
/// # Errors
///
/// Where the folder of records cannot be read.
pub(crate) fn run_ids_in(state_dir: &Path) -> Result<Vec<RunId>> {
    let folder = state_dir.join("runs");
    let failed = || format!("cannot list `{}`", folder.display());
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == Io::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(ErrorKind::Unexpected, failed),
    };
    let mut ids = Vec::new();
    for entry in entries {
        let entry = entry.with_context(ErrorKind::Unexpected, failed)?;
        let name = entry.file_name();
        let name = name.to_str().filter(|name| !name.ends_with(GOING));
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        ids.extend(name.filter(|_| is_folder).and_then(RunId::parse));
    }
    ids.sort_by(|one, other| other.cmp(one));
    Ok(ids)
}

fn unknown(named: &str) -> Error {
    let message = format!("there is no run `{0}`, and no generation `{0}`", one_line(named, 100));
    Error::new(ErrorKind::Precondition, message)
        .hint("`cordwainer runs list` lists the runs, `cordwainer list` the generations")
}

/// Returns why the events of a run cannot be read that are there.
fn why_unreadable(error: &Error) -> String {
    match error.kind() {
        ErrorKind::Precondition => "a newer version of cordwainer wrote its events".to_owned(),
        _ => error.in_a_line(),
    }
}

/// Reads the row of a run; where that is not possible, the row says why.
fn row(run: RunId, path: &Path) -> RunRow {
    let unreadable = |error: &Error| RunRow::new(run.clone()).unreadable(why_unreadable(error));
    let mut overview = RunOverview::new(run.clone());
    let mut lines = match EventLines::open(path) {
        Ok(Some(lines)) => lines,
        Ok(None) => return RunRow::new(run).unreadable(GONE.to_owned()),
        Err(error) => return unreadable(&error),
    };
    loop {
        match lines.next_wanted(RunOverview::changes_the_row) {
            Ok(Some(EventLine::Event(event, _))) => overview.add(&event),
            Ok(Some(EventLine::Unreadable(_))) => overview.add_unreadable(),
            Ok(None) => break,
            Err(error) => return unreadable(&error),
        }
    }
    if let Some(at) = lines.passed_over_at() {
        overview.note_time(at);
    }
    overview.summed_up().run
}

/// Returns the row with what its events cannot say: whether the run is at work, and for how long it has been by `now`.
fn standing(row: RunRow, is_at_work: bool, now: Timestamp) -> RunRow {
    if !is_at_work {
        return row;
    }
    let so_far = row.began_at.map(|began| now.duration_since(began).as_secs_f64());
    RunRow {
        outcome: RunOutcome::AtWork,
        reason: None,
        seconds: so_far.unwrap_or_default().max(0.0),
        ..row
    }
}
