//! What to do next: a pure function from how things stand to one step, so that `resume` is `run` on what is there.

use jiff::Timestamp;

use crate::agent::Usage;
use crate::config::{BudgetConfig, Config, LimitWait};
use crate::issue::IssueId;

/// How things stand, as the driver sees them before each step.
#[derive(Clone, Debug, Default)]
pub(crate) struct Snapshot {
    /// Something an earlier run left: containers, dirty slots, claims nobody works on.
    pub(crate) leftovers: bool,
    /// The ready task that comes first.
    pub(crate) ready: Option<IssueId>,
    /// Tasks that are open, ready or not.
    pub(crate) open: usize,
    /// Tasks held for a person.
    pub(crate) blocked: usize,
    /// What the generation used so far.
    pub(crate) usage: Usage,
    /// What this run did so far.
    pub(crate) run: Progress,
    /// The present moment.
    pub(crate) now: Timestamp,
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
    /// Why the last of them failed.
    pub(crate) last_failure: String,
    /// A usage limit that was met, and until when, if anything said so.
    pub(crate) limit: Option<Limit>,
    /// A refusal that no retry mends: the account, the model, the request.
    pub(crate) refused: Option<String>,
}

/// A usage limit of the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    /// When it resets.
    pub(crate) resets_at: Option<Timestamp>,
    /// What was said of it.
    pub(crate) reason: String,
    /// Whether paid overage was about to be used: never waited out.
    pub(crate) overage: bool,
}

/// What bounds a run.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// Measures a run may make; `None` is until nothing is left.
    pub(crate) cycles: Option<u32>,
    /// Tasks between two measures; `None` is no limit.
    pub(crate) tasks_per_cycle: Option<u32>,
    /// The generation's budget.
    pub(crate) budget: BudgetConfig,
    /// Whether usage limits are waited out.
    pub(crate) wait: LimitWait,
}

