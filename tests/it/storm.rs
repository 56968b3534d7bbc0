//! A storm in its short form: the long one is `cargo xtask storm`. What finds every invariant true is a program of its own,
//! and each invariant is shown to be one that can be broken.

use std::process::Command;

use crate::support::checker;
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::xtask;

mod broken;

engine_tests! {
    podman: what_a_storm_leaves_breaks_no_invariant;
}

/// How hard the short one is. It begins with the same chance each time.
const SHORT: [&str; 10] = [
    "--tasks",
    "8",
    "--parallel",
    "4",
    "--kills",
    "3",
    "--engine-restarts",
    "1",
    "--seed",
    "13",
];

/// On an engine of its own, whose service it may kill.
#[expect(clippy::print_stdout, reason = "says what was killed where")]
fn what_a_storm_leaves_breaks_no_invariant(_: TestEngine) {
    let output = Command::new(xtask::program())
        .args(["storm", "--no-install", "--checker"])
        .arg(checker::program())
        .args(SHORT)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    for expected in [
        "Storm 13: ",
        "\nKills: 3, ",
        "\nRestarts of the engine: 1.",
        " invariants hold: ",
    ] {
        assert!(said.contains(expected), "`{expected}` is not in:\n{said}");
    }
    println!("{said}");
}
