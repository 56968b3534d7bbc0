//! What people and tasks do out of turn: tasks filed into groups that have not begun, documents deleted, groups where there are none.

use serde_json::{Value, json};

use super::{SPEC, group, groups, planning, project, prompt, repository, specification, writes};
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;
use crate::support::scripts::{proposal, scripted};

engine_tests! {
    podman: what_is_done_before_a_group_is_measured_is_in_its_closing_review,
        a_document_that_a_task_deletes_ends_no_run,
        a_mode_without_groups_gets_none,
        a_later_generation_is_told_what_a_merged_one_has_done,
        what_a_merged_generation_has_done_is_not_paid_for_again;
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

fn a_document_that_a_task_deletes_ends_no_run(engine: TestEngine) {
    let deletes = proposal("delete", "Delete the notes", &[], "delete docs/notes.md");
    let plan = planning(&[
        group("first", &[], &[deletes], &[]),
        group("second", &["first"], &[writes(2)], &[]),
    ]);
    let repository = repository(&specification(&plan));
    repository.write("docs/notes.md", "Numbers are exact.\n");
    let project = Project::with_socket(engine, repository, &engine.socket(), "gates: [cat=src/old.txt]\n");
    let ran = project
        .run(&["generator", "build", SPEC, "docs/notes.md"])
        .expect(0)
        .says("a document is left out of the prompt: there is no document `docs/notes.md`");
    assert!(ran.stdout.contains("all groups are done"), "{}", ran.stdout);
    let asked = prompt(&project, "measure-4-1");
    assert!(asked.contains("- docs/notes.md"), "{asked}");
    // Who begins something from it is told.
    project
        .run(&["generator", "plan"])
        .expect(2)
        .says("there is no document `docs/notes.md`");
}

fn a_later_generation_is_told_what_a_merged_one_has_done(engine: TestEngine) {
    let first = planning(&[group("first", &[], &[writes(1)], &[])]);
    let project = project(engine, &specification(&first), "review: {closing_rounds: off}\n");
    project
        .run(&["generator", "build", SPEC, "--stop"])
        .expect(0)
        .says("Merged generation-build-specification into main");
    let begin = |plan: &str| {
        project.repository.git(&["checkout", "-q", "main"]);
        project.repository.write(SPEC, specification(plan));
        project.repository.commit("change the specification");
    };
    begin(&planning(&[]));
    let ran = project.run(&["generator", "build", SPEC, "--name", "second"]).expect(4);
    ran.says("Plan: asking for groups for what is new, from 1 document; changed: docs/specification.md.")
        .says("0 groups planned");
    let asked = prompt(&project, "measure-1-1");
    for part in [
        "first [merged] The first",
        "## Groups of earlier generations",
        "- docs/specification.md",
    ] {
        assert!(asked.contains(part), "{part} is not in {asked}");
    }
    // It has been asked for, and is not paid for again.
    project.run(&["generator", "resume"]).expect(4);
    project.run(&["generator", "plan"]).expect(4).says("nothing is new");
    assert_eq!(project.status()["usage"]["calls"], 1);
    project.run(&["generator", "reset"]).expect(0);
    begin(&planning(&[group("second", &[], &[writes(2)], &[])]));
    project
        .run(&["generator", "build", SPEC, "--name", "third"])
        .expect(0)
        .says("Group `second` is done: The second (1 of 1).");
    assert_eq!(groups(&project).len(), 1);
}

fn what_a_merged_generation_has_done_is_not_paid_for_again(engine: TestEngine) {
    let large = specification(&planning(&[group("first", &[], &[writes(1)], &[])]));
    let measure = scripted(&format!("propose {}", json!({"proposals": [writes(1)]})));
    let short = format!("A file.\n\n{measure}\n");
    for text in [large, short] {
        let project = project(engine, &text, "review: {closing_rounds: off}\n");
        project
            .run(&["generator", "build", SPEC, "--stop"])
            .expect(0)
            .says("Merged generation-build-specification into main");
        project.repository.git(&["checkout", "-q", "main"]);
        let again = ["generator", "build", SPEC, "--name", "again"];
        let look = |more: &[&str], code: i32| project.run(&[&again[..], more].concat()).expect(code);
        let estimate: Value = serde_json::from_str(&look(&["--estimate", "--json"], 0).stdout).unwrap();
        assert_eq!(estimate["total"]["median"]["calls"].as_f64(), Some(0.0), "{estimate:#}");
        let _ = look(&["--prompt"], 4).says("nothing is new: merged generations have done");
        let _ = look(&[], 4).says(
            "Nothing is new: merged generations have done what the documents ask for. 0 groups planned without a call.",
        );
        let status = project.status();
        assert_eq!(status["usage"]["calls"], 0, "{status:#}");
        assert_eq!(groups(&project), Vec::<Value>::new());
    }
}

fn a_mode_without_groups_gets_none(engine: TestEngine) {
    let project = project(engine, "Two files.\n", "");
    project
        .run(&["generator", "plan", "--mode", "feature", "--name", "x"])
        .expect(2)
        .says("the mode `feature` has no groups");
    let listed = project.run(&["generator", "list", "--json"]).stdout;
    assert!(!listed.contains("generation-"), "{listed}");
    project
        .run(&["start", "--mode", "feature", "--request", "Write a file"])
        .expect(0);
    project
        .run(&["issues", "group", "add", "one", "--scope", "All of it."])
        .expect(2)
        .says("works in the mode `feature`, which has no groups");
    project.run(&["issues", "group", "list"]).expect(0);
}
