//! The driver: looks how things stand, asks the plan for a step, takes it, and looks again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::accounting::budget::{self, Scope};
use crate::base::clock::{later, signed};
use crate::base::error::{ErrorKind, Result};
use crate::base::interruption::{Interruption, interrupted};
use crate::git::{DiffStat, Oid};
use crate::issues::attempt::Outcome;
use crate::issues::issue::{Issue, IssueCounts, Issues, Status};
use crate::issues::round::Fixing;
use crate::model::IssueId;
use crate::model::{Role, Usage};
use crate::record::event::EventKind;
use crate::run::context::RunContext;
use crate::run::gate::Gates;
use crate::run::guidance::{self, Standing};
use crate::run::phase::measure::{FiledAs, Measure, MeasureOutcome};
use crate::run::phase::stitch::Stitch;
use crate::run::plan::{self, Progress, Reason, RunLimits, Step};
use crate::run::recover::Recovery;
use crate::run::selection::TaskSelection;
use crate::run::session::Sessions;
use crate::run::waiting::pause::Pause;
use crate::run::waiting::pausing::Pauses;
use crate::run::waiting::retry::BackOff;
use crate::sandbox::engine::Engine;

/// What a run did.
#[derive(Debug)]
pub(crate) struct DriverSummary {
    pub(crate) reason: Reason,
    pub(crate) merged: u32,
    /// How much was merged.
    pub(crate) changed: Option<DiffStat>,
    pub(crate) measures: u32,
    pub(crate) attempted: u32,
    /// Tasks that are held, of those that it might attempt.
    pub(crate) held: usize,
    /// How the issues stood when it ended.
    pub(crate) counts: IssueCounts,
    pub(crate) usage: Usage,
    pub(crate) fixing: Option<Fixing>,
    pub(crate) reviews: Option<Usage>,
}

/// What a run is driven with.
pub(crate) struct Phases {
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) gates: Arc<Gates>,
    pub(crate) stitch: Stitch,
    pub(crate) measure: Measure,
}

impl Phases {
    /// Builds the driver of a run.
    ///
    /// # Errors
    ///
    /// Where git's settings, which name protected files, cannot be read.
    pub(crate) fn new(context: Arc<RunContext>, engine: Engine, filed_as: FiledAs) -> Result<Self> {
        let gates = Arc::new(Gates::new(Arc::clone(&context), engine.clone()));
        let protected = context.project.protected()?;
        let sessions = Arc::new(Sessions::new(context, engine));
        Ok(Self {
            stitch: Stitch {
                sessions: Arc::clone(&sessions),
                gates: Arc::clone(&gates),
                protected,
            },
            measure: Measure {
                sessions: Arc::clone(&sessions),
                filed_as,
            },
            sessions,
            gates,
        })
    }
}

