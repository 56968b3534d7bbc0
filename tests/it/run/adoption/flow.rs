//! Calls of every kind that a dead run left alive: the phase that would have followed goes on as if nothing had happened.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Child;

use cordwainer::event::{CallName, EventKind};
use serde_json::{Value, json};

use super::{adopted, api, asking, expect_nothing_left, kill};
use crate::run::budgets::by_the_client;
use crate::run::parallel::{ended, expect_merged, let_go_on, wait_for_agents};
use crate::run::prepare::COMMAND;
use crate::run::stages::{self, described, last};
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::messages_api::MessagesApi;
use crate::support::project::Project;
use crate::support::project::waiting::wait_until;
use crate::support::scripts::{WAIT, WAIT_BESIDE, asks, proposal, scripted, user_prompt};

engine_tests! {
    podman first: a_fix_round_goes_on;
    docker first: a_stage_and_a_review_go_on;
    podman: a_measure_and_the_review_of_its_proposals_go_on, a_measure_and_the_task_beside_it_go_on, a_measure_that_nobody_wants_is_ended,
        a_call_over_prepared_dependencies_goes_on, a_conflict_round_goes_on,
        candidates_go_on_side_by_side, a_fix_round_of_a_candidate_that_waited_counts_no_call_twice,
        a_candidate_whose_work_is_done_is_judged_beside_one_that_goes_on;
}

/// Waits until so many agents wait, and kills their run; returns the engine's ids of their containers.
pub(super) fn die(project: &Project, run: Child, agents: usize) -> BTreeSet<String> {
    wait_until(|| project.pipes().len() == agents);
    let before = project.running();
    kill(project, run, agents);
    before.into_iter().collect()
}

/// Resumes, lets agents go on once so many calls are gone on with, and waits for the end.
#[track_caller]
fn resume(project: &Project, before: &BTreeSet<String>, calls: usize) -> Child {
    let known = adopted(project).values().map(Vec::len).sum::<usize>();
    let run = project.spawn(&["generator", "resume", "--tasks-only"]);
    wait_until(|| adopted(project).values().map(Vec::len).sum::<usize>() == known + calls);
    for ids in adopted(project).values() {
        let id = ids.last().unwrap();
        assert!(before.contains(id), "{id} is none of {before:?}");
    }
    project.let_pipes_go();
    run
}

/// Panics unless the first attempt merged the only task, each of these was asked once, and each call was told once.
#[track_caller]
fn expect_one_attempt(project: &Project, api: &MessagesApi, calls: &[&str]) -> Value {
    assert_eq!(project.outcomes("cw-1"), ["merged"]);
    for about in ["first", "second"] {
        assert_eq!(api.served_about(about).requests, 1, "{about}");
    }
    let name = |call: &CallName| format!("{} {} {}", call.role, call.attempt, call.round);
    let begun = project.events().into_iter().filter_map(|event| match event {
        EventKind::AgentStarted { call, .. } => Some(name(&call)),
        _ => None,
    });
    assert_eq!(begun.collect::<Vec<_>>(), calls);
    let over = project.events().into_iter().filter_map(|event| match event {
        EventKind::AgentEnded { call, .. } => Some(name(&call)),
        _ => None,
    });
    assert_eq!(over.collect::<Vec<_>>(), calls);
    expect_nothing_left(project);
    last(project)
}

fn a_fix_round_goes_on(engine: TestEngine) {
    let api = api(100);
    let project = asking(engine, &api, "gates: [{command: cat=src/b.txt, compare: strict}]\n");
    let script = format!(
        "tokens 100 10 0.25\nwrite src/a.txt one\ndone\n{}{WAIT}{}write src/b.txt two",
        asks("first"),
        asks("second")
    );
    project.add("writes two files", &script);
    let run = project.spawn(&["generator", "run", "--tasks-only"]);
    let before = die(&project, run, 1);
    let ran = ended(resume(&project, &before, 1)).expect(0);
    ran.says("cw-1: its agent was at work all the while, and goes on.");
    let attempt = expect_one_attempt(&project, &api, &["stitch 1 0", "stitch 1 1"]);
    let rounds = attempt["rounds"].as_array().unwrap();
    assert_eq!(rounds.len(), 1, "{attempt:#}");
    assert_eq!(rounds[0]["call"]["session_id"], attempt["call"]["session_id"]);
    assert_eq!(rounds[0]["call"]["metered"]["input"], 200, "{attempt:#}");
    assert_eq!(rounds[0]["red"]["gate"], "cat=src/b.txt");
    let records = rounds[0]["records"].as_str().unwrap();
    assert!(
        project.state().join(records).join("transcript.jsonl").is_file(),
        "{records}"
    );
    assert!((project.cost("stitch") - 0.25).abs() < 0.01, "{attempt:#}");
    assert_eq!(project.content("src/a.txt"), "one");
}

