//! The end of an account's window, as the API's own answers report it: fewer tasks at once, and a reserve that is left.

use cordwainer::event::EventKind;
use jiff::Timestamp;

use crate::run::parallel::{ended, expect_merged, let_all_go_on, wait_for_agents};
use crate::support::clock::{HOUR, TestClock};
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::messages_api::{Listen, MessagesApi};
use crate::support::project::Project;
use crate::support::project::waiting::wait_until;
use crate::support::scripts::{WAIT, asks};

engine_tests! {
    docker first: fewer_tasks_are_at_work_as_a_window_ends_also_after_a_restart;
    podman: a_reserve_is_left_until_the_reset, a_reserve_that_is_not_waited_for_ends_the_run,
        headers_that_are_garbage_and_a_clients_own_words_change_nothing;
    docker: no_review_begins_in_the_reserve;
}

/// The API of an account of whose five hours so much is used, until so long from now.
fn api_with(used: &str, reset: &str) -> MessagesApi {
    let script = format!(
        "about nearly\n  say x\n    unified status allowed\n    unified 5h-utilization {used}\n    unified 5h-reset {reset}\n"
    );
    MessagesApi::start(Listen::loopback(), &script)
}

/// A project whose gateways ask this API.
fn project(engine: TestEngine, api: &MessagesApi, more: &str) -> Project {
    Project::new(engine, &configured(api, more))
}

fn configured(api: &MessagesApi, more: &str) -> String {
    format!("agent: {{base_url: \"{}\"}}\n{more}", api.base_url())
}

/// Files tasks of these numbers that wait until they are let go on, each after the first one.
fn add_waiting(project: &Project, numbers: std::ops::RangeInclusive<u32>) {
    for number in numbers {
        let script = format!("{WAIT}write src/{number}.txt x");
        project.add_after(&format!("waits {number}"), &script, &["cw-1"]);
    }
}

/// How many of the tasks up to this one are at work.
fn at_work(project: &Project, last: u32) -> usize {
    let status = |number| project.issue(&format!("cw-{number}"))["status"].clone();
    (1..=last).filter(|number| status(*number) == "in_progress").count()
}

fn paused(project: &Project) -> Vec<(Timestamp, String)> {
    let events = project.events().into_iter();
    let paused = events.filter_map(|event| match event {
        EventKind::Paused { until, reason } => Some((until, reason)),
        _ => None,
    });
    paused.collect()
}

/// Runs until the reset is waited for, and on after it.
#[track_caller]
fn run_past_the_reset(project: &Project) {
    let clock = TestClock::of(project);
    let run = clock.spawn(project, &["generator", "run", "--tasks-only"]);
    project.wait_for_event(|event| matches!(event, EventKind::Paused { .. }));
    clock.set(2 * HOUR);
    ended(run).expect(0);
}

fn fewer_tasks_are_at_work_as_a_window_ends_also_after_a_restart(engine: TestEngine) {
    let api = api_with("0.95", "in 1h");
    let project = project(engine, &api, "stitch: {parallel: 3}\n");
    let clock = TestClock::of(&project);
    project.add("asks", &format!("{}write src/1.txt x", asks("nearly")));
    add_waiting(&project, 2..=4);
    let mut run = clock.spawn(&project, &["generator", "run", "--tasks-only"]);
    wait_for_agents(&project, 1);
    assert_eq!(
        at_work(&project, 4),
        1,
        "with a twentieth left there is one place of three"
    );
    run.kill().unwrap();
    run.wait().unwrap();
    project.forget_adoptions();

    let resumed = clock.spawn(&project, &["generator", "resume", "--tasks-only"]);
    wait_until(|| project.outcomes("cw-2") == ["cancelled"]);
    wait_for_agents(&project, 1);
    assert_eq!(at_work(&project, 4), 1, "what is known of the window outlives the run");
    // Nothing has ended since: it is the reset that lets the others begin.
    clock.set(2 * HOUR);
    let_all_go_on(&project, &wait_for_agents(&project, 3));
    let ran = ended(resumed).expect(0);
    ran.says("95 % of the account's 5-hour window is used: until its reset fewer tasks are worked on at once");
    expect_merged(&project, 1..=4);
    assert_eq!(paused(&project), []);
    project.expect_tidy();
}

fn a_reserve_is_left_until_the_reset(engine: TestEngine) {
    let api = api_with("0.93", "in 1h");
    let project = project(engine, &api, "limits: {reserve: 10, wait: 2h}\nstitch: {parallel: 3}\n");
    project.add("asks", &format!("{}write src/1.txt x", asks("nearly")));
    for number in 2..=3 {
        project.add_after(
            &format!("comes after {number}"),
            &format!("write src/{number}.txt x"),
            &["cw-1"],
        );
    }
    run_past_the_reset(&project);
    expect_merged(&project, 1..=3);
    let paused = paused(&project);
    let [(until, reason)] = &paused[..] else {
        panic!("one pause for all: {paused:?}");
    };
    assert_eq!(
        reason,
        "93 % of the account's 5-hour window is used, and `limits.reserve` leaves 10 %"
    );
    for id in ["cw-2", "cw-3"] {
        let began = project.issue(id)["attempts"][0]["started_at"].clone();
        let began: Timestamp = began.as_str().unwrap().parse().unwrap();
        assert!(began >= *until, "{id} began at {began}, and the reset is at {until}");
        assert_eq!(project.outcomes(id), ["merged"]);
    }
    project.expect_tidy();
}

