//! `runs stop`, `runs pause` and `runs resume`: from another process than the run's.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::Shutdown;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use cordwainer::event::EventKind;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::run::budgets::by_the_client;
use crate::run::parallel::{add_waiting, ended, expect_merged, let_all_go_on, let_go_on, wait_for_agents};
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;
use crate::support::project::waiting::{signal, wait_until};

engine_tests! {
    both: stopping_now_waits_for_nobody;
    podman first: a_paused_run_begins_nothing_and_goes_on;
    docker first: three_at_work_are_stopped_from_another_worktree_and_resumed;
    podman: nothing_that_is_said_to_the_socket_disturbs_a_run, a_socket_that_a_killed_run_left_is_replaced,
        a_run_that_does_not_answer_is_told, a_stop_reaches_a_run_that_does_one_thing,
        what_the_configuration_says_by_now_takes_effect_or_is_refused;
    docker: a_paused_run_stays_until_it_is_stopped, the_state_may_be_far_down, only_the_run_that_is_meant_is_stopped,
        a_pause_for_a_limit_gives_way_to_a_persons, a_limit_is_no_longer_waited_for_once_the_configuration_says_so,
        budgets_that_are_raised_let_a_run_go_on;
}

fn socket(project: &Project) -> PathBuf {
    project.state().join("run.sock")
}

/// A run with three agents at work, that wait for this test, and a fourth task that has no place.
fn with_three(project: &Project) -> Child {
    add_waiting(project, 3);
    project.add("comes later", "write src/4.txt x");
    let run = project.spawn(&["run", "--tasks-only"]);
    wait_for_agents(project, 3);
    run
}

#[track_caller]
fn expect_suspended(project: &Project, numbers: std::ops::RangeInclusive<u32>) {
    for number in numbers {
        let issue = project.issue(&format!("cw-{number}"));
        let stands = (&issue["status"], &issue["attempts"][0]["outcome"]);
        assert_eq!(stands, (&"open".into(), &"cancelled".into()), "{issue:#}");
    }
}

fn three_at_work_are_stopped_from_another_worktree_and_resumed(engine: TestEngine) {
    let project = Project::new(engine, "stop_grace: 1s\nstitch: {parallel: 3}\n");
    let run = with_three(&project);
    let tree = project.repository.outside().join("tree");
    let add = ["worktree", "add", "--quiet", "--detach", tree.to_str().unwrap()];
    project.repository.git(&add);
    assert_eq!(project.status()["run_state"], "working");
    let metadata = fs::symlink_metadata(socket(&project)).unwrap();
    assert!(metadata.file_type().is_socket());
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);

    let stop = project.command(&["runs", "stop"]).current_dir(&tree).output().unwrap();
    let stop = crate::support::project::Ran::from(stop).expect(0);
    let whose = format!("(process {})", run.id());
    stop.says(&format!("{whose} is stopping: nothing new begins"))
        .says(&format!("{whose} has ended."))
        .says("Run ended: stopped, as requested by `cordwainer runs stop`. 0 tasks merged")
        .says("Next: `cordwainer resume` continues.");
    ended(run)
        .expect(130)
        .says("Stopping, as requested by `cordwainer runs stop`: nothing new begins")
        .says("Run ended: stopped, as requested by `cordwainer runs stop`. ");
    expect_suspended(&project, 1..=3);
    assert!(project.outcomes("cw-4").is_empty(), "nothing begins after the request");
    assert!(!socket(&project).exists());
    assert_eq!(project.status()["run"], Value::Null);
    project.repository.git(&["worktree", "remove", tree.to_str().unwrap()]);
    project.expect_tidy();
    project.run(&["runs", "stop"]).expect(4).says("no run is at work");

    project.run(&["resume", "--tasks-only"]).expect(0);
    expect_merged(&project, 1..=4);
    project.expect_tidy();
}

