//! Agents that are at work when their run is killed: the next one goes on with them, in the same container, and the call is
//! made, paid for and told once.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::process::Child;

use cordwainer::event::{Adopted, EventKind};
use serde_json::Value;

use crate::run::parallel::{ended, expect_merged, let_all_go_on, wait_for_agents};
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::messages_api::{Listen, MessagesApi};
use crate::support::project::Project;
use crate::support::project::waiting::wait_until;
use crate::support::scripts::{WAIT, asks};

mod flow;
mod groups;

engine_tests! {
    both: an_agent_that_thinks_when_its_run_is_killed_goes_on,
        an_agent_that_came_to_its_end_with_nobody_to_hear_it_is_heard;
    podman first: an_agent_that_talks_all_the_while_is_heard_once;
    docker first: four_agents_go_on_after_two_deaths;
    podman: a_budget_goes_on_where_it_was, what_a_container_does_to_its_output_is_its_own_affair,
        an_agent_that_failed_with_nobody_to_hear_it_is_paid_for, a_call_with_nothing_written_down_is_begun_anew,
        an_agent_whose_repository_cannot_be_read_ends_no_run,
        a_run_that_does_not_want_the_task_ends_its_agent;
}

/// An API that answers about the first and about the second with so many tokens.
fn api(tokens: u32) -> MessagesApi {
    let answer = |about| format!("about {about}\n  say x\n    tokens {tokens} 0 0 5\n");
    MessagesApi::start(Listen::loopback(), &(answer("first") + &answer("second")))
}

fn asking(engine: TestEngine, api: &MessagesApi, more: &str) -> Project {
    let base = api.base_url();
    Project::new(engine, &format!("agent: {{base_url: \"{base}\"}}\n{more}"))
}

/// What is written down of the calls that another run can go on with.
pub(crate) fn adoptable(project: &Project) -> Vec<PathBuf> {
    let runs = fs::read_dir(project.state().join("runs")).into_iter().flatten();
    let calls = runs.flat_map(|run| fs::read_dir(run.unwrap().path()).into_iter().flatten());
    let files = calls.map(|call| call.unwrap().path().join("adoption.json"));
    files.filter(|file| file.is_file()).collect()
}

/// Kills a run with so many agents that wait, once all of them can be gone on with.
pub(crate) fn kill(project: &Project, mut run: Child, agents: usize) {
    wait_until(|| adoptable(project).len() == agents);
    run.kill().unwrap();
    run.wait().unwrap();
    assert_eq!(project.containers().len(), agents, "they live on");
}

/// The engine's ids of the containers that runs have gone on with, by task, each time that one has.
fn adopted(project: &Project) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for event in project.events() {
        if let EventKind::Adopted(Adopted { call, container, .. }) = event {
            let task = call.task.map_or_else(String::new, |task| task.to_string());
            found.entry(task).or_default().push(container);
        }
    }
    found
}

/// Panics unless what goes on is said to have begun when its task was claimed by the first run, which tells of that just after.
#[track_caller]
fn expect_own_times(project: &Project) {
    let mut claimed = BTreeMap::new();
    let mut adopted = 0;
    let events = project.timed_events();
    let began = events[0].at;
    for event in events {
        match event.kind {
            EventKind::TaskClaimed { task, .. } => drop(claimed.insert(task, event.at)),
            EventKind::Adopted(Adopted { call, began_at, .. }) => {
                let told = (began..=claimed[&call.task.unwrap()]).contains(&began_at.unwrap());
                assert!(told, "{began_at:?} is not between {began} and {claimed:?}");
                adopted += 1;
            }
            _ => {}
        }
    }
    assert!(adopted > 0);
}

