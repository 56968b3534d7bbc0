//! A generation's life, for programs: start, run, stop, reset, status, usage. How a step of a run works, and how it is
//! shown, is decided elsewhere.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::base::error::Result;
use crate::base::fs::LockHolder;
use crate::config::Config;
use crate::git::Git;
use crate::issues::store::Store;
use crate::model::generation::GenerationName;
use crate::project::Project;
use crate::record::observer::Observer;
use crate::run::extension::{self, AddedGate, Extensions};
use crate::run::waiting::pause::Pause;
use crate::run::waiting::pausing;
use crate::sandbox::engine::ConnectOptions;
use crate::setup::doctor::{self, Diagnosis, DoctorOptions};

mod accept;
mod audit;
mod cycles;
mod end;
pub mod exit;
mod fixes;
mod gc;
mod groups;
mod hazards;
mod left_work;
mod lines;
mod merge_gates;
mod mode;
mod model_figures;
#[cfg(feature = "cli")]
mod names;
mod plan;
mod reading;
mod recorded;
mod registered;
mod reset;
mod revert;
mod run;
mod runs;
mod shell;
mod start;
mod status;
mod stop;
mod take;
mod task_figures;
mod usage;

pub use crate::project::obeyed::{NewToRun, NewToRunChange};
pub use crate::project::{Environment, GenerationSummary, Listing, RunStanding, RunState, SecretVariables};
pub use audit::ToRead;
pub use end::Removal;
pub use gc::{Freed, GcOptions, GcReport, Kept};
pub use lines::{LanguageLines, LineReport, Lines, NotCounted};
pub use merge_gates::MergeGates;
pub use model_figures::{ModelFigures, ModelReport};
pub use plan::{Estimate, Plan, SizeEstimate};
pub use reading::{FileSize, ReadingPart, ReadingPlan};
pub use recorded::{
    Compared, ComparedKind, Comparison, Next, ReportedTask, ReviewFinding, RunEvents, Talk, TalkItem, WorkReport,
};
#[cfg(feature = "serve")]
pub(crate) use recorded::{LiveCourse, UsageOverTime, generation_in, run_ids_in};
pub use registered::{Registered, RegisteredRun, RegisteredState, registered};
pub use reset::ResetSummary;
pub use revert::{Dependent, RevertOptions, RevertSummary};
pub use run::{RunOptions, RunSummary};
pub use runs::{LONGEST_SAID, RunEnd};
pub use shell::{PersonsTerminal, ShellOptions, ShellSummary};
pub use start::{CarryFrom, Clearing, StartOptions, StartSummary};
pub use status::{OpenQuestion, Status, StuckTask};
pub use stop::{MergedTask, StopOptions, StopSummary, Totals, UndoneGroup, UndoneTask};
pub use take::{HandBackOptions, HandBackSummary, TakeOptions, TakeSummary};
pub use task_figures::{TaskFigures, TaskReport};
pub use usage::{CycleUsage, TaskUsage, UsageReport};

/// A repository, its configuration, and the commands on its generations.
#[derive(Clone, Debug)]
pub struct Generator {
    project: Project,
    /// The gates that the program adds.
    gates: Vec<AddedGate>,
    observers: Observing,
}

/// The observers that the program adds.
#[derive(Clone, Default)]
struct Observing(Vec<Arc<dyn Observer>>);

impl fmt::Debug for Observing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} observers", self.0.len())
    }
}

impl Generator {
    /// Opens the repository that contains `directory`, with its `configuration.yaml`.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Precondition`](crate::error::ErrorKind::Precondition) where there is no usable repository,
    /// and of kind [`ErrorKind::Configuration`](crate::error::ErrorKind::Configuration), with every problem of the file
    /// at once.
    pub fn open(directory: &Path, environment: Environment) -> Result<Self> {
        Ok(Self::of(Project::open(directory, environment)?))
    }

    /// Opens a repository for a command that only reads: where `configuration.yaml` is missing, the defaults apply.
    ///
    /// # Errors
    ///
    /// As [`Generator::open`].
    pub fn open_to_look(directory: &Path, environment: Environment) -> Result<Self> {
        Ok(Self::of(Project::open_to_look(directory, environment)?))
    }