/// Nothing of the run would end by itself within the time of a test.
fn stopping_now_waits_for_nobody(engine: TestEngine) {
    let project = Project::new(engine, "stop_grace: 1h\nstitch: {parallel: 3}\n");
    let run = with_three(&project);
    let patient = project.spawn(&["runs", "stop"]);
    wait_until(|| project.status()["run_state"] == "stopping");
    let ran = project.run(&["runs", "stop", "--now", "--json"]).expect(0);
    let done: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(done["pid"], run.id());
    assert_eq!(
        done["end"]["event"]["reason"],
        "stopped, as requested by `cordwainer runs stop`"
    );
    ended(patient).expect(0).says("has ended.");
    ended(run).expect(130).says("is suspended now");
    expect_suspended(&project, 1..=3);
    let told = project.events().into_iter().filter_map(|event| match event {
        EventKind::StopRequested(stop) => Some(stop.now),
        _ => None,
    });
    assert_eq!(told.collect::<Vec<_>>(), [false, true]);
    project.expect_tidy();
}

fn a_paused_run_begins_nothing_and_goes_on(engine: TestEngine) {
    let project = Project::new(engine, "stitch: {parallel: 2}\n");
    add_waiting(&project, 3);
    let run = project.spawn(&["run", "--tasks-only"]);
    let slots: Vec<u32> = wait_for_agents(&project, 2).into_iter().collect();
    project.run(&["runs", "resume"]).expect(4).says("is not paused");
    let said = project.run(&["runs", "pause"]).expect(0);
    said.says("is pausing: nothing new begins");
    assert_eq!(project.status()["run_state"], "pausing");
    let_go_on(&project, slots[0]);
    project.wait_for_event(|event| matches!(event, EventKind::AttemptEnded { .. }));
    let_go_on(&project, slots[1]);
    wait_until(|| project.status()["run_state"] == "paused");
    expect_merged(&project, 1..=2);
    assert_eq!(project.issue("cw-3")["status"], "open");
    assert_eq!(project.containers(), Vec::<String>::new());
    project
        .run(&["status"])
        .expect(0)
        .says(": paused")
        .says("Next: `cordwainer runs resume` lets the run go on.");

    let again = project.run(&["runs", "pause", "one", "--json"]).expect(0);
    let standing: Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!(
        (&standing["pid"], &standing["state"], &standing["generation"]),
        (&run.id().into(), &"paused".into(), &"generation-one".into())
    );
    for command in ["stop", "resume", "run", "reset", "stitch", "measure", "gc"] {
        let refused = project.run(&[command]).expect(6);
        refused
            .says("end it with `cordwainer runs stop`")
            .says("`cordwainer runs resume` lets it go on");
    }
    project.run(&["runs", "resume"]).expect(0).says("goes on.");
    let_all_go_on(&project, &wait_for_agents(&project, 1));
    ended(run)
        .expect(0)
        .says("Paused by `cordwainer runs pause`")
        .says("Continuing: ");
    expect_merged(&project, 1..=3);
    let told = project.events().into_iter().filter_map(|event| match event {
        EventKind::RunPaused { at_work } => Some(Some(at_work)),
        EventKind::PauseLifted { .. } => Some(None),
        _ => None,
    });
    assert_eq!(told.collect::<Vec<_>>(), [Some(2), Some(0), None]);
    project.expect_tidy();
}

fn a_paused_run_stays_until_it_is_stopped(engine: TestEngine) {
    let project = Project::new(engine, "");
    add_waiting(&project, 1);
    let run = project.spawn(&["run", "--tasks-only"]);
    let slots = wait_for_agents(&project, 1);
    project.run(&["runs", "pause"]).expect(0);
    let_all_go_on(&project, &slots);
    // Nothing is left to do, and it stays: what a person files now is done when it goes on.
    wait_until(|| project.status()["run_state"] == "paused");
    project.add("comes late", "write src/2.txt x");
    project
        .run(&["resume", "--now"])
        .expect(0)
        .says("Lifted the pause of `cordwainer runs pause`")
        .says("continues");
    wait_until(|| project.issue("cw-2")["status"] == "closed");
    ended(run).expect(0);
    expect_merged(&project, 1..=2);

    project.add("is not begun", "write src/3.txt x");
    let run = project.spawn(&["run", "--tasks-only"]);
    // As early as it answers, whatever it does then.
    wait_until(|| project.run(&["runs", "pause"]).code == Some(0));
    wait_until(|| project.status()["run_state"] == "paused");
    project.run(&["runs", "stop"]).expect(0);
    ended(run).expect(130).says("stopped, as requested");
    assert!(project.outcomes("cw-3").len() <= 1);
    project.expect_tidy();

    // The pause ended with the run. That of one that is killed is lifted by who says so.
    project.add("is not begun, either", "write src/4.txt x");
    let mut run = project.spawn(&["run", "--tasks-only"]);
    wait_until(|| project.run(&["runs", "pause"]).code == Some(0));
    wait_until(|| project.status()["run_state"] == "paused");
    run.kill().unwrap();
    run.wait().unwrap();
    project.add("is done", "write src/5.txt x");
    project.run(&["resume", "--now", "--tasks-only"]).expect(0);
    expect_merged(&project, 1..=5);
    project.expect_tidy();
}

