//! What other processes request of the run that is at work here: to stop, to pause, to go on, to reload, to say something.

use std::time::Duration;

use crate::base::error::{Error, ErrorKind, Result};
use crate::base::fs::LockHolder;
use crate::lifecycle::Generator;
use crate::model::{IssueId, RunId};
use crate::project::run_socket::{Done, Request};
use crate::project::{RunPlace, RunStanding, RunState};
use crate::record::event::{Event, EventKind};
use crate::record::history;

/// How often it is looked whether a run has ended.
const LOOK: Duration = Duration::from_millis(100);

/// The most bytes of a text that is said to a session: as JSON it fits into a request.
pub const LONGEST_SAID: usize = 8 << 10;

/// The end of a run that was stopped.
#[derive(Clone, Debug, serde::Serialize)]
#[must_use]
pub struct RunEnd {
    /// The run's name.
    pub run: String,
    /// Its process.
    pub pid: u32,
    /// The event of its end; `None` where it was ended before it had begun to work, or only made one measure or attempt.
    pub end: Option<Event>,
}

impl Generator {
    /// Stops the run that is at work on this repository, in whichever process, and waits until it has ended: nothing new
    /// begins, and what is in progress has the `stop_grace` of its configuration, or none with `now`. `named` is the run or
    /// the generation that is meant, where the caller names one. `told` is called once the run has answered.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::NothingToDo`] where no such run is at work, of kind [`ErrorKind::Locked`] where a command is
    /// that is not a run, and of kind [`ErrorKind::Precondition`] where the run does not answer, for instance because it
    /// is another machine's.
    pub async fn stop_run(&self, named: Option<&str>, now: bool, told: impl FnOnce(&RunStanding)) -> Result<RunEnd> {
        let holder = self.run_named(named)?;
        stop_at(&self.project.run_place(), holder, now, told).await
    }

    /// Pauses the run that is at work on this repository: nothing new begins, what is in progress comes to its end, and
    /// the run stays. Returns how it stands, and whether that is new.
    ///
    /// # Errors
    ///
    /// Those of [`Self::stop_run`], and of kind [`ErrorKind::Precondition`] where the run is being stopped, or makes only
    /// one measure or attempt.
    pub fn pause_run(&self, named: Option<&str>) -> Result<(RunStanding, bool)> {
        let done = self.request_of(named, &Request::Pause)?;
        Ok((done.run, done.changed))
    }

    /// Lets the run go on that [`Self::pause_run`] has paused. Returns how it stands.
    ///
    /// # Errors
    ///
    /// Those of [`Self::pause_run`], and of kind [`ErrorKind::NothingToDo`] where the run is not paused.
    pub fn resume_run(&self, named: Option<&str>) -> Result<RunStanding> {
        let Done { changed, run, .. } = self.request_of(named, &Request::Resume)?;
        if changed {
            return Ok(run);
        }
        let message = format!("run {} (process {}) is not paused", run.id, run.pid);
        Err(Error::new(ErrorKind::NothingToDo, message)
            .hint("where it waits for a usage limit, `cordwainer resume --now` has it continue at once"))
    }

    /// Has the run that is at work on this repository read its configuration again, as it did when it began. `stitch.parallel`,
    /// `limits.wait` and the budgets take effect from its next step on. Returns how the run stands, and the keys that have
    /// other values now.
    ///
    /// # Errors
    ///
    /// Those of [`Self::pause_run`], and of kind [`ErrorKind::Precondition`] where the configuration has problems, or
    /// another key has changed: then nothing takes effect.
    pub fn reload_run(&self, named: Option<&str>) -> Result<(RunStanding, Vec<String>)> {
        let done = self.request_of(named, &Request::Reload)?;
        Ok((done.run, done.reloaded))
    }

    /// Says something to the session that does the work of a task in the run that is at work here; to those of all its candidates,
    /// where it has several. The words become a comment on the task, too. The agent reads them with the next result of a tool, or
    /// once it has finished what it was asked for. Returns how the run stands.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Usage`] where nothing is said, or more than [`LONGEST_SAID`] bytes; those of [`Self::stop_run`], and of
    /// kind [`ErrorKind::Precondition`] where no session of the task takes anything now: then there is no comment either, unless
    /// the error says so.
    pub fn say(&self, task: &IssueId, text: &str) -> Result<RunStanding> {
        if text.trim().is_empty() {
            return Err(Error::new(ErrorKind::Usage, "nothing is said: the text is empty"));
        }
        if text.len() > LONGEST_SAID {
            let message = format!(
                "the text has {} bytes, and {LONGEST_SAID} can be said at once",
                text.len()
            );
            return Err(Error::new(ErrorKind::Usage, message).hint("`cordwainer issues comment` takes longer ones"));
        }
        let request = Request::Say {
            task: task.clone(),
            text: text.to_owned(),
        };
        Ok(self.request_of(None, &request)?.run)
    }

