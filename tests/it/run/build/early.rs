//! Tasks that people file into groups whose turn has not come.

use super::{SPEC, group, groups, planning, project, prompt, specification, writes};
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;
use crate::support::scripts::scripted;

engine_tests! {
    podman: what_is_done_before_a_group_is_measured_is_in_its_closing_review;
}

fn file_into(project: &Project, key: &str) {
    let script = scripted(&format!("write src/{key}.txt {key}"));
    let title = format!("Write {key}");
    let file = ["issues", "add", &title, "--description", &script, "--group", key];
    project.run(&file).expect(0);
}

fn what_is_done_before_a_group_is_measured_is_in_its_closing_review(engine: TestEngine) {
    let plan = planning(&[
        group("first", &[], &[writes(1)], &[]),
        group("second", &["first"], &[writes(2)], &[]),
    ]);
    let project = project(engine, &specification(&plan), "");
    project.run(&["generator", "plan", SPEC]).expect(0);
    file_into(&project, "first");
    file_into(&project, "second");
    // The second one waits for its group.
    project.run(&["run", "--tasks-only"]).expect(0);
    assert_eq!(project.issue("cw-1")["status"], "closed");
    assert_eq!(project.issue("cw-2")["status"], "open");
    assert_eq!(groups(&project)[0]["state"], "at_work");
    project
        .run(&["generator", "build", SPEC])
        .expect(0)
        .says("Group `second` is done: The second (2 of 2).");
    assert_eq!(project.issue("cw-2")["status"], "closed");
    let asked = prompt(&project, "measure-2-review-1");
    assert!(
        asked.contains("+++ b/src/first.txt") && asked.contains("+++ b/src/1.txt"),
        "{asked}"
    );
    assert!(!asked.contains("+++ b/src/second.txt"), "{asked}");
}
