//! `issues say`: what a person says to an agent at work reaches it, at any moment until it has ended, and is kept.

use std::process::Stdio;

use cordwainer::event::{EventKind, PersonSaid};
use serde_json::Value;

use crate::run::adoption::kill;
use crate::run::parallel::{ended, expect_merged, let_all_go_on, wait_for_agents};
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;
use crate::support::scripts::WAIT;

engine_tests! {
    both: an_agent_at_work_hears_what_a_person_says;
    docker first: what_is_said_while_an_agent_ends_is_answered_before_it_does;
    podman: all_candidates_of_a_task_hear_it, a_stage_and_a_task_that_waits_hear_nothing;
    docker: an_agent_that_another_run_goes_on_with_hears_nothing;
}

/// What was said to agents, by the events of the run.
fn said(project: &Project) -> Vec<String> {
    let said = project.events().into_iter().filter_map(|event| match event {
        EventKind::PersonSaid(PersonSaid { text, .. }) => Some(text),
        _ => None,
    });
    said.collect()
}

/// The texts of a task's comments.
fn comments(project: &Project, id: &str) -> Vec<Value> {
    let comments = project.issue(id)["comments"].as_array().cloned().unwrap_or_default();
    comments.into_iter().map(|comment| comment["text"].clone()).collect()
}

fn wait_until_begun(project: &Project, agents: usize) {
    for number in 1..=agents {
        project.wait_for_event(move |event| {
            let is_it = |call: &cordwainer::event::CallName| {
                let task = call.task.as_ref().map(ToString::to_string);
                task == Some(format!("cw-{number}"))
            };
            matches!(event, EventKind::AgentStarted { call, .. } if is_it(call))
        });
    }
}

fn an_agent_at_work_hears_what_a_person_says(engine: TestEngine) {
    let project = Project::new(engine, "stitch: {parallel: 2}\n");
    project.add("listens", "hear src/1.txt\nhear src/2.txt\nwrite src/3.txt x");
    project.add("listens, too", "hear src/4.txt");
    let run = project.spawn(&["run", "--tasks-only"]);
    wait_until_begun(&project, 2);
    let ran = project.run(&["issues", "say", "cw-1", "The table is\nin \"docs\"."]);
    ran.expect(0)
        .says("Said to the session of cw-1: its agent reads it with the next result of a tool");
    let ran = project
        .run(&["issues", "say", "cw-1", "--json", "And \u{202e}so on."])
        .expect(0);
    let standing: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(standing["pid"], run.id());
    let mut piped = project.command(&["issues", "say", "cw-2", "-"]);
    let mut piped = piped.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(piped.stdin.as_mut().unwrap(), b"from a pipe").unwrap();
    ended(piped).expect(0);
    let ran = ended(run).expect(0);
    // Nothing that a terminal would obey.
    let ran = ran
        .says("cw-1: you said: The table is in \"docs\".")
        .says("cw-1: you said: And ");
    assert!(!ran.stdout.contains('\u{202e}') && !ran.stderr.contains('\u{202e}'));
    expect_merged(&project, 1..=2);
    let merged = |path: &str| project.repository.git(&["show", &format!("generation-one:{path}")]);
    assert_eq!(merged("src/1.txt"), "The table is\nin \"docs\".");
    assert_eq!(merged("src/2.txt"), "And \u{202e}so on.");
    assert_eq!(merged("src/4.txt"), "from a pipe");
    assert_eq!(project.calls("cw-1").len(), 1, "it is one call");
    assert_eq!(
        comments(&project, "cw-1"),
        ["The table is\nin \"docs\".", "And \u{202e}so on."]
    );
    assert_eq!(said(&project).len(), 3);
    project.expect_tidy();
}