/// A run dies in a stage, the one that goes on with it in the review after that.
fn a_stage_and_a_review_go_on(engine: TestEngine) {
    let api = api(100);
    let configuration = "stages: [stitch, {name: docs, prompt: docs.md, may_change: [\"docs/**\"]}, review]\n\
                         gates: [{command: cat=src/a.txt, name: reads, compare: strict}]\n";
    let project = stages::project(
        engine,
        &format!("agent: {{base_url: \"{}\"}}\n{configuration}", api.base_url()),
    );
    let answer = json!({"score": 9, "approved": true, "summary": "Read it.", "findings": []});
    let docs = format!("{}{WAIT}tokens 10 1 0.125\nwrite docs/a.md x", asks("first"));
    let review = format!("{WAIT_BESIDE}{}tokens 10 1 0.125\npropose {answer}", asks("second"));
    let description = described(
        "tokens 100 10 0.25\nwrite src/a.txt one",
        &[("docs", &docs), ("review", &review)],
    );
    project
        .run(&["issues", "add", "writes a file", "--description", &description])
        .expect(0);
    let run = project.spawn(&["generator", "run", "--tasks-only"]);
    let before = die(&project, run, 1);
    let run = resume(&project, &before, 1);
    let before = die(&project, run, 1);
    let ran = ended(resume(&project, &before, 1)).expect(0);
    ran.says("cw-1: review 1 passed: it scored it 9 of 10");
    let attempt = expect_one_attempt(&project, &api, &["stitch 1 0", "docs 1 1", "review 1 1"]);
    let stages = attempt["stages"].as_array().unwrap();
    let paid = |stage: &Value| stage["call"]["metered"]["input"].clone();
    assert_eq!(stages.iter().map(paid).collect::<Vec<_>>(), [100, 100], "{attempt:#}");
    assert_eq!(stages[1]["commit"], stages[0]["left"], "{attempt:#}");
    for one in [&attempt, &stages[0], &stages[1]] {
        let records = one["records"].as_str().unwrap();
        assert!(
            project.state().join(records).join("transcript.jsonl").is_file(),
            "{records}"
        );
    }
    assert_eq!(project.content("docs/a.md"), "x");
    let tried = project
        .events()
        .into_iter()
        .filter(|event| matches!(event, EventKind::GateEnded { .. }));
    assert_eq!(tried.count(), 2, "the work was checked, and what the stage made of it");
}

/// What a measure is asked that waits, and whose proposals a reviewer passes that waits, too.
fn proposing() -> String {
    let task = proposal("one", "The only one", &[], "tokens 10 1 0.125\nwrite src/a.txt one");
    let measure = format!(
        "{}{WAIT_BESIDE}tokens 100 10 0.25\npropose {}",
        asks("first"),
        json!({"proposals": [task]})
    );
    let decision = json!({"key": "one", "action": "ok", "reason": "So it is.", "proposals": []});
    let review = format!(
        "{WAIT_BESIDE}{}tokens 10 1 0.125\npropose {}",
        asks("second"),
        json!({"decisions": [decision], "missing": []})
    );
    let asked = format!("{}\n\n~~~review\n{review}\n~~~", scripted(&measure));
    format!(
        "measure: {{review: true}}\nuser_prompt: |\n  {}\n",
        asked.replace('\n', "\n  ")
    )
}

