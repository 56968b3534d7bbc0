//! A task's own proof: it fails before the work, and passes on it. The image's `sh` is the probe, see its source.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;

use cordwainer::event::{EventKind, Verdict};
use serde_json::Value;

use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;
use crate::support::scripts::scripted;

engine_tests! {
    podman: a_proof_fails_before_the_work_and_passes_on_it, a_proof_that_proves_nothing_is_told_and_held, a_run_that_died_at_a_proof_comes_to_the_same_end;
    docker: a_proof_that_cannot_be_run_is_never_a_pass;
}

/// Passes once there is a second file, and says where it is missing until then.
const WANTS_B: &str = "cat=src/b.txt";

fn add(project: &Project, script: &str, proof: &str) {
    let description = scripted(script);
    let arguments = [
        "issues",
        "add",
        "a task",
        "--description",
        &description,
        "--proof",
        proof,
    ];
    project.run(&arguments).expect(0);
}

fn prompt(project: &Project, call: &str) -> String {
    fs::read_to_string(project.records(call).pop().unwrap().join("prompt.md")).unwrap()
}

/// How the proof came out, each time that it ran on a result.
fn verdicts(project: &Project) -> Vec<Verdict> {
    let of = |event: EventKind| match event {
        EventKind::GateEnded { gate, verdict, .. } if gate == "proof" => verdict,
        _ => None,
    };
    project.events().into_iter().filter_map(of).collect()
}

/// How many results the table has of a command.
fn rows(project: &Project, command: &str) -> usize {
    let table = fs::read_to_string(project.state().join("cache/gates.json")).unwrap();
    let rows: Vec<Value> = serde_json::from_str(&table).unwrap();
    rows.iter().filter(|row| row["command"] == command).count()
}

fn a_proof_fails_before_the_work_and_passes_on_it(engine: TestEngine) {
    let project = Project::new(engine, "gates: [exit=0]\n");
    let parent = project.repository.git(&["rev-parse", "generation-one"]);
    add(&project, "write src/a.txt one\ndone\nwrite src/b.txt two", WANTS_B);
    let _ = project
        .run(&["generator", "run", "--tasks-only"])
        .expect(0)
        .says("cw-1: fix round 1 of 2: gate `proof` exited with 99 (`cat=src/b.txt`).")
        .says("cw-1: gate `proof` passed.");
    assert_eq!(project.outcomes("cw-1"), ["merged"]);
    assert_eq!(verdicts(&project), [Verdict::Failed, Verdict::Passed]);
    assert_eq!(rows(&project, WANTS_B), 3, "of the parent, and of what each call left");
    let asked = prompt(&project, "cw-1-1");
    assert!(asked.contains("## Proof") && asked.contains(WANTS_B), "{asked}");
    assert!(!asked.contains("proves nothing"), "{asked}");
    let printed = prompt(&project, "cw-1-1-fix-1");
    assert!(printed.contains("The check `proof` does not pass"), "{printed}");
    // What it printed on the parent is beside the records of the attempt.
    let on_parent = format!("gates-{}-cw-1", &parent[..10]);
    let on_parent = project.records("cw-1-1")[0]
        .with_file_name(on_parent)
        .join("gate-1.txt");
    assert!(fs::read_to_string(on_parent).unwrap().contains("src/b.txt"));
    let trailers = project
        .repository
        .git(&["log", "-1", "--format=%(trailers:only)", "generation-one"]);
    assert!(
        trailers.contains("\nCordwainer-Gates: exit=0 passed, proof passed\n"),
        "{trailers}"
    );
    let _ = project
        .run(&["issues", "show", "cw-1"])
        .expect(0)
        .says("\nproof\n  cat=src/b.txt\n")
        .says("1 merged: the gate `proof` passed, and fails without the work");
    // What has landed is what the next task begins from: its verdict is looked up there.
    add(&project, "write src/c.txt three", WANTS_B);
    let ran = project.run(&["generator", "stitch"]).expect(7);
    let _ = ran.says("cw-2: its proof passes already on what the work begins from");
    assert_eq!(rows(&project, WANTS_B), 4, "one more result");
    project.expect_tidy();
}