/// Runs until the plan says stop, or it is interrupted, which is an error of kind [`ErrorKind::Interrupted`].
pub(crate) async fn drive(
    phases: &Phases,
    limits: &RunLimits,
    selection: TaskSelection,
    interruption: &Interruption,
) -> Result<DriverSummary> {
    let context = &phases.sessions.context;
    let recovery = Recovery::in_run(context)?;
    recover(phases, &recovery).await?;
    let mut driver = Driver {
        phases,
        selection,
        progress: Progress::default(),
        tasks_spent: BTreeMap::new(),
        tasks_failed: BTreeMap::new(),
        tasks_begun: BTreeSet::new(),
        most_tasks: limits.most_tasks,
        merged: 0,
        first_tip: context.tip()?,
    };
    loop {
        context.recorder.check()?;
        if interruption.is_asked() {
            driver.tell_end(None)?;
            return Err(interrupted());
        }
        let step = plan::next(&driver.snapshot(&recovery)?, limits);
        driver.tell_progress(&step)?;
        match step {
            Step::Recover => driver.recover(&recovery, interruption).await?,
            Step::Stitch(task) => driver.stitch(&task, interruption).await?,
            Step::Measure => driver.measure(interruption).await?,
            Step::Wait(pause) => driver.wait(&pause, interruption).await?,
            Step::Stop(reason) => return driver.end(reason),
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

/// How things stand when a run ends.
struct RunEnd {
    issues: Issues,
    counts: IssueCounts,
    usage: Usage,
    fixing: Option<Fixing>,
    reviews: Option<Usage>,
    changed: Option<DiffStat>,
}

struct Driver<'a> {
    /// The tip of the generation's branch when the run began.
    first_tip: Oid,
    phases: &'a Phases,
    selection: TaskSelection,
    progress: Progress,
    /// Tasks that met their own budget in this run, and what was reported of it.
    tasks_spent: BTreeMap<IssueId, String>,
    /// How often the infrastructure failed the calls of a task in this run.
    tasks_failed: BTreeMap<IssueId, u32>,
    /// The tasks that this run attempted.
    tasks_begun: BTreeSet<IssueId>,
    /// How many tasks it may attempt; `None` means no limit.
    most_tasks: Option<u32>,
    merged: u32,
}

impl Driver<'_> {
    fn context(&self) -> &RunContext {
        &self.phases.sessions.context
    }

    fn pauses(&self) -> &Pauses {
        &self.phases.sessions.pauses
    }

    /// Reports how far the run is, before a step that takes long.
    fn tell_progress(&mut self, step: &Step) -> Result<()> {
        let issues = self.context().store.read()?;
        let mut cycle = issues.cycle();
        match step {
            Step::Stitch(task) => {
                self.tasks_begun.insert(task.clone());
            }
            Step::Measure => cycle = cycle.saturating_add(1),
            Step::Wait(_) => {}
            Step::Recover | Step::Stop(_) => return Ok(()),
        }
        let is_left = |issue: &&Issue| {
            issue.status == Status::Open && self.selection.has(issue) && !self.tasks_begun.contains(&issue.id)
        };
        let run = self.context().recorder.run();
        let config = &self.context().project.config.budget;
        let budgets = budget::Standing::of(config, Some(run), cycle, issues.ledger());
        let left = budgets
            .iter()
            .filter_map(|one| one.usd)
            .map(|usd| usd.limit - usd.spent);
        self.context().recorder.emit(EventKind::RunProgress {
            task: self.tasks_begun.len(),
            tasks: {
                let all = self.tasks_begun.len() + issues.iter().filter(is_left).count();
                self.most_tasks.map_or(all, |most| all.min(most as usize))
            },
            usage: issues.usage_of_run(run),
            left_usd: left.reduce(f64::min).map(|left| left.max(0.0)),
        });
        Ok(())
    }

    /// Returns how things stand.
    fn snapshot(&self, recovery: &Recovery<'_>) -> Result<plan::RunState> {
        let issues = self.context().store.read()?;
        let (ready, unaffordable) = self.first_ready(&issues)?;
        let config = &self.context().project.config;
        let (of_attempts, of_measures) = (config.roles_of_attempts(), config.roles_of_measures());
        let pauses = self.pauses().of(&[&of_attempts[..], &of_measures].concat())?;
        Ok(plan::RunState {
            leftovers: recovery.is_needed(&issues)?,
            ready,
            unaffordable,
            open: self.selected_with(Status::Open, &issues),
            blocked: self.selected_with(Status::Blocked, &issues),
            begun: u32::try_from(self.tasks_begun.len()).unwrap_or(u32::MAX),
            proposed: self.selected(&issues).filter(|issue| issue.is_proposed()).count(),
            stitch: self.hindrance(&of_attempts, &issues, &pauses),
            measure: self.hindrance(&of_measures, &issues, &pauses),
            run: self.progress.clone(),
            now: self.context().now(),
        })
    }

    /// Counts the tasks with a status, of those that this run may attempt.
    fn selected_with(&self, status: Status, issues: &Issues) -> usize {
        self.selected(issues).filter(|issue| issue.status == status).count()
    }

    /// Returns the tasks that this run may attempt.
    fn selected<'a>(&'a self, issues: &'a Issues) -> impl Iterator<Item = &'a Issue> {
        issues.iter().filter(|issue| self.selection.has(issue))
    }

    /// Returns what stands in the way of a step that makes calls of these roles, of the first one in any case.
    fn hindrance(&self, roles: &[Role], issues: &Issues, pauses: &[Pause]) -> plan::Hindrance {
        let spent = |role: &Role| self.phases.sessions.spent(*role, None, issues);
        let pause = |role: &Role| self.pauses().holding_up(*role, pauses).cloned();
        plan::Hindrance {
            spent: roles.first().and_then(spent).map(|spent| spent.reason),
            pause: roles.iter().find_map(pause),
        }
    }

    /// Returns why a task's own budget has no room for another call.
    fn task_spent(&self, task: &IssueId, issues: &Issues) -> Option<String> {
        let met = self.tasks_spent.get(task).cloned();
        met.or_else(|| {
            let spent = self.phases.sessions.spent(Role::Stitch, Some(task), issues)?;
            (spent.scope == Scope::Task).then_some(spent.reason)
        })
    }

    /// Returns the ready task to do first: one whose session waits, else the first of all, but none whose own budget is
    /// spent, and those last whose calls the infrastructure failed in this run, so that nobody waits for them for ever.
    /// With none, why one was passed over.
    fn first_ready(&self, issues: &Issues) -> Result<(Option<IssueId>, Option<String>)> {
        let waiting = self.phases.sessions.slots.all_suspended(issues)?;
        let waits = |issue: &&Issue| waiting.iter().any(|one| one.owner.task.as_ref() == Some(&issue.id));
        let ready = issues.ready().into_iter().filter(|issue| self.selection.has(issue));
        let (first, rest): (Vec<_>, Vec<_>) = ready.partition(waits);
        let mut unaffordable = None;
        let mut candidates = [first, rest].concat();
        candidates.sort_by_key(|issue| self.tasks_failed.get(&issue.id).copied().unwrap_or_default());
        let may_begin = self
            .most_tasks
            .is_none_or(|most| self.tasks_begun.len() < most as usize);
        let candidates = candidates
            .into_iter()
            .filter(|issue| may_begin || self.tasks_begun.contains(&issue.id));
        for Issue { id, .. } in candidates {
            match self.task_spent(id, issues) {
                None => return Ok((Some(id.clone()), None)),
                Some(reason) => unaffordable = unaffordable.or(Some(reason)),
            }
        }
        Ok((None, unaffordable))
    }

    /// Puts right what an attempt left whose engine failed; an engine that fails again counts as one failure more.
    async fn recover(&mut self, recovery: &Recovery<'_>, interruption: &Interruption) -> Result<()> {
        self.pause_after_failure(interruption).await;
        if interruption.is_asked() {
            return Ok(());
        }
        match recover(self.phases, recovery).await {
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

    async fn stitch(&mut self, task: &IssueId, interruption: &Interruption) -> Result<()> {
        if !self.may_call(interruption).await? {
            return Ok(());
        }
        let claimed = match self.phases.stitch.claim(task) {
            // A person closed, held or deleted it since we looked: then we look again.
            Err(error)
                if matches!(error.kind(), ErrorKind::Precondition | ErrorKind::Usage) && !self.is_ready(task)? =>
            {
                return Ok(());
            }
            claimed => claimed?,
        };
        let done = self.phases.stitch.attempt(claimed, interruption).await?;
        self.progress.refused = done.refused;
        if let Some(why) = &done.request_refused {
            self.progress.request_refused(task, why);
        }
        match done.spent {
            Some(Scope::Task) => {
                let reason = format!("{task}'s budget is spent ({})", done.reason);
                self.tasks_spent.insert(task.clone(), reason);
            }
            Some(scope @ (Scope::Cycle | Scope::Run | Scope::Generation)) => {
                let whose = scope.name();
                self.progress.spent = Some(format!("the {whose}'s budget is spent ({})", done.reason));
            }
            Some(Scope::Call) | None => {}
        }
        match done.outcome {
            Outcome::InfrastructureFailed if done.session_lost => self
                .context()
                .warn(format!("{task}: the agent session no longer exists; starting over")),
            Outcome::InfrastructureFailed => {
                *self.tasks_failed.entry(task.clone()).or_default() += 1;
                self.progress.failed(done.reason);
            }
            Outcome::Limited | Outcome::Cancelled => {}
            outcome => {
                self.progress.failures_in_a_row = 0;
                self.pauses().got_through();
                self.progress.attempted += 1;
                self.progress.attempted_in_cycle += 1;
                self.merged += u32::from(outcome == Outcome::Merged);
                if outcome == Outcome::Merged {
                    self.progress.requests_refused.clear();
                }
            }
        }
        Ok(())
    }

    async fn measure(&mut self, interruption: &Interruption) -> Result<()> {
        if !self.may_call(interruption).await? {
            return Ok(());
        }
        self.progress.measures_begun += 1;
        match self
            .phases
            .measure
            .measure(self.progress.measures_begun, interruption)
            .await?
        {
            MeasureOutcome::Filed(filed) => {
                self.progress.measures += 1;
                self.progress.last_filed = Some(filed);
                self.progress.attempted_in_cycle = 0;
                self.progress.failures_in_a_row = 0;
                self.pauses().got_through();
            }
            MeasureOutcome::Spent(reason) => self.progress.spent = Some(reason),
            MeasureOutcome::Refused(reason) => self.progress.refused = Some(reason),
            MeasureOutcome::Failed(why) => self.progress.failed(why),
            MeasureOutcome::Limited(_) | MeasureOutcome::SessionLost | MeasureOutcome::Cancelled => {}
        }
        Ok(())
    }

    /// Waits out a failure of the infrastructure and sees that the gates run; returns false where the run was asked to
    /// end meanwhile.
    async fn may_call(&self, interruption: &Interruption) -> Result<bool> {
        self.pause_after_failure(interruption).await;
        if interruption.is_asked() {
            return Ok(false);
        }
        self.phases.gates.see_that_they_run(interruption).await?;
        Ok(!interruption.is_asked())
    }

    /// Gives failing infrastructure some time before the next call.
    async fn pause_after_failure(&self, interruption: &Interruption) {
        let failures = self.progress.failures_in_a_row;
        if failures == 0 {
            return;
        }
        let clock = self.context().project.clock();
        let delay = BackOff::new(&self.context().project.config.retry).delay(failures, clock.random());
        let until = later(self.context().now(), signed(delay));
        let reason = format!("the infrastructure failed ({})", self.progress.last_failure);
        self.context().recorder.emit(EventKind::Paused { until, reason });
        tokio::select! {
            () = clock.sleep_until(until) => {}
            () = interruption.asked() => {}
        }
    }

    fn is_ready(&self, task: &IssueId) -> Result<bool> {
        let issues = self.context().store.read()?;
        Ok(issues.ready().iter().any(|issue| issue.id == *task))
    }

    /// Waits until a pause is over, or until somebody lifts it.
    async fn wait(&self, pause: &Pause, interruption: &Interruption) -> Result<()> {
        let now = self.context().now();
        let until = later(now, pause.remaining(now));
        self.context().recorder.emit(EventKind::Paused {
            until,
            reason: pause.reason.clone(),
        });
        tokio::select! {
            () = self.context().project.clock().sleep_until(until) => self.pauses().end(pause),
            lifted = self.pauses().lifted(pause) => lifted,
            () = interruption.asked() => Ok(()),
        }
    }

    /// Reports that the run ends, what it did, and what to do next; without a reason it was interrupted.
    fn tell_end(&self, reason: Option<&Reason>) -> Result<RunEnd> {
        let issues = self.context().store.read()?;
        let counts = issues.counts();
        let run = self.context().recorder.run();
        let (usage, fixing) = (issues.usage_of_run(run), issues.fixing_of_run(run));
        let reviews = issues.reviews_of_run(run);
        let pause = match reason {
            Some(Reason::Limited(pause)) => Some(pause.until),
            _ => None,
        };
        let changed = self.changed()?;
        self.context().recorder.emit(EventKind::RunEnded {
            reason: reason.map_or_else(|| "interrupted".to_owned(), guidance::why),
            merged: self.merged,
            changed,
            blocked: counts.blocked,
            open: counts.open,
            usage,
            fixing,
            reviews,
            paused_until: pause,
            next: match reason {
                Some(reason) => guidance::after_run(reason, &Standing::of(&issues)),
                None => guidance::after_interruption(),
            },
        });
        Ok(RunEnd {
            issues,
            counts,
            usage,
            fixing,
            reviews,
            changed,
        })
    }

    /// Returns how much the generation's branch changed since the run began; `None` where it merged nothing.
    fn changed(&self) -> Result<Option<DiffStat>> {
        let git = &self.context().project.git;
        let diff = || git.diff_stat(self.first_tip, self.context().tip()?);
        (self.merged > 0).then(diff).transpose()
    }

    fn end(self, reason: Reason) -> Result<DriverSummary> {
        let end = self.tell_end(Some(&reason))?;
        Ok(DriverSummary {
            held: self.selected_with(Status::Blocked, &end.issues),
            reason,
            merged: self.merged,
            changed: end.changed,
            measures: self.progress.measures,
            attempted: self.progress.attempted,
            counts: end.counts,
            usage: end.usage,
            fixing: end.fixing,
            reviews: end.reviews,
        })
    }
}
