//! Power failures in a run: the disk as it was at some moment, with all that nobody had it write for good left out. Two
//! moments by default, 20 under `cargo xtask test --long`.

use std::fs;

use cordwainer::event::EventKind;
use cordwainer::testing::size;
use jiff::Timestamp;
use rustix::process::Signal;

use crate::support::disk::{Disk, expect_whole, moments};
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;
use crate::support::project::waiting::{signal, wait_until};

engine_tests! {
    podman first: what_was_told_outlives_a_power_failure_at_any_moment;
    podman: a_session_that_waits_outlives_a_power_failure;
}

fn what_was_told_outlives_a_power_failure_at_any_moment(engine: TestEngine) {
    let mut random = moments();
    for _ in 0..size(2, 20) {
        let Some(disk) = Disk::new() else { return };
        outlives(engine, &disk, random.usize(10..90));
    }
}

/// Has the power fail when a run has told so many events.
fn outlives(engine: TestEngine, disk: &Disk, moment: usize) {
    let project = Project::on(engine, disk.repository(), "stitch: {parallel: 3}\n");
    for number in 1..=4 {
        project.add(&format!("task {number}"), &format!("write src/{number}.txt {number}"));
    }
    disk.sync();
    let mut run = project.spawn(&["generator", "run", "--tasks-only"]);
    wait_until(|| {
        let events = project.events();
        let is_over = || matches!(events.last(), Some(EventKind::RunEnded { .. }));
        events.len() >= moment || is_over()
    });
    signal(&run, Signal::STOP);
    let content = disk.content();
    let told: Vec<String> = project.events().iter().filter_map(landed).collect();
    signal(&run, Signal::KILL);
    run.wait().unwrap();
    project.remove_containers();
    disk.fail(&content);
    boot_anew(&project);

    expect_whole(&project.repository, &format!("after {moment} events"));
    for commit in &told {
        project
            .repository
            .git(&["merge-base", "--is-ancestor", commit, "generation-one"]);
    }
    let ran = project.run(&["generator", "resume", "--tasks-only"]);
    assert!(
        matches!(ran.code, Some(0 | 4)),
        "after {moment} events: {}{}",
        ran.stdout,
        ran.stderr
    );
    for number in 1..=4 {
        let id = format!("cw-{number}");
        assert_eq!(project.issue(&id)["status"], "closed", "{id} after {moment} events");
        assert_eq!(project.merges_of(&id), 1, "{id} after {moment} events");
    }
    expect_whole(&project.repository, &format!("resumed after {moment} events"));
    project.expect_tidy();
}

/// What its agent wrote last is a moment old.
fn a_session_that_waits_outlives_a_power_failure(engine: TestEngine) {
    let Some(disk) = Disk::new() else { return };
    let project = Project::on(engine, disk.repository(), "limits: {wait: never}\n");
    let reset = Timestamp::now().as_second() + 3 * 3600;
    project.add(
        "meets a limit",
        &format!("write src/a.txt one\nlimit {reset}\nwrite src/b.txt two"),
    );
    disk.sync();
    project.run(&["generator", "run", "--tasks-only"]).expect(8);
    let content = disk.content();
    disk.fail(&content);
    boot_anew(&project);
    expect_whole(&project.repository, "while a session waits");
    let ran = project.run(&["generator", "resume", "--tasks-only", "--now"]);
    ran.expect(0).says("continuing its session");
    assert_eq!(project.outcomes("cw-1"), ["limited", "merged"]);
    assert_eq!(
        (project.content("src/a.txt"), project.content("src/b.txt")),
        ("one".into(), "two".into())
    );
    project.expect_tidy();
}

/// Has what was noted of the machine's last boot be of an earlier one.
fn boot_anew(project: &Project) {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let registrations = fs::read_dir(project.repository.path().join(".git/worktrees"));
    let registrations = registrations
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path().join("boot"));
    let markers = fs::read_dir(project.state().join("slots"));
    let markers = markers.into_iter().flatten().map(|entry| entry.unwrap().path());
    let markers = markers.filter(|path| path.extension().is_some_and(|end| end == "dirty"));
    for noted in registrations.chain(markers).filter(|noted| noted.exists()) {
        let text = fs::read_to_string(&noted).unwrap();
        fs::write(&noted, text.replace(boot.trim(), "an earlier boot")).unwrap();
    }
}

/// The commit of which an event tells that it landed.
fn landed(event: &EventKind) -> Option<String> {
    match event {
        EventKind::AttemptEnded { commit, .. } => commit.as_ref().map(ToString::to_string),
        _ => None,
    }
}
