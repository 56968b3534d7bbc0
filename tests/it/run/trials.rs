//! Commands that try something in containers, and are interrupted: `image check` and `doctor`.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::process::Child;

use rustix::process::Signal;

use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;
use crate::support::project::waiting::{signal, wait_until};
use crate::support::services::{configuration, odd};

engine_tests! {
    both: an_interrupted_check_leaves_no_container,
        what_a_killed_check_left_is_removed_by_the_next_check_outside_of_a_repository;
    podman: what_a_killed_check_left_is_removed_by_the_next_run;
    docker: interrupted_gates_of_doctor_leave_nothing_and_have_no_result;
}

/// A service that is never ready, beside a gate that nobody reaches.
fn never_ready() -> String {
    let service = odd("sleep 1000", "").replace("within: 6s", "within: 10m");
    configuration(&service, "")
}

fn an_interrupted_check_leaves_no_container(engine: TestEngine) {
    let project = Project::new(engine, &never_ready());
    for arguments in [&["image", "check"][..], &["doctor"]] {
        let mut command = project.spawn(arguments);
        let serves = |name: &String| name.starts_with("cordwainer-");
        wait_until(|| project.containers().iter().any(serves));
        signal(&command, Signal::INT);
        let status = command.wait().unwrap();
        assert_eq!(status.code(), Some(130), "{arguments:?}");
        project.expect_tidy();
    }
}

fn what_a_killed_check_left_is_removed_by_the_next_run(engine: TestEngine) {
    let mut project = Project::new(engine, &never_ready());
    killed_check(&project);
    project.reconfigure(None, "");
    // It has nothing else to do.
    project.run(&["generator", "run", "--tasks-only"]).expect(4);
    project.expect_tidy();
}

/// Begins a check, and waits until it tries the service.
fn check_that_tries_the_service(project: &Project) -> Child {
    let before = project.containers();
    let command = project.spawn(&["image", "check"]);
    // The image's own container, which ends by itself, and then the service's.
    let seen = RefCell::new(BTreeSet::new());
    wait_until(|| {
        let new = project.containers().into_iter().filter(|name| !before.contains(name));
        seen.borrow_mut().extend(new);
        seen.borrow().len() == 2
    });
    command
}

/// Kills a check while it tries the service, and returns the names of the containers that this leaves.
fn killed_check(project: &Project) -> Vec<String> {
    let mut command = check_that_tries_the_service(project);
    // Afterwards a check of another test may have removed it.
    let left = project.containers();
    assert_eq!(left.len(), 1);
    command.kill().unwrap();
    command.wait().unwrap();
    left
}

/// Whoever checks next removes it, from anywhere, and nothing of a check that goes on.
fn what_a_killed_check_left_is_removed_by_the_next_check_outside_of_a_repository(engine: TestEngine) {
    let project = Project::new(engine, &never_ready());
    let left = killed_check(&project);
    let mut going_on = check_that_tries_the_service(&project);
    let going = project.containers();
    assert!(going.len() == 1 && !going.contains(&left[0]), "{left:?} {going:?}");
    let outside = tempfile::tempdir().unwrap();
    let mut check = project.command(&["doctor"]);
    let host = format!("unix://{}", engine.socket().display());
    let ran = check
        .current_dir(outside.path())
        .env("DOCKER_HOST", host)
        .output()
        .unwrap();
    assert!(!ran.stdout.is_empty(), "{ran:?}");
    assert_eq!(project.containers(), going);
    going_on.kill().unwrap();
    going_on.wait().unwrap();
    let ran = check.output().unwrap();
    assert!(!ran.stdout.is_empty(), "{ran:?}");
    project.expect_tidy();
}

fn interrupted_gates_of_doctor_leave_nothing_and_have_no_result(engine: TestEngine) {
    let project = Project::new(engine, "gates: [sleep=3600]\n");
    let mut command = project.spawn(&["doctor", "--gates"]);
    wait_until(|| project.containers().iter().any(|name| name.contains("-gate-")));
    signal(&command, Signal::INT);
    assert_eq!(command.wait().unwrap().code(), Some(130));
    project.expect_tidy();
    let _ = project.run(&["doctor"]).says("not run yet");
}
