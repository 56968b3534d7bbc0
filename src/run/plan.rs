//! What to do next: a pure function from how things stand to one step, so that `resume` is `run` on what is there. It is
//! asked again after each step that began, and after each that ended, until there is nothing to do but to wait.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::config::{Config, LimitWait, RetryConfig};
use crate::issues::issue::BuildStep;
use crate::model::IssueId;
use crate::run::waiting::pause::Pause;
use crate::run::waiting::retry::Rest;

/// How things stand, as the driver sees them before each step.
#[derive(Clone, Debug, Default)]
pub(crate) struct RunState {
    /// Something an earlier run left: containers, dirty slots, claims nobody works on.
    pub(crate) leftovers: bool,
    /// The ready task that comes first; one whose own budget is spent is passed over.
    pub(crate) ready: Option<IssueId>,
    /// Why a ready task was passed over.
    pub(crate) unaffordable: Option<String>,
    /// Tasks that this run has begun to attempt. With as many as it may, only these are ready.
    pub(crate) begun: u32,
    /// Tasks that are open, ready or not.
    pub(crate) open: usize,
    /// Tasks held for a person.
    pub(crate) blocked: usize,
    /// Those of them that a measure filed and nobody has released yet.
    pub(crate) proposed: usize,
    /// What is to be done about groups; `None` where the work has none.
    pub(crate) build: Option<BuildStep>,
    /// What stands in the way of a stitch.
    pub(crate) stitch: Hindrance,
    /// What stands in the way of a measure.
    pub(crate) measure: Hindrance,
    /// What is at work.
    pub(crate) at_work: AtWork,
    /// How many tasks may have an agent at work at once; at least one may.
    pub(crate) places: u32,
    /// How many may be at work at once; at least one may.
    pub(crate) most_tasks: u32,
    /// When more may begin although nothing has ended: a ready task that is not counted as such, since its calls failed,
    /// may be tried again, or a window of the account begins anew.
    pub(crate) look_again: Option<Timestamp>,
    /// Whether a person has paused the run.
    pub(crate) paused: bool,
    /// What this run did so far.
    pub(crate) run: Progress,
    /// The present moment.
    pub(crate) now: Timestamp,
}

/// What is at work.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AtWork {
    /// Tasks.
    pub(crate) tasks: u32,
    /// Seats that are taken or waited for, that of a measure among them.
    pub(crate) calling: u32,
    /// Whether a measure is.
    pub(crate) measure: bool,
}

impl AtWork {
    fn is_nothing(self) -> bool {
        self.tasks == 0 && !self.measure
    }
}

/// What stands in the way of a role's calls.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hindrance {
    /// Which budget has no room for one, in a sentence.
    pub(crate) spent: Option<String>,
    /// Whether calls in progress hold what one would need: there may be room once they have ended.
    pub(crate) held: bool,
    /// Until when they pause.
    pub(crate) pause: Option<Pause>,
}

/// What a run did so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    /// Measures begun, valid or not: their records are numbered by this.
    pub(crate) measures_begun: u32,
    /// Measures made.
    pub(crate) measures: u32,
    /// Tasks filed by the last measure; `None` before the first.
    pub(crate) last_filed: Option<usize>,
    /// Tasks merged since the last measure.
    pub(crate) merged_in_cycle: u32,
    /// The cycles in a row, before the one in progress, that merged nothing; those of earlier runs count.
    pub(crate) barren_cycles: u32,
    /// Tasks attempted since the last measure.
    pub(crate) attempted_in_cycle: u32,
    /// The tasks attempted and merged of these when the measure in progress began, which is all that it can know of.
    pub(crate) before_measure: (u32, u32),
    /// Tasks attempted in all.
    pub(crate) attempted: u32,
    /// Calls in a row that the infrastructure failed.
    pub(crate) failures_in_a_row: u32,
    /// Calls that the infrastructure failed, in all.
    pub(crate) failures: u32,
    /// Why the last of them failed.
    pub(crate) last_failure: String,
    /// Whether the infrastructure is given some time before the next call.
    pub(crate) rest: Rest,
    /// A budget that a call met: what is left of it is too little for another call.
    pub(crate) spent: Option<String>,
    /// How many groups were found done.
    pub(crate) groups_done: u32,
    /// A gate that is red on what a group has become: which, in a sentence.
    pub(crate) red: Option<String>,
    /// A refusal that no retry fixes: the account, the model, what is in every request.
    pub(crate) refused: Option<String>,
    /// The tasks whose requests were refused for what is in them, since one was merged.
    pub(crate) requests_refused: BTreeSet<IssueId>,
}

