//! The detector beside a labelled set of changes.

use super::*;

/// The labelled changes, by convention.
const LABELLED: [(&str, &str); 30] = [
    ("again", include_str!("labelled/again.diff")),
    ("catch2", include_str!("labelled/catch2.diff")),
    (
        "continuous integration",
        include_str!("labelled/continuous_integration.diff"),
    ),
    ("coverage", include_str!("labelled/coverage.diff")),
    ("everyday", include_str!("labelled/everyday.diff")),
    ("exunit", include_str!("labelled/exunit.diff")),
    ("fresh", include_str!("labelled/fresh.diff")),
    ("go", include_str!("labelled/go.diff")),
    ("gtest", include_str!("labelled/gtest.diff")),
    ("jest", include_str!("labelled/jest.diff")),
    ("junit4", include_str!("labelled/junit4.diff")),
    ("junit5", include_str!("labelled/junit5.diff")),
    ("kotlin", include_str!("labelled/kotlin.diff")),
    ("minitest", include_str!("labelled/minitest.diff")),
    ("mixed", include_str!("labelled/mixed.diff")),
    ("mocha", include_str!("labelled/mocha.diff")),
    ("node:test", include_str!("labelled/node_test.diff")),
    ("nunit", include_str!("labelled/nunit.diff")),
    ("pest", include_str!("labelled/pest.diff")),
    ("phpunit", include_str!("labelled/phpunit.diff")),
    ("published", include_str!("labelled/published.diff")),
    ("pytest", include_str!("labelled/pytest.diff")),
    ("recorded", include_str!("labelled/recorded.diff")),
    ("rspec", include_str!("labelled/rspec.diff")),
    ("rust", include_str!("labelled/rust.diff")),
    ("third", include_str!("labelled/third.diff")),
    ("unittest", include_str!("labelled/unittest.diff")),
    ("vitest", include_str!("labelled/vitest.diff")),
    ("xctest", include_str!("labelled/xctest.diff")),
    ("xunit", include_str!("labelled/xunit.diff")),
];

/// A labelled change.
struct Labelled {
    title: String,
    /// What it does; `None` where it is harmless.
    bad: Option<String>,
    /// Whether it was set aside before the detector was written.
    is_aside: bool,
    changes: Vec<FileChange>,
}

fn read(convention: &str, text: &str) -> Vec<Labelled> {
    let mut all: Vec<Labelled> = Vec::new();
    for line in text.lines() {
        if let Some(head) = line.strip_prefix("## ") {
            let (label, title) = head.split_once(" | ").expect("a label and a title");
            let is_aside = label.ends_with(" *");
            let label = label.trim_end_matches(" *");
            all.push(Labelled {
                title: format!("{convention}: {title}"),
                bad: label.strip_prefix("bad ").map(str::to_owned),
                is_aside,
                changes: Vec::new(),
            });
            continue;
        }
        let Some(labelled) = all.last_mut() else {
            continue;
        };
        let path = |path: &str| (path != "/dev/null").then(|| path.to_owned());
        if let Some(old) = line.strip_prefix("--- ") {
            labelled.changes.push(FileChange {
                old_path: path(old),
                before: path(old).map(|_| String::new()),
                ..FileChange::default()
            });
            continue;
        }
        let Some(change) = labelled.changes.last_mut() else {
            continue;
        };
        if let Some(new) = line.strip_prefix("+++ ") {
            change.new_path = path(new);
            change.after = path(new).map(|_| String::new());
            continue;
        }
        let (sign, rest) = line.split_at_checked(1).unwrap_or((" ", ""));
        let sides = [(&mut change.before, sign != "+"), (&mut change.after, sign != "-")];
        for (side, _) in sides.into_iter().filter(|(_, has)| *has) {
            if let Some(side) = side {
                side.push_str(rest);
                side.push('\n');
            }
        }
    }
    all
}