/// A run dies in a measure, the one that goes on with it in the review of its proposals.
fn a_measure_and_the_review_of_its_proposals_go_on(engine: TestEngine) {
    let api = api(100);
    let project = asking(engine, &api, &proposing());
    let resume_all = |before: &BTreeSet<String>| {
        let run = project.spawn(&["generator", "resume", "--cycles", "1"]);
        let is_adopted =
            |event: &EventKind| matches!(event, EventKind::Adopted(adopted) if before.contains(&adopted.container));
        wait_until(|| project.events().iter().any(is_adopted));
        project.let_pipes_go();
        run
    };
    let run = project.spawn(&["generator", "run", "--cycles", "1"]);
    let before = die(&project, run, 1);
    let run = resume_all(&before);
    let before = die(&project, run, 1);
    ended(resume_all(&before)).expect(0);
    for about in ["first", "second"] {
        assert_eq!(api.served_about(about).requests, 1, "{about}");
    }
    assert_eq!(project.outcomes("cw-1"), ["merged"]);
    let usage: Value = serde_json::from_str(&project.run(&["stats", "usage", "--json"]).expect(0).stdout).unwrap();
    for role in ["measure", "review"] {
        assert_eq!(usage["roles"][role]["usage"]["calls"], 1, "{usage:#}");
    }
    let of_role = |is_end: bool| {
        let events = project.events().into_iter();
        let of = events.filter_map(|event| match event {
            EventKind::AgentStarted { call, .. } if !is_end => Some(call.role.to_string()),
            EventKind::AgentEnded { call, .. } if is_end => Some(call.role.to_string()),
            _ => None,
        });
        of.collect::<Vec<_>>()
    };
    assert_eq!(of_role(false), ["measure", "review", "stitch"]);
    assert_eq!(of_role(true), ["measure", "review", "stitch"]);
    expect_nothing_left(&project);
}

/// A run dies while a measure is made beside the last task of a cycle.
fn a_measure_and_the_task_beside_it_go_on(engine: TestEngine) {
    let api = api(100);
    let proposed = proposal("more", "The rest", &[], "write src/3.txt x");
    let propose = format!("propose {}", json!({"proposals": [proposed]}));
    let script = format!("{}{WAIT_BESIDE}{propose}", asks("first"));
    let project = asking(
        engine,
        &api,
        &format!("{}stitch: {{parallel: 2}}\n", user_prompt(&script)),
    );
    project.add("waits", &format!("{}{WAIT}write src/1.txt x", asks("second")));
    project.add("is quick", "write src/2.txt x");
    let run = project.spawn(&["generator", "run", "--cycles", "1"]);
    let before = die(&project, run, 2);
    assert_eq!(project.outcomes("cw-2"), ["merged"]);
    let run = project.spawn(&["generator", "resume", "--cycles", "1"]);
    let is_adopted =
        |event: &EventKind| matches!(event, EventKind::Adopted(adopted) if before.contains(&adopted.container));
    wait_until(|| project.events().iter().filter(|event| is_adopted(event)).count() == 2);
    project.let_pipes_go();
    ended(run).expect(0);
    for about in ["first", "second"] {
        assert_eq!(api.served_about(about).requests, 1, "{about}");
    }
    expect_merged(&project, 1..=3);
    assert_eq!(project.outcomes("cw-1"), ["merged"]);
    expect_nothing_left(&project);
}

fn a_measure_that_nobody_wants_is_ended(engine: TestEngine) {
    let project = Project::new(engine, &user_prompt("tokens 100 10 0.25\nhang"));
    let run = project.spawn(&["generator", "run", "--cycles", "1"]);
    kill(&project, run, 1);
    let ran = project.run(&["generator", "resume", "--tasks-only"]).expect(4);
    ran.says("Recovered: removed the container");
    let usage: Value = serde_json::from_str(&project.run(&["stats", "usage", "--json"]).expect(0).stdout).unwrap();
    assert_eq!(usage["roles"]["measure"]["usage"]["calls"], 1, "{usage:#}");
    expect_nothing_left(&project);
}