fn a_pause_for_a_limit_gives_way_to_a_persons(engine: TestEngine) {
    let project = Project::new(engine, "limits: {wait: always}\n");
    project.add("meets a limit", "on 1 limit 4070908800\nwrite src/a.txt x");
    let run = project.spawn(&["run", "--tasks-only"]);
    project.wait_for_event(|event| matches!(event, EventKind::Paused { .. }));
    assert_eq!(project.status()["run_state"], "working");
    project.run(&["runs", "pause"]).expect(0);
    wait_until(|| project.status()["run_state"] == "paused");
    project.run(&["runs", "resume"]).expect(0);
    wait_until(|| project.status()["run_state"] == "working");
    project.run(&["runs", "stop"]).expect(0).says("stopped, as requested");
    ended(run).expect(130);
    assert!(project.status()["paused_until"].is_string(), "the limit is still known");
    project.expect_tidy();
}

fn a_stop_reaches_a_run_that_does_one_thing(engine: TestEngine) {
    let project = Project::new(engine, "stop_grace: 1s\n");
    add_waiting(&project, 1);
    let run = project.spawn(&["stitch"]);
    wait_for_agents(&project, 1);
    project
        .run(&["runs", "pause"])
        .expect(9)
        .says("there is nothing to pause");
    let stopped = project.run(&["runs", "stop"]).expect(0);
    stopped.says("has ended.");
    ended(run).expect(130);
    expect_suspended(&project, 1..=1);
    project.expect_tidy();
}

fn only_the_run_that_is_meant_is_stopped(engine: TestEngine) {
    let project = Project::new(engine, "stop_grace: 1s\nstitch: {parallel: 3}\n");
    project.add("is quick", "write src/0.txt x");
    project.run(&["run", "--tasks-only"]).expect(0);
    let earlier = fs::read_dir(project.state().join("runs")).unwrap().next().unwrap();
    let earlier = earlier.unwrap().file_name().into_string().unwrap();
    project.run(&["start", "--name", "two"]).expect(0);
    project.run(&["switch", "one"]).expect(0);
    add_waiting(&project, 3);
    let run = project.spawn(&["run", "--tasks-only"]);
    wait_for_agents(&project, 3);
    let id = project.status()["run"]["id"].as_str().unwrap().to_owned();
    for (name, code, says) in [
        (earlier.as_str(), 4, format!("run {earlier} has ended")),
        ("two", 4, "no run is at work on generation-two".to_owned()),
        ("three", 9, "no generation `three` is open".to_owned()),
        ("../runs", 9, "no generation `../runs` is open".to_owned()),
    ] {
        for verb in ["stop", "pause", "resume"] {
            project.run(&["runs", verb, name]).expect(code).says(&says);
        }
    }
    project
        .run(&["runs", "stop", "--generation", "one"])
        .expect(2)
        .says("name the generation without the option");
    assert_eq!(project.status()["run_state"], "working");
    project.run(&["runs", "stop", &id]).expect(0);
    ended(run).expect(130);
    project.expect_tidy();
}

/// Sends bytes, and returns the answer.
fn say(socket: &Path, bytes: &[u8]) -> Value {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    // Whoever sends too much is not read to the end.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).unwrap();
    assert!(answer.ends_with('\n'), "{answer:?}");
    serde_json::from_str(&answer).unwrap()
}

