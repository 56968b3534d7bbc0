//! The driver: looks how things stand, asks the plan for a step, begins it, and looks again.
//!
//! What takes long is a task of the runtime of its own, so that nothing which blocks one of them keeps a stream of another
//! from being read: each attempt, and each measure. Everything that the driver itself knows is changed in between, when one
//! of them has ended.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::watch;

use self::at_work::AtWork;
pub(crate) use self::phases::Phases;
use self::phases::TakenOverCall;
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::interruption::Interruption;
use crate::base::machine::Machine;
use crate::config::Parallel;
use crate::config::reload::Reloadable;
use crate::git::{DiffStat, Oid};
use crate::issues::issue::{GroupCounts, IssueCounts};
use crate::issues::round::Fixing;
use crate::model::{IssueId, Usage};
use crate::record::event::EventKind;
use crate::run::call::FlowPlace;
use crate::run::context::RunContext;
use crate::run::control::{Asked, RunControl};
use crate::run::overrides::candidates_of;
use crate::run::phase::group::TakenOverStep;
use crate::run::phase::stitch::TakenOver;
use crate::run::plan::{self, GroupStep, Progress, Reason, RunLimits, Step};
use crate::run::recover::{GoingOn, Recovery, Wanted};
use crate::run::schedule::{self, Event, Places};
use crate::run::seats::{Seat, State as SeatsState};
use crate::run::selection::TaskSelection;
use crate::run::waiting::pausing::Pauses;
use crate::run::waiting::standing::Standing;

mod at_work;
mod look;
mod outcomes;
mod phases;
mod standing;
mod told;
mod waits;

/// What a run did.
#[derive(Debug)]
pub(crate) struct DriverSummary {
    pub(crate) reason: Reason,
    pub(crate) merged: u32,
    /// How much was merged.
    pub(crate) changed: Option<DiffStat>,
    pub(crate) measures: u32,
    pub(crate) attempted: u32,
    /// Groups that it found done.
    pub(crate) groups_done: u32,
    /// How many groups are done, of how many.
    pub(crate) groups: GroupCounts,
    /// Tasks that are held, of those that it might attempt.
    pub(crate) held: usize,
    /// How the issues stood when it ended.
    pub(crate) counts: IssueCounts,
    pub(crate) usage: Usage,
    pub(crate) fixing: Option<Fixing>,
    pub(crate) reviews: Option<Usage>,
}

/// Runs until the plan says stop, or it is interrupted, which is an error of kind [`ErrorKind::Interrupted`]. However it
/// ends, nothing is at work any more then.
pub(crate) async fn drive(
    phases: &Arc<Phases>,
    limits: &RunLimits,
    selection: TaskSelection,
    control: &RunControl,
) -> Result<DriverSummary> {
    let context = &phases.sessions.context;
    let recovery = Recovery::in_run(context)?;
    let wanted = Wanted {
        tasks: &|issue| selection.has(issue),
        calls: &|_| !selection.is_named() && limits.cycles != Some(0),
        ids: phases.sessions.slots.owner_ids(),
    };
    let adopted = adopt(phases, &recovery, &wanted).await?;
    let config = &context.project.config;
    let most = schedule::most(config.stitch.parallel, &config.container, Machine::here());
    let mut driver = Driver {
        phases: Arc::clone(phases),
        control,
        asked: control.asked(),
        // What is asked by now may be newer: the first step takes it in.
        in_force: Reloadable::of(config),
        limits: limits.clone(),
        told_pause: None,
        selection,
        at_work: AtWork::default(),
        places: Places::new(most),
        seated: phases.seats.changes(),
        failure: Event::default(),
        limit: Event::default(),
        progress: Progress::after(limits.barren_before),
        tasks_spent: BTreeMap::new(),
        tasks_failed: BTreeMap::new(),
        backing_off: BTreeMap::new(),
        passed_over: BTreeMap::new(),
        overtaken: 0,
        alone: BTreeSet::new(),
        tasks_begun: BTreeSet::new(),
        most_tasks: limits.most_tasks,
        merged: 0,
        told_scarce: None,
        first_tip: context.tip()?,
        noted: None,
        is_replanned: false,
    };
    driver.take_up_standing()?;
    for one in adopted {
        driver.go_on(one);
    }
    loop {
        match driver.step(&recovery).await {
            Ok(None) => {}
            Ok(Some(reason)) => {
                driver.forget_standing()?;
                return driver.end(reason);
            }
            Err(error) => {
                driver.drain().await;
                driver.forget_standing()?;
                return Err(error);
            }
        }
    }
}

/// Puts right what was left, and reports it.
pub(crate) async fn recover(phases: &Phases, recovery: &Recovery<'_>) -> Result<()> {
    for what in recovery.run(&phases.sessions.engine).await? {
        phases.sessions.context.recorder.emit(EventKind::Recovered { what });
    }
    Ok(())
}

