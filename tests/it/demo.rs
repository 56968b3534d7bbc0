//! The stories of `cargo xtask demo`, as a person plays them who has no account.

use std::process::Command;

use crate::support::engines::{self, TestEngine, engine_tests};
use crate::support::xtask;

engine_tests! {
    podman: a_generation_from_documents, a_build_in_groups;
    docker: a_fix_that_proves_itself, an_audit_and_its_fixes;
}

/// Plays a story, and sees that it says all of this, in this order, and ends.
fn play(engine: TestEngine, story: &[&str], says: &[&str]) {
    // The repository that it keeps goes with this folder.
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(xtask::program())
        .arg("demo")
        .args(story)
        .args(["--no-install", "--image", engines::IMAGE])
        .env("DOCKER_HOST", format!("unix://{}", engine.socket().display()))
        .env("TMPDIR", folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let all = format!("{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{all}");
    let mut rest = &*said;
    for text in says {
        let found = rest.split_once(text);
        rest = found
            .unwrap_or_else(|| panic!("`{text}` is not where it belongs in\n{all}"))
            .1;
    }
}

fn a_generation_from_documents(engine: TestEngine) {
    play(
        engine,
        &[],
        &[
            "5 tasks filed",
            "no change: the agent changed nothing",
            "4 tasks merged",
            "Two tasks were at work at once",
            "$ cargo xtask stop",
            "into main",
            "The demo took",
        ],
    );
}

fn a_fix_that_proves_itself(engine: TestEngine) {
    play(
        engine,
        &["fix"],
        &[
            "gate `proof` failed",
            "fix round 1 of 2",
            "gate `proof` passed",
            "Fixed:",
            "the row was copied from a table of another maker",
            "Merged generation-fix-265-mm-gives-41-and-docs-sizes-md-says into main",
        ],
    );
}

fn a_build_in_groups(engine: TestEngine) {
    play(
        engine,
        &["build"],
        &[
            "$ cargo xtask plan docs/specification.md",
            "  + labels: The labels (about 1 task, after table)",
            "$ cargo xtask build docs/specification.md --stop",
            "Group `table`, closing review 1: 1 finding to act on",
            "Half sizes are missing",
            "Group `table` is done: The table of sizes (1 of 2).",
            "Group `labels` is done: The labels (2 of 2).",
            "Merged generation-build-specification into main",
        ],
    );
}

fn an_audit_and_its_fixes(engine: TestEngine) {
    play(
        engine,
        &["audit"],
        &[
            "$ cargo xtask audit src --type security --fail-on high",
            "Found 2 findings (1 high, 1 medium), and 1 about places that are not there",
            "$ cargo xtask report show",
            "A name becomes a part of a command of the shell",
            "$ cargo xtask audit src --type security --fix --stop",
            "2 tasks merged",
            "into main",
        ],
    );
}

#[test]
fn its_help_lists_the_stories() {
    let output = Command::new(xtask::program())
        .args(["demo", "--help"])
        .output()
        .unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    for story in ["generate", "fix", "build", "audit"] {
        assert!(help.contains(&format!("- {story}:")), "{help}");
    }
    assert!(!help.contains("--image"), "{help}");
}
