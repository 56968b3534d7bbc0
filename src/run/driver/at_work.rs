//! What is at work: a task of the runtime for each attempt, and for a measure.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::task::JoinSet;

use super::phases::{Phases, TakenOverCall};
use crate::base::error::{ErrorKind, Result};
use crate::base::interruption::Interruption;
use crate::model::IssueId;
use crate::run::phase::group::GroupOutcome;
use crate::run::phase::measure::MeasureOutcome;
use crate::run::phase::stitch::{StitchOutcome, TakenOver};
use crate::run::plan::{self, GroupStep};
use crate::run::seats::Seat;
use crate::run::waiting::pausing::LimitsSeen;

/// What is at work now.
#[derive(Default)]
pub(super) struct AtWork {
    running: JoinSet<Ended>,
    tasks: BTreeMap<IssueId, u64>,
    is_measuring: bool,
    /// The number of what begins next.
    next: u64,
}

/// Something that was at work and has ended.
pub(super) struct Ended {
    pub(super) work: Work,
    /// Which one it was, counted from 0 in the order in which they begin.
    pub(super) number: u64,
    /// The limits that were known when it began.
    pub(super) seen: LimitsSeen,
    pub(super) came_to: Result<CameTo>,
}

/// What is at work.
#[derive(Clone)]
pub(super) enum Work {
    Task(IssueId),
    Measure,
}

/// What came of it.
pub(super) enum CameTo {
    Attempt(StitchOutcome),
    Measure(MeasureOutcome),
    Group(GroupOutcome),
    /// It was not begun: the run is to end, or a person was faster.
    Nothing,
}

impl AtWork {
    /// Returns the number of what begins next.
    pub(super) fn next_number(&self) -> u64 {
        self.next
    }

    /// Returns whether nothing is at work.
    pub(super) fn is_nothing(&self) -> bool {
        self.running.is_empty()
    }