/// Puts right what was left, but for a plan of groups that is being asked for, and takes that over.
pub(crate) async fn recover_but_for_a_plan(phases: &Phases, recovery: &Recovery<'_>) -> Result<Option<TakenOverStep>> {
    let wanted = Wanted {
        tasks: &|_| false,
        calls: &|place| matches!(place, FlowPlace::Plan(_)),
        ids: phases.sessions.slots.owner_ids(),
    };
    let adopted = adopt(phases, recovery, &wanted).await?;
    Ok(adopted.into_iter().find_map(|one| match one {
        Resumed::Call(TakenOverCall::Group(step)) => Some(*step),
        _ => None,
    }))
}

/// Puts right what was left, but for what is wanted and goes on by itself, and takes that over. Nothing else has begun by then: what is set
/// aside for those calls is theirs before anybody else asks.
async fn adopt(phases: &Phases, recovery: &Recovery<'_>, wanted: &Wanted<'_>) -> Result<Vec<Resumed>> {
    let sessions = &phases.sessions;
    let (said, adopted) = recovery.adopt(&sessions.engine, wanted).await?;
    for what in said {
        sessions.context.recorder.emit(EventKind::Recovered { what });
    }
    let take_over = |going_on: GoingOn| {
        Ok(match going_on {
            GoingOn::Attempt(adopted) => {
                let task = adopted.issue.id.clone();
                Resumed::Attempt(task, Box::new(phases.stitch.take_over(*adopted)?))
            }
            GoingOn::Measure(adopted) => Resumed::Call(phases.take_over(*adopted)?),
        })
    };
    tokio::task::block_in_place(|| adopted.into_iter().map(take_over).collect())
}

/// Work of a dead run that this one has taken over.
enum Resumed {
    Attempt(IssueId, Box<TakenOver>),
    /// A call about no task.
    Call(TakenOverCall),
}

struct Driver<'a> {
    /// The tip of the generation's branch when the run began.
    first_tip: Oid,
    phases: Arc<Phases>,
    control: &'a RunControl,
    /// What people ask of the run.
    asked: watch::Receiver<Asked>,
    /// What the run has taken in of the configuration.
    in_force: Reloadable,
    limits: RunLimits,
    /// What was told of a person's pause: whether nothing was in progress any more.
    told_pause: Option<bool>,
    selection: TaskSelection,
    at_work: AtWork,
    /// How many tasks may have an agent at work.
    places: Places,
    /// What shows that an agent has done its work, so that another one may begin.
    seated: watch::Receiver<SeatsState>,
    /// When the infrastructure failed last.
    failure: Event,
    /// When a limit of the account was met last.
    limit: Event,
    progress: Progress,
    /// Tasks that met their own budget in this run, and what was reported of it.
    tasks_spent: BTreeMap<IssueId, String>,
    /// How often the infrastructure failed the calls of a task in this run.
    tasks_failed: BTreeMap<IssueId, u32>,
    /// Until when such tasks are not tried again while others are at work.
    backing_off: BTreeMap<IssueId, Timestamp>,
    /// How often tasks were passed over for the files that they name.
    passed_over: BTreeMap<IssueId, u32>,
    /// How many tasks began one after the other that were newer than another one that could.
    overtaken: u32,
    /// Tasks that met a limit which was less than there was left, since others were at work: they go on alone, with all of it.
    alone: BTreeSet<IssueId>,
    /// The tasks that this run attempted.
    tasks_begun: BTreeSet<IssueId>,
    /// How many tasks it may attempt; `None` means no limit.
    most_tasks: Option<u32>,
    merged: u32,
    /// The reset of the window for whose end it was told that fewer tasks are at work at once.
    told_scarce: Option<Timestamp>,
    /// What is written down of how the run stands.
    noted: Option<Standing>,
    /// Whether groups were planned for documents that changed.
    is_replanned: bool,
}