/// Panics unless each of these tasks was merged by its first attempt, in one call that ended once, and nothing is left.
#[track_caller]
fn expect_one_call_each(project: &Project, tasks: u32) {
    expect_merged(project, 1..=tasks);
    for number in 1..=tasks {
        let id = format!("cw-{number}");
        assert_eq!(project.outcomes(&id), ["merged"], "{id}");
        assert_eq!(project.calls(&id).len(), 1, "{id}");
        let begun = project.events().into_iter().filter(|event| {
            matches!(event, EventKind::AgentStarted { call, .. } if call.task.as_ref().is_some_and(|task| task.to_string() == id))
        });
        assert_eq!(begun.count(), 1, "{id}: its agent was called once");
        assert_eq!(
            project.records(&format!("{id}-1")).len(),
            1,
            "{id}: its records are in one place"
        );
    }
    expect_nothing_left(project);
}

#[track_caller]
fn expect_nothing_left(project: &Project) {
    assert_eq!(adoptable(project), Vec::<PathBuf>::new());
    for run in fs::read_dir(project.state().join("runs")).unwrap() {
        for call in fs::read_dir(run.unwrap().path()).unwrap() {
            assert!(
                !call.unwrap().path().join("output").exists(),
                "what was written is left"
            );
        }
    }
    project.expect_tidy();
}

fn an_agent_that_thinks_when_its_run_is_killed_goes_on(engine: TestEngine) {
    let api = api(100);
    let project = asking(engine, &api, "");
    let script = format!("{}{WAIT}{}write src/1.txt x", asks("first"), asks("second"));
    project.add("thinks", &script);
    let run = project.spawn(&["generator", "run", "--tasks-only"]);
    let slots = wait_for_agents(&project, 1);
    let before = project.running();
    kill(&project, run, 1);
    let run = project.spawn(&["generator", "resume", "--tasks-only"]);
    wait_until(|| !adopted(&project).is_empty());
    let_all_go_on(&project, &slots);
    let ran = ended(run).expect(0);
    ran.says("cw-1: its agent was at work all the while, and goes on.");
    expect_own_times(&project);
    let gone_on = adopted(&project);
    assert!(
        before.contains(&gone_on["cw-1"][0]),
        "{gone_on:?} is none of {before:?}"
    );
    for about in ["first", "second"] {
        assert_eq!(api.served_about(about).requests, 1, "{about}");
    }
    let call = project.calls("cw-1")[0].clone();
    assert_eq!(call["metered"]["input"], 200, "{call:#}");
    assert_eq!(call["metered"]["output"], 10, "{call:#}");
    expect_one_call_each(&project, 1);
}

fn an_agent_that_talks_all_the_while_is_heard_once(engine: TestEngine) {
    let project = Project::new(engine, "silence_agent: false\n");
    let says: Vec<String> = (1..=200)
        .map(|number| format!("say line-{number}\nsilent 10\n"))
        .collect();
    let says = says.concat();
    project.add("talks", &format!("{says}{WAIT}write src/1.txt x"));
    let run = project.spawn(&["generator", "run", "--tasks-only"]);
    kill(&project, run, 1);
    let run = project.spawn(&["generator", "resume", "--tasks-only"]);
    let_all_go_on(&project, &wait_for_agents(&project, 1));
    ended(run).expect(0);
    let transcript = fs::read_to_string(project.records("cw-1-1")[0].join("transcript.jsonl")).unwrap();
    let said: Vec<String> = transcript
        .lines()
        .filter_map(|line| {
            let line: Value = serde_json::from_str(line).expect("each line is whole");
            Some(line["message"]["content"][0]["text"].as_str()?.to_owned())
        })
        .filter(|text| text.starts_with("line-"))
        .collect();
    let expect: Vec<String> = (1..=200).map(|number| format!("line-{number}")).collect();
    assert_eq!(said, expect);
    let told = project
        .events()
        .into_iter()
        .filter(|event| matches!(event, EventKind::AgentSaid { text, .. } if text.starts_with("line-")));
    let told = told.count();
    assert!(
        (150..=200).contains(&told),
        "{told} lines were told: none of them twice"
    );
    expect_one_call_each(&project, 1);
}