    /// Returns how much is at work: tasks, and a measure.
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.running.len()).unwrap_or(u32::MAX)
    }

    /// Returns the tasks that are at work.
    pub(super) fn tasks(&self) -> impl Iterator<Item = &IssueId> {
        self.tasks.keys()
    }

    /// Returns whether a task is at work.
    pub(super) fn has(&self, task: &IssueId) -> bool {
        self.tasks.contains_key(task)
    }

    /// Returns how much is at work; `calling` is how many seats are taken, or waited for.
    pub(super) fn counts(&self, calling: u32) -> plan::AtWork {
        plan::AtWork {
            tasks: u32::try_from(self.tasks.len()).unwrap_or(u32::MAX),
            calling,
            measure: self.is_measuring,
        }
    }

    /// Begins an attempt at a task.
    pub(super) fn begin_attempt(
        &mut self,
        phases: &Arc<Phases>,
        (task, seat): (IssueId, Seat),
        interruption: &Interruption,
    ) {
        let (own, interruption, id) = (Arc::clone(phases), interruption.clone(), task.clone());
        let attempt = async move { Box::pin(attempt(&own, (&id, seat), &interruption)).await };
        self.begin(Work::Task(task), phases, attempt);
    }

    /// Goes on with an attempt at a task that a dead run was at.
    pub(super) fn go_on(
        &mut self,
        phases: &Arc<Phases>,
        (task, taken_over, seat): (IssueId, TakenOver, Seat),
        interruption: &Interruption,
    ) {
        let (own, interruption) = (Arc::clone(phases), interruption.clone());
        let attempt = async move {
            let done = Box::pin(own.stitch.go_on(taken_over, seat, &interruption)).await;
            done.map(CameTo::Attempt)
        };
        self.begin(Work::Task(task), phases, attempt);
    }

    /// Begins the measure of this number in its run; it has its seat until it ends.
    pub(super) fn begin_measure(
        &mut self,
        phases: &Arc<Phases>,
        (measure_number, seat): (u32, Seat),
        interruption: &Interruption,
    ) {
        let (own, interruption) = (Arc::clone(phases), interruption.clone());
        let measure = async move {
            let _seat = seat;
            Box::pin(measure(&own, measure_number, &interruption)).await
        };
        self.begin(Work::Measure, phases, measure);
    }

    /// Begins something about groups; `number` is that of its calls in the run.
    pub(super) fn begin_group(
        &mut self,
        phases: &Arc<Phases>,
        (step, number): (GroupStep, u32),
        interruption: &Interruption,
    ) {
        let (own, interruption) = (Arc::clone(phases), interruption.clone());
        let group = async move { Box::pin(group(&own, (&step, number), &interruption)).await };
        self.begin(Work::Measure, phases, group);
    }

    /// Goes on with a measure, or another call about no task, that a dead run was at.
    pub(super) fn go_on_call(
        &mut self,
        phases: &Arc<Phases>,
        (taken_over, seat): (TakenOverCall, Seat),
        interruption: &Interruption,
    ) {
        let (own, interruption) = (Arc::clone(phases), interruption.clone());
        let measure = async move {
            let _seat = seat;
            Ok(match taken_over {
                TakenOverCall::Measure(one) => CameTo::Measure(Box::pin(own.measure.go_on(*one, &interruption)).await?),
                TakenOverCall::Part(one) => CameTo::Measure(Box::pin(own.audit.go_on(*one, &interruption)).await?),
                TakenOverCall::Group(one) => {
                    let done = Box::pin(own.groups.go_on(*one, &interruption)).await?;
                    CameTo::Group(GroupOutcome::Made(done))
                }
            })
        };
        self.begin(Work::Measure, phases, measure);
    }

    /// Has something be at work from now on, as a task of the runtime.
    fn begin(&mut self, work: Work, phases: &Phases, coming_to: impl Future<Output = Result<CameTo>> + Send + 'static) {
        let number = self.number();
        match &work {
            Work::Task(task) => drop(self.tasks.insert(task.clone(), number)),
            Work::Measure => self.is_measuring = true,
        }
        let seen = phases.sessions.pauses.seen();
        self.running.spawn(async move {
            Ended {
                came_to: coming_to.await,
                work,
                number,
                seen,
            }
        });
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }

    /// Waits for the next end; `None` where nothing is at work. It loses nothing when it is dropped.
    pub(super) async fn ended(&mut self) -> Option<Ended> {
        let ended = match self.running.join_next().await? {
            Ok(ended) => ended,
            // Nobody aborts one, so it has panicked: as if it had been called here.
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        };
        match &ended.work {
            Work::Task(task) => drop(self.tasks.remove(task)),
            Work::Measure => self.is_measuring = false,
        }
        Some(ended)
    }
}

/// Sees that the gates run, claims a task, and makes one attempt at it.
async fn attempt(phases: &Phases, (task, seat): (&IssueId, Seat), interruption: &Interruption) -> Result<CameTo> {
    let base = phases.gates.see_that_they_run(interruption).await?;
    if interruption.is_asked() {
        return Ok(CameTo::Nothing);
    }
    let claimed = match phases.stitch.claim(task, base) {
        // A person closed, held or deleted it since we looked: then we look again.
        Err(error)
            if matches!(error.kind(), ErrorKind::Precondition | ErrorKind::Usage) && !is_ready(phases, task)? =>
        {
            return Ok(CameTo::Nothing);
        }
        claimed => claimed?,
    };
    let done = phases.stitch.attempt(claimed, seat, interruption).await?;
    Ok(CameTo::Attempt(done))
}

fn is_ready(phases: &Phases, task: &IssueId) -> Result<bool> {
    let issues = phases.sessions.context.store.read()?;
    Ok(issues.ready().iter().any(|issue| issue.id == *task))
}

/// Makes one measure.
async fn measure(phases: &Phases, number: u32, interruption: &Interruption) -> Result<CameTo> {
    let done = phases.measure(number, interruption).await?;
    Ok(done.map_or(CameTo::Nothing, CameTo::Measure))
}

/// Takes a step about groups; before the first call, it is seen that the gates run.
async fn group(phases: &Phases, (step, number): (&GroupStep, u32), interruption: &Interruption) -> Result<CameTo> {
    if *step == GroupStep::Plan {
        phases.gates.see_that_they_run(interruption).await?;
        if interruption.is_asked() {
            return Ok(CameTo::Nothing);
        }
    }
    let done = phases.groups.step(step, number, interruption).await;
    done.map(CameTo::Group)
}