fn a_call_over_prepared_dependencies_goes_on(engine: TestEngine) {
    let api = api(100);
    let configuration = format!(
        "agent: {{base_url: \"{}\"}}\ncommands: {{prepare: {{command: {COMMAND}, inputs: [\"*.lock\"]}}}}\n\
         gates: [{{command: cat=target/deps/a, name: built, compare: strict}}]\n",
        api.base_url()
    );
    let project = stages::project(engine, &configuration);
    let script = format!(
        "{}write target/mine x\n{WAIT}{}attack read target/deps/a\nattack read target/mine\nwrite src/a.txt one",
        asks("first"),
        asks("second")
    );
    project.add("reads what was prepared", &script);
    let run = project.spawn(&["generator", "run", "--tasks-only"]);
    let before = die(&project, run, 1);
    ended(resume(&project, &before, 1)).expect(0);
    expect_one_attempt(&project, &api, &["stitch 1 0"]);
    let told = fs::read_to_string(project.records("cw-1-1")[0].join("transcript.jsonl")).unwrap();
    for read in ["read target/deps/a\\ndone: ", "read target/mine\\ndone: "] {
        assert!(told.contains(read), "{told}");
    }
    assert_eq!(project.content("src/a.txt"), "one");
}

/// The slot in which a task is at work.
fn slot_of(project: &Project, task: &str) -> u32 {
    let is_its = |slot: &u32| {
        let marker = fs::read_to_string(project.state().join(format!("slots/{slot}.dirty"))).unwrap_or_default();
        serde_json::from_str::<Value>(&marker).unwrap_or_default()["task"] == task
    };
    (1..=9).find(is_its).unwrap()
}

fn a_conflict_round_goes_on(engine: TestEngine) {
    let api = api(100);
    let project = asking(engine, &api, "stitch: {parallel: 2}\n");
    project.add("lands first", &format!("{WAIT}write src/shared.txt 1"));
    let later = format!(
        "{WAIT}write src/shared.txt 2\ndone\n{}{WAIT}{}write src/shared.txt both",
        asks("first"),
        asks("second")
    );
    project.add("lands last", &later);
    let run = project.spawn(&["generator", "run", "--tasks-only"]);
    let _ = wait_for_agents(&project, 2);
    let second = slot_of(&project, "cw-2");
    let_go_on(&project, slot_of(&project, "cw-1"));
    wait_until(|| project.merges_of("cw-1") == 1);
    let_go_on(&project, second);
    let before = die(&project, run, 1);
    ended(resume(&project, &before, 1)).expect(0);
    for about in ["first", "second"] {
        assert_eq!(api.served_about(about).requests, 1, "{about}");
    }
    assert_eq!(
        (project.outcomes("cw-1"), project.outcomes("cw-2")),
        (vec!["merged".to_owned()], vec!["merged".to_owned()])
    );
    let attempt = project.issue("cw-2")["attempts"][0].clone();
    let rounds = attempt["rounds"].as_array().unwrap();
    assert_eq!(rounds.len(), 1, "{attempt:#}");
    assert!(rounds[0]["red"]["onto"].is_string(), "{attempt:#}");
    assert_eq!(rounds[0]["call"]["metered"]["input"], 200, "{attempt:#}");
    assert_eq!(project.content("src/shared.txt"), "both");
    expect_nothing_left(&project);
}

/// Lets the agent of the first slot go on; returns the file that says how the slot stands.
fn let_first_go(project: &Project) -> PathBuf {
    let first = project.pipes().remove(0);
    let marker = first.parent().unwrap().with_extension("dirty");
    assert_eq!(fs::read_to_string(&first).unwrap(), "x\n");
    fs::remove_file(&first).unwrap();
    marker
}

fn of_two_candidates(engine: TestEngine, api: &MessagesApi) -> Project {
    let project = asking(engine, api, "rules: [{when: {attempt: 1}, candidates: 2}]\n");
    let script = format!("{}{WAIT}{}write src/a.txt x", asks("first"), asks("second"));
    project.add("is hard", &script);
    project
}

