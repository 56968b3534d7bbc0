//! A run killed inside a step: at every rename, link, unlink and fsync under `cargo xtask test --long`, and by default
//! at a few, chosen with a fixed seed. It is resumed, and comes to the same end as one that lived.

use cordwainer::testing::size;

use super::crashes::{end, project};
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::killer;

engine_tests! {
    podman: a_run_killed_at_any_call_comes_to_the_same_end;
}

/// Chooses the calls that are tried by default.
const SEED: u64 = 8;

#[expect(clippy::print_stdout, reason = "says how much was tried")]
fn a_run_killed_at_any_call_comes_to_the_same_end(engine: TestEngine) {
    let lived = project(engine);
    let said = |project: &crate::support::project::Project| project.repository.outside().join("said");
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