/// So many different tasks in a row whose requests are refused show that the tasks are not the reason.
const REFUSED_TASKS: usize = 3;

/// After so many cycles in a row that merged nothing, another one would only cost.
const BARREN_CYCLES: u32 = 2;

/// How much of what is to be done one measure says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MeasureSays {
    /// Another one may say more.
    Some,
    /// All that is to be done.
    All,
    /// What is wrong with files: what stands for it is a report, of which tasks come only where that is asked for.
    Report,
}

/// What bounds a run.
#[derive(Clone, Debug)]
pub(crate) struct RunLimits {
    /// Measures a run may make; `None` is until nothing is left.
    pub(crate) cycles: Option<u32>,
    /// Tasks between two measures; `None` means no limit.
    pub(crate) tasks_per_cycle: Option<u32>,
    /// How many failures are borne.
    pub(crate) retry: RetryConfig,
    /// Whether usage limits are waited out.
    pub(crate) wait: LimitWait,
    /// Tasks that a run may attempt; `None` means no limit.
    pub(crate) most_tasks: Option<u32>,
    /// Whether what a measure files waits for a person.
    pub(crate) confirm: bool,
    /// What a measure says.
    pub(crate) says: MeasureSays,
    /// Whether groups are planned for documents that changed since the last plan.
    pub(crate) replan: bool,
    /// The cycles in a row, of earlier runs, that merged nothing, and after which nobody has changed anything.
    pub(crate) barren_before: u32,
    /// Whether a budget is for more than one task, so that a measure gets all that is left of it.
    pub(crate) has_budget: bool,
}

impl RunLimits {
    /// Builds the limits of a configuration, with the cycles and tasks that the command line asked for.
    pub(crate) fn new(config: &Config, cycles: Option<u32>, most_tasks: Option<u32>) -> Self {
        Self {
            cycles: cycles.or(config.cycles),
            tasks_per_cycle: config.stitch.max_per_cycle.filter(|most| *most > 0),
            retry: config.retry,
            wait: config.limits.wait,
            most_tasks,
            confirm: false,
            says: MeasureSays::Some,
            replan: false,
            barren_before: 0,
            has_budget: config.budget.is_for_several(),
        }
    }

    /// Bounds a run on a request: one measure says all that is to be done, unless it has been made.
    pub(crate) fn for_request(self, is_measured: bool) -> Self {
        Self {
            cycles: Some(u32::from(!is_measured)),
            says: MeasureSays::All,
            ..self
        }
    }

    /// Bounds a run that works through groups: each is measured once, and the run ends when all are done.
    pub(crate) fn for_groups(self, replan: bool) -> Self {
        Self {
            cycles: None,
            replan,
            ..self
        }
    }

    /// Bounds a run whose measure only proposes: one is enough, since nothing of it is done.
    pub(crate) fn confirming(self) -> Self {
        Self {
            cycles: Some(self.cycles.unwrap_or(1).min(1)),
            confirm: true,
            ..self
        }
    }
}

/// What is done about groups beside their tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GroupStep {
    /// They are planned.
    Plan,
    /// All that changed since this one began is read, a batch of it.
    Review(String),
    /// It is seen that the gates pass, and this one is done.
    Finish(String),
}

/// The next thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Put right what an earlier run left.
    Recover,
    /// Do this task.
    Stitch(IssueId),
    /// Ask for tasks.
    Measure,
    /// Do something about groups.
    Group(GroupStep),
    /// Pause.
    Wait(Pause),
    /// Wait until a person lets the run go on.
    Halt,
    /// Give failing infrastructure some time, or until what is at work has shown that it works again.
    Rest,
    /// Wait until something that is at work has ended, or until this moment.
    Await(Option<Timestamp>),
    /// End the run.
    Stop(Reason),
}

/// Why a run ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Measure proposed nothing and nothing is open.
    Complete,
    /// All files are read, and nothing is to be done about them.
    Reported,
    /// All groups are done.
    GroupsDone,
    /// A gate is red on what a group has become: which, in a sentence.
    Red(String),
    /// All that the generation was asked for is done.
    RequestDone,
    /// The cycles asked for were made, and what they filed was done.
    CyclesMade,
    /// The tasks are done, and no measure was asked for.
    TasksDone,
    /// So many tasks were attempted as were asked for.
    TasksAttempted(u32),
    /// What was proposed waits to be released, as was asked for: so many tasks.
    Proposed(usize),
    /// The open tasks wait for others that this run does not attempt.
    Waiting,
    /// What is left waits for a person.
    Blocked,
    /// So many cycles in a row merged nothing.
    Stuck(u32),
    /// A budget is spent: which, in a sentence.
    BudgetSpent(String),
    /// A pause that is not waited out.
    Limited(Pause),
    /// A call was refused for good (by account, model or request), or measure gave no valid answer: what is to be
    /// fixed.
    Refused(String),
    /// The infrastructure failed several times in a row; why the last time.
    Infrastructure(String),
}