fn what_is_said_while_an_agent_ends_is_answered_before_it_does(engine: TestEngine) {
    let project = Project::new(engine, "silence_agent: false\n");
    project.add("ends", &format!("{WAIT}write src/1.txt x"));
    let run = project.spawn(&["run", "--tasks-only"]);
    let slots = wait_for_agents(&project, 1);
    // It reads neither until it has finished its script.
    project.run(&["issues", "say", "cw-1", "one"]).expect(0);
    project.run(&["issues", "say", "cw-1", "two"]).expect(0);
    let_all_go_on(&project, &slots);
    ended(run).expect(0).says("You said: one").says("You said: two");
    expect_merged(&project, 1..=1);
    let calls = project.calls("cw-1");
    assert_eq!(calls.len(), 1);
    // The last of three results counts, with what all of them used.
    let issue = project.issue("cw-1");
    let call = &issue["attempts"][0]["call"];
    assert_eq!(call["outcome"], "success", "{issue:#}");
    let tokens = |entry: &Value| entry["usage"]["output"].as_u64().unwrap();
    let told = std::fs::read_to_string(project.records("cw-1-1")[0].join("transcript.jsonl")).unwrap();
    let last = told.lines().last().unwrap();
    let last: Value = serde_json::from_str(last).unwrap();
    let model = last["modelUsage"].as_object().unwrap().values().next().unwrap();
    assert_eq!(
        tokens(call),
        model["outputTokens"].as_u64().unwrap(),
        "{last:#}\n{issue:#}"
    );
    project
        .run(&["issues", "say", "cw-1", "too late"])
        .expect(4)
        .says("no run is at work on this repository");
    assert_eq!(comments(&project, "cw-1"), ["one", "two"]);
    project.expect_tidy();
}

fn all_candidates_of_a_task_hear_it(engine: TestEngine) {
    let rule = "rules: [{when: {attempt: 1}, candidates: 2}]\nstitch: {parallel: 2}\n";
    let project = Project::new(engine, rule);
    project.add("listens", "hear src/1.txt");
    let run = project.spawn(&["run", "--tasks-only"]);
    let both = |event: &EventKind| matches!(event, EventKind::AgentStarted { call, .. } if call.candidate == 2);
    project.wait_for_event(both);
    let first = |event: &EventKind| matches!(event, EventKind::AgentStarted { call, .. } if call.candidate == 1);
    project.wait_for_event(first);
    project.run(&["issues", "say", "cw-1", "all of you"]).expect(0);
    ended(run).expect(0);
    expect_merged(&project, 1..=1);
    assert_eq!(said(&project), ["all of you", "all of you"]);
    assert_eq!(comments(&project, "cw-1"), ["all of you"]);
    project.expect_tidy();
}

fn a_stage_and_a_task_that_waits_hear_nothing(engine: TestEngine) {
    let project = Project::new(engine, "");
    project.add("works", &format!("{WAIT}write src/1.txt x"));
    project.add("waits", "write src/2.txt x");
    let run = project.spawn(&["run", "--tasks-only"]);
    let slots = wait_for_agents(&project, 1);
    for (arguments, code, says) in [
        (["cw-2", "x"], 9, "no session at work on `cw-2` takes anything now"),
        (["cw-1", " \n"], 2, "nothing is said: the text is empty"),
        (["cw-9", "x"], 2, "unknown task `cw-9`"),
    ] {
        let ran = project.run(&["issues", "say", arguments[0], arguments[1]]);
        ran.expect(code).says(says);
    }
    let long = "x".repeat(8193);
    let ran = project.run(&["issues", "say", "cw-1", &long]);
    ran.expect(2)
        .says("the text has 8193 bytes, and 8192 can be said at once");
    // The longest that can be said, of what takes most of a request.
    let ran = project.run(&["issues", "say", "cw-1", &"\u{1}".repeat(8192)]);
    ran.expect(0);
    let_all_go_on(&project, &slots);
    ended(run).expect(0);
    assert!(comments(&project, "cw-2").is_empty());
    assert_eq!(said(&project).len(), 1);
    expect_merged(&project, 1..=2);
    project.expect_tidy();
}

/// Its input was closed when the run ended that had begun it.
fn an_agent_that_another_run_goes_on_with_hears_nothing(engine: TestEngine) {
    let project = Project::new(engine, "");
    project.add("works", &format!("{WAIT}write src/1.txt x"));
    let run = project.spawn(&["run", "--tasks-only"]);
    let slots = wait_for_agents(&project, 1);
    project.run(&["issues", "say", "cw-1", "before"]).expect(0);
    kill(&project, run, 1);
    let run = project.spawn(&["resume", "--tasks-only"]);
    project.wait_for_event(|event| matches!(event, EventKind::Adopted(_)));
    project
        .run(&["issues", "say", "cw-1", "after"])
        .expect(9)
        .says("`cordwainer issues comment` reaches the next attempt");
    let_all_go_on(&project, &slots);
    ended(run).expect(0);
    expect_merged(&project, 1..=1);
    assert_eq!(project.calls("cw-1").len(), 1, "the one call goes on");
    assert_eq!(comments(&project, "cw-1"), ["before"]);
    project.expect_tidy();
}
