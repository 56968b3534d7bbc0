//! What a run knows that is in no ref, and the next one takes up: `standing.json`.

use std::process::Child;

use cordwainer::event::EventKind;
use rustix::process::Signal;

use crate::run::parallel::{add_waiting, ended, expect_merged, let_all_go_on, wait_for_agents};
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;
use crate::support::project::waiting::{signal, wait_until};

engine_tests! {
    podman: a_paused_run_that_is_killed_is_resumed_paused;
    docker: what_failed_is_waited_for_after_a_death;
}

/// Kills a run.
fn kill(mut run: Child) {
    run.kill().unwrap();
    run.wait().unwrap();
}

fn a_paused_run_that_is_killed_is_resumed_paused(engine: TestEngine) {
    let project = Project::new(engine, "");
    add_waiting(&project, 1);
    project.add("comes later", "write src/2.txt x");
    let run = project.spawn(&["run", "--tasks-only"]);
    let slots = wait_for_agents(&project, 1);
    project.run(&["runs", "pause"]).expect(0);
    let_all_go_on(&project, &slots);
    wait_until(|| project.status()["run_state"] == "paused");
    kill(run);
    let resumed = project.spawn(&["resume", "--tasks-only"]);
    wait_until(|| project.status()["run_state"] == "paused");
    assert_eq!(project.issue("cw-2")["status"], "open");
    kill(resumed);
    // Who says so works at once.
    project.run(&["resume", "--now", "--tasks-only"]).expect(0);
    expect_merged(&project, 1..=2);
    project.add("comes last", "write src/3.txt x");
    project.run(&["run", "--tasks-only"]).expect(0);
    expect_merged(&project, 1..=3);
    project.expect_tidy();
}

fn what_failed_is_waited_for_after_a_death(engine: TestEngine) {
    let project = Project::new(engine, "retry: {count: 1, initial: 1h, ceiling: 1h}\n");
    project.add("fails", "on 1 api-error 529 Overloaded\nwrite src/1.txt x");
    let pauses = || {
        let paused = |event: EventKind| match event {
            EventKind::Paused { until, .. } => Some(until),
            _ => None,
        };
        project.events().into_iter().filter_map(paused).collect::<Vec<_>>()
    };
    let run = project.spawn(&["run", "--tasks-only"]);
    wait_until(|| pauses().len() == 1);
    kill(run);
    let resumed = project.spawn(&["resume", "--tasks-only"]);
    wait_until(|| pauses().len() == 2);
    kill(resumed);
    assert_eq!(pauses()[0], pauses()[1], "it waits for the same time");
    assert_eq!(project.outcomes("cw-1"), ["infrastructure_failed"]);
    let resumed = project.spawn(&["resume", "--tasks-only"]);
    wait_until(|| pauses().len() == 3);
    signal(&resumed, Signal::INT);
    ended(resumed).expect(130);
    // A run that has come to its end leaves nothing to wait for.
    project.run(&["resume", "--tasks-only"]).expect(0);
    assert_eq!(project.outcomes("cw-1"), ["infrastructure_failed", "merged"]);
    project.expect_tidy();
}