/// Decides the next step. A run does not end while anything is at work, and nothing begins beside what cannot have it
/// beside itself: putting right what was left, what is done about groups, and reading files for a report.
pub(crate) fn next(now: &RunState, limits: &RunLimits) -> Step {
    // A run that a person has paused stays, whatever there would be to do, or to end for.
    if now.paused {
        return if now.at_work.is_nothing() {
            Step::Halt
        } else {
            Step::Await(None)
        };
    }
    let step = with_nothing_at_work(now, limits);
    let rests = now.run.rest.is_on(now.now);
    if now.at_work.is_nothing() {
        let is_begun = matches!(step, Step::Recover | Step::Stitch(_) | Step::Measure | Step::Group(_));
        return if is_begun && rests { Step::Rest } else { step };
    }
    let has_seat = now.at_work.calling < now.places.max(1);
    let is_alone = now.at_work.measure && !has_measures_beside_tasks(now, limits);
    let begins = match &step {
        Step::Stitch(_) => has_seat && !is_alone && now.at_work.tasks < now.most_tasks.max(1) && !now.stitch.held,
        Step::Measure => has_seat && !now.at_work.measure && is_due_beside_tasks(now, limits) && !now.measure.held,
        _ => false,
    };
    match step {
        _ if !begins => Step::Await(now.look_again),
        _ if rests => Step::Rest,
        step => step,
    }
}

/// Returns whether measures and tasks may be at work side by side: not those of groups, which are measured one after the other,
/// not where files are read for a report, and not where both would be paid from one budget.
fn has_measures_beside_tasks(now: &RunState, limits: &RunLimits) -> bool {
    now.build.is_none() && limits.says != MeasureSays::Report && !limits.has_budget
}

/// Returns whether a measure would say something new although tasks are at work: they are all that is left of the cycle, and
/// others of it were merged, so that the model sees another state of the repository than the last one did.
fn is_due_beside_tasks(now: &RunState, limits: &RunLimits) -> bool {
    has_measures_beside_tasks(now, limits) && now.open == 0 && now.run.merged_in_cycle > 0
}

/// Decides what to do next as if nothing were at work.
fn with_nothing_at_work(now: &RunState, limits: &RunLimits) -> Step {
    // Before the leftovers: what cannot be put right must not be tried for ever.
    if now.run.failures_in_a_row > limits.retry.count || now.run.failures >= limits.retry.breaker {
        return Step::Stop(Reason::Infrastructure(now.run.last_failure.clone()));
    }
    if now.leftovers {
        return Step::Recover;
    }
    if let Some(reason) = &now.run.refused {
        let spent = now.measure.spent.clone().map(Reason::BudgetSpent);
        return Step::Stop(spent.unwrap_or_else(|| Reason::Refused(reason.clone())));
    }
    if let Some(reason) = &now.run.red {
        return Step::Stop(Reason::Red(reason.clone()));
    }
    if let Some(most) = limits
        .most_tasks
        .filter(|most| now.begun >= *most && now.ready.is_none())
    {
        return Step::Stop(Reason::TasksAttempted(most));
    }
    let may_measure = limits.cycles.is_none_or(|cycles| now.run.measures < cycles);
    let cycle_full = may_measure
        && now.build.is_none()
        && limits
            .tasks_per_cycle
            .is_some_and(|most| now.run.attempted_in_cycle + now.at_work.tasks >= most);
    // Groups are measured once each, so their measures are no cycles: where one merges nothing, another one may.
    let is_stuck = now.build.is_none() && now.run.barren() >= BARREN_CYCLES;
    let call = match &now.ready {
        // What is ready may be what gets the run on.
        Some(task) if !cycle_full || is_stuck => Step::Stitch(task.clone()),
        _ => match without_tasks(now, limits, may_measure) {
            Some(Step::Measure) if is_stuck => return Step::Stop(Reason::Stuck(now.run.barren())),
            Some(call) => call,
            None => return Step::Stop(ending(now, limits)),
        },
    };
    if matches!(call, Step::Group(GroupStep::Finish(_))) {
        return call;
    }
    let hindrance = match call {
        Step::Stitch(_) => &now.stitch,
        _ => &now.measure,
    };
    if let Some(reason) = now.run.spent.as_ref().or(hindrance.spent.as_ref()) {
        return Step::Stop(Reason::BudgetSpent(reason.clone()));
    }
    match &hindrance.pause {
        None => call,
        Some(pause) if pause.is_patient(limits.wait, now.now) => Step::Wait(pause.clone()),
        Some(pause) => Step::Stop(Reason::Limited(pause.clone())),
    }
}