/// Whether a finding is of the kind that a label names; to empty a test is to weaken it, too, and what is commented out
/// is no longer there.
fn is_of(kind: FindingKind, label: &str) -> bool {
    use FindingKind::{Ci, CommentedOut, Coverage, Deleted, EarlyReturn, Emptied, Skipped, Weakened};
    match label {
        "deleted" => matches!(kind, Deleted | CommentedOut),
        "commented out" => matches!(kind, CommentedOut | Weakened),
        "emptied" | "weakened" => matches!(kind, Emptied | Weakened),
        "skipped" => kind == Skipped,
        "early return" => kind == EarlyReturn,
        "ci" => kind == Ci,
        "coverage" => kind == Coverage,
        other => panic!("`{other}` is not a label"),
    }
}

/// The numbers of one part of the set.
#[derive(Debug, Default, PartialEq)]
struct Counts {
    bad: usize,
    missed: Vec<String>,
    good: usize,
    false_alarms: Vec<String>,
}

fn measure(is_aside: bool) -> Counts {
    let mut counts = Counts::default();
    for (convention, text) in LABELLED {
        for labelled in read(convention, text)
            .into_iter()
            .filter(|labelled| labelled.is_aside == is_aside)
        {
            let found = find(&labelled.changes, Tests::MayChange(&[]));
            if let Some(label) = &labelled.bad {
                counts.bad += 1;
                // What the label says must be among it.
                if !found.iter().any(|finding| is_of(finding.kind, label)) {
                    counts.missed.push(format!("{} ({label}): {found:?}", labelled.title));
                }
            } else {
                counts.good += 1;
                if !found.is_empty() {
                    counts.false_alarms.push(format!("{}: {found:?}", labelled.title));
                }
            }
        }
    }
    counts
}

#[test]
fn each_convention_has_enough_labelled_changes() {
    for (convention, text) in LABELLED.iter().filter(|(_, text)| !text.is_empty()) {
        let all = read(convention, text);
        let good = all.iter().filter(|labelled| labelled.bad.is_none()).count();
        assert!(
            all.len() >= 6 && good * 2 + 2 >= all.len(),
            "{convention}: {} and {good}",
            all.len()
        );
        // Everyday changes were written to see what goes wrong, and others afterwards to measure it.
        if *convention == "everyday" {
            continue;
        }
        let aside = all.iter().filter(|labelled| labelled.is_aside).count();
        assert!(
            aside * 3 + 2 >= all.len(),
            "{convention}: {aside} of {} are set aside",
            all.len()
        );
    }
}

#[test]
fn those_it_was_written_with_are_told_apart() {
    let counts = measure(false);
    assert!(counts.missed.is_empty(), "{counts:#?}");
    assert!(counts.false_alarms.len() * 100 <= counts.good * 3, "{counts:#?}");
}

#[test]
fn those_set_aside_are_told_apart() {
    let counts = measure(true);
    assert!(counts.missed.is_empty(), "{counts:#?}");
    assert!(counts.false_alarms.len() * 100 <= counts.good * 3, "{counts:#?}");
}

#[test]
fn many_helpers_and_many_tests_take_no_time_of_their_own() {
    use std::fmt::Write as _;
    let (mut before, mut after) = (String::new(), String::new());
    for number in 0..2000 {
        let test = |body: &str| format!("#[test]\nfn test_{number}() {{\n    {body}\n}}\n\n");
        before.push_str(&test(&format!("assert_eq!(made({number}).total, {number});")));
        after.push_str(&test(&format!("setup_{number}(made({number}));")));
        let _ = write!(
            after,
            "fn setup_{number}(one: Order) {{\n    assert_eq!(one.number, {number});\n}}\n\n"
        );
    }
    let change = FileChange {
        old_path: Some("tests/a.rs".to_owned()),
        new_path: Some("tests/a.rs".to_owned()),
        before: Some(before),
        after: Some(after),
    };
    let begun = std::time::Instant::now();
    find(&[change], Tests::MayChange(&[]));
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
}
