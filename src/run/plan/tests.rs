//! Steps, by how things stand.

use std::time::Duration;

use super::*;
use crate::run::waiting::pause::{LimitMet, PauseCause};

mod at_work;
mod cycles;

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
        says: MeasureSays::Some,
        replan: false,
        barren_before: 0,
        has_budget: false,
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
fn a_report_of_which_nothing_came_is_done_and_not_nothing_to_do() {
    let reported = |filed| {
        move |now: &mut RunState, limits: &mut RunLimits| {
            *limits = limits.clone().for_request(false);
            limits.says = MeasureSays::Report;
            (now.run.measures, now.run.last_filed) = (1, Some(filed));
        }
    };
    check(reported(0), Step::Stop(Reason::Reported));
    check(reported(2), Step::Stop(Reason::RequestDone));
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

#[test]
fn failing_infrastructure_is_given_some_time() {
    let rest = |rest, at_work| {
        move |now: &mut RunState, _: &mut RunLimits| {
            with_a_task(now);
            (now.places, now.most_tasks) = (4, 8);
            (now.at_work.tasks, now.at_work.calling) = (at_work, at_work);
            now.run.rest = rest;
        }
    };
    let [before, after] = ["2026-11-21T08:59:59Z", "2026-11-21T09:00:01Z"].map(|text| text.parse().unwrap());
    for at_work in [0, 2] {
        check(rest(Rest::Owed, at_work), Step::Rest);
        check(rest(Rest::Until(after), at_work), Step::Rest);
        check(rest(Rest::Until(before), at_work), Step::Stitch(task()));
    }
    check(rest(Rest::Owed, 4), Step::Await(None));
    let left = |now: &mut RunState, _: &mut RunLimits| {
        now.leftovers = true;
        now.run.rest = Rest::Owed;
    };
    check(left, Step::Rest);
    // Ending takes no call.
    let over = |now: &mut RunState, _: &mut RunLimits| {
        now.run.rest = Rest::Owed;
        now.run.measures = 1;
    };
    check(over, Step::Stop(Reason::CyclesMade));
    let mut progress = Progress::default();
    progress.failed("529".to_owned());
    assert_eq!(progress.rest, Rest::Owed);
    progress.got_through();
    assert_eq!(
        (progress.rest, progress.failures_in_a_row, progress.failures),
        (Rest::None, 0, 1)
    );
}

#[test]
fn a_run_that_a_person_paused_begins_nothing_and_stays() {
    let pausing = |now: &mut RunState, _: &mut RunLimits| {
        at_work::two_at_work(now);
        now.paused = true;
    };
    check(pausing, Step::Await(None));
    let paused = |now: &mut RunState, _: &mut RunLimits| {
        with_a_task(now);
        now.paused = true;
    };
    check(paused, Step::Halt);
    // Neither what was left nor a reason to end is anything to do.
    let failed = |now: &mut RunState, _: &mut RunLimits| {
        now.leftovers = true;
        now.run.refused = Some("no".into());
        now.run.failures_in_a_row = 6;
        now.paused = true;
    };
    check(failed, Step::Halt);
}

#[test]
fn cycles_that_merge_nothing_end_a_run_and_one_merge_lets_it_go_on() {
    let mut run = Progress::default();
    let after = |run: &Progress, expect: Step| {
        let run = run.clone();
        check(
            move |now, limits| {
                limits.cycles = None;
                (now.run, now.open, now.blocked) = (run, 2, 1);
            },
            expect,
        );
    };
    run.measure_begins();
    run.measured(2);
    after(&run, Step::Measure);
    run.merged_in_cycle += 1;
    run.measure_begins();
    run.measured(2);
    after(&run, Step::Measure);
    run.measure_begins();
    run.measured(1);
    after(&run, Step::Stop(Reason::Stuck(2)));
    // What is ready is done before, however many tasks a cycle may have.
    let stuck = run.clone();
    check(
        move |now, limits| {
            (limits.cycles, limits.tasks_per_cycle) = (None, Some(1));
            (now.run, now.ready, now.run.attempted_in_cycle) = (stuck, Some(task()), 1);
        },
        Step::Stitch(task()),
    );
    run.merged_in_cycle += 1;
    after(&run, Step::Measure);
    // Where the last one found nothing to file, that is why it ends.
    run.measure_begins();
    run.measured(1);
    run.measure_begins();
    run.measured(0);
    after(&run, Step::Stop(Reason::Blocked));
}

/// How things stand in work with groups, where this is next.
fn building(step: BuildStep) -> impl FnOnce(&mut RunState, &mut RunLimits) {
    move |now, limits| {
        *limits = limits.clone().for_groups(false);
        now.build = Some(step);
    }
}

#[test]
fn groups_are_planned_measured_reviewed_and_finished_until_all_are_done() {
    let key = || "a".to_owned();
    let group = Step::Group;
    check(building(BuildStep::Plan), group(GroupStep::Plan));
    check(building(BuildStep::Measure(key())), Step::Measure);
    check(building(BuildStep::Review(key())), group(GroupStep::Review(key())));
    check(building(BuildStep::Finish(key())), group(GroupStep::Finish(key())));
    check(building(BuildStep::Done), Step::Stop(Reason::GroupsDone));
    // A measure that found nothing to do does not end the work, and tasks come before all of it.
    let in_vain = |now: &mut RunState, limits: &mut RunLimits| {
        building(BuildStep::Measure("b".to_owned()))(now, limits);
        now.run.last_filed = Some(0);
    };
    check(in_vain, Step::Measure);
    // Nor do those of groups before it that merged nothing: each group is measured once.
    let barren = |now: &mut RunState, limits: &mut RunLimits| {
        building(BuildStep::Measure("c".to_owned()))(now, limits);
        (now.run.measures, now.run.barren_cycles, now.run.last_filed) = (2, 1, Some(1));
    };
    check(barren, Step::Measure);
    let with_a_task_ready = |now: &mut RunState, limits: &mut RunLimits| {
        building(BuildStep::Review("a".to_owned()))(now, limits);
        with_a_task(now);
    };
    check(with_a_task_ready, Step::Stitch(task()));
}

#[test]
fn a_group_whose_tasks_are_held_ends_the_run_and_one_that_is_red_too() {
    let held = |now: &mut RunState, limits: &mut RunLimits| {
        building(BuildStep::Tasks("a".to_owned()))(now, limits);
        (now.open, now.blocked) = (1, 1);
    };
    check(held, Step::Stop(Reason::Blocked));
    let red = |now: &mut RunState, limits: &mut RunLimits| {
        building(BuildStep::Finish("a".to_owned()))(now, limits);
        now.run.red = Some("the gate is red".to_owned());
    };
    check(red, Step::Stop(Reason::Red("the gate is red".to_owned())));
    // The end of a group takes no call, so no budget stands in its way.
    let spent = |now: &mut RunState, limits: &mut RunLimits| {
        building(BuildStep::Finish("a".to_owned()))(now, limits);
        now.measure.spent = Some("5 of 5 USD".to_owned());
    };
    check(spent, Step::Group(GroupStep::Finish("a".to_owned())));
    let spent = |now: &mut RunState, limits: &mut RunLimits| {
        building(BuildStep::Review("a".to_owned()))(now, limits);
        now.measure.spent = Some("5 of 5 USD".to_owned());
    };
    check(spent, Step::Stop(Reason::BudgetSpent("5 of 5 USD".to_owned())));
}

#[test]
fn a_run_for_tasks_alone_does_nothing_about_groups() {
    for (step, cycles) in [
        (BuildStep::Plan, Some(0)),
        (BuildStep::Review("a".to_owned()), Some(0)),
        (BuildStep::Measure("a".to_owned()), Some(0)),
    ] {
        let alone = move |now: &mut RunState, limits: &mut RunLimits| {
            limits.cycles = cycles;
            now.build = Some(step);
        };
        check(alone, Step::Stop(Reason::TasksDone));
    }
}