impl Driver<'_> {
    fn context(&self) -> &RunContext {
        &self.phases.sessions.context
    }

    fn interruption(&self) -> &Interruption {
        &self.control.interruption
    }

    fn pauses(&self) -> &Pauses {
        &self.phases.sessions.pauses
    }

    /// Takes one step. Returns why the run ends, if it does; an error is what it ends with.
    async fn step(&mut self, recovery: &Recovery<'_>) -> Result<Option<Reason>> {
        self.context().recorder.check()?;
        if self.interruption().is_asked() {
            return self.end_interrupted().await;
        }
        self.take_in_what_is_asked();
        self.note_standing()?;
        self.seated.mark_unchanged();
        let look = tokio::task::block_in_place(|| self.look(recovery))?;
        let step = plan::next(&look.state, &self.limits);
        self.phases.seats.set_most(look.state.places);
        self.phases.sessions.room.share_among(look.sharers);
        self.tell_scarce(look.scarce.as_ref());
        self.tell_progress(&step)?;
        match step {
            Step::Recover => self.recover(recovery).await?,
            Step::Stitch(task) => {
                for passed in &look.passed_over {
                    *self.passed_over.entry(passed.clone()).or_default() += 1;
                }
                self.overtaken = if look.overtakes {
                    self.overtaken.saturating_add(1)
                } else {
                    0
                };
                self.begin_attempt(task).await?;
            }
            Step::Measure => self.begin_measure().await?,
            Step::Group(step) => {
                // The end of a group makes no call.
                if !matches!(step, GroupStep::Finish(_)) {
                    self.progress.measures_begun += 1;
                }
                let number = self.progress.measures_begun;
                self.at_work
                    .begin_group(&self.phases, (step, number), &self.control.interruption);
            }
            Step::Wait(pause) => self.wait(&pause).await?,
            Step::Halt => self.halt().await,
            Step::Rest => self.rest().await?,
            Step::Await(until) => self.wait_for_end(until).await?,
            Step::Stop(reason) => return Ok(Some(reason)),
        }
        Ok(None)
    }

    /// Begins an attempt at a task, unless one that goes on was faster in taking the seat.
    async fn begin_attempt(&mut self, task: IssueId) -> Result<()> {
        let seat = self.take_seat(|| {
            let issues = tokio::task::block_in_place(|| self.context().store.read())?;
            let issue = issues.get(&task)?;
            Ok(candidates_of(
                &self.context().project.config,
                issue,
                issue.next_attempt(),
            ))
        })?;
        let Some(seat) = seat else {
            return self.wait_for_end(None).await;
        };
        let interruption = &self.control.interruption;
        self.at_work.begin_attempt(&self.phases, (task, seat), interruption);
        Ok(())
    }

    /// Takes a seat for what begins with so many agents; `None` where there is none. With `auto` each agent counts, which must not
    /// be more containers than the machine has room for.
    fn take_seat(&self, agents: impl FnOnce() -> Result<u32>) -> Result<Option<Seat>> {
        Ok(match self.in_force.parallel {
            Parallel::Count(_) => self.phases.seats.begin(),
            Parallel::Auto => self.phases.seats.begin_counting(agents()?),
        })
    }

    /// Begins a measure, unless a task that goes on was faster in taking the seat.
    async fn begin_measure(&mut self) -> Result<()> {
        let seat = self.take_seat(|| Ok(1))?;
        let Some(seat) = seat else {
            return self.wait_for_end(None).await;
        };
        let number = self.progress.measure_begins();
        self.at_work
            .begin_measure(&self.phases, (number, seat), &self.control.interruption);
        Ok(())
    }

    /// Goes on with work of a dead run.
    fn go_on(&mut self, resumed: Resumed) {
        let interruption = &self.control.interruption;
        match resumed {
            Resumed::Attempt(task, taken_over) => {
                self.tasks_begun.insert(task.clone());
                let seat = self.phases.seats.go_on();
                self.at_work
                    .go_on(&self.phases, (task, *taken_over, seat), interruption);
            }
            Resumed::Call(taken_over) => {
                self.progress.measure_begins();
                let seat = self.phases.seats.go_on();
                self.at_work.go_on_call(&self.phases, (taken_over, seat), interruption);
            }
        }
    }

    /// Takes in what people asked of the run since the last step, beside that it ends.
    fn take_in_what_is_asked(&mut self) {
        let asked = *self.asked.borrow_and_update();
        self.tell_pause(asked.paused);
        if asked.config == self.in_force {
            return;
        }
        let Reloadable { parallel, wait, budget } = asked.config;
        let container = &self.context().project.config.container;
        let most = schedule::most(parallel, container, Machine::here());
        self.places.set_most(most);
        self.limits.wait = wait;
        self.limits.has_budget = budget.is_for_several();
        if budget != self.in_force.budget {
            self.phases.sessions.room.set(budget);
            // What was met is looked for anew.
            self.progress.spent = None;
            self.tasks_spent.clear();
        }
        self.in_force = asked.config;
    }

    /// Waits until all that is at work has ended, as it does once the run is asked to end.
    async fn end_interrupted(&mut self) -> Result<Option<Reason>> {
        while let Some(ended) = self.at_work.ended().await {
            self.take_in(ended)?;
        }
        self.tell_end(None)?;
        Err(self.interruption().error())
    }

    /// Lets all that is at work come to its end. What it comes to is in the store; a further error is only told.
    async fn drain(&mut self) {
        while let Some(ended) = self.at_work.ended().await {
            if let Err(error) = self.take_in(ended) {
                self.tell_failure(&error);
            }
        }
    }

    fn tell_failure(&self, error: &Error) {
        self.context().warn(error.in_a_line());
    }

    /// Puts right what an attempt left whose engine failed; an engine that fails again counts as one failure more.
    async fn recover(&mut self, recovery: &Recovery<'_>) -> Result<()> {
        match recover(&self.phases, recovery).await {
            Err(error) if error.kind() == ErrorKind::Engine => self.progress.failed(error.in_a_line()),
            Err(error) => return Err(error),
            Ok(()) if recovery.is_held_up()? => {
                self.progress
                    .failed("a container of this run could not be ended".to_owned());
            }
            Ok(()) => {}
        }
        Ok(())
    }
}
