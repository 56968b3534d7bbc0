//! Usage limits as a state of the scheduler: pauses that are written down, and sessions that go on after them.

use std::fs;
use std::path::Path;

use cordwainer::event::EventKind;
use jiff::Timestamp;
use serde_json::Value;

use crate::run::limits::run_by_the_clock;
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;
use crate::support::scripts::{WAIT, user_prompt};

engine_tests! {
    docker first: a_limited_session_goes_on_where_it_stopped;
    podman: a_pause_outlives_a_restart, a_person_cuts_a_pause_short, an_old_clients_limit_is_waited_out,
        a_suspended_session_ends_with_its_generation, a_damaged_pause_is_told,
        a_session_with_settings_of_its_own_does_not_go_on, a_hold_keeps_the_session,
        what_a_call_used_is_kept_though_its_limit_cannot_be_noted;
    docker: a_run_killed_in_a_pause_goes_on_with_the_session, a_lost_session_is_begun_afresh,
        a_measure_goes_on_with_its_session, a_measure_of_another_tip_is_asked_afresh, an_overloaded_api_costs_no_session,
        a_task_that_a_person_closed_lets_its_slot_go, a_limit_that_is_near_is_told_and_changes_nothing;
}

/// In 2030, at 17:46:40 in the afternoon, for runs whose clock is there.
const RESET: i64 = 1_900_000_000;
const BEFORE_THE_RESET: &str = "2030-03-17T17:00:00Z";

/// Works, meets a limit until `reset`, and goes on after it.
fn limited_script(reset: i64) -> String {
    format!("tokens 500 20 0.25\nwrite src/a.txt one\nlimit {reset}\ntokens 300 10 0.5\nwrite src/b.txt two")
}

/// Three hours from now, in seconds since 1970.
fn in_three_hours() -> i64 {
    Timestamp::now().as_second() + 3 * 3600
}

/// Sees that an attempt went on with the session of the one before, and that what both used is counted once.
#[track_caller]
fn expect_one_session(project: &Project, cost: f64) {
    let calls = project.calls("cw-1");
    assert!(calls.len() >= 2, "{calls:#?}");
    let sessions: Vec<_> = calls.iter().map(|call| call["session_id"].as_str().unwrap()).collect();
    assert!(sessions.windows(2).all(|pair| pair[0] == pair[1]), "{calls:#?}");
    let paid = project.status()["usage"]["cost_usd"].as_f64().unwrap();
    // Every write is an answer, which costs a little, too.
    assert!((paid - cost).abs() < 0.01, "{paid} was paid, not {cost}: {calls:#?}");
    for (path, content) in [("src/a.txt", "one"), ("src/b.txt", "two")] {
        assert_eq!(project.content(path), content);
    }
}

fn a_limited_session_goes_on_where_it_stopped(engine: TestEngine) {
    for first_line in ["", "per-call-cost\n"] {
        let project = Project::new(engine, "limits: {wait: 1h}\n");
        project.add("meets a limit", &format!("{first_line}{}", limited_script(RESET)));
        let (done, events) = run_by_the_clock(&project, BEFORE_THE_RESET);
        assert_eq!((done.merged, done.exit_code), (1, 0), "{done:?}");
        assert_eq!(project.outcomes("cw-1"), ["limited", "merged"]);
        expect_one_session(&project, 0.75);
        let resumed = |event: &EventKind| matches!(event, EventKind::SessionResumed { .. });
        assert_eq!(events.iter().filter(|event| resumed(event)).count(), 1);
        let prompt = fs::read_to_string(project.records("cw-1-2")[0].join("prompt.md")).unwrap();
        assert!(
            !prompt.contains("meets a limit"),
            "the session knows its task already: {prompt}"
        );
        assert_eq!(project.suspended(), 0);
        project.expect_tidy();
    }
}

