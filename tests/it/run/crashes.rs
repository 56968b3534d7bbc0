//! The orchestrator dies where more is to be seen than that a generation comes to its end; `deaths.rs` dies everywhere.

use std::os::unix::process::ExitStatusExt as _;

use cordwainer::event::EventKind;

use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;

engine_tests! {
    podman: a_run_that_died_around_a_pause_comes_to_the_same_end, a_commit_of_another_generation_closes_no_task, a_run_that_died_while_it_tried_the_gates_tries_them_again;
}

/// A history with another generation's commits in it, whose tasks and attempts have the same numbers.
fn a_commit_of_another_generation_closes_no_task(engine: TestEngine) {
    let project = Project::new(engine, "");
    project.add("The first", "write src/a.txt one");
    let trailers =
        "Cordwainer-Generation: generation-other\nCordwainer-Task: cw-1\nCordwainer-Attempt: 1\nCordwainer-Run: run-1";
    let repository = &project.repository;
    let tree = repository.git(&["rev-parse", "generation-one^{tree}"]);
    let arguments = [
        "commit-tree",
        &tree,
        "-p",
        "generation-one",
        "-m",
        "Another's",
        "-m",
        trailers,
    ];
    let foreign = repository.git(&arguments);
    repository.git(&["update-ref", "refs/heads/generation-one", &foreign]);
    for point in ["stitch.claimed", "stitch.kept"] {
        let mut command = project.command(&["generator", "resume"]);
        let output = command.env("CORDWAINER_CRASH_AT", point).output().unwrap();
        assert_eq!(output.status.signal(), Some(9), "{point} was never reached");
    }
    project.run(&["generator", "resume"]).expect(0);
    let closed = project.issue("cw-1");
    assert_eq!(closed["status"], "closed");
    assert_ne!(closed["commit"], foreign.as_str());
    assert!(project.files("generation-one").contains_key("src/a.txt"));
}

/// The slot in which gates are tried holds nothing of an agent's: it is let go, and no gate counts as tried.
fn a_run_that_died_while_it_tried_the_gates_tries_them_again(engine: TestEngine) {
    let project = Project::new(engine, "gates: [exit=0]\n");
    project.add("The first", "write src/a.txt one");
    let mut command = project.command(&["generator", "run"]);
    let output = command.env("CORDWAINER_CRASH_AT", "gates.laid_out").output().unwrap();
    assert_eq!(output.status.signal(), Some(9));
    assert_eq!(project.outcomes("cw-1"), [""; 0]);
    project.run(&["generator", "resume"]).expect(0);
    assert_eq!(project.outcomes("cw-1"), ["merged"]);
    let tried = project
        .events()
        .into_iter()
        .filter(|event| matches!(event, EventKind::GateTried { passed: true, .. }));
    assert_eq!(tried.count(), 1);
    assert_eq!(end_of_one(&project), ("closed".to_owned(), 1));
    project.expect_tidy();
}

/// The orchestrator dies on the way into a pause, or out of it.
fn a_run_that_died_around_a_pause_comes_to_the_same_end(engine: TestEngine) {
    for point in ["pause.noted", "slot.suspended", "slot.resumed"] {
        let project = Project::new(engine, "limits: {wait: never}\n");
        project.add(
            "meets a limit",
            "tokens 500 20 0.25\nwrite src/a.txt one\nlimit 1900000000\ntokens 300 10 0.5\nwrite src/b.txt two",
        );
        let resume = ["generator", "resume", "--now"];
        if point == "slot.resumed" {
            project.run(&resume).expect(8);
        }
        let mut command = project.command(&resume);
        let output = command.env("CORDWAINER_CRASH_AT", point).output().unwrap();
        assert_eq!(output.status.signal(), Some(9), "{point} was never reached");
        // Begun afresh, the task meets its limit once more.
        let again = project.run(&resume);
        if again.code == Some(8) {
            project.run(&resume).expect(0);
        }
        assert_eq!(end_of_one(&project), ("closed".to_owned(), 1), "{point}");
        let contents = ["src/a.txt", "src/b.txt"].map(|path| project.content(path));
        assert_eq!(contents, ["one", "two"], "{point}");
        let paid = project.status()["usage"]["cost_usd"].as_f64().unwrap();
        // What died before the agent went on was not paid for; what was begun afresh was paid for once more.
        let expect = if point == "slot.resumed" { 1.0 } else { 0.75 };
        assert!((paid - expect).abs() < 0.01, "{point}: {paid}");
        assert_eq!(project.suspended(), 0, "{point}");
        project.expect_tidy();
    }
}

fn end_of_one(project: &Project) -> (String, usize) {
    let status = project.issue("cw-1")["status"].as_str().unwrap().to_owned();
    (status, project.merges_of("cw-1"))
}