    /// Lets the run go on that is at work here, if a person has paused it. Returns how it stands then.
    ///
    /// # Errors
    ///
    /// Where it does not answer.
    pub fn resume_if_paused(&self) -> Result<Option<RunStanding>> {
        let Some(holder) = self.project.run_at_work()?.filter(LockHolder::is_run) else {
            return Ok(None);
        };
        let is_paused = |done: &Done| matches!(done.run.state, RunState::Pausing | RunState::Paused);
        let status = self.project.request(&holder, &Request::Status)?;
        if !status.as_ref().is_some_and(is_paused) {
            return Ok(None);
        }
        let done = self.project.request(&holder, &Request::Resume)?;
        Ok(done.map(|done| done.run))
    }

    /// Returns whether a name is that of a run or a generation of this repository, at work or ended.
    #[cfg(feature = "cli")]
    pub(crate) fn knows_run(&self, name: &str) -> Result<bool> {
        let project = &self.project;
        Ok(project.open_named(name)?.is_some() || self.has_records(name) || project.ended_named(name)?.is_some())
    }

    fn has_records(&self, run: &str) -> bool {
        let records = RunId::parse(run).map(|run| self.project.state_dir.join("runs").join(run.as_str()));
        records.is_some_and(|records| records.is_dir())
    }

    fn request_of(&self, named: Option<&str>, request: &Request) -> Result<Done> {
        let holder = self.run_named(named)?;
        self.project.request(&holder, request)?.ok_or_else(|| ended(&holder.id))
    }

    /// Returns the run that is at work here, if it is the one that is named: by its own name, or by that of the generation
    /// that it works on.
    fn run_named(&self, named: Option<&str>) -> Result<LockHolder> {
        let Some(holder) = self.project.run_at_work()? else {
            let message = "no run is at work on this repository";
            return Err(Error::new(ErrorKind::NothingToDo, message).hint("`cordwainer run` begins one"));
        };
        if !holder.is_run() {
            let LockHolder { id, pid } = holder;
            let message = format!("`{id}` is at work on this repository (process {pid}), and it is not a run");
            return Err(Error::new(ErrorKind::Locked, message).hint("wait until it ends"));
        }
        let Some(named) = named.filter(|named| *named != holder.id) else {
            return Ok(holder);
        };
        if self.has_records(named) {
            return Err(ended(named).hint(format!("run {} is at work", holder.id)));
        }
        let generation = self.project.find(named, &self.project.generations()?)?;
        let Some(done) = self.project.request(&holder, &Request::Status)? else {
            return Err(ended(&holder.id));
        };
        if done.run.generation == generation {
            return Ok(holder);
        }
        let message = format!("no run is at work on {generation}");
        let hint = format!("run {} works on {}", holder.id, done.run.generation);
        Err(Error::new(ErrorKind::NothingToDo, message).hint(hint))
    }
}

/// Stops the run that holds the lock in a place, and waits until it has ended.
pub(super) async fn stop_at(
    place: &RunPlace,
    holder: LockHolder,
    now: bool,
    told: impl FnOnce(&RunStanding),
) -> Result<RunEnd> {
    if let Some(done) = place.request(&holder, &Request::Stop { now })? {
        told(&done.run);
    }
    while place.at_work()?.is_some_and(|now| now == holder) {
        tokio::time::sleep(LOOK).await;
    }
    let events = match RunId::parse(&holder.id) {
        Some(run) => history::events(&place.state_dir, &run)?,
        None => Vec::new(),
    };
    let is_end = |event: &Event| matches!(event.kind, EventKind::RunEnded { .. });
    Ok(RunEnd {
        end: events.into_iter().rfind(is_end),
        run: holder.id,
        pid: holder.pid,
    })
}

fn ended(run: &str) -> Error {
    Error::new(ErrorKind::NothingToDo, format!("run {run} has ended"))
}
