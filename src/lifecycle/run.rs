//! `run` and `resume`: cycles of stitch and measure; and one phase or one task alone.

use std::sync::Arc;

use crate::base::error::{Error, ErrorKind, Result};
use crate::base::interruption::Interruption;
use crate::config::reload::Reloadable;
use crate::git::DiffStat;
use crate::issues::attempt::Outcome;
use crate::issues::issue::{BuildStep, GroupCounts, Issues};
use crate::issues::pass::Pass;
use crate::issues::round::Fixing;
use crate::issues::scope::Then;
use crate::issues::store::Store;
use crate::lifecycle::{Generator, exit};
use crate::model::generation::GenerationName;
use crate::model::{IssueId, Role, RunId, Usage};
use crate::project::{HeldLock, RunStanding};
use crate::record::event::EventKind;
use crate::record::observer::Observers;
use crate::record::recorder::{EventSender, Recorder};
use crate::run::active_work::ActiveWork;
use crate::run::context::RunContext;
use crate::run::control::RunControl;
use crate::run::driver::{self, Phases};
use crate::run::guidance;
use crate::run::phase::audit::scope_of;
use crate::run::phase::group::Planning;
use crate::run::phase::measure::{FiledAs, MeasureOutcome};
use crate::run::plan::{MeasureSays, RunLimits};
use crate::run::preflight::{self, Asker};
use crate::run::prompt_inputs;
use crate::run::recover::Recovery;
use crate::run::requests::{Answering, Requests};
use crate::run::seats::Seats;
use crate::run::selection::TaskSelection;
use crate::sandbox::engine::Engine;

/// The options of a run.
#[derive(Clone, Debug, Default)]
pub struct RunOptions {
    /// Cycles to make, instead of the configuration's; with 0, no measure is made.
    pub cycles: Option<u32>,
    /// How many tasks to attempt at most.
    pub max_tasks: Option<u32>,
    /// The only tasks to attempt, by id or label, and without a measure; none means all.
    pub only: Vec<String>,
    /// Whether what a measure proposes is held until a person releases it. Then at most one measure is made.
    pub confirm: bool,
    /// The run whose plan is filed before anything else: see [`Generator::dry_run`].
    pub plan: Option<String>,
    /// Whether groups are planned for documents that changed since the last plan.
    pub replan: bool,
}

/// Returns what becomes of proposals.
fn filed_as(confirm: bool) -> FiledAs {
    if confirm { FiledAs::Held } else { FiledAs::Open }
}

/// The result of a run.
#[derive(Clone, Debug, serde::Serialize)]
#[must_use]
pub struct RunSummary {
    /// The generation.
    pub generation: GenerationName,
    /// The run's name; its records are in `runs/<run>` below the state folder.
    pub run: RunId,
    /// Why it ended, in a sentence.
    pub reason: String,
    /// Tasks merged.
    pub merged: u32,
    /// How much they change together; `None` where none was merged.
    pub changed: Option<DiffStat>,
    /// Tasks attempted.
    pub attempted: u32,
    /// Measures made.
    pub measures: u32,
    /// How many groups are done, of how many; `None` where the work has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<GroupCounts>,
    /// Tasks held in the generation.
    pub blocked: usize,
    /// Tasks still open in the generation.
    pub open: usize,
    /// What the run used.
    pub usage: Usage,
    /// What fix rounds came to, which is in `usage`, too; `None` where there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixing: Option<Fixing>,
    /// What reviews used, which is in `usage`, too; `None` where there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reviews: Option<Usage>,
    /// Where the generation is kept, which ended by itself with its report; `None` where it is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    /// The exit code that reports it to a script, see [`crate::base::error::exit`].
    pub exit_code: u8,
}

