//! Steps while something is at work.

use super::*;

/// How things stand with two tasks at work, and a third one ready.
pub(super) fn two_at_work(now: &mut RunState) {
    with_a_task(now);
    now.open = 3;
    (now.at_work.tasks, now.at_work.calling) = (2, 2);
    (now.places, now.most_tasks) = (4, 8);
}

#[test]
fn as_many_tasks_begin_as_there_are_places() {
    check(|now, _| two_at_work(now), Step::Stitch(task()));
    let with = |change: fn(&mut RunState)| {
        move |now: &mut RunState, _: &mut RunLimits| {
            two_at_work(now);
            change(now);
        }
    };
    let wait = || Step::Await(None);
    check(with(|now| now.places = 2), wait());
    // Fewer places than before end nothing.
    check(with(|now| now.places = 1), wait());
    // Those that wait for their gates, or to land, leave their places to others, but not to any number of them.
    check(
        with(|now| (now.at_work.calling, now.places) = (1, 2)),
        Step::Stitch(task()),
    );
    check(with(|now| (now.at_work.calling, now.most_tasks) = (0, 2)), wait());
    check(with(|now| now.ready = None), wait());
    // A measure has one of the places.
    let with_a_measure = with(|now| (now.at_work.calling, now.at_work.measure) = (3, true));
    check(with_a_measure, Step::Stitch(task()));
    check(
        with(|now| (now.at_work.calling, now.at_work.measure) = (4, true)),
        wait(),
    );
    check(with(|now| now.at_work.measure = true), Step::Stitch(task()));
    // What the others hold of a budget may be there when they have ended.
    check(with(|now| now.stitch.held = true), wait());
    let later: Timestamp = "2026-11-21T09:01:00Z".parse().unwrap();
    let resting = move |now: &mut RunState, _: &mut RunLimits| {
        two_at_work(now);
        now.ready = None;
        now.look_again = Some(later);
    };
    check(resting, Step::Await(Some(later)));
}

#[test]
fn a_run_ends_and_recovers_only_when_nothing_is_at_work() {
    let cases: [fn(&mut RunState, &mut RunLimits); 7] = [
        |now, _| now.ready = None,
        |now, _| now.run.refused = Some("no".to_owned()),
        |now, _| now.run.spent = Some("5 of 5 USD".to_owned()),
        |now, _| now.stitch.spent = Some("5 of 5 USD".to_owned()),
        |now, _| now.leftovers = true,
        |now, _| now.run.failures_in_a_row = 9,
        |now, _| now.stitch.pause = Some(pause(1, PauseCause::Limit)),
    ];
    for case in cases {
        let change = move |now: &mut RunState, limits: &mut RunLimits| {
            two_at_work(now);
            case(now, limits);
        };
        check(change, Step::Await(None));
    }
}

#[test]
fn a_cycle_is_full_with_what_is_at_work() {
    let full = |most| {
        move |now: &mut RunState, limits: &mut RunLimits| {
            two_at_work(now);
            now.run.attempted_in_cycle = 1;
            limits.tasks_per_cycle = Some(most);
        }
    };
    check(full(3), Step::Await(None));
    check(full(4), Step::Stitch(task()));
}

/// How things stand when a cycle has no more to begin: one task is at work, and another one of it is merged.
fn last_of_a_cycle(now: &mut RunState, limits: &mut RunLimits) {
    limits.cycles = None;
    (now.at_work.tasks, now.at_work.calling) = (1, 1);
    (now.places, now.most_tasks) = (2, 8);
    (now.run.measures, now.run.last_filed) = (1, Some(2));
    (now.run.attempted_in_cycle, now.run.merged_in_cycle) = (1, 1);
}

#[test]
fn a_measure_is_made_beside_the_last_tasks_of_a_cycle_that_merged_others() {
    check(last_of_a_cycle, Step::Measure);
    let cases: [fn(&mut RunState, &mut RunLimits); 11] = [
        |now, _| now.places = 1,
        |now, _| (now.at_work.measure, now.at_work.calling) = (true, 2),
        // Others wait for what is at work, or for their next attempt.
        |now, _| now.open = 1,
        // The repository is as the last measure saw it.
        |now, _| now.run.merged_in_cycle = 0,
        |now, _| now.measure.held = true,
        |now, _| now.measure.spent = Some("5 of 5 USD".to_owned()),
        |now, _| now.measure.pause = Some(pause(1, PauseCause::Limit)),
        |now, _| now.build = Some(BuildStep::Measure("first".to_owned())),
        |_, limits| limits.says = MeasureSays::Report,
        |_, limits| limits.has_budget = true,
        |_, limits| limits.cycles = Some(1),
    ];
    for case in cases {
        let change = move |now: &mut RunState, limits: &mut RunLimits| {
            last_of_a_cycle(now, limits);
            case(now, limits);
        };
        check(change, Step::Await(None));
    }
    let resting = |now: &mut RunState, limits: &mut RunLimits| {
        last_of_a_cycle(now, limits);
        now.run.rest = Rest::Owed;
    };
    check(resting, Step::Rest);
}

#[test]
fn no_task_begins_beside_what_is_done_about_groups_or_beside_a_report() {
    let cases: [fn(&mut RunState, &mut RunLimits); 2] = [
        |now, _| now.build = Some(BuildStep::Review("first".to_owned())),
        |_, limits| limits.says = MeasureSays::Report,
    ];
    for case in cases {
        let change = move |now: &mut RunState, limits: &mut RunLimits| {
            with_a_task(now);
            (now.at_work.measure, now.at_work.calling) = (true, 0);
            (now.places, now.most_tasks) = (4, 8);
            case(now, limits);
        };
        check(change, Step::Await(None));
    }
}

#[test]
fn what_tasks_did_since_an_empty_measure_is_not_known_to_be_all() {
    let after = |attempted| {
        move |now: &mut RunState, _: &mut RunLimits| {
            (now.run.measures, now.run.last_filed) = (1, Some(0));
            now.run.attempted_in_cycle = attempted;
        }
    };
    check(after(0), Step::Stop(Reason::Complete));
    check(after(1), Step::Stop(Reason::CyclesMade));
}

#[test]
fn what_ends_while_a_measure_is_made_is_of_the_cycle_after_it() {
    let mut progress = Progress {
        measures: 1,
        attempted_in_cycle: 2,
        merged_in_cycle: 1,
        ..Progress::default()
    };
    assert_eq!(progress.measure_begins(), 1);
    (progress.attempted_in_cycle, progress.merged_in_cycle) = (3, 2);
    progress.measured(0);
    assert_eq!((progress.attempted_in_cycle, progress.merged_in_cycle), (1, 1));
    // It did not see what was merged meanwhile, so that another one may say more.
    let after = |now: &mut RunState, limits: &mut RunLimits| {
        limits.cycles = None;
        now.run = progress;
    };
    check(after, Step::Measure);
}
