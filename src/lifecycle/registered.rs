//! The runs of all repositories of a user: which are at work, what they came to so far, and how they are stopped.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;

use crate::base::error::{Error, ErrorKind, Result};
use crate::base::fs::LockHolder;
use crate::lifecycle::Generator;
use crate::lifecycle::runs::{RunEnd, stop_at};
use crate::model::RunId;
use crate::model::generation::GenerationName;
use crate::project::register::{Entry, Register};
use crate::project::{Environment, RunPlace, RunStanding, RunState};
use crate::record::event::EventKind;
use crate::record::recorder::Recorder;
use crate::record::so_far::SoFar;

/// How many repositories are looked at side by side: a run that does not answer is waited for.
const AT_ONCE: usize = 32;

/// The runs of all repositories of a user.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Registered {
    /// The last run of each repository, the newest first.
    pub runs: Vec<RegisteredRun>,
    /// What could not be read of the register, or looked at, in a sentence each.
    pub problems: Vec<String>,
}

/// A run as the register has it, checked by the repository's lock, by the process and when that started, and by what it
/// answers.
#[derive(Clone, Debug, Serialize)]
pub struct RegisteredRun {
    /// The repository's main checkout.
    pub repository: PathBuf,
    /// The generation that it works on.
    pub generation: GenerationName,
    /// Its name.
    pub run: RunId,
    /// The mode of the generation; `None` where neither the run nor the register says it.
    pub mode: Option<String>,
    /// What it does.
    pub state: RegisteredState,
    /// What it came to so far; `None` where it does not answer.
    pub so_far: Option<SoFar>,
    /// When it began.
    pub began: Timestamp,
    /// Its process.
    pub pid: u32,
    #[serde(skip)]
    prefix: String,
    #[serde(skip)]
    place: RunPlace,
}

/// What a registered run does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RegisteredState {
    /// As [`RunState::Working`].
    Working,
    /// As [`RunState::Pausing`].
    Pausing,
    /// As [`RunState::Paused`].
    Paused,
    /// As [`RunState::Stopping`].
    Stopping,
    /// It holds the lock of its repository, and does not answer: it was suspended, for instance.
    Silent,
    /// It has ended.
    Ended,
}

impl From<RunState> for RegisteredState {
    fn from(state: RunState) -> Self {
        match state {
            RunState::Working => Self::Working,
            RunState::Pausing => Self::Pausing,
            RunState::Paused => Self::Paused,
            RunState::Stopping => Self::Stopping,
        }
    }
}

/// Returns the runs of all repositories that the user's register lists, and heals it: repositories that are gone are
/// dropped.
///
/// # Errors
///
/// Where the register cannot be read.
pub fn registered(environment: &Environment) -> Result<Registered> {
    let Some(register) = Register::of(environment) else {
        return Ok(Registered::default());
    };
    let entries = register.read()?;
    let mut found = Registered {
        runs: Vec::new(),
        problems: entries.unread,
    };
    for some in entries.all.chunks(AT_ONCE) {
        std::thread::scope(|scope| {
            let looks: Vec<_> = some.iter().map(|entry| scope.spawn(|| look(entry))).collect();
            for (look, entry) in looks.into_iter().zip(some) {
                match look.join() {
                    Ok(Ok(run)) => found.runs.push(run),
                    Ok(Err(error)) => found.problems.push(error.in_a_line()),
                    Err(_) => found
                        .problems
                        .push(format!("cannot look at `{}`", entry.repository.display())),
                }
            }
        });
    }
    Ok(found)
}

