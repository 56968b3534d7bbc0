//! Runs that do a part of what could be done: the tasks that are there, some of them, so many.

use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;
use crate::support::scripts::scripted;

engine_tests! {
    podman: commits_of_tasks_are_in_the_names_that_the_configuration_has;
    docker: a_run_does_the_tasks_that_were_asked_for_and_measures_nothing;
}

fn a_run_does_the_tasks_that_were_asked_for_and_measures_nothing(engine: TestEngine) {
    let project = Project::new(engine, "");
    let ran = project.run(&["generator", "run", "--tasks-only"]).expect(4);
    let _ = ran.says("the tasks are done, and no measure was requested");
    for name in ["a", "b", "c"] {
        project.add(name, &format!("write src/{name}.txt x"));
    }
    let labelled = [
        "issues",
        "add",
        "d",
        "--label",
        "docs",
        "--description",
        &scripted("write src/d.txt x"),
    ];
    project.run(&labelled).expect(0);
    let ran = project.run(&["generator", "run", "--only", "nothing"]).expect(2);
    let _ = ran.says("`nothing` is neither a task of this generation nor a label of one");
    project.run(&["generator", "run", "--only", "cw-3"]).expect(0);
    assert_eq!(project.outcomes("cw-3"), ["merged"]);
    assert_eq!(project.outcomes("cw-1"), [""; 0]);
    let ran = project
        .run(&["generator", "run", "--tasks-only", "--max-tasks", "1"])
        .expect(0);
    let _ = ran.says("1 task was attempted, as requested");
    assert_eq!(project.outcomes("cw-1"), ["merged"]);
    assert_eq!(project.outcomes("cw-2"), [""; 0]);
    project.run(&["generator", "run", "--only", "docs"]).expect(0);
    assert_eq!(project.outcomes("cw-4"), ["merged"]);
    assert_eq!(project.outcomes("cw-2"), [""; 0]);
    assert_eq!(project.status()["cycles"], 0);
    project.expect_tidy();
}

fn commits_of_tasks_are_in_the_names_that_the_configuration_has(engine: TestEngine) {
    let names = "{author: An Agent <agent@example.org>, committer: A Machine <machine@example.org>, co_author: Claude <claude@example.org>}";
    let project = Project::new(engine, &format!("commits: {names}\n"));
    project.add("a", "write src/a.txt x");
    project.run(&["generator", "run", "--tasks-only"]).expect(0);
    let format = "--format=%an %ae, %cn %ce, %(trailers:key=Co-Authored-By,valueonly)";
    let log = project.repository.git(&["log", "-1", format, "generation-one"]);
    let expect = "An Agent agent@example.org, A Machine machine@example.org, Claude <claude@example.org>";
    assert_eq!(log.trim(), expect);
    assert_eq!(project.merges_of("cw-1"), 1);
}