impl Generator {
    /// Runs cycles of stitch-what-is-ready and measure until a limit, or until nothing is left to do. Events go to
    /// `events` as they happen. Once `interruption` asks for it, nothing new begins, and what is under way is suspended
    /// after the configuration's `stop_grace`; a [`CancellationToken`](tokio_util::sync::CancellationToken) does, too.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Engine`] where no container engine or no usable image is there; of kind
    /// [`ErrorKind::Locked`] while another process works here; of kind [`ErrorKind::Precondition`] where no generation
    /// is open, its branch is checked out, or a gate fails before any work; of kind [`ErrorKind::Interrupted`] where
    /// `interruption` ended it. A run that ends because tasks failed, a budget is spent or calls are limited is not an
    /// error: the summary says so.
    pub async fn run(
        &self,
        options: RunOptions,
        events: EventSender,
        interruption: impl Into<Interruption>,
    ) -> Result<RunSummary> {
        let this = self.in_its_mode()?;
        let begun = this.begin(events, interruption.into(), true)?;
        let done = Box::pin(this.run_begun(&begun, options)).await;
        begun.recorder.end_observers().await;
        // Ending a generation takes the lock.
        drop(begun);
        Box::pin(this.end_reported(done?)).await
    }

    async fn run_begun(&self, begun: &Begun, options: RunOptions) -> Result<RunSummary> {
        let phases = self.phases(begun, filed_as(options.confirm)).await?;
        let phases = Arc::new(phases);
        if let Some(plan) = &options.plan {
            let planned = self.planned(plan)?;
            // What the measure used that planned it is noted before that counts as made.
            driver::recover(&phases, &Recovery::in_run(&phases.sessions.context)?).await?;
            phases.measure.file_plan(plan, planned)?;
        }
        let issues = phases.sessions.context.store.read()?;
        let selection = TaskSelection::of(&options.only, &issues)?;
        let cycles = if selection.is_named() { Some(0) } else { options.cycles };
        let kind = self.project.config.mode.kind;
        let mut limits = RunLimits::new(&self.project.config, cycles, options.max_tasks);
        if cycles.is_none() && kind.measures_once() {
            // A pass that died, or had no money left, goes on, though one before it was complete. A report without tasks is
            // written again where nobody has ended its generation: that takes no call.
            let is_over = if kind.reports() {
                Pass::of(&issues).complete && !issues.is_empty()
            } else {
                issues.is_measured()
            };
            limits = limits.for_request(is_over);
        }
        if kind.reports() {
            limits.says = MeasureSays::Report;
        }
        if cycles.is_none() && kind.has_groups() {
            let replan = options.replan && self.has_new_documents(&issues)?;
            limits = limits.for_groups(replan);
        }
        if options.confirm || kind.reports() && scope_of(&issues, &self.project.config.mode).then == Then::File {
            limits = limits.confirming();
        }
        if options.cycles.is_none() {
            limits.barren_before = self.barren_cycles(&issues, begun.recorder.run())?;
        }
        let driven = Box::pin(driver::drive(&phases, &limits, selection, &begun.control)).await?;
        let counts = driven.counts;
        Ok(RunSummary {
            run: begun.recorder.run().clone(),
            exit_code: exit::of_run(&driven),
            reason: guidance::why(&driven.reason),
            merged: driven.merged,
            changed: driven.changed,
            attempted: driven.attempted,
            measures: driven.measures,
            groups: self.project.config.mode.kind.has_groups().then_some(driven.groups),
            blocked: counts.blocked,
            open: counts.open,
            usage: driven.usage,
            fixing: driven.fixing,
            reviews: driven.reviews,
            ended: None,
            generation: begun.generation.clone(),
        })
    }

    /// Continues after an interruption: `run` with suspended sessions. What was found and repaired is in the events.
    ///
    /// # Errors
    ///
    /// Those of [`Self::run`].
    pub async fn resume(
        &self,
        options: RunOptions,
        events: EventSender,
        interruption: impl Into<Interruption>,
    ) -> Result<RunSummary> {
        Box::pin(self.run(options, events, interruption)).await
    }

    /// Makes one measure; returns how many tasks it filed. With `confirm` they are held until a person releases them.
    ///
    /// # Errors
    ///
    /// Those of [`Self::run`], and of kind [`ErrorKind::Limit`] where a budget is spent or calls are limited, and of
    /// kind [`ErrorKind::Tasks`] where no answer was valid.
    pub async fn measure(
        &self,
        confirm: bool,
        events: EventSender,
        interruption: impl Into<Interruption>,
    ) -> Result<usize> {
        let this = self.in_its_mode()?;
        let begun = this.begin(events, interruption.into(), false)?;
        let done = Box::pin(this.measure_begun(&begun, filed_as(confirm))).await;
        begun.recorder.end_observers().await;
        done
    }

