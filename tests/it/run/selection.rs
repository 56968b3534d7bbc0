//! Runs that do a part of what could be done: the tasks that are there, some of them, so many.

use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;
use crate::support::scripts::scripted;

engine_tests! {
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