/// What an agent wrote could have somebody else pay for the call that goes on, whether git ignores it or not.
fn a_session_with_settings_of_its_own_does_not_go_on(engine: TestEngine) {
    let project = Project::new(engine, "limits: {wait: never}\n");
    let settings = r#"on 1 write .claude/settings.local.json {"env":{"ANTHROPIC_AUTH_TOKEN":"x"}}"#;
    let script = format!(
        "on 1 write .gitignore .claude\n{settings}\non 1 limit {}\nwrite src/a.txt x",
        in_three_hours()
    );
    project.add("has somebody else pay", &script);
    project.run(&["generator", "run"]).expect(8);
    project
        .run(&["generator", "resume", "--now"])
        .expect(7)
        .says("held for you")
        .says("`env.ANTHROPIC_AUTH_TOKEN`");
    assert_eq!(project.outcomes("cw-1"), ["limited", "protected_path"]);
    assert_eq!(
        project.calls("cw-1")[1],
        Value::Null,
        "the client met its agent's settings"
    );
    assert_eq!(project.suspended(), 0);
    project.expect_tidy();
}

fn a_limit_that_is_near_is_told_and_changes_nothing(engine: TestEngine) {
    let project = Project::new(engine, "");
    project.add("is warned", "warning\noverage-available\nwrite src/a.txt x");
    project
        .run(&["generator", "stitch"])
        .expect(0)
        .says("a usage limit is near");
    assert_eq!(project.outcomes("cw-1"), ["merged"]);
    assert_eq!(project.status()["paused_until"], Value::Null);
    project.expect_tidy();
}

fn an_old_clients_limit_is_waited_out(engine: TestEngine) {
    let project = Project::new(engine, "limits: {wait: always, default_wait: 90m}\n");
    project.add(
        "meets a limit",
        "write src/a.txt one\nlimit-text You've hit your limit\nwrite src/b.txt two",
    );
    let (done, events) = run_by_the_clock(&project, BEFORE_THE_RESET);
    assert_eq!((done.merged, done.exit_code), (1, 0), "{done:?}");
    // Nothing said until when, so it is the configured wait.
    let paused = events.iter().find_map(|event| match event {
        EventKind::Paused { until, .. } => Some(until.to_string()),
        _ => None,
    });
    assert!(
        paused
            .as_deref()
            .is_some_and(|until| until.starts_with("2030-03-17T18:3")),
        "{paused:?}"
    );
    project.expect_tidy();
}

/// A project whose run met a limit and ended, for it does not wait; and when calls are made again, as JSON has it.
fn paused(engine: TestEngine) -> (Project, String) {
    let project = Project::new(engine, "limits: {wait: never}\n");
    let reset = in_three_hours();
    project.add("meets a limit", &limited_script(reset));
    let until = Timestamp::from_second(reset + 60).unwrap().to_string();
    project
        .run(&["generator", "run"])
        .expect(8)
        .says("Run ended: calls pause until ")
        .says("(in 3 h")
        .says("Next: `cordwainer resume --now` continues at once.");
    assert_eq!(project.suspended(), 1);
    (project, until)
}

fn a_pause_outlives_a_restart(engine: TestEngine) {
    let (project, until) = paused(engine);
    let status = project.status();
    assert_eq!(status["paused_until"], until);
    assert!(
        status["paused_because"].as_str().unwrap().contains("limit"),
        "{status:#}"
    );
    let said = project.run(&["generator", "status"]).expect(0);
    said.says("(in ")
        .says("Next: `cordwainer resume --now` continues at once.");
    for (command, says) in [
        ("run", "calls pause until "),
        ("stitch", "calls pause for another "),
        ("measure", "calls pause for another "),
    ] {
        project.run(&["generator", command]).expect(8).says(says);
    }
    assert_eq!(project.status()["usage"]["calls"], 1, "a paused account was asked");

    project
        .run(&["generator", "resume", "--now"])
        .expect(0)
        .says("continuing its session");
    assert_eq!(project.outcomes("cw-1"), ["limited", "merged"]);
    assert_eq!(project.status()["paused_until"], Value::Null);
    expect_one_session(&project, 0.75);
    project.expect_tidy();
}