    /// Returns whether groups were planned, and a document changed since.
    pub(super) fn has_new_documents(&self, issues: &Issues) -> Result<bool> {
        if !issues.build().is_planned() {
            return Ok(false);
        }
        let tip = self.project.tip(&issues.meta().generation)?;
        let changed = prompt_inputs::changed_documents(&self.project, issues.build(), tip)?;
        Ok(!changed.is_empty())
    }

    /// Makes a measure; of a generation that works through groups, of the group whose turn it is, after their plan where there is
    /// none.
    pub(super) async fn measure_begun(&self, begun: &Begun, filed_as: FiledAs) -> Result<usize> {
        let interruption = &begun.control.interruption;
        let phases = self.phases(begun, filed_as).await?;
        let context = &phases.sessions.context;
        let mut number = 1;
        if let Some(step) = driver::recover_but_for_a_plan(&phases, &Recovery::in_run(context)?).await? {
            exit::measured(phases.groups.go_on(step, interruption).await?, interruption)?;
            number += 1;
        }
        for role in self.project.config.roles_of_measures() {
            phases.sessions.pauses.refuse(role)?;
        }
        if self.project.config.mode.kind.has_groups() {
            phases.gates.see_that_they_run(interruption).await?;
            interruption.unless_asked()?;
        }
        let number = self.planned_before(&phases, number, interruption).await?;
        let done = phases.measure(number, interruption).await?;
        // Which is none where the run is to end.
        exit::measured(done.unwrap_or(MeasureOutcome::Cancelled), interruption)
    }

    /// Plans groups where the work has groups, and there are none yet, as the call of this number. Returns the number of the next
    /// call beside those of tasks.
    async fn planned_before(&self, phases: &Phases, mut number: u32, interruption: &Interruption) -> Result<u32> {
        if !self.project.config.mode.kind.has_groups() {
            return Ok(number);
        }
        let next = || -> Result<BuildStep> { Ok(phases.sessions.context.store.read()?.next_in_build(0, None)) };
        if next()? == BuildStep::Plan {
            let planned = phases.groups.plan(number, Planning::ByRule, interruption).await?;
            exit::measured(planned, interruption)?;
            number += 1;
        }
        match next()? {
            BuildStep::Measure(_) => Ok(number),
            _ => Err(
                Error::new(ErrorKind::NothingToDo, "no group waits for its tasks to be asked for")
                    .hint("`cordwainer issues group list` shows how each stands; `cordwainer run` goes on"),
            ),
        }
    }

    /// Makes one attempt at a task, the first ready one unless `task` names it; returns how it ended.
    ///
    /// # Errors
    ///
    /// Those of [`Self::run`], and of kind [`ErrorKind::NothingToDo`] where no task is ready.
    pub async fn stitch(
        &self,
        task: Option<IssueId>,
        events: EventSender,
        interruption: impl Into<Interruption>,
    ) -> Result<Outcome> {
        let this = self.in_its_mode()?;
        let begun = this.begin(events, interruption.into(), false)?;
        let done = Box::pin(this.stitch_begun(&begun, task)).await;
        begun.recorder.end_observers().await;
        done
    }

    async fn stitch_begun(&self, begun: &Begun, task: Option<IssueId>) -> Result<Outcome> {
        let interruption = &begun.control.interruption;
        let phases = self.phases(begun, FiledAs::Open).await?;
        let context = &phases.sessions.context;
        driver::recover(&phases, &Recovery::in_run(context)?).await?;
        for role in self.project.config.roles_of_attempts() {
            phases.sessions.pauses.refuse(role)?;
        }
        let issues = context.store.read()?;
        let first = || -> Result<IssueId> {
            let ready = issues.ready().first().map(|issue| issue.id.clone());
            ready.ok_or_else(|| {
                Error::new(ErrorKind::NothingToDo, "no task is ready").hint("`cordwainer issues list` shows why")
            })
        };
        let task = task.map_or_else(first, Ok)?;
        if let Some(spent) = phases.sessions.spent(Role::Stitch, Some(&task), &issues) {
            return Err(Error::new(ErrorKind::Limit, spent.reason));
        }
        let base = phases.gates.see_that_they_run(interruption).await?;
        interruption.unless_asked()?;
        let claimed = phases.stitch.claim(&task, base)?;
        let done = Box::pin(phases.stitch.attempt(claimed, Seats::alone(), interruption)).await?;
        match done.refused {
            Some(reason) => Err(Error::new(ErrorKind::Tasks, reason)),
            None => Ok(done.outcome),
        }
    }

