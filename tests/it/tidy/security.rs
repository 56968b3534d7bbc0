//! SECURITY.md names tests that are there, and all attacks.

use std::collections::BTreeSet;

use super::{Text, below, files, report};

/// Areas of the tests whose names the document uses.
const AREAS: [&str; 9] = [
    "attacks",
    "gateway",
    "git",
    "lifecycle",
    "network",
    "run",
    "seal",
    "secrets",
    "serve",
];

/// The tests that the document names, with the lines on which it does.
fn named() -> Vec<(usize, String)> {
    let document = Text::read("SECURITY.md").text;
    let words = document.lines().enumerate().flat_map(|(index, line)| {
        let quoted = line.split('`').skip(1).step_by(2);
        quoted.map(move |word| (index + 1, word.to_owned()))
    });
    let is_test = |(_, word): &(usize, String)| {
        let area = word.split_once("::").map(|(area, _)| area);
        area.is_some_and(|area| AREAS.contains(&area))
    };
    words.filter(is_test).collect()
}

/// Whether a file of the area that a name begins with has a test, or a group of tests, of that name.
fn is_there(name: &str, tests: &[Text]) -> bool {
    let (place, function) = name.rsplit_once("::").unwrap();
    let path = format!("tests/it/{}.rs", place.replace("::", "/"));
    let forms = [format!("fn {function}("), format!("mod {function} {{")];
    let has_it = |file: &Text| forms.iter().any(|form| file.text.contains(form));
    tests.iter().any(|file| file.path == path && has_it(file))
}

#[test]
fn the_tests_that_show_a_guarantee_are_there() {
    let tests = below("tests/it/");
    let names = named();
    assert!(names.len() > 30, "{names:?}");
    let missing = names.iter().filter(|(_, name)| !is_there(name, &tests));
    let problems: Vec<_> = missing
        .map(|(line, name)| format!("SECURITY.md:{line}: there is no test `{name}`: name the one that shows it"))
        .collect();
    report(&problems);
}

#[test]
fn every_attack_shows_a_guarantee() {
    let named: BTreeSet<String> = named().into_iter().map(|(_, name)| name).collect();
    let mut problems = Vec::new();
    let mut count = 0;
    for file in files().iter().filter(|file| file.path.starts_with("tests/it/attacks/")) {
        let Some((_, list)) = file.text.split_once("engine_tests! {") else {
            continue;
        };
        let list = list.split('}').next().unwrap_or_default();
        let words = list.split(|letter: char| !(letter.is_ascii_lowercase() || letter == '_'));
        for test in words.filter(|word| !["", "async", "both", "podman", "docker", "first"].contains(word)) {
            count += 1;
            let place = file.path.trim_start_matches("tests/it/").trim_end_matches(".rs");
            let name = format!("{}::{test}", place.replace('/', "::"));
            if !named.contains(&name) {
                problems.push(format!(
                    "SECURITY.md: `{name}` is missing: add it to the guarantee that it shows"
                ));
            }
        }
    }
    assert!(count > 10, "{count} attacks found: has the macro another name?");
    report(&problems);
}