fn a_reserve_that_is_not_waited_for_ends_the_run(engine: TestEngine) {
    let api = api_with("0.93", "in 4h");
    let limits = "limits: {reserve: 10, wait: 1h}\n";
    let mut project = project(engine, &api, limits);
    let asks = asks("nearly");
    project.add("asks", &format!("{asks}write src/1.txt x"));
    project.add_after("asks again", &format!("{asks}write src/2.txt x"), &["cw-1"]);
    project.add_after("comes last", "write src/3.txt x", &["cw-2"]);
    let why = "`limits.reserve` leaves 10 %";
    project.run(&["generator", "run", "--tasks-only"]).expect(8).says(why);
    assert_eq!(project.outcomes("cw-1"), ["merged"]);
    let status = project.status();
    assert!(status["paused_until"].is_string(), "{status:#}");
    assert!(status["paused_because"].as_str().unwrap().ends_with(why), "{status:#}");
    // No call of any kind begins.
    for verb in ["run", "measure", "stitch"] {
        project.run(&["generator", verb]).expect(8).says(why);
    }
    assert_eq!(project.status()["usage"]["calls"], 1);
    assert!(project.outcomes("cw-2").is_empty());

    // A person lifts it until the API reports it again.
    let lifted = project.run(&["generator", "resume", "--now", "--tasks-only"]);
    lifted.expect(8).says("Lifted the pause").says(why);
    assert_eq!(project.outcomes("cw-2"), ["merged"]);
    assert!(project.outcomes("cw-3").is_empty());
    project.reconfigure(None, &configured(&api, "limits: {wait: 1h}\n"));
    project.run(&["generator", "run", "--tasks-only"]).expect(0);
    expect_merged(&project, 1..=3);
    project.expect_tidy();
}

fn no_review_begins_in_the_reserve(engine: TestEngine) {
    let api = api_with("0.93", "in 1h");
    let more = "limits: {reserve: 10, wait: 2h}\nstages: [stitch, review]\n";
    let project = project(engine, &api, more);
    project.add("asks", &format!("{}write src/1.txt x", asks("nearly")));
    run_past_the_reset(&project);
    // The work is done, and waits for its review in its slot.
    assert_eq!(project.outcomes("cw-1"), ["limited", "merged"]);
    let attempts = project.issue("cw-1")["attempts"].clone();
    assert_eq!(attempts[0]["stages"].as_array().map_or(0, Vec::len), 0, "{attempts:#}");
    let review = &attempts[1]["stages"][0];
    assert_eq!(review["stage"], "review", "{attempts:#}");
    let (until, _) = paused(&project)[0].clone();
    let began: Timestamp = attempts[1]["started_at"].as_str().unwrap().parse().unwrap();
    assert!(began >= until, "{began} {until}");
    expect_merged(&project, 1..=1);
    project.expect_tidy();
}

/// No header and no line of a container slows anything down, or stops it, that is not a believable share and reset.
fn headers_that_are_garbage_and_a_clients_own_words_change_nothing(engine: TestEngine) {
    let heads = [
        ("lots", "in 1h"),
        ("95", "in 1h"),
        ("-1", "in 1h"),
        ("NaN", "in 1h"),
        ("0.99", "soon"),
        ("0.99", "0"),
        ("0.99", "99999999999999999999"),
        ("0.99", "in 2d"),
    ];
    let script = (1..).zip(heads).map(|(number, (used, reset))| {
        format!(
            "about number-{number}.\n  say x\n    unified status allowed\n    unified 5h-utilization {used}\n    unified 5h-reset {reset}\n"
        )
    });
    let api = MessagesApi::start(Listen::loopback(), &script.collect::<String>());
    let more = "limits: {reserve: 50, wait: never}\nstitch: {parallel: 2}\n";
    let project = project(engine, &api, more);
    let each: String = (1..=heads.len())
        .map(|number| asks(&format!("number-{number}.")))
        .collect();
    project.add("asks", &format!("{each}warning\nwrite src/1.txt x"));
    add_waiting(&project, 2..=3);
    let run = project.spawn(&["generator", "run", "--tasks-only"]);
    let_all_go_on(&project, &wait_for_agents(&project, 2));
    ended(run).expect(0);
    expect_merged(&project, 1..=3);
    assert_eq!(api.served().messages, heads.len() as u64);
    assert_eq!(api.surprises(), Vec::<String>::new());
    assert_eq!(paused(&project), []);
    assert!(!project.state().join("windows.json").exists());
    project.expect_tidy();
}