/// Finds out what is at work where the last run of a repository was.
fn look(entry: &Entry) -> Result<RegisteredRun> {
    let place = RunPlace::of(&entry.git_folder, &entry.state_dir);
    let mut run = RegisteredRun {
        repository: entry.repository.clone(),
        generation: entry.generation.clone(),
        run: entry.run.clone(),
        mode: Some(entry.mode.clone()),
        state: RegisteredState::Ended,
        so_far: None,
        began: entry.began,
        pid: entry.pid,
        prefix: entry.prefix.clone(),
        place,
    };
    let holder = run.place.at_work()?.filter(LockHolder::is_run);
    let Some(holder) = holder.filter(|holder| holder.id != entry.run.as_str() || !entry.has_ended()) else {
        return Ok(run);
    };
    match run.place.standing(&holder) {
        Some(RunStanding {
            id,
            pid,
            generation,
            since,
            state,
            mode,
            so_far,
        }) => {
            run.mode = mode.or_else(|| run.mode.filter(|_| id == entry.run));
            (run.run, run.pid, run.generation, run.began) = (id, pid, generation, since);
            (run.state, run.so_far) = (state.into(), so_far);
        }
        // It may have ended just now.
        None if run.place.at_work()?.as_ref() == Some(&holder) => {
            run.state = RegisteredState::Silent;
            if let Some(id) = RunId::parse(&holder.id).filter(|id| *id != entry.run) {
                (run.run, run.pid, run.mode) = (id, holder.pid, None);
            }
        }
        None => {}
    }
    Ok(run)
}

impl Registered {
    /// Returns those at work.
    pub fn at_work(&self) -> impl Iterator<Item = &RegisteredRun> {
        self.runs.iter().filter(|run| run.state != RegisteredState::Ended)
    }

    /// Returns the run at work that is meant by its name, or by that of its generation, whose prefix may be left out.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::NothingToDo`] where there is none, and of kind [`ErrorKind::Usage`], with all that it may mean,
    /// where it is ambiguous.
    pub fn find(&self, name: &str) -> Result<&RegisteredRun> {
        let meant: Vec<&RegisteredRun> = self.at_work().filter(|run| run.is_named(name)).collect();
        match meant.as_slice() {
            [one] => Ok(one),
            [] => {
                let message = format!("no run `{}` is at work in any repository of yours", name.escape_debug());
                Err(Error::new(ErrorKind::NothingToDo, message).hint("`cordwainer ps` lists those that are"))
            }
            several => {
                let candidates: Vec<String> = several
                    .iter()
                    .map(|run| format!("{} ({})", run.run, run.place_in_words()))
                    .collect();
                let message = format!("`{}` may mean {} runs", name.escape_debug(), several.len());
                Err(Error::new(ErrorKind::Usage, message).hint(format!("name one of them: {}", candidates.join(", "))))
            }
        }
    }
}

impl RegisteredRun {
    fn is_named(&self, name: &str) -> bool {
        let generation = self.generation.as_str();
        self.run.as_str() == name || generation == name || generation.strip_prefix(&*self.prefix) == Some(name)
    }

    /// Returns what it works on, and where.
    pub fn place_in_words(&self) -> String {
        format!("{} in `{}`", self.generation, self.repository.display())
    }

    /// Stops the run as [`Generator::stop_run`] does, if it is still at work, and waits until it has ended.
    ///
    /// # Errors
    ///
    /// Those of [`Generator::stop_run`].
    pub async fn stop(&self, now: bool, told: impl FnOnce(&RunStanding)) -> Result<RunEnd> {
        let holder = self.place.at_work()?.filter(|holder| holder.id == self.run.as_str());
        let Some(holder) = holder.filter(|_| self.state != RegisteredState::Ended) else {
            return Err(Error::new(
                ErrorKind::NothingToDo,
                format!("run {} has ended", self.run),
            ));
        };
        stop_at(&self.place, holder, now, told).await
    }
}

impl Generator {
    /// Notes in the user's register that a run begins here. That it cannot is a warning, and nothing more.
    pub(super) fn register(&self, run: &RunStanding, recorder: &Recorder) {
        let project = &self.project;
        let Some(register) = Register::of(&project.environment) else {
            return;
        };
        let entry = Entry {
            repository: project.main_checkout().to_owned(),
            git_folder: project.git.common_dir().to_owned(),
            state_dir: absolute(&project.state_dir),
            prefix: project.config.gen_prefix.clone(),
            mode: project.config.mode.name.clone(),
            ..Entry::new(run.id.clone(), run.generation.clone(), run.since)
        };
        if let Err(error) = register.note(&entry) {
            let what = format!("this run is not listed by `cordwainer ps`: {}", error.in_a_line());
            recorder.emit(EventKind::Warned { what });
        }
        // Drops what is gone, for who never lists them. Nobody waits for it: a repository may be on a disk that does not answer.
        let clearing = std::thread::Builder::new().name("register".to_owned());
        let _ = clearing.spawn(move || register.read().map(|_| ()));
    }
}

fn absolute(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}
