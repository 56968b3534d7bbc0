//! The crash points, by reading the sources: a new one cannot be forgotten.

use std::collections::BTreeSet;
use std::fs;

use crate::support::cargo::checkout;

/// Returns the names of the crash points in these files and folders.
pub(crate) fn crash_points(places: &[&str]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for place in places {
        for entry in walkdir::WalkDir::new(checkout().join(place)) {
            let entry = entry.unwrap();
            if entry.path().extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(entry.path()).unwrap();
                let calls = text.split("crash_point!(\"").skip(1);
                names.extend(calls.filter_map(|call| Some(call.split_once('"')?.0.to_owned())));
            }
        }
    }
    names
}

/// Returns those of the commands that begin and end a generation, at which `lifecycle/crashes.rs` dies.
pub(crate) fn crash_points_of_the_lifecycle() -> BTreeSet<String> {
    crash_points(&[
        "src/lifecycle",
        "src/lifecycle.rs",
        "src/git/checkout.rs",
        "src/issues/filed.rs",
        "src/git/slots/persons.rs",
        "src/run/reverted.rs",
    ])
}

/// Returns those that a run comes to: all others.
pub(crate) fn crash_points_of_a_run() -> Vec<String> {
    let all = crash_points(&["src"]);
    let points: Vec<String> = all.difference(&crash_points_of_the_lifecycle()).cloned().collect();
    assert!(points.len() >= 40, "{points:?}");
    points
}