fn a_person_cuts_a_pause_short(engine: TestEngine) {
    let project = Project::new(engine, "limits: {wait: always}\n");
    project.add("meets a limit", &limited_script(in_three_hours()));
    let run = project.spawn(&["generator", "run"]);
    project.wait_for_event(|event| matches!(event, EventKind::Paused { .. }));
    project
        .run(&["generator", "resume", "--now"])
        .expect(0)
        .says("Lifted the pause")
        .says("continues");
    let ran = crate::support::project::Ran::from(run.wait_with_output().unwrap());
    ran.expect(0).says("the pause was lifted");
    expect_one_session(&project, 0.75);
    project.expect_tidy();
}

fn a_run_killed_in_a_pause_goes_on_with_the_session(engine: TestEngine) {
    let project = Project::new(engine, "limits: {wait: always}\n");
    project.add("meets a limit", &limited_script(in_three_hours()));
    let mut run = project.spawn(&["generator", "run"]);
    project.wait_for_event(|event| matches!(event, EventKind::Paused { .. }));
    run.kill().unwrap();
    run.wait().unwrap();
    assert!(project.status()["paused_until"].is_string());
    project.run(&["generator", "resume", "--now"]).expect(0);
    assert_eq!(project.outcomes("cw-1"), ["limited", "merged"]);
    expect_one_session(&project, 0.75);
    project.expect_tidy();
}

fn a_lost_session_is_begun_afresh(engine: TestEngine) {
    let (project, _) = paused(engine);
    fs::remove_dir_all(project.state().join("sessions/1")).unwrap();
    let ran = project.run(&["generator", "resume", "--now"]);
    // The fresh attempt meets the limit again: it has a script of its own to begin.
    ran.expect(8).says("the agent session no longer exists; starting over");
    assert_eq!(
        project.outcomes("cw-1"),
        ["limited", "infrastructure_failed", "limited"]
    );
    project.run(&["generator", "resume", "--now"]).expect(0);
    assert_eq!(project.merges_of("cw-1"), 1);
    assert_eq!(project.content("src/b.txt"), "two");
    project.expect_tidy();
}

fn a_measure_goes_on_with_its_session(engine: TestEngine) {
    let script = format!("tokens 100 10 0.25\nlimit {RESET}\ntokens 100 10 0.5\npropose {{\"proposals\": []}}");
    let configuration = format!("limits: {{wait: 1h}}\n{}", user_prompt(&script));
    let project = Project::new(engine, &configuration);
    let (done, events) = run_by_the_clock(&project, BEFORE_THE_RESET);
    assert_eq!(done.measures, 1, "{done:?}");
    let resumed = events
        .iter()
        .any(|event| matches!(event, EventKind::SessionResumed { .. }));
    assert!(resumed, "{events:?}");
    let usage = project.status()["usage"].clone();
    assert_eq!(usage["calls"], 2);
    assert!((usage["cost_usd"].as_f64().unwrap() - 0.75).abs() < 0.01, "{usage}");
    assert_eq!(project.suspended(), 0);
    project.expect_tidy();
}

fn an_overloaded_api_costs_no_session(engine: TestEngine) {
    let project = Project::new(engine, "");
    let script =
        "tokens 500 20 0.25\nwrite src/a.txt one\napi-error 529 Overloaded\ntokens 300 10 0.5\nwrite src/b.txt two";
    project.add("meets an overloaded API", script);
    let (done, _) = run_by_the_clock(&project, BEFORE_THE_RESET);
    assert_eq!((done.merged, done.exit_code), (1, 0), "{done:?}");
    assert_eq!(project.outcomes("cw-1"), ["infrastructure_failed", "merged"]);
    expect_one_session(&project, 0.75);
    project.expect_tidy();
}