/// Panics unless two candidates of one attempt made a call each, and one was merged.
#[track_caller]
fn expect_two_candidates(project: &Project, api: &MessagesApi) {
    assert_eq!(project.outcomes("cw-1"), ["merged"]);
    let attempt = last(project);
    let candidates = attempt["candidates"].as_array().unwrap();
    let came_to = |one: &Value| one["outcome"].as_str().unwrap().to_owned();
    let outcomes: BTreeSet<_> = candidates.iter().map(came_to).collect();
    assert_eq!(
        outcomes,
        ["merged", "not_chosen"].map(str::to_owned).into(),
        "{attempt:#}"
    );
    for about in ["first", "second"] {
        assert_eq!(api.served_about(about).requests, 2, "{about}");
    }
    let over = project.events().into_iter();
    let over = over.filter(|event| matches!(event, EventKind::AgentEnded { .. }));
    assert_eq!(over.count(), 2, "each call is told once");
    let usage: Value = serde_json::from_str(&project.run(&["stats", "usage", "--json"]).expect(0).stdout).unwrap();
    assert_eq!(usage["roles"]["stitch"]["usage"]["calls"], 2, "{usage:#}");
    expect_nothing_left(project);
}

fn candidates_go_on_side_by_side(engine: TestEngine) {
    let api = api(100);
    let project = of_two_candidates(engine, &api);
    let run = project.spawn(&["generator", "run", "--tasks-only"]);
    let before = die(&project, run, 2);
    ended(resume(&project, &before, 2)).expect(0);
    expect_two_candidates(&project, &api);
}

/// Without a gateway the client alone says what a session has used, all of its calls together.
fn a_fix_round_of_a_candidate_that_waited_counts_no_call_twice(engine: TestEngine) {
    let with_gate = |name: &str| {
        let gate = format!("gates: [{{command: cat=src/{name}.txt, name: has-{name}, compare: strict}}]\n");
        by_the_client(&format!("rules: [{{when: {{attempt: 1}}, candidates: 2}}]\n{gate}"))
    };
    let mut project = Project::new(engine, &with_gate("b"));
    let step = |rest: &str| format!("tokens 100 10 0.25\n{rest}\n");
    let script = [
        step("write src/a.txt one\ndone"),
        step(&format!("{WAIT}write src/b.txt two\ndone")),
        step("write src/c.txt three"),
    ];
    project.add("is done in three steps", &script.concat());
    let run = project.spawn(&["generator", "run", "--tasks-only"]);
    // Both are in their first round; one of them ends it, and waits for the other.
    wait_until(|| project.pipes().len() == 2);
    let marker = let_first_go(&project);
    project.wait_for_event(|event| matches!(event, EventKind::GateEnded { passed: true, .. }));
    wait_until(|| fs::read_to_string(&marker).is_ok_and(|text| text.contains(r#""done":true"#)));
    let before = die(&project, run, 1);
    // What was enough for it is not any more.
    project.reconfigure(None, &with_gate("c"));
    ended(resume(&project, &before, 1)).expect(0);
    assert_eq!(project.outcomes("cw-1"), ["merged"]);
    let attempt = last(&project);
    let candidates = attempt["candidates"].as_array().unwrap();
    assert_eq!(candidates.len(), 2, "{attempt:#}");
    for one in candidates {
        // What the chosen one made is the attempt's own.
        let one = if one["chosen"] == true { &attempt } else { one };
        let rounds = one["rounds"].as_array().unwrap();
        assert_eq!(rounds.len(), 2, "{attempt:#}");
        for call in [&one["call"], &rounds[0]["call"], &rounds[1]["call"]] {
            let cost = call["usage"]["cost_usd"].as_f64().unwrap();
            assert!((cost - 0.25).abs() < 0.01, "{attempt:#}");
        }
    }
    assert!((project.cost("stitch") - 1.5).abs() < 0.02, "{attempt:#}");
    expect_nothing_left(&project);
}

fn a_candidate_whose_work_is_done_is_judged_beside_one_that_goes_on(engine: TestEngine) {
    let api = api(100);
    let project = of_two_candidates(engine, &api);
    let run = project.spawn(&["generator", "run", "--tasks-only"]);
    wait_until(|| project.pipes().len() == 2);
    let marker = let_first_go(&project);
    wait_until(|| fs::read_to_string(&marker).is_ok_and(|text| text.contains(r#""done":true"#)));
    let before = die(&project, run, 1);
    ended(resume(&project, &before, 1)).expect(0);
    expect_two_candidates(&project, &api);
}
