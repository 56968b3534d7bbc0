//! How many tasks are at work at once, and which has its turn.

use std::collections::HashSet;
use std::fs;
use std::sync::atomic::Ordering;
use std::thread::available_parallelism;

use cordwainer::event::EventKind;
use tokio::runtime::Runtime;

use crate::run::limits::run_by_the_clock;
use crate::run::parallel::{ended, expect_merged, let_all_go_on, let_go_on, wait_for_agents};
use crate::support::engines::{TestEngine, engine_tests, limits_that_hold, skip};
use crate::support::project::Project;
use crate::support::repository::TestRepository;
use crate::support::scripts::{WAIT, scripted};
use crate::support::sockets::Socket;

engine_tests! {
    podman: after_a_limit_half_as_many_are_at_work_and_then_one_more_for_each_that_gets_through,
        no_more_containers_start_at_a_time_than_there_are_cores;
    docker: auto_is_as_many_as_the_documentation_says, the_oldest_task_is_done_among_ever_newer_and_more_urgent_ones;
}

/// Files tasks of these numbers that wait until they are let go on.
fn add_waiting(project: &Project, numbers: std::ops::RangeInclusive<u32>) {
    for number in numbers {
        project.add(&format!("waits {number}"), &format!("{WAIT}write src/{number}.txt x"));
    }
}

/// How many tasks' agents were at work as each of them ended, of those that began in these events: one of before may end among
/// them.
fn at_work_at_each_end(events: &[EventKind]) -> Vec<usize> {
    let mut at_work = HashSet::new();
    let mut counts = Vec::new();
    for event in events {
        match event {
            EventKind::AgentStarted { call, .. } => {
                at_work.extend(&call.task);
            }
            EventKind::AgentEnded { call, .. } => {
                let count = at_work.len();
                if call.task.as_ref().is_some_and(|task| at_work.remove(task)) {
                    counts.push(count);
                }
            }
            _ => {}
        }
    }
    counts
}

/// The kernel's word on the machine's memory, in MB.
fn megabytes() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap();
    let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:")).unwrap();
    total.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

fn auto_is_as_many_as_the_documentation_says(engine: TestEngine) {
    if !limits_that_hold(&engine.socket()).is_empty() {
        skip("this user's engine cannot enforce limits");
        return;
    }
    let cores = f64::from(u32::try_from(available_parallelism().unwrap().get()).unwrap());
    // So much that three have what they may use, and no fourth one; then twice as much of the memory as two have room for.
    let cpus = (cores / 3.0 * 100.0).floor() / 100.0;
    let small = format!("  cpus: {cpus}\n  memory: 64m\n---\nstitch: {{parallel: auto}}\n");
    let large = small.replace("64m", &format!("{}m", megabytes() * 3 / 20));
    let mut project = Project::new(engine, &small);
    for (settings, places, tasks) in [(&small, 3, 1..=5), (&large, 2, 6..=9)] {
        project.reconfigure(None, settings);
        add_waiting(&project, tasks.clone());
        let before = project.events().len();
        let run = project.spawn(&["generator", "run", "--tasks-only"]);
        let mut left = tasks.clone().count();
        while left > 0 {
            let slots = wait_for_agents(&project, left.min(places));
            let_go_on(&project, *slots.first().unwrap());
            left -= 1;
        }
        ended(run).expect(0);
        expect_merged(&project, tasks);
        let counts = at_work_at_each_end(&project.events()[before..]);
        assert_eq!(counts.into_iter().max(), Some(places), "{settings}");
    }
    project.expect_tidy();
}

fn after_a_limit_half_as_many_are_at_work_and_then_one_more_for_each_that_gets_through(engine: TestEngine) {
    let project = Project::new(engine, "limits: {wait: 1h}\nstitch: {parallel: 4}\n");
    for number in 1..=4 {
        let script = format!("{WAIT}limit 1900000000\n{WAIT}write src/{number}.txt x");
        project.add(&format!("meets a limit {number}"), &script);
    }
    add_waiting(&project, 5..=8);
    // 1900000000 is 2030-03-17T17:46:40Z.
    let (done, events) = std::thread::scope(|scope| {
        let run = scope.spawn(|| run_by_the_clock(&project, "2030-03-17T17:00:00Z"));
        let_all_go_on(&project, &wait_for_agents(&project, 4));
        for places in [2, 3, 4, 4, 4] {
            let slots = wait_for_agents(&project, places);
            let_go_on(&project, *slots.first().unwrap());
        }
        let_all_go_on(&project, &wait_for_agents(&project, 3));
        run.join().unwrap()
    });
    assert_eq!((done.merged, done.exit_code), (8, 0), "{done:?}");
    let is_paused = |event: &EventKind| matches!(event, EventKind::Paused { .. });
    let paused: Vec<usize> = (0..events.len()).filter(|at| is_paused(&events[*at])).collect();
    let [paused] = paused[..] else {
        panic!("one pause for all: {events:?}");
    };
    let is_start = |event: &&EventKind| matches!(event, EventKind::AgentStarted { .. });
    assert!(events[..paused].iter().filter(is_start).count() <= 4, "{events:?}");
    // That so many are at work has been waited for; an agent may have gone on before the event that it has started.
    let counts = at_work_at_each_end(&events[paused..]);
    let most = [2, 3, 4, 4, 4, 3, 2, 1];
    assert!(
        counts.len() == most.len() && counts.iter().zip(most).all(|(count, most)| *count <= most),
        "{counts:?}"
    );
    expect_merged(&project, 1..=8);
    project.expect_tidy();
}

fn no_more_containers_start_at_a_time_than_there_are_cores(engine: TestEngine) {
    let runtime = Runtime::new().unwrap();
    let (proxy, most) = runtime.block_on(async { Socket::counting_starts(&engine.socket()) });
    let more = "stitch: {parallel: 4}\n";
    let project = Project::with_socket(engine, TestRepository::new(), &proxy.path(), more);
    project.run(&["generator", "start", "--name", "one"]).expect(0);
    for number in 1..=8 {
        project.add(&format!("task {number}"), &format!("write src/{number}.txt x"));
    }
    project.run(&["generator", "run", "--tasks-only"]).expect(0);
    expect_merged(&project, 1..=8);
    let allowed = available_parallelism().unwrap().get();
    let most = most.load(Ordering::SeqCst);
    assert!((1..=allowed).contains(&most), "{most} at once, {allowed} allowed");
    project.expect_tidy();
}

/// Ten come before it by their priority; the eighth of them is the last that does.
fn the_oldest_task_is_done_among_ever_newer_and_more_urgent_ones(engine: TestEngine) {
    let project = Project::new(engine, "");
    for number in 1..=11 {
        let priority = if number == 1 { "4" } else { "0" };
        let description = scripted(&format!("write src/{number}.txt x"));
        let title = format!("task {number}");
        let add = [
            "issues",
            "add",
            &title,
            "--priority",
            priority,
            "--description",
            &description,
        ];
        project.run(&add).expect(0);
    }
    project.run(&["generator", "run", "--tasks-only"]).expect(0);
    expect_merged(&project, 1..=11);
    let format = "--format=%(trailers:key=Cordwainer-Task,valueonly,separator=)";
    let log = project.repository.git(&["log", "--reverse", format, "generation-one"]);
    let order: Vec<&str> = log.lines().filter(|line| !line.is_empty()).collect();
    let expect = [2, 3, 4, 5, 6, 7, 8, 9, 1, 10, 11].map(|number| format!("cw-{number}"));
    assert_eq!(order, expect);
    project.expect_tidy();
}