/// Decides what to do where no task can begin; `None` where there is nothing.
fn without_tasks(now: &RunState, limits: &RunLimits, may_measure: bool) -> Option<Step> {
    let Some(build) = &now.build else {
        return (may_measure && !measured_in_vain(&now.run)).then_some(Step::Measure);
    };
    let is_for_tasks_alone = limits.cycles == Some(0);
    match build {
        BuildStep::Plan if may_measure => Some(Step::Group(GroupStep::Plan)),
        BuildStep::Measure(_) if may_measure => Some(Step::Measure),
        BuildStep::Review(key) if !is_for_tasks_alone => Some(Step::Group(GroupStep::Review(key.clone()))),
        BuildStep::Finish(key) if !is_for_tasks_alone => Some(Step::Group(GroupStep::Finish(key.clone()))),
        _ => None,
    }
}

/// Returns whether the last measure filed nothing and nothing happened since: asking again would only cost.
fn measured_in_vain(run: &Progress) -> bool {
    run.last_filed == Some(0) && run.attempted_in_cycle == 0
}

/// Names the end of a run that has nothing more to do.
fn ending(now: &RunState, limits: &RunLimits) -> Reason {
    if now.ready.is_some() {
        return Reason::CyclesMade;
    }
    if let Some(reason) = &now.unaffordable {
        return Reason::BudgetSpent(reason.clone());
    }
    if limits.confirm && now.proposed > 0 && now.proposed == now.blocked {
        return Reason::Proposed(now.proposed);
    }
    match (now.open, now.blocked) {
        (0, 0) if now.build == Some(BuildStep::Done) => Reason::GroupsDone,
        (0, 0) if limits.says == MeasureSays::Report && now.run.last_filed == Some(0) => Reason::Reported,
        (0, 0) if now.build.is_none() && measured_in_vain(&now.run) => Reason::Complete,
        (0, 0) if limits.says != MeasureSays::Some => Reason::RequestDone,
        (0, 0) if limits.cycles == Some(0) => Reason::TasksDone,
        (0, 0) => Reason::CyclesMade,
        (_, 0) => Reason::Waiting,
        _ => Reason::Blocked,
    }
}

impl Progress {
    /// Begins after so many cycles in a row, of earlier runs, that merged nothing.
    pub(crate) fn after(barren_cycles: u32) -> Self {
        Self {
            barren_cycles,
            ..Self::default()
        }
    }

    /// Takes in that the request of an attempt at `task` was refused for what is in it, and why.
    pub(crate) fn request_refused(&mut self, task: &IssueId, why: &str) {
        self.requests_refused.insert(task.clone());
        if self.requests_refused.len() >= REFUSED_TASKS {
            self.refused = Some(format!("{REFUSED_TASKS} tasks in a row were refused: {why}"));
        }
    }

    /// Counts a call, or a recovery, that the infrastructure failed.
    pub(crate) fn failed(&mut self, why: String) {
        self.failures_in_a_row += 1;
        self.failures += 1;
        self.last_failure = why;
        self.rest = Rest::Owed;
    }

    /// Takes in that a measure begins; returns its number in the run.
    pub(crate) fn measure_begins(&mut self) -> u32 {
        self.measures_begun += 1;
        self.before_measure = (self.attempted_in_cycle, self.merged_in_cycle);
        self.measures_begun
    }

    /// Takes in a measure that filed so many tasks: a cycle begins, with what happened since the measure began.
    pub(crate) fn measured(&mut self, filed: usize) {
        self.barren_cycles = self.barren();
        let (attempted, merged) = std::mem::take(&mut self.before_measure);
        self.attempted_in_cycle = self.attempted_in_cycle.saturating_sub(attempted);
        self.merged_in_cycle = self.merged_in_cycle.saturating_sub(merged);
        self.measures += 1;
        self.last_filed = Some(filed);
    }

    /// Counts the cycles in a row that merged nothing, the one in progress among them.
    fn barren(&self) -> u32 {
        match (self.merged_in_cycle, self.measures) {
            (0, 0) => self.barren_cycles,
            (0, _) => self.barren_cycles.saturating_add(1),
            _ => 0,
        }
    }

    /// Takes in that calls get through.
    pub(crate) fn got_through(&mut self) {
        self.failures_in_a_row = 0;
        self.rest = Rest::None;
    }
}

#[cfg(test)]
mod tests;