fn nothing_that_is_said_to_the_socket_disturbs_a_run(engine: TestEngine) {
    let project = Project::new(engine, "");
    add_waiting(&project, 1);
    let run = project.spawn(&["run", "--tasks-only"]);
    let slots = wait_for_agents(&project, 1);
    let socket = socket(&project);
    let id = project.status()["run"]["id"].clone();
    let request = |version: u32, run: &Value, kind: Value| {
        let asked = json!({"version": version, "run": run, "request": kind});
        format!("{asked}\n")
    };
    let stop = || json!({"type": "stop", "now": true});
    let whole = request(1, &id, stop());
    for (bytes, what) in [
        (String::new(), "not a whole line"),
        ("\n".to_owned(), "cannot be read"),
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), "cannot be read"),
        ("\u{1b}[2J\0\n".to_owned(), "cannot be read"),
        (whole[..whole.len() / 2].to_owned(), "not a whole line"),
        (whole.trim_end().to_owned(), "not a whole line"),
        ("x".repeat(1 << 20), "not a whole line of at most 65536 bytes"),
        (format!("{}\n", "[".repeat(60_000)), "cannot be read"),
        (request(2, &id, stop()), "has version 2, and 1 is expected"),
        (
            request(1, &"20260102-030405000-42".into(), stop()),
            "is for run 20260102-030405000-42, and run ",
        ),
        (request(1, &"../x".into(), stop()), "is not known there"),
        (request(1, &id, json!({"type": "sing"})), "unknown variant `sing`"),
        (request(1, &id, json!({"type": "stop"})), "missing field `now`"),
    ] {
        let answered = say(&socket, bytes.as_bytes());
        assert_eq!(
            (&answered["version"], &answered["answer"]["type"]),
            (&1.into(), &"refused".into())
        );
        let said = answered["answer"]["what"].as_str().unwrap();
        assert!(said.contains(what), "{said}");
    }
    // One request and one answer: what follows is not read.
    let two = request(1, &id, json!({"type": "status"})) + &whole;
    let answered = say(&socket, two.as_bytes());
    assert_eq!(answered["answer"]["run"]["state"], "working", "{answered}");
    assert_eq!(answered["answer"]["changed"], false);
    // More silent clients than there are places; each loses its own after a while.
    let silent: Vec<_> = (0..40).map(|_| UnixStream::connect(&socket).unwrap()).collect();
    let begun = Instant::now();
    assert_eq!(project.run(&["runs", "pause"]).expect(0).code, Some(0));
    assert_eq!(project.run(&["runs", "resume"]).expect(0).code, Some(0));
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert_eq!(project.status()["run_state"], "working");
    let_all_go_on(&project, &slots);
    ended(run).expect(0);
    drop(silent);
    expect_merged(&project, 1..=1);
    assert!(!socket.exists());
    project.expect_tidy();
}

fn a_socket_that_a_killed_run_left_is_replaced(engine: TestEngine) {
    let project = Project::new(engine, "");
    add_waiting(&project, 1);
    let mut run = project.spawn(&["run", "--tasks-only"]);
    wait_for_agents(&project, 1);
    run.kill().unwrap();
    run.wait().unwrap();
    project.forget_adoptions();
    let socket = socket(&project);
    assert!(socket.exists());
    for verb in ["stop", "pause", "resume"] {
        project.run(&["runs", verb]).expect(4).says("no run is at work");
    }
    assert!(socket.exists(), "only who holds the lock replaces it");
    project.run(&["resume", "--tasks-only"]).expect(0);
    assert!(!socket.exists());
    // What is not a socket is a person's.
    fs::write(&socket, "mine").unwrap();
    project
        .run(&["run"])
        .expect(9)
        .says("run.sock` exists and is not a socket");
    assert_eq!(fs::read_to_string(&socket).unwrap(), "mine");
    project.expect_tidy();
}

fn a_run_that_does_not_answer_is_told(engine: TestEngine) {
    let project = Project::new(engine, "stop_grace: 1s\n");
    add_waiting(&project, 1);
    let run = project.spawn(&["run", "--tasks-only"]);
    wait_for_agents(&project, 1);
    signal(&run, Signal::STOP);
    project
        .run(&["runs", "stop"])
        .expect(9)
        .says(&format!("(process {}) does not answer", run.id()));
    let status = project.status();
    assert_eq!(
        (&status["run"]["pid"], &status["run_state"]),
        (&run.id().into(), &Value::Null)
    );
    project.run(&["status"]).expect(0).says(": it does not answer");
    signal(&run, Signal::CONT);
    // The request was there, and is read now.
    ended(run).expect(130);
    project.expect_tidy();
}