fn a_proof_that_proves_nothing_is_told_and_held(engine: TestEngine) {
    let project = Project::new(engine, "");
    add(&project, "write src/a.txt one", "exit=0");
    let ran = project.run(&["generator", "stitch"]).expect(7);
    let _ = ran
        .says("cw-1: not proven: the task's proof passes already on what the work begins from")
        .says("`cordwainer issues release cw-1 --accept`");
    let asked = prompt(&project, "cw-1-1");
    assert!(
        asked.contains("so it proves nothing:") && asked.contains("\nexit=0\n"),
        "{asked}"
    );
    let attempt = &project.issue("cw-1")["attempts"][0];
    assert_eq!(
        (&attempt["outcome"], &attempt["rounds"]),
        (&"unproven".into(), &Value::Null)
    );
    assert_eq!(project.issue("cw-1")["status"], "blocked");
    // The work is done, and waits for a proof that is one.
    assert_eq!(project.suspended(), 1);
    project
        .run(&["issues", "edit", "cw-1", "--proof", "cat=src/a.txt"])
        .expect(0);
    project.run(&["issues", "release", "cw-1"]).expect(0);
    let ran = project.run(&["generator", "stitch"]).expect(0);
    let _ = ran
        .says("cw-1: its agent had done its work")
        .says("cw-1: gate `proof` passed.");
    assert_eq!(project.outcomes("cw-1"), ["unproven", "merged"]);
    assert_eq!(project.status()["usage"]["calls"], 1);
    // Whoever finds that all is there changes nothing.
    add(&project, "tokens 1 1 0.1", "exit=0");
    project.run(&["generator", "stitch"]).expect(7);
    assert_eq!(project.outcomes("cw-2"), ["no_change"]);
    let held = project.issue("cw-2")["hold"].to_string();
    assert!(
        held.contains("changed nothing; the task's proof passes already"),
        "{held}"
    );
    // And a person may take the work as it is.
    add(&project, "write src/b.txt two", "exit=0");
    project.run(&["generator", "stitch", "cw-3"]).expect(7);
    project.run(&["issues", "release", "cw-3", "--accept"]).expect(0);
    assert_eq!(project.merges_of("cw-3"), 1);
    project.expect_tidy();
}

fn a_proof_that_cannot_be_run_is_never_a_pass(engine: TestEngine) {
    let mut project = Project::new(engine, "stitch: {max_attempts: 1, fix_rounds: off}\n");
    // A program that the image lacks would be missing on the result, too: no call is made.
    add(&project, "write src/a.txt one", "make test");
    let ran = project.run(&["generator", "stitch"]).expect(7);
    let _ = ran.says(
        "cw-1: not proven: the task's proof cannot be run on what the work begins from: exited with 127: a program is missing",
    );
    assert_eq!(project.outcomes("cw-1"), ["unproven"]);
    assert_eq!(project.issue("cw-1")["attempts"][0]["call"], Value::Null);
    // A script that is still to be written is no reason against the task, and missing in the end it is not run.
    add(&project, "write src/b.txt two", "sh ci/check.sh");
    let ran = project.run(&["generator", "stitch"]).expect(7);
    let _ = ran.says("the gate `proof` exited with 127: the repository has no `ci/check.sh` (`sh ci/check.sh`)");
    assert_eq!(project.outcomes("cw-2"), ["gate_failed"]);
    assert_eq!(verdicts(&project), [Verdict::NotRun]);
    project.expect_tidy();
    // Where sources were cleared, gates may come to pass later; a proof may not.
    let text = "preserve_sources: false\nsource_dirs: [src]\nstitch: {max_attempts: 1, fix_rounds: off}\n";
    project = Project::new(engine, text);
    add(&project, "write src/a.txt one", WANTS_B);
    project.run(&["generator", "stitch"]).expect(7);
    assert_eq!(project.outcomes("cw-1"), ["gate_failed"]);
    project.expect_tidy();
}

fn a_run_that_died_at_a_proof_comes_to_the_same_end(engine: TestEngine) {
    let project = Project::new(engine, "");
    add(&project, "tokens 100 10 0.5\nwrite src/b.txt two", WANTS_B);
    // Before its call; and, what the parent came to being known, when its work was judged.
    for point in ["gates.proof_tried", "stitch.kept"] {
        let mut command = project.command(&["generator", "resume"]);
        let output = command.env("CORDWAINER_CRASH_AT", point).output().unwrap();
        assert_eq!(output.status.signal(), Some(9), "{point} was never reached");
        assert_eq!(rows(&project, WANTS_B), 1, "{point}");
    }
    project.run(&["generator", "resume"]).expect(0);
    assert_eq!(project.outcomes("cw-1").last().unwrap(), "merged");
    assert_eq!(rows(&project, WANTS_B), 2);
    assert_eq!(verdicts(&project), [Verdict::Passed]);
    assert_eq!(project.merges_of("cw-1"), 1);
    assert_eq!(project.content("src/b.txt"), "two");
    project.expect_tidy();
}
