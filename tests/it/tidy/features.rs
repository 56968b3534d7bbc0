//! `cargo xtask`, the fuzz targets and the tests are built from crates with the same features: cargo compiles a crate anew
//! for each set of them, and all that uses it.

use std::collections::BTreeSet;

use super::report;
use crate::support::cargo::{Done, checkout, plain_cargo};

/// A crate with its version, and its features.
type Crate = (String, String);

/// What a selection of packages is built from.
fn crates(selection: &[&str]) -> BTreeSet<Crate> {
    let mut command = plain_cargo();
    command.current_dir(checkout()).args([
        "tree",
        "--offline",
        "--locked",
        "--prefix",
        "none",
        "--format",
        "{p}|{f}",
    ]);
    let done = Done::of(&command.args(selection).output().unwrap());
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let lines = done.stdout.lines().map(|line| line.trim_end_matches(" (*)"));
    let split = lines.filter_map(|line| line.split_once('|'));
    split
        .map(|(name, features)| (name.to_owned(), features.to_owned()))
        .collect()
}

#[test]
fn what_is_built_beside_the_tests_has_their_features() {
    let tests = crates(&[
        "--workspace",
        "--exclude",
        "cordwainer-fuzz",
        "--edges",
        "normal,build,dev",
    ]);
    assert!(tests.len() > 100, "{tests:?}");
    let mut problems = Vec::new();
    for package in ["xtask", "cordwainer-fuzz"] {
        let others = crates(&["--package", package, "--edges", "normal,build"]);
        // The library's own features differ, and that is what they are for.
        let differ = others
            .difference(&tests)
            .filter(|(name, _)| !name.starts_with("cordwainer "));
        for (name, features) in differ {
            if let Some((_, wanted)) = tests.iter().find(|(of_tests, _)| of_tests == name) {
                problems.push(format!(
                    "tests/features/Cargo.toml: {package} has {name} with `{features}`, the tests with `{wanted}`: name what is missing"
                ));
            }
        }
    }
    report(&problems);
}
