//! What to do next: a pure function from how things stand to one step, so that `resume` is `run` on what is there.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::config::{Config, LimitWait, RetryConfig};
use crate::model::IssueId;
use crate::run::waiting::pause::Pause;

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
    /// What stands in the way of a stitch.
    pub(crate) stitch: Hindrance,
    /// What stands in the way of a measure.
    pub(crate) measure: Hindrance,
    /// What this run did so far.
    pub(crate) run: Progress,
    /// The present moment.
    pub(crate) now: Timestamp,
}

/// What stands in the way of a role's calls.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hindrance {
    /// Which budget has no room for one, in a sentence.
    pub(crate) spent: Option<String>,
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
    /// Tasks attempted since the last measure.
    pub(crate) attempted_in_cycle: u32,
    /// Tasks attempted in all.
    pub(crate) attempted: u32,
    /// Calls in a row that the infrastructure failed.
    pub(crate) failures_in_a_row: u32,
    /// Calls that the infrastructure failed, in all.
    pub(crate) failures: u32,
    /// Why the last of them failed.
    pub(crate) last_failure: String,
    /// A budget that a call met: what is left of it is too little for another call.
    pub(crate) spent: Option<String>,
    /// A refusal that no retry fixes: the account, the model, what is in every request.
    pub(crate) refused: Option<String>,
    /// The tasks whose requests were refused for what is in them, since one was merged.
    pub(crate) requests_refused: BTreeSet<IssueId>,
}

/// So many different tasks in a row whose requests are refused show that the tasks are not the reason.
const REFUSED_TASKS: usize = 3;

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

/// The next thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Put right what an earlier run left.
    Recover,
    /// Do this task.
    Stitch(IssueId),
    /// Ask for tasks.
    Measure,
    /// Pause.
    Wait(Pause),
    /// End the run.
    Stop(Reason),
}

/// Why a run ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Measure proposed nothing and nothing is open.
    Complete,
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

/// Decides the next step.
pub(crate) fn next(now: &RunState, limits: &RunLimits) -> Step {
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
    if let Some(most) = limits
        .most_tasks
        .filter(|most| now.begun >= *most && now.ready.is_none())
    {
        return Step::Stop(Reason::TasksAttempted(most));
    }
    let may_measure = limits.cycles.is_none_or(|cycles| now.run.measures < cycles);
    let cycle_full = may_measure
        && limits
            .tasks_per_cycle
            .is_some_and(|most| now.run.attempted_in_cycle >= most);
    let call = match &now.ready {
        Some(task) if !cycle_full => Step::Stitch(task.clone()),
        _ if may_measure && !measured_in_vain(&now.run) => Step::Measure,
        _ => return Step::Stop(ending(now, limits)),
    };
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
        (0, 0) if now.run.last_filed == Some(0) => Reason::Complete,
        (0, 0) if limits.cycles == Some(0) => Reason::TasksDone,
        (0, 0) => Reason::CyclesMade,
        (_, 0) => Reason::Waiting,
        _ => Reason::Blocked,
    }
}

impl Progress {
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
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::run::waiting::pause::{LimitMet, PauseCause};

    #[test]
    fn three_tasks_in_a_row_that_are_refused_end_a_run_and_one_does_not() {
        let mut progress = Progress::default();
        let ends = [1, 1, 1, 2, 2, 3].map(|number| {
            progress.request_refused(&IssueId::new(number), "no");
            progress.refused.is_some()
        });
        assert_eq!(ends, [false, false, false, false, false, true]);
    }

    const NOW: &str = "2026-11-21T09:00:00Z";
    const FIRST: Step = Step::Measure;

    fn task() -> IssueId {
        IssueId::new(3)
    }

    fn pause(hours: i64, cause: PauseCause) -> Pause {
        let now: Timestamp = NOW.parse().unwrap();
        let limit = LimitMet {
            resets_at: Some(now + jiff::SignedDuration::from_hours(hours)),
            reason: "five hours".into(),
            cause,
        };
        Pause::new(None, limit, 0, Duration::ZERO, now)
    }