    /// Opens a repository to stop, pause or reload the run that is at work there: a configuration that cannot be read is not an
    /// error, and the defaults apply.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Precondition`](crate::error::ErrorKind::Precondition) where there is no usable repository.
    pub fn open_to_request(directory: &Path, environment: Environment) -> Result<Self> {
        Ok(Self::of(Project::open_to_request(directory, environment)?))
    }

    /// Builds a generator with a configuration that did not come from a file.
    pub fn with_config(git: Git, config: Config, environment: Environment) -> Self {
        Self::of(Project::with_config(git, config, environment))
    }

    fn of(project: Project) -> Self {
        Self {
            project,
            gates: Vec::new(),
            observers: Observing::default(),
        }
    }

    /// Adds gates that are written in Rust, and observers of events, to all that this generator runs; see
    /// [`extension`]. Those that were added before stay.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Configuration`](crate::error::ErrorKind::Configuration), with every gate whose name is none, or
    /// that of another one.
    pub fn with(mut self, extensions: Extensions) -> Result<Self> {
        let earlier = self.gates.iter().map(|added| Arc::clone(&added.gate));
        let gates: Vec<_> = earlier.chain(extensions.gates).collect();
        self.gates = extension::added(&gates, &self.project.config)?;
        self.observers.0.extend(extensions.observers);
        Ok(self)
    }

    /// Selects a generation, whatever the configuration and `switch` select.
    #[must_use]
    pub fn choose(self, generation: Option<String>) -> Self {
        Self {
            project: self.project.choose(generation),
            ..self
        }
    }

    /// Returns the configuration in force.
    pub fn config(&self) -> &Config {
        &self.project.config
    }

    /// Returns the repository.
    pub fn git(&self) -> &Git {
        &self.project.git
    }

    /// Returns the folder with slots and run records.
    pub fn state_dir(&self) -> &Path {
        &self.project.state_dir
    }

    /// Returns the options for finding an engine.
    pub fn connect_options(&self) -> ConnectOptions {
        self.project.connect_options()
    }

    /// Opens the issue store of the current generation.
    ///
    /// # Errors
    ///
    /// As [`Generator::generation`], and where its store is lost or damaged.
    pub fn store(&self) -> Result<Store> {
        self.project.store()
    }

    /// Returns the current generation: the one chosen, else the configuration's, else the one switched to, else the
    /// only one.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Precondition`](crate::error::ErrorKind::Precondition), listing what there is, when none of
    /// these is open.
    pub fn generation(&self) -> Result<GenerationName> {
        self.project.generation()
    }

    /// Lists the generations of the repository, the ended ones too.
    ///
    /// # Errors
    ///
    /// Where the repository's refs cannot be read.
    pub fn list(&self) -> Result<Listing> {
        self.project.list()
    }

    /// Makes an open generation the current one.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Precondition`](crate::error::ErrorKind::Precondition) when no open generation has this
    /// name.
    pub fn switch(&self, wanted: &str) -> Result<GenerationName> {
        self.project.switch(wanted)
    }

    /// Returns the run that is in progress on this repository, if any.
    ///
    /// # Errors
    ///
    /// Where the lock cannot be read.
    pub fn run_at_work(&self) -> Result<Option<LockHolder>> {
        self.project.run_at_work()
    }

    /// Lifts every pause: calls are made from now on, by the run that waits or by the next one. Returns those lifted.
    ///
    /// # Errors
    ///
    /// Where the file that holds them cannot be changed.
    pub fn lift_pauses(&self) -> Result<Vec<Pause>> {
        pausing::lift(&self.project)
    }

    /// Checks every engine that can be reached, with one sealed container each, and the repository. It needs no
    /// generation, changes nothing, and takes no lock, unless gates are to be run.
    ///
    /// # Errors
    ///
    /// Where engines could not even be looked for, or another command holds the lock that gates need.
    pub async fn diagnose(&self, options: DoctorOptions) -> Result<Diagnosis> {
        Box::pin(doctor::of_project(&self.project, &options)).await
    }
}
