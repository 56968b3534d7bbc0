//! Calls that are about no task and no measure: for a plan of groups, for a closing review, and for parts of an audit. A dead run
//! left them alive, and the next one goes on with them, whatever it dies at itself.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Child;

use cordwainer::event::EventKind;
use serde_json::{Value, json};

use super::flow::die;
use super::{adoptable, adopted, api, expect_nothing_left, kill};
use crate::run::build::{planning, specification, writes};
use crate::run::parallel::ended;
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::messages_api::MessagesApi;
use crate::support::project::Project;
use crate::support::project::waiting::wait_until;
use crate::support::repository::TestRepository;
use crate::support::scripts::{WAIT_BESIDE, asks, scripted};

engine_tests! {
    podman first: parts_of_an_audit_go_on;
    docker first: a_plan_of_groups_and_a_closing_review_go_on;
    podman: a_plan_goes_on_with_the_command_that_asks_for_one, what_nobody_goes_on_with_is_paid_for_once;
}

const SPEC: &str = "docs/specification.md";

fn repository() -> TestRepository {
    let repository = TestRepository::empty();
    repository.write("README.md", "# Files\n");
    repository.write("src/old.txt", "old\n");
    repository
}

/// A generation of one group, whose plan begins with these steps, and its closing review with those.
fn built(engine: TestEngine, api: &MessagesApi, (plan, review): (&str, &str)) -> Project {
    let measure = scripted(&format!(
        "tokens 100 10 0.25\npropose {}",
        json!({"proposals": [writes(1)]})
    ));
    let answer = json!({"score": 9, "approved": true, "summary": "Read it.", "findings": []});
    let group = json!({
        "key": "first", "name": "The first", "scope": "All files.", "depends_on": [],
        "briefing": format!("{measure}\n\n~~~review\n{review}tokens 10 1 0.125\npropose {answer}\n~~~"),
        "estimated_tasks": 2, "effort": "small",
    });
    let repository = repository();
    repository.write(SPEC, specification(&format!("{plan}{}", planning(&[group]))));
    let more = format!(
        "agent: {{base_url: \"{}\"}}\ngates: [cat=src/old.txt]\n",
        api.base_url()
    );
    Project::with_socket(engine, repository, &engine.socket(), &more)
}

fn start(project: &Project) {
    let start = ["generator", "start", "--name", "one", "--mode", "build", "--spec", SPEC];
    project.run(&start).expect(0);
}

/// Has the run die that takes a call over, at each of what it makes durable then.
fn die_while_taking_over(project: &Project) {
    for point in ["adopt.measure_marked:1", "adopt.measure_moved:1"] {
        let mut command = project.command(&["generator", "resume"]);
        let output = command.env("CORDWAINER_CRASH_AT", point).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.signal(), Some(9), "{point}: {said}");
        assert_eq!(
            (adoptable(project).len(), project.containers().len()),
            (1, 1),
            "{point}"
        );
    }
}

/// Resumes, lets the agent go on once its call is gone on with, and returns the run.
#[track_caller]
fn resume(project: &Project, before: &BTreeSet<String>) -> Child {
    let run = project.spawn(&["generator", "resume"]);
    go_on(project, before);
    run
}

#[track_caller]
fn go_on(project: &Project, before: &BTreeSet<String>) {
    let is_last = |id: &String| before.contains(id);
    wait_until(|| adopted(project).values().any(|ids| ids.last().is_some_and(is_last)));
    project.let_pipes_go();
}

fn begun(project: &Project) -> Vec<String> {
    let events = project.events().into_iter();
    let begun = events.filter_map(|event| match event {
        EventKind::AgentStarted { call, .. } => Some(call.role.to_string()),
        _ => None,
    });
    begun.collect()
}

fn over(project: &Project) -> Vec<String> {
    let events = project.events().into_iter();
    let over = events.filter_map(|event| match event {
        EventKind::AgentEnded { call, .. } => Some(call.role.to_string()),
        _ => None,
    });
    over.collect()
}

fn calls(project: &Project) -> Value {
    let usage: Value = serde_json::from_str(&project.run(&["stats", "usage", "--json"]).expect(0).stdout).unwrap();
    usage["roles"].clone()
}

#[track_caller]
fn expect_asked_once(api: &MessagesApi) {
    for about in ["first", "second"] {
        assert_eq!(api.served_about(about).requests, 1, "{about}");
    }
}