fn four_agents_go_on_after_two_deaths(engine: TestEngine) {
    let api = api(100);
    let project = asking(engine, &api, "stitch: {parallel: 4}\n");
    for number in 1..=4 {
        let script = format!("{}{WAIT}{}write src/{number}.txt x", asks("first"), asks("second"));
        project.add(&format!("thinks {number}"), &script);
    }
    let run = project.spawn(&["generator", "run", "--tasks-only"]);
    let slots = wait_for_agents(&project, 4);
    let before = project.running();
    kill(&project, run, 4);
    let run = project.spawn(&["generator", "resume", "--tasks-only"]);
    wait_until(|| adopted(&project).len() == 4);
    kill(&project, run, 4);
    let run = project.spawn(&["generator", "resume", "--tasks-only"]);
    wait_until(|| adopted(&project).values().all(|ids| ids.len() == 2));
    let_all_go_on(&project, &slots);
    ended(run).expect(0);
    for ids in adopted(&project).values() {
        assert!(ids[0] == ids[1] && before.contains(&ids[0]), "{ids:?}");
    }
    for about in ["first", "second"] {
        assert_eq!(api.served_about(about).requests, 4, "{about}");
    }
    for number in 1..=4 {
        let call = project.calls(&format!("cw-{number}"))[0].clone();
        assert_eq!(call["metered"]["input"], 200, "{call:#}");
    }
    expect_one_call_each(&project, 4);
}

fn an_agent_that_came_to_its_end_with_nobody_to_hear_it_is_heard(engine: TestEngine) {
    let project = Project::new(engine, "silence_agent: false\n");
    project.add(
        "ends",
        &format!("tokens 500 20 0.25\n{WAIT}say last words\nwrite src/1.txt x"),
    );
    let run = project.spawn(&["generator", "run", "--tasks-only"]);
    let slots = wait_for_agents(&project, 1);
    kill(&project, run, 1);
    let before = project.running();
    let_all_go_on(&project, &slots);
    wait_until(|| project.running().len() < before.len());
    project
        .run(&["generator", "resume", "--tasks-only"])
        .expect(0)
        .says("last words");
    let call = project.calls("cw-1")[0].clone();
    assert!(call["usage"]["input"].as_u64().unwrap() >= 500, "{call:#}");
    expect_one_call_each(&project, 1);
}

fn an_agent_that_failed_with_nobody_to_hear_it_is_paid_for(engine: TestEngine) {
    let project = Project::new(engine, "");
    let script = "on 1 fifo go\non 1 append go x\non 1 tokens 500 20 0.25\non 1 fail no gateway\nwrite src/1.txt x";
    project.add("fails", script);
    let run = project.spawn(&["generator", "run", "--tasks-only"]);
    let slots = wait_for_agents(&project, 1);
    kill(&project, run, 1);
    let before = project.running();
    let_all_go_on(&project, &slots);
    wait_until(|| project.running().len() < before.len());
    project.run(&["generator", "resume", "--tasks-only"]).expect(0);
    assert_eq!(project.outcomes("cw-1"), ["cancelled", "merged"]);
    let call = project.calls("cw-1")[0].clone();
    assert!(call["usage"]["input"].as_u64().unwrap() >= 500, "{call:#}");
    expect_nothing_left(&project);
}

/// Whether a run died between two requests or did not, the second one finds what the first one left.
fn a_budget_goes_on_where_it_was(engine: TestEngine) {
    let came_to = |dies: bool| {
        let api = api(9_900);
        let project = asking(
            engine,
            &api,
            "budget: {task_tokens: 10000}\nstitch: {max_attempts: 1}\n",
        );
        // An agent that ends as soon as it was refused may be done before its run stops it for that.
        let script = format!("{}{WAIT}{}fifo stay\nappend stay x\n", asks("first"), asks("second"));
        project.add("asks", &script);
        let mut run = project.spawn(&["generator", "run", "--tasks-only"]);
        let slots = wait_for_agents(&project, 1);
        if dies {
            kill(&project, run, 1);
            run = project.spawn(&["generator", "resume", "--tasks-only"]);
            wait_until(|| !adopted(&project).is_empty());
        }
        let_all_go_on(&project, &slots);
        let code = ended(run).code;
        let call = project.calls("cw-1")[0].clone();
        let served = ["first", "second"].map(|about| api.served_about(about).messages);
        (code, project.outcomes("cw-1"), call["metered"].clone(), served)
    };
    let lived = came_to(false);
    assert_eq!(lived.0, Some(8), "{lived:?}");
    assert_eq!(lived.3, [1, 0], "the second has no room: {lived:?}");
    assert_eq!(came_to(true), lived);
}