    /// Takes the lock and opens the records; checks that the generation can be worked on. From here on other processes can
    /// request something of the run, which `has_steps` where it goes on after one task or measure.
    pub(super) fn begin(&self, events: EventSender, interruption: Interruption, has_steps: bool) -> Result<Begun> {
        let run = self.project.new_run();
        let lock = Arc::new(self.project.lock(run.as_str())?);
        let hint = "`cordwainer stop` merges it; `cordwainer start` creates a new one";
        let generation = self.project.open_generation(Some(hint))?;
        let told = preflight::refuse(preflight::of_repository(&self.project))?;
        let recorder = Recorder::create(
            &self.project.state_dir,
            &run,
            self.project.clock().clone(),
            events,
            self.project.redactor().clone(),
        )?;
        let recorder = recorder.observed(Observers::begin(&self.observers.0)?);
        for what in told {
            recorder.emit(EventKind::Warned { what });
        }
        let control = RunControl::new(interruption, Reloadable::of(&self.project.config));
        let standing = RunStanding {
            id: run,
            pid: std::process::id(),
            generation: generation.clone(),
            since: self.project.clock().now(),
            state: control.state(),
            mode: Some(self.project.config.mode.name.clone()),
            so_far: None,
        };
        let answering = Answering {
            control: control.clone(),
            standing: standing.clone(),
            has_steps,
            recorder: recorder.clone(),
            project: self.project.clone(),
        };
        let requests = Requests::serve(self.project.state_dir.clone(), answering)?;
        self.register(&standing, &recorder);
        Ok(Begun {
            _requests: requests,
            control,
            lock,
            generation,
            recorder,
        })
    }

    /// Finds an engine, checks that it has the image, and builds the driver of the run.
    pub(super) async fn phases(&self, begun: &Begun, filed_as: FiledAs) -> Result<Phases> {
        let interruption = &begun.control.interruption;
        let finding = Box::pin(async {
            let engine = Engine::connect(&self.connect_options()).await?;
            preflight::refuse(preflight::of_engine(&self.project, &engine, Asker::Run).await)?;
            Ok(engine)
        });
        let engine = interruption
            .unless_over(self.project.config.stop_grace, finding)
            .await?;
        interruption.unless_asked()?;
        begun.recorder.emit(EventKind::RunStarted {
            run: begun.recorder.run().clone(),
            generation: begun.generation.clone(),
            mode: Some(self.project.config.mode.name.clone()),
            engine: engine.describe(),
            image: self.project.config.image.name.clone(),
        });
        let context = RunContext {
            project: Arc::new(self.project.clone()),
            repository: begun.lock.id.clone(),
            generation: begun.generation.clone(),
            store: Store::open(&self.project.git, &begun.generation)?,
            recorder: begun.recorder.clone(),
            gates: self.gates.clone(),
            active_work: ActiveWork::default(),
            conversations: begun.control.conversations.clone(),
            _lock: Some(Arc::clone(&begun.lock)),
        };
        for ignored in preflight::settings(&self.project, context.tip()?)? {
            context.warn(ignored);
        }
        Phases::new(Arc::new(context), engine, filed_as)
    }
}

/// What a run holds from beginning to end.
pub(super) struct Begun {
    // Dropped before the lock: nobody is to reach a run that no longer holds it.
    _requests: Requests,
    pub(super) control: RunControl,
    lock: Arc<HeldLock>,
    generation: GenerationName,
    pub(super) recorder: Recorder,
}