impl Limits {
    /// The limits of a configuration, with the cycles that the command line asked for.
    pub(crate) fn new(config: &Config, cycles: Option<u32>) -> Self {
        Self {
            cycles: cycles.or(config.cycles),
            tasks_per_cycle: config.stitch.max_per_cycle,
            budget: config.budget,
            wait: config.limits.wait,
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
    /// Pause until then.
    Wait {
        /// When to go on.
        until: Timestamp,
        /// Why.
        reason: String,
    },
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
    /// What is left waits for a person.
    Blocked,
    /// The generation's budget is spent.
    BudgetSpent,
    /// A usage limit that is not waited out; until when, if anything said so.
    Limited(Option<Timestamp>),
    /// A call was refused for good (by account, model or request), or measure gave no valid answer: what is to be mended.
    Refused(String),
    /// The infrastructure failed several times in a row; why the last time.
    Infrastructure(String),
}

/// After how many failures of the infrastructure in a row a run gives up.
const MAX_FAILURES_IN_A_ROW: u32 = 3;
/// How long a run waits after the first such failure, in seconds; twice as long after the next.
const FAILURE_PAUSE_SECONDS: i64 = 5;
/// How long after a limit's reset work goes on, in seconds: clocks differ.
const RESET_MARGIN_SECONDS: i64 = 60;

/// Decides the next step.
pub(crate) fn next(now: &Snapshot, limits: &Limits) -> Step {
    // Before the leftovers: what cannot be put right must not be tried for ever.
    if now.run.failures_in_a_row >= MAX_FAILURES_IN_A_ROW {
        return Step::Stop(Reason::Infrastructure(now.run.last_failure.clone()));
    }
    if now.leftovers {
        return Step::Recover;
    }
    if budget_spent(&now.usage, &limits.budget) {
        return Step::Stop(Reason::BudgetSpent);
    }
    if let Some(reason) = &now.run.refused {
        return Step::Stop(Reason::Refused(reason.clone()));
    }
    if let Some(limit) = &now.run.limit {
        return after_limit(limit, now.now, limits.wait);
    }
    let may_measure = limits.cycles.is_none_or(|cycles| now.run.measures < cycles);
    let cycle_full = may_measure
        && limits
            .tasks_per_cycle
            .is_some_and(|most| now.run.attempted_in_cycle >= most);
    match &now.ready {
        Some(task) if !cycle_full => Step::Stitch(task.clone()),
        _ if may_measure && !measured_in_vain(&now.run) => Step::Measure,
        _ => Step::Stop(ending(now)),
    }
}

/// Whether a budget is used up.
fn budget_spent(usage: &Usage, budget: &BudgetConfig) -> bool {
    budget.usd.is_some_and(|usd| usage.cost_usd >= usd) || budget.tokens.is_some_and(|tokens| usage.tokens() >= tokens)
}

/// Waits for a limit's reset, or ends the run.
fn after_limit(limit: &Limit, now: Timestamp, wait: LimitWait) -> Step {
    // A reset that is past already, though the limit was met just now, is waited for all the same: else the limit
    // would be asked about again and again without a pause.
    let margin = jiff::SignedDuration::from_secs(RESET_MARGIN_SECONDS);
    let until = limit
        .resets_at
        .and_then(|reset| reset.max(now).checked_add(margin).ok());
    let patient = |until: Timestamp| match wait {
        LimitWait::Never => false,
        LimitWait::Always => true,
        LimitWait::UpTo(most) => {
            until.duration_since(now) <= jiff::SignedDuration::try_from(most).unwrap_or(jiff::SignedDuration::MAX)
        }
    };
    match until {
        Some(until) if !limit.overage && patient(until) => Step::Wait {
            until,
            reason: limit.reason.clone(),
        },
        _ => Step::Stop(Reason::Limited(limit.resets_at)),
    }
}

/// Whether the last measure filed nothing and nothing happened since: asking again would only cost.
fn measured_in_vain(run: &Progress) -> bool {
    run.last_filed == Some(0) && run.attempted_in_cycle == 0
}

/// Names the end of a run that has nothing more to do.
fn ending(now: &Snapshot) -> Reason {
    if now.ready.is_some() {
        return Reason::CyclesMade;
    }
    match (now.open, now.blocked) {
        (0, 0) if now.run.last_filed == Some(0) => Reason::Complete,
        (0, 0) => Reason::CyclesMade,
        _ => Reason::Blocked,
    }
}

impl Progress {
    /// Counts a call, or a recovery, that the infrastructure failed.
    pub(crate) fn failed(&mut self, why: String) {
        self.failures_in_a_row += 1;
        self.last_failure = why;
    }

    /// How long to pause after the infrastructure failed, if it did.
    pub(crate) fn pause(&self, now: Timestamp) -> Option<Timestamp> {
        let doublings = self.failures_in_a_row.checked_sub(1)?;
        let seconds = FAILURE_PAUSE_SECONDS << doublings.min(6);
        Some(now + jiff::SignedDuration::from_secs(seconds))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn limits() -> Limits {
        Limits {
            cycles: Some(1),
            tasks_per_cycle: None,
            budget: BudgetConfig::default(),
            wait: LimitWait::Never,
        }
    }

    fn task(number: u32) -> IssueId {
        IssueId::new(number)
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "cases read better without a reference each"
    )]
    fn check(now: &Snapshot, limits: &Limits, expect: Step) {
        assert_eq!(next(now, limits), expect, "{now:?}");
    }

    #[test]
    fn an_empty_generation_is_measured_first() {
        check(&Snapshot::default(), &limits(), Step::Measure);
    }

    #[test]
    fn what_an_earlier_run_left_comes_before_all() {
        let now = Snapshot {
            leftovers: true,
            ready: Some(task(1)),
            ..Snapshot::default()
        };
        check(&now, &limits(), Step::Recover);
    }

    #[test]
    fn ready_tasks_come_before_a_measure_and_are_done_after_the_last_one() {
        let mut now = Snapshot {
            ready: Some(task(3)),
            open: 1,
            ..Snapshot::default()
        };
        check(&now, &limits(), Step::Stitch(task(3)));
        now.run.measures = 1;
        check(&now, &limits(), Step::Stitch(task(3)));
    }

    #[test]
    fn a_run_ends_when_measure_proposes_nothing_and_nothing_is_open() {
        let run = Progress {
            measures: 1,
            last_filed: Some(0),
            ..Progress::default()
        };
        let now = Snapshot {
            run,
            ..Snapshot::default()
        };
        check(
            &now,
            &Limits {
                cycles: None,
                ..limits()
            },
            Step::Stop(Reason::Complete),
        );
    }

    #[test]
    fn a_run_never_measures_twice_in_vain() {
        // Lesson 35: with nothing to do, there is no call.
        let run = Progress {
            measures: 4,
            last_filed: Some(0),
            ..Progress::default()
        };
        let now = Snapshot {
            run,
            open: 2,
            blocked: 1,
            ..Snapshot::default()
        };
        check(
            &now,
            &Limits {
                cycles: None,
                ..limits()
            },
            Step::Stop(Reason::Blocked),
        );
    }

    #[test]
    fn a_full_cycle_measures_although_tasks_are_ready() {
        let run = Progress {
            attempted_in_cycle: 2,
            attempted: 2,
            ..Progress::default()
        };
        let mut now = Snapshot {
            ready: Some(task(3)),
            open: 1,
            run,
            ..Snapshot::default()
        };
        let limits = Limits {
            tasks_per_cycle: Some(2),
            ..limits()
        };
        check(&now, &limits, Step::Measure);
        now.run.measures = 1;
        now.run.last_filed = Some(1);
        check(&now, &limits, Step::Stitch(task(3)));
    }

    #[test]
    fn a_spent_budget_stops_before_the_next_call() {
        let usage = Usage {
            output: 1000,
            cost_usd: 2.0,
            ..Usage::default()
        };
        let now = Snapshot {
            ready: Some(task(1)),
            usage,
            ..Snapshot::default()
        };
        for budget in [
            BudgetConfig {
                usd: Some(2.0),
                tokens: None,
                ..BudgetConfig::default()
            },
            BudgetConfig {
                usd: None,
                tokens: Some(1000),
                ..BudgetConfig::default()
            },
        ] {
            check(&now, &Limits { budget, ..limits() }, Step::Stop(Reason::BudgetSpent));
        }
        let mut refused = now.clone();
        refused.run.refused = Some("the call's budget is spent".into());
        let spent = BudgetConfig {
            usd: Some(2.0),
            tokens: None,
            ..BudgetConfig::default()
        };
        check(
            &refused,
            &Limits {
                budget: spent,
                ..limits()
            },
            Step::Stop(Reason::BudgetSpent),
        );
        let enough = BudgetConfig {
            usd: Some(2.5),
            tokens: Some(1001),
            ..BudgetConfig::default()
        };
        check(
            &now,
            &Limits {
                budget: enough,
                ..limits()
            },
            Step::Stitch(task(1)),
        );
    }

    #[test]
    fn a_limit_is_waited_out_only_when_allowed_and_near() {
        let reset: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
        let margin: Timestamp = "2026-11-21T10:01:00Z".parse().unwrap();
        let now: Timestamp = "2026-11-21T09:00:00Z".parse().unwrap();
        let met = |overage, resets_at| Snapshot {
            ready: Some(task(1)),
            now,
            run: Progress {
                limit: Some(Limit {
                    resets_at,
                    reason: "five hours".into(),
                    overage,
                }),
                ..Progress::default()
            },
            ..Snapshot::default()
        };
        let wait = Step::Wait {
            until: margin,
            reason: "five hours".into(),
        };
        let stop = Step::Stop(Reason::Limited(Some(reset)));
        let hours = |hours: u64| LimitWait::UpTo(Duration::from_secs(hours * 3600));
        for (policy, expect) in [
            (LimitWait::Never, &stop),
            (hours(1), &stop),
            (hours(2), &wait),
            (LimitWait::Always, &wait),
        ] {
            check(
                &met(false, Some(reset)),
                &Limits {
                    wait: policy,
                    ..limits()
                },
                expect.clone(),
            );
        }
        let past: Timestamp = "2026-11-21T08:00:00Z".parse().unwrap();
        check(
            &met(false, Some(past)),
            &Limits {
                wait: hours(1),
                ..limits()
            },
            Step::Wait {
                until: "2026-11-21T09:01:00Z".parse().unwrap(),
                reason: "five hours".into(),
            },
        );
        check(
            &met(true, Some(reset)),
            &Limits {
                wait: LimitWait::Always,
                ..limits()
            },
            stop,
        );
        check(
            &met(false, None),
            &Limits {
                wait: LimitWait::Always,
                ..limits()
            },
            Step::Stop(Reason::Limited(None)),
        );
    }

    #[test]
    fn failures_of_the_infrastructure_end_the_run_at_last() {
        let run = Progress {
            failures_in_a_row: 3,
            ..Progress::default()
        };
        let now = Snapshot {
            ready: Some(task(1)),
            run,
            ..Snapshot::default()
        };
        let stop = || Step::Stop(Reason::Infrastructure(String::new()));
        check(&now, &limits(), stop());
        // Not even what was left is tried again: the engine is needed for that, too.
        let leftovers = Snapshot { leftovers: true, ..now };
        check(&leftovers, &limits(), stop());
    }
}
