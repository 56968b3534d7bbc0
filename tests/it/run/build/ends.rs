//! The end of a group: what a gate came to earlier, or is not known of what the group began from, makes nothing red by itself.

use std::fs;

use super::{SPEC, group, planning, project, repository, specification, writes};
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;

engine_tests! {
    podman: a_gate_that_was_red_by_chance_is_tried_again_at_the_end,
        what_failed_before_a_group_may_fail_at_its_end_although_nothing_is_kept;
}

fn one_group() -> String {
    specification(&planning(&[group("first", &[], &[writes(1)], &[])]))
}

fn a_gate_that_was_red_by_chance_is_tried_again_at_the_end(engine: TestEngine) {
    let project = project(engine, &one_group(), "");
    project.run(&["generator", "build", SPEC, "--max-tasks", "1"]).expect(0);
    assert_eq!(project.issue("cw-1")["status"], "closed");
    let table = project.state().join("cache/gates.json");
    let kept = fs::read_to_string(&table).unwrap();
    let red = kept.replace("\"passed\"", "{\"red\":\"exited with 1\"}");
    assert_ne!(red, kept);
    fs::write(&table, red).unwrap();
    project
        .run(&["generator", "build"])
        .expect(0)
        .says("Group `first` is done");
}

fn what_failed_before_a_group_may_fail_at_its_end_although_nothing_is_kept(engine: TestEngine) {
    let repository = repository(&one_group());
    repository.write("src/out.tap", "1..2\nok adds\nnot ok roots\n");
    repository.write("src/code", "1");
    let gate = "gates: [{name: tests, command: cat=src/out.tap exit_of=src/code, results: tap}]\n";
    let project = Project::with_socket(engine, repository, &engine.socket(), gate);
    project.run(&["generator", "build", SPEC, "--max-tasks", "1"]).expect(0);
    assert_eq!(project.issue("cw-1")["status"], "closed");
    fs::remove_file(project.state().join("cache/gates.json")).unwrap();
    project
        .run(&["generator", "build"])
        .expect(0)
        .says("Group `first` is done");
}