/// It can write and cut its two files, and put nothing in their place.
fn what_a_container_does_to_its_output_is_its_own_affair(engine: TestEngine) {
    let project = Project::new(engine, "");
    let at = "/run/cordwainer/output/stdout";
    let script = format!(
        "try delete {at}\ntry symlink {at} /etc/passwd\ntry symlink {at}.link /etc/passwd\ntry fifo {at}.fifo\n\
         try rename {at} {at}.old\n{WAIT}garbage x\nwrite src/1.txt x"
    );
    project.add("swaps", &script);
    project.add(
        "cuts",
        &format!("{WAIT}append {at} garbage\nwrite {at} {{}}\nsilent 500\nwrite src/2.txt x"),
    );
    let run = project.spawn(&["generator", "run", "--tasks-only"]);
    let slots = wait_for_agents(&project, 1);
    kill(&project, run, 1);
    let folder = adoptable(&project)[0].with_file_name("output");
    let names: BTreeSet<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["stderr", "stdout"].map(Into::into).into());
    assert!(fs::symlink_metadata(folder.join("stdout")).unwrap().is_file());
    let run = project.spawn(&["generator", "resume", "--tasks-only"]);
    let_all_go_on(&project, &slots);
    // What it cuts before anybody has read it is not heard.
    project.wait_for_event(|event| {
        matches!(event, EventKind::AgentStarted { call, .. } if call.task.as_ref().is_some_and(|task| task.to_string() == "cw-2"))
    });
    let_all_go_on(&project, &wait_for_agents(&project, 1));
    ended(run).expect(0);
    expect_one_call_each(&project, 2);
}

fn a_call_with_nothing_written_down_is_begun_anew(engine: TestEngine) {
    let project = Project::new(engine, "");
    project.add("waits", "on 1 tokens 500 20 0.25\non 1 hang\nwrite src/1.txt x");
    let run = project.spawn(&["generator", "run", "--tasks-only"]);
    kill(&project, run, 1);
    for file in adoptable(&project) {
        fs::remove_file(file).unwrap();
    }
    let ran = project.run(&["generator", "resume", "--tasks-only"]).expect(0);
    ran.says("Recovered: removed the container");
    assert_eq!(project.outcomes("cw-1"), ["cancelled", "merged"]);
    expect_nothing_left(&project);
}

fn an_agent_whose_repository_cannot_be_read_ends_no_run(engine: TestEngine) {
    let project = Project::new(engine, "");
    project.add("waits", "on 1 hang\nwrite src/1.txt x");
    let run = project.spawn(&["generator", "run", "--tasks-only"]);
    kill(&project, run, 1);
    let reads = project.state().join("private/1/reads");
    fs::remove_file(&reads).unwrap();
    fs::create_dir(&reads).unwrap();
    let ran = project.run(&["generator", "resume", "--tasks-only"]).expect(0);
    ran.says("Recovered: removed the container");
    assert_eq!(adopted(&project), BTreeMap::new());
    assert_eq!(project.outcomes("cw-1"), ["cancelled", "merged"]);
    expect_nothing_left(&project);
}

fn a_run_that_does_not_want_the_task_ends_its_agent(engine: TestEngine) {
    let project = Project::new(engine, "");
    project.add("waits", "on 1 hang\nwrite src/1.txt x");
    project.add("is wanted", "write src/2.txt x");
    let run = project.spawn(&["generator", "run", "--tasks-only"]);
    kill(&project, run, 1);
    project.run(&["generator", "resume", "--only", "cw-2"]).expect(0);
    assert_eq!(adopted(&project), BTreeMap::new());
    assert_eq!(project.outcomes("cw-1"), ["cancelled"]);
    expect_merged(&project, 2..=2);
    expect_nothing_left(&project);
}
