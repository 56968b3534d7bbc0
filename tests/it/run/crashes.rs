//! The orchestrator dies at every crash point of a run, is resumed, and comes to the same end as one that lived.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;

use cordwainer::engine::EngineKind;
use cordwainer::event::EventKind;
use serde_json::json;

use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;
use crate::support::scripts::{proposal, user_prompt};

engine_tests! {
    podman: a_run_that_died_anywhere_comes_to_the_same_end,
        a_run_that_died_around_a_pause_comes_to_the_same_end, a_commit_of_another_generation_closes_no_task, a_run_that_died_while_it_tried_the_gates_tries_them_again;
}

/// One task by hand, and one that measure proposes and that waits for it.
pub(super) fn project(engine: TestEngine) -> Project {
    let second = proposal(
        "second",
        "The second",
        &["cw-1"],
        "append src/a.txt two\nwrite src/b.txt x",
    );
    let script = format!("tokens 100 10 0.5\npropose {}", json!({"proposals": [second]}));
    let project = Project::new(engine, &user_prompt(&script));
    project.add("The first", "tokens 100 10 0.5\nwrite src/a.txt one");
    project
}

/// Where a generation got: its files, and where each task stands and how often it was merged.
pub(super) fn end(project: &Project) -> (BTreeMap<String, String>, Vec<(String, usize)>) {
    let stands = |id: &str| {
        (
            project.issue(id)["status"].as_str().unwrap().to_owned(),
            project.merges_of(id),
        )
    };
    (project.files("generation-one"), ["cw-1", "cw-2"].map(stands).into())
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

/// Each engine has every second point: a point is ours and knows nothing of engines.
fn a_run_that_died_anywhere_comes_to_the_same_end(engine: TestEngine) {
    let lived = project(engine);
    lived.run(&["generator", "run"]).expect(0);
    let expect = end(&lived);
    assert_eq!(expect.1, [("closed".to_owned(), 1), ("closed".to_owned(), 1)]);
    let turn = usize::from(engine.kind() == EngineKind::Docker);
    for point in crash_points().iter().skip(turn).step_by(2) {
        let died = project(engine);
        let mut command = died.command(&["generator", "run"]);
        let output = command.env("CORDWAINER_CRASH_AT", point).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert_eq!(
            output.status.signal(),
            Some(9),
            "{point} was never reached:
{said}"
        );
        let ran = died.run(&["generator", "resume"]);
        // When all was merged already, nothing is left to do but to say so.
        assert!(
            matches!(ran.code, Some(0 | 4)),
            "{point}: {}\n{}",
            ran.stdout,
            ran.stderr
        );
        assert_eq!(end(&died), expect, "{point}:\n{}", ran.stdout);
        let usage = died.status()["usage"].clone();
        let paid = usage["cost_usd"].as_f64().unwrap();
        let calls = usage["calls"].as_f64().unwrap();
        assert!(calls >= 3.0 && paid >= 1.0, "{point}: {usage}");
        for id in ["cw-1", "cw-2"] {
            assert_eq!(paid_by_trailers(&died, id), paid_by_store(&died, id), "{point}: {id}");
        }
        died.expect_tidy();
    }
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

/// Tokens and money in the trailers of a task's commit.
fn paid_by_trailers(project: &Project, id: &str) -> (u64, String) {
    let format = "--format=%(trailers:key=Cordwainer-Tokens,valueonly)%(trailers:key=Cordwainer-Cost,valueonly)";
    let task = format!("--grep=Cordwainer-Task: {id}$");
    let log = project.repository.git(&["log", &task, format, "generation-one"]);
    let (tokens, cost) = log.trim().split_once('\n').unwrap();
    (tokens.parse().unwrap(), cost.to_owned())
}

/// Tokens and money of a task, added up over the attempts that the store has.
fn paid_by_store(project: &Project, id: &str) -> (u64, String) {
    let issue = project.issue(id);
    let calls = issue["attempts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|attempt| &attempt["call"]["usage"]);
    let (mut tokens, mut cost) = (0, 0.0);
    for usage in calls {
        let count = |name: &str| usage[name].as_u64().unwrap_or(0);
        tokens += ["input", "cache_write", "cache_read", "output"]
            .map(count)
            .iter()
            .sum::<u64>();
        cost += usage["cost_usd"].as_f64().unwrap_or(0.0);
    }
    (tokens, format!("{cost:.4} USD"))
}

/// The orchestrator dies on the way into a pause, or out of it.
fn a_run_that_died_around_a_pause_comes_to_the_same_end(engine: TestEngine) {
    for point in all_crash_points().iter().filter(|point| is_of_a_pause(point)) {
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

fn is_of_a_pause(point: &str) -> bool {
    ["slot.suspended", "slot.resumed"].contains(&point) || point.starts_with("pause.")
}

/// Every crash point of the source that a run without a pause comes to.
fn crash_points() -> Vec<String> {
    let mut points = all_crash_points();
    points.retain(|point| !is_of_a_pause(point));
    assert!(points.len() >= 13, "{points:?}");
    points
}

/// Every crash point of the source that a run comes to.
fn all_crash_points() -> Vec<String> {
    let mut points = Vec::new();
    for entry in walkdir::WalkDir::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        let entry = entry.unwrap();
        if entry.path().extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(entry.path()).unwrap();
            let named = text
                .split("crash_point!(\"")
                .skip(1)
                .filter_map(|rest| rest.split('"').next());
            points.extend(named.map(str::to_owned));
        }
    }
    // What begins and ends a generation, or is accepted by a person, is crashed at elsewhere, and so are gates that are
    // tried, dependencies that are prepared, fix rounds, later stages, and an answer with problems.
    points.retain(|point| {
        ![
            "layer.",
            "start.",
            "stop.",
            "end.",
            "gc.",
            "reset.",
            "checkout.",
            "accept.",
            "gates.",
            "round.",
            "stage.",
            "measure.filed_in_part",
            "measure.reviewed",
        ]
        .iter()
        .any(|other| point.starts_with(other))
    });
    points.sort();
    points.dedup();
    points
}