fn the_state_may_be_far_down(engine: TestEngine) {
    let folder = format!(".state/{}", "a-long-name-".repeat(12));
    let project = Project::new(engine, &format!("state_dir: {folder}\nstop_grace: 1s\n"));
    project.add("waits", "write src/1.txt x\nhang");
    let run = project.spawn(&["run", "--tasks-only"]);
    let state = project.repository.path().join(folder);
    let socket = state.join("run.sock");
    assert!(socket.as_os_str().len() > 108);
    wait_until(|| state.join("slots/1/src/1.txt").exists());
    assert!(socket.exists());
    project.run(&["runs", "stop"]).expect(0).says("has ended.");
    ended(run).expect(130);
    assert!(!socket.exists());
}

fn what_the_configuration_says_by_now_takes_effect_or_is_refused(engine: TestEngine) {
    let mut project = Project::new(engine, "stitch: {parallel: 1}\n");
    add_waiting(&project, 3);
    let run = project.spawn(&["run", "--tasks-only"]);
    wait_for_agents(&project, 1);
    let reload = |project: &Project| project.run(&["runs", "reload"]);
    reload(&project).expect(0).says("has this configuration already");
    for (lines, says) in [
        (
            "stitch: {parallel: 3, model: opus}\nstop_grace: 1s\n",
            "these have changed, too: stop_grace, stitch.model",
        ),
        ("container_: x\n", "configuration.yaml"),
    ] {
        project.reconfigure(None, lines);
        reload(&project).expect(9).says(says);
    }
    // A file that cannot be read keeps nobody from the run.
    project.run(&["runs", "pause"]).expect(0);
    project.run(&["runs", "resume"]).expect(0);
    project.reconfigure(None, "stitch: {parallel: 2}\n");
    reload(&project)
        .expect(0)
        .says("has reloaded its configuration: `stitch.parallel: 2`");
    let two = wait_for_agents(&project, 2);
    assert_eq!(project.containers().len(), 2);
    project.reconfigure(None, "stitch: {parallel: 1}\n");
    let ran = project.run(&["runs", "reload", "--json"]).expect(0);
    let done: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(done["reloaded"], json!(["stitch.parallel: 1"]));
    let_all_go_on(&project, &two);
    let_all_go_on(&project, &wait_for_agents(&project, 1));
    ended(run)
        .expect(0)
        .says("Reloaded the configuration: `stitch.parallel: 2`.");
    expect_merged(&project, 1..=3);
    project.expect_tidy();
}

fn a_limit_is_no_longer_waited_for_once_the_configuration_says_so(engine: TestEngine) {
    let mut project = Project::new(engine, "limits: {wait: always}\n");
    project.add("meets a limit", "on 1 limit 4070908800\nwrite src/a.txt x");
    let run = project.spawn(&["run", "--tasks-only"]);
    project.wait_for_event(|event| matches!(event, EventKind::Paused { .. }));
    project.reconfigure(None, "limits: {wait: never}\n");
    project.run(&["runs", "reload"]).expect(0).says("limits.wait: never");
    ended(run).expect(8).says("Run ended: calls pause until ");
    project.expect_tidy();
}

fn budgets_that_are_raised_let_a_run_go_on(engine: TestEngine) {
    let with = |usd: &str| by_the_client(&format!("budget: {{usd: {usd}}}\n"));
    for (raised, code) in [(None, 8), (Some("5.0"), 0)] {
        let mut project = Project::new(engine, &with("0.5"));
        project.add(
            "is dear 1",
            "on 1 fifo go\non 1 append go x\ntokens 100 10 0.3\nwrite src/1.txt x",
        );
        project.add("is dear 2", "tokens 100 10 0.3\nwrite src/2.txt x");
        let run = project.spawn(&["run", "--tasks-only"]);
        let slots = wait_for_agents(&project, 1);
        if let Some(raised) = raised {
            project.reconfigure(None, &with(raised));
            project.run(&["runs", "reload"]).expect(0).says("budget.usd: 5.0");
        }
        let_all_go_on(&project, &slots);
        ended(run).expect(code);
        assert_eq!(project.merges_of("cw-2"), usize::from(code == 0));
        project.expect_tidy();
    }
}
