//! A run killed inside a step: at every rename, link, unlink and fsync under `cargo xtask test --long`, and by default
//! at a few, chosen with a fixed seed. It is resumed, and comes to the same end as one that lived.

use std::collections::BTreeMap;

use cordwainer::testing::size;
use serde_json::json;

use crate::support::engines::{TestEngine, engine_tests};
use crate::support::killer;
use crate::support::project::Project;
use crate::support::scripts::{proposal, user_prompt};

engine_tests! {
    podman: a_run_killed_at_any_call_comes_to_the_same_end;
}

/// Chooses the calls that are tried by default.
const SEED: u64 = 8;

/// One task by hand, and one that measure proposes and that waits for it.
fn project(engine: TestEngine) -> Project {
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
fn end(project: &Project) -> (BTreeMap<String, String>, Vec<(String, usize)>) {
    let stands = |id: &str| {
        (
            project.issue(id)["status"].as_str().unwrap().to_owned(),
            project.merges_of(id),
        )
    };
    (project.files("generation-one"), ["cw-1", "cw-2"].map(stands).into())
}

#[expect(clippy::print_stdout, reason = "says how much was tried")]
fn a_run_killed_at_any_call_comes_to_the_same_end(engine: TestEngine) {
    let lived = project(engine);
    let said = |project: &Project| project.repository.outside().join("said");
    let all = killer::run(&lived.command(&["generator", "run"]), None, &said(&lived)).calls;
    let expected = end(&lived);
    let mut chosen = fastrand::Rng::with_seed(SEED).choose_multiple(1..=all, size(1, all));
    chosen.sort_unstable();
    for at in &chosen {
        let died = project(engine);
        if !killer::run(&died.command(&["generator", "run"]), Some(*at), &said(&died)).was_killed() {
            continue;
        }
        died.run(&["generator", "status"]).expect(0);
        died.run(&["issues", "list"]).expect(0);
        assert_eq!(died.repository.handle().locks_held(), [], "killed at call {at}");
        let ran = died.run(&["generator", "resume"]);
        assert!(
            matches!(ran.code, Some(0 | 4)),
            "killed at call {at}: {}\n{}",
            ran.stdout,
            ran.stderr
        );
        assert_eq!(end(&died), expected, "killed at call {at}:\n{}", ran.stdout);
        died.repository
            .git(&["commit", "--quiet", "--allow-empty", "--message", "mine"]);
        died.repository.git(&["gc", "--quiet"]);
        died.repository.git(&["fsck", "--full", "--strict"]);
    }
    println!("killed at {chosen:?} of {all} calls, seed {SEED}");
}
