//! `run --plan RUN`: each reason for which a plan is refused, and that nothing of it is filed then.

use std::fs;

use serde_json::{Value, json};

use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;
use crate::support::scripts::scripted;

engine_tests! {
    podman: a_plan_that_is_none_or_for_another_generation_is_refused,
        a_plan_whose_tasks_do_not_fit_is_refused_as_a_whole,
        a_plan_is_refused_where_all_tasks_of_the_request_or_the_group_are_filed;
}

/// More than a plan has.
const TOO_LARGE: usize = (8 << 20) + 1;

/// Writes the plan of a run into its records.
fn write(project: &Project, run: &str, plan: &str) {
    let folder = project.state().join("runs").join(run);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("plan.json"), plan).unwrap();
}

fn plan(generation: &str, tasks: &[Value]) -> String {
    json!({ "generation": generation, "tasks": tasks }).to_string()
}

/// A task that writes a file.
fn task(key: &str, depends_on: &[&str]) -> Value {
    json!({
        "key": key, "title": format!("Write {key}"), "description": scripted(&format!("write src/{key}.txt x")), "priority": 2,
        "issue_type": "task", "depends_on": depends_on, "plan": {},
    })
}

fn of_group(key: &str, group: &str) -> Value {
    let mut task = task(key, &[]);
    task["group"] = group.into();
    task
}

/// Asserts that the plan of a run is refused, and that no task is filed.
#[track_caller]
fn refused(project: &Project, run: &str, code: i32, says: &str) {
    let count = |project: &Project| project.run(&["issues", "list", "--json"]).expect(0).stdout;
    let before = count(project);
    project
        .run(&["generator", "run", "--plan", run])
        .expect(code)
        .says(says);
    assert_eq!(count(project), before, "{run}");
}

fn a_plan_that_is_none_or_for_another_generation_is_refused(engine: TestEngine) {
    let project = Project::new(engine, "");
    write(&project, "20261121-1", &"x".repeat(TOO_LARGE));
    write(&project, "20261121-2", "{");
    write(
        &project,
        "20261121-3",
        &json!({"generation": "generation-one"}).to_string(),
    );
    write(&project, "20261121-4", &plan("generation-two", &[task("a", &[])]));
    fs::create_dir_all(project.state().join("runs/20261121-5")).unwrap();
    let has_none = |run: &str| format!("the run `{run}` has no plan");
    for run in ["../20261121-4", "20261121-1", "20261121-5", "20261121-6"] {
        refused(&project, run, 2, &has_none(run));
    }
    for run in ["20261121-2", "20261121-3"] {
        refused(&project, run, 1, &format!("runs/{run}/plan.json`"));
    }
    refused(
        &project,
        "20261121-4",
        9,
        "the plan of the run `20261121-4` is for `generation-two`",
    );
    let hint = "`cordwainer run --generation generation-two --plan 20261121-4` files it there";
    refused(&project, "20261121-4", 9, hint);
}

fn a_plan_whose_tasks_do_not_fit_is_refused_as_a_whole(engine: TestEngine) {
    let project = Project::new(engine, "");
    let of = |tasks: &[Value]| plan("generation-one", tasks);
    write(&project, "20261121-1", &of(&[task("a", &[]), task("b", &["cw-9"])]));
    write(&project, "20261121-2", &of(&[task("a", &["b"]), task("b", &["a"])]));
    write(&project, "20261121-3", &of(&[of_group("a", "first")]));
    refused(&project, "20261121-1", 2, "cw-9");
    refused(&project, "20261121-2", 2, "circle");
    refused(&project, "20261121-3", 2, "unknown group `first`");
}

fn a_plan_is_refused_where_all_tasks_of_the_request_or_the_group_are_filed(engine: TestEngine) {
    let project = Project::new(engine, "review: {closing_rounds: off}\n");
    let start = [
        "generator",
        "start",
        "--name",
        "exec",
        "--mode",
        "exec",
        "--request",
        "Write a",
    ];
    project.run(&start).expect(0);
    for (run, key) in [("20261121-1", "a"), ("20261121-2", "b")] {
        write(&project, run, &plan("generation-exec", &[task(key, &[])]));
    }
    project.run(&["generator", "run", "--plan", "20261121-1"]).expect(0);
    refused(
        &project,
        "20261121-1",
        9,
        "the plan of the run `20261121-1` is filed already",
    );
    refused(&project, "20261121-2", 9, "all tasks of the request are filed already");
    let start = [
        "generator",
        "start",
        "--name",
        "built",
        "--mode",
        "build",
        "--spec",
        "docs/specification.md",
    ];
    project.run(&start).expect(0);
    let add = ["issues", "group", "add", "first", "--scope", "All of it."];
    project.run(&add).expect(0);
    for (run, key) in [("20261121-3", "c"), ("20261121-4", "d")] {
        write(&project, run, &plan("generation-built", &[of_group(key, "first")]));
    }
    project.run(&["generator", "run", "--plan", "20261121-3"]).expect(0);
    refused(
        &project,
        "20261121-4",
        9,
        "all tasks of the group `first` are filed already",
    );
}
