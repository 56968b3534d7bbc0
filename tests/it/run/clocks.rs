//! A clock that is set while a run is at work, and while none is.

use crate::run::adoption::kill;
use crate::run::parallel::{add_waiting, ended, expect_merged, let_all_go_on, let_go_on, wait_for_agents};
use crate::support::clock::{HOUR, TestClock};
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;
use crate::support::project::waiting::wait_until;

engine_tests! {
    podman: a_clock_that_jumps_changes_nothing;
}

const YEAR: i64 = 365 * 24 * HOUR;

fn a_clock_that_jumps_changes_nothing(engine: TestEngine) {
    let project = Project::new(engine, "stitch: {parallel: 3, timeout: 10m}\n");
    let clock = TestClock::of(&project);
    add_waiting(&project, 6);
    let run = clock.spawn(&project, &["run", "--tasks-only"]);
    let slots: Vec<u32> = wait_for_agents(&project, 3).into_iter().collect();
    // An hour on, and two back: one lands after each.
    for (seconds, slot) in [(HOUR, slots[0]), (-HOUR, slots[1])] {
        clock.set(seconds);
        let before = merges(&project);
        let_go_on(&project, slot);
        wait_until(|| merges(&project) > before);
        wait_for_agents(&project, 3);
    }
    kill(&project, run, 3);
    // A year on, and then a year back, while no run is there.
    clock.set(YEAR);
    let resumed = clock.spawn(&project, &["resume", "--tasks-only"]);
    let slots: Vec<u32> = wait_for_agents(&project, 3).into_iter().collect();
    let_go_on(&project, slots[0]);
    wait_until(|| merges(&project) == 3);
    wait_for_agents(&project, 3);
    kill(&project, resumed, 3);
    clock.set(-YEAR);
    let last = clock.spawn(&project, &["resume", "--tasks-only"]);
    let_all_go_on(&project, &wait_for_agents(&project, 3));
    ended(last).expect(0);
    expect_merged(&project, 1..=6);
    for number in 1..=6 {
        assert_eq!(project.outcomes(&format!("cw-{number}")), ["merged"], "cw-{number}");
    }
    assert_eq!(project.status()["usage"]["calls"], 6);
    project.expect_tidy();
}

fn merges(project: &Project) -> usize {
    (1..=6).map(|number| project.merges_of(&format!("cw-{number}"))).sum()
}