    /// Checks the step after `change` was made to an empty generation whose run may make one cycle.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "cases read better without a reference each"
    )]
    fn check(change: impl FnOnce(&mut RunState, &mut RunLimits), expect: Step) {
        let mut now = RunState {
            now: NOW.parse().unwrap(),
            ..RunState::default()
        };
        let mut limits = RunLimits {
            cycles: Some(1),
            tasks_per_cycle: None,
            retry: Config::default().retry,
            wait: LimitWait::Never,
            most_tasks: None,
            confirm: false,
        };
        change(&mut now, &mut limits);
        assert_eq!(next(&now, &limits), expect, "{now:?}");
    }

    #[test]
    fn a_run_without_measures_ends_when_its_tasks_are_done() {
        let no_measure = |_: &mut RunState, limits: &mut RunLimits| limits.cycles = Some(0);
        check(no_measure, Step::Stop(Reason::TasksDone));
        let with_a_task = |now: &mut RunState, limits: &mut RunLimits| {
            with_a_task(now);
            limits.cycles = Some(0);
        };
        check(with_a_task, Step::Stitch(task()));
    }

    #[test]
    fn a_run_that_only_proposes_ends_when_its_proposals_wait_to_be_released() {
        let measured = |blocked| {
            move |now: &mut RunState, limits: &mut RunLimits| {
                *limits = limits.clone().confirming();
                (now.proposed, now.blocked) = (3, blocked);
                (now.run.measures, now.run.last_filed) = (1, Some(3));
            }
        };
        check(measured(3), Step::Stop(Reason::Proposed(3)));
        // Another held task needs a person for another reason.
        check(measured(4), Step::Stop(Reason::Blocked));
        let endless = |_: &mut RunState, limits: &mut RunLimits| {
            limits.cycles = None;
            assert_eq!(limits.clone().confirming().cycles, Some(1));
        };
        check(endless, Step::Measure);
    }

    #[test]
    fn a_run_ends_after_so_many_tasks_as_were_asked_for() {
        let attempted = |begun, is_ready: bool| {
            move |now: &mut RunState, limits: &mut RunLimits| {
                with_a_task(now);
                now.ready = now.ready.take().filter(|_| is_ready);
                now.begun = begun;
                limits.most_tasks = Some(2);
            }
        };
        check(attempted(1, true), Step::Stitch(task()));
        // One that was begun is tried again.
        check(attempted(2, true), Step::Stitch(task()));
        check(attempted(2, false), Step::Stop(Reason::TasksAttempted(2)));
    }

    fn with_a_task(now: &mut RunState) {
        now.ready = Some(task());
        now.open = 1;
    }

    #[test]
    fn what_was_left_comes_first_then_tasks_then_a_measure() {
        check(|_, _| {}, FIRST);
        check(|now, _| with_a_task(now), Step::Stitch(task()));
        let left = |now: &mut RunState, _: &mut RunLimits| {
            with_a_task(now);
            now.leftovers = true;
        };
        check(left, Step::Recover);
        let measured = |now: &mut RunState, _: &mut RunLimits| {
            with_a_task(now);
            now.run.measures = 1;
        };
        check(measured, Step::Stitch(task()));
    }

    #[test]
    fn a_run_ends_when_nothing_is_left_and_never_measures_twice_in_vain() {
        // With nothing to do, there is no call.
        let in_vain = |open, blocked| {
            move |now: &mut RunState, limits: &mut RunLimits| {
                limits.cycles = None;
                (now.open, now.blocked) = (open, blocked);
                now.run.measures = 4;
                now.run.last_filed = Some(0);
            }
        };
        check(in_vain(0, 0), Step::Stop(Reason::Complete));
        check(in_vain(2, 1), Step::Stop(Reason::Blocked));
    }

    #[test]
    fn a_full_cycle_measures_although_tasks_are_ready() {
        let full = |measures| {
            move |now: &mut RunState, limits: &mut RunLimits| {
                with_a_task(now);
                limits.tasks_per_cycle = Some(2);
                now.run.attempted_in_cycle = 2;
                now.run.measures = measures;
            }
        };
        check(full(0), Step::Measure);
        check(full(1), Step::Stitch(task()));
    }

    #[test]
    fn a_spent_budget_stops_before_the_next_call() {
        let spent = || "5 of 5 USD".to_owned();
        let stop = || Step::Stop(Reason::BudgetSpent(spent()));
        check(|now, _| now.measure.spent = Some(spent()), stop());
        check(|now, _| now.run.spent = Some(spent()), stop());
        let refused = |now: &mut RunState, _: &mut RunLimits| {
            now.measure.spent = Some(spent());
            now.run.refused = Some("the call's budget is spent".into());
        };
        check(refused, stop());
        // With nothing left to call for, money is not the reason.
        let done = |now: &mut RunState, _: &mut RunLimits| {
            now.measure.spent = Some(spent());
            now.run.measures = 1;
        };
        check(done, Step::Stop(Reason::CyclesMade));
        let task_spent = |now: &mut RunState, _: &mut RunLimits| {
            now.unaffordable = Some(spent());
            now.open = 1;
            now.run.measures = 1;
        };
        check(task_spent, stop());
    }

    #[test]
    fn a_limit_is_waited_out_only_when_allowed_and_near() {
        let met = |pause: Pause, wait| {
            move |now: &mut RunState, limits: &mut RunLimits| {
                with_a_task(now);
                now.stitch.pause = Some(pause);
                limits.wait = wait;
            }
        };
        let hours = |hours: u64| LimitWait::UpTo(Duration::from_secs(hours * 3600));
        let stop = |pause: Pause| Step::Stop(Reason::Limited(pause));
        let near = || pause(1, PauseCause::Limit);
        check(met(near(), LimitWait::Never), stop(near()));
        check(met(near(), hours(1)), stop(near()));
        check(met(near(), hours(2)), Step::Wait(near()));
        check(met(near(), LimitWait::Always), Step::Wait(near()));
        check(
            met(pause(100, PauseCause::Limit), LimitWait::Always),
            Step::Wait(pause(100, PauseCause::Limit)),
        );
        check(
            met(pause(1, PauseCause::Overage), LimitWait::Always),
            stop(pause(1, PauseCause::Overage)),
        );
    }

    #[test]
    fn a_pause_holds_up_its_own_calls_alone() {
        let other = |now: &mut RunState, _: &mut RunLimits| {
            with_a_task(now);
            now.measure.pause = Some(pause(1, PauseCause::Limit));
        };
        check(other, Step::Stitch(task()));
        // Putting right what was left does not count as a call.
        let left = |now: &mut RunState, _: &mut RunLimits| {
            now.leftovers = true;
            now.measure.pause = Some(pause(1, PauseCause::Limit));
        };
        check(left, Step::Recover);
    }

    #[test]
    fn failures_of_the_infrastructure_end_the_run_at_last() {
        let failed = |in_a_row, all, leftovers| {
            move |now: &mut RunState, _: &mut RunLimits| {
                with_a_task(now);
                now.leftovers = leftovers;
                now.run.failures_in_a_row = in_a_row;
                now.run.failures = all;
                now.run.last_failure = "529".into();
            }
        };
        let stop = || Step::Stop(Reason::Infrastructure("529".into()));
        check(failed(5, 5, false), Step::Stitch(task()));
        check(failed(6, 6, false), stop());
        check(failed(1, 20, false), stop());
        // Not even what was left is tried again: the engine is needed for that, too.
        check(failed(6, 6, true), stop());
    }
}