fn a_suspended_session_ends_with_its_generation(engine: TestEngine) {
    for command in ["reset", "stop"] {
        let (mut project, _) = paused(engine);
        if command == "reset" {
            // Nothing runs in a slot whose session waits, so no engine is asked.
            project.reconfigure(Some(Path::new("/nowhere/engine.sock")), "");
        }
        project.run(&["generator", command]).expect(0);
        let refs = project
            .repository
            .git(&["for-each-ref", "--format=%(refname)", "refs/cordwainer"]);
        let task = refs.lines().find(|name| name.ends_with("tasks/cw-1"));
        let file = project
            .repository
            .git(&["show", &format!("{}:src/a.txt", task.unwrap())]);
        assert_eq!(file, "one");
        assert!(!project.state().join("slots/1").exists());
        assert!(!project.state().join("sessions/1").exists());
    }
}

fn a_task_that_a_person_closed_lets_its_slot_go(engine: TestEngine) {
    let (project, _) = paused(engine);
    project
        .run(&["issues", "close", "cw-1", "--reason", "not wanted any more"])
        .expect(0);
    project.add("another", "write src/c.txt x");
    project.run(&["generator", "resume", "--now"]).expect(0);
    assert_eq!(project.suspended(), 0);
    assert_eq!(project.content("src/c.txt"), "x");
    project.expect_tidy();
}

fn a_hold_keeps_the_session(engine: TestEngine) {
    let (project, _) = paused(engine);
    project
        .run(&["issues", "hold", "cw-1", "--reason", "let me think"])
        .expect(0);
    project.run(&["generator", "resume", "--now"]);
    assert_eq!(project.suspended(), 1);
    project.run(&["issues", "release", "cw-1"]).expect(0);
    project
        .run(&["issues", "comment", "cw-1", "Mind the second file."])
        .expect(0);
    project.run(&["generator", "resume"]).expect(0);
    expect_one_session(&project, 0.75);
    let prompt = project.records("cw-1-2").pop().unwrap().join("prompt.md");
    assert!(fs::read_to_string(prompt).unwrap().contains("Mind the second file."));
    project.expect_tidy();
}

fn a_measure_of_another_tip_is_asked_afresh(engine: TestEngine) {
    let script = format!("limit {}\npropose {{\"proposals\": []}}", in_three_hours());
    let configuration = format!("limits: {{wait: never}}\n{}", user_prompt(&script));
    let project = Project::new(engine, &configuration);
    project.run(&["generator", "run"]).expect(8);
    assert_eq!(project.suspended(), 1);
    project.add("comes between", "write src/c.txt x");
    project
        .run(&["generator", "resume", "--now"])
        .expect(8)
        .says("the generation has moved on since its session began");
    assert_eq!(project.merges_of("cw-1"), 1);
    project.expect_tidy();
}

fn a_damaged_pause_is_told(engine: TestEngine) {
    let (project, _) = paused(engine);
    fs::write(project.state().join("pause.json"), "{").unwrap();
    project
        .run(&["generator", "run"])
        .expect(1)
        .says("pause.json")
        .says("fix it");
    project.run(&["generator", "status"]).expect(0).says("pause.json");
    project.run(&["generator", "resume", "--now"]).expect(0);
    project.expect_tidy();
}

/// The run cannot go on without the pause, but what was used was used.
fn what_a_call_used_is_kept_though_its_limit_cannot_be_noted(engine: TestEngine) {
    let project = Project::new(engine, "");
    let script = format!("{WAIT}delete go\ntokens 500 20 0.25\nwrite src/a.txt x\nlimit 4070908800");
    project.add("meets a limit", &script);
    let mut run = project.spawn(&["generator", "run"]);
    project.while_the_agent_waits(|| fs::write(project.state().join("pause.json"), "no pauses").unwrap());
    assert_eq!(run.wait().unwrap().code(), Some(1));
    let attempts = project.issue("cw-1")["attempts"].clone();
    let used = attempts[0]["call"]["usage"]["input"].as_u64();
    assert!(used.is_some_and(|used| used >= 500), "{attempts:#}");
    assert_eq!(project.issue("cw-1")["status"], "open");
}