/// A run dies in the plan, those that go on with it while they take it over, and one more in the closing review.
fn a_plan_of_groups_and_a_closing_review_go_on(engine: TestEngine) {
    let api = api(100);
    let plan = format!("{}{WAIT_BESIDE}", asks("first"));
    let review = format!("{}{WAIT_BESIDE}", asks("second"));
    let project = built(engine, &api, (&plan, &review));
    start(&project);
    let run = project.spawn(&["generator", "run"]);
    let before = die(&project, run, 1);
    die_while_taking_over(&project);
    let run = resume(&project, &before);
    let before = die(&project, run, 1);
    die_while_taking_over(&project);
    let ran = ended(resume(&project, &before)).expect(0);
    ran.says("Group `first`, closing review 1")
        .says("Group `first` is done: The first (1 of 1).");
    expect_asked_once(&api);
    let roles = ["measure", "measure", "stitch", "review"];
    assert_eq!(
        (begun(&project), over(&project)),
        (roles.map(str::to_owned).into(), roles.map(str::to_owned).into())
    );
    let usage = calls(&project);
    for (role, count) in [("measure", 2), ("stitch", 1), ("review", 1)] {
        assert_eq!(usage[role]["usage"]["calls"], count, "{usage:#}");
    }
    assert_eq!(project.content("src/1.txt"), "1");
    expect_nothing_left(&project);
}

fn a_plan_goes_on_with_the_command_that_asks_for_one(engine: TestEngine) {
    let api = api(100);
    let plan = format!("{}{WAIT_BESIDE}", asks("first"));
    let project = built(engine, &api, (&plan, ""));
    let run = project.spawn(&["generator", "plan", SPEC]);
    let before = die(&project, run, 1);
    let run = project.spawn(&["generator", "plan"]);
    go_on(&project, &before);
    ended(run).expect(0).says("  + first: The first (about 2 tasks)");
    assert_eq!(api.served_about("first").requests, 1);
    assert_eq!(calls(&project)["measure"]["usage"]["calls"], 1);
    expect_nothing_left(&project);
}

/// Two parts, at each of which a run dies.
fn parts_of_an_audit_go_on(engine: TestEngine) {
    let api = api(100);
    let nothing = json!({"findings": []});
    let of = |part: u32, about: &str| {
        let (asks, path) = (asks(about), "/run/cordwainer/git/go");
        format!("on {part} {asks}on {part} fifo {path}\non {part} append {path} x\n")
    };
    let script = format!(
        "tokens 100 10 0.25\n{}{}propose {nothing}",
        of(1, "first"),
        of(2, "second")
    );
    let repository = repository();
    for name in ["x", "y"] {
        repository.write(format!("docs/{name}.txt"), "some words of a long file\n".repeat(5000));
    }
    let more = format!(
        "agent: {{base_url: \"{}\"}}\nuser_prompt: |\n  {}\n",
        api.base_url(),
        scripted(&script).replace('\n', "\n  ")
    );
    let project = Project::with_socket(engine, repository, &engine.socket(), &more);
    let run = project.spawn(&["audit", "docs/x.txt", "docs/y.txt"]);
    let before = die(&project, run, 1);
    die_while_taking_over(&project);
    let run = resume(&project, &before);
    let before = die(&project, run, 1);
    die_while_taking_over(&project);
    ended(resume(&project, &before)).expect(0).says("2 files read, 0 not (");
    expect_asked_once(&api);
    let roles = ["review", "review"].map(str::to_owned);
    assert_eq!((begun(&project), over(&project)), (roles.clone().into(), roles.into()));
    assert_eq!(calls(&project)["review"]["usage"]["calls"], 2);
    // Its generation has ended by itself.
    assert_eq!((adoptable(&project).len(), project.containers().len()), (0, 0));
}

fn what_nobody_goes_on_with_is_paid_for_once(engine: TestEngine) {
    let api = api(100);
    let plan = format!("{}{WAIT_BESIDE}", asks("first"));
    let project = built(engine, &api, (&plan, ""));
    start(&project);
    let run = project.spawn(&["generator", "run"]);
    wait_until(|| !adoptable(&project).is_empty());
    wait_until(|| api.served_about("first").requests == 1);
    kill(&project, run, 1);
    project
        .run(&["generator", "resume", "--tasks-only"])
        .expect(4)
        .says("Recovered: removed the container")
        .says("recorded the usage of a measure at the time its run died");
    for file in adoptable(&project) {
        fs::remove_file(file).unwrap();
    }
    let usage = calls(&project);
    assert_eq!(usage["measure"]["usage"]["calls"], 1, "{usage:#}");
    expect_nothing_left(&project);
}
