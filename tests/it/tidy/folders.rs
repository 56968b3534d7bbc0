//! The sixteen folders in their one order, and no circles within them.

use std::collections::{BTreeMap, BTreeSet};

use super::modules::{Import, Modules, Place};
use super::{below, report};

/// The folders of `src/`, each of which imports from itself and from those before it alone.
pub(super) const FOLDERS: [&str; 16] = [
    "base",
    "model",
    "git",
    "agent",
    "accounting",
    "issues",
    "sandbox",
    "config",
    "record",
    "prompt",
    "project",
    "run",
    "setup",
    "lifecycle",
    "report",
    "cli",
];

/// Children that use what their parent's file defines, while that uses them: each with the reason.
const PARENTS: [(&str, &str); 0] = [];

/// Returns the folder that a module is in; `None` for the roots of library and program.
fn folder(place: &[String]) -> Option<&str> {
    place.first().map(String::as_str).filter(|name| *name != "main")
}

fn rank(folder: &str) -> Option<usize> {
    FOLDERS.iter().position(|name| *name == folder)
}

#[test]
fn every_file_is_in_a_folder() {
    let mut problems = Vec::new();
    for (place, module) in &Modules::read().by_place {
        if folder(place).is_some_and(|folder| rank(folder).is_none()) {
            problems.push(format!(
                "{}: it is in none of the folders: {}",
                module.file,
                FOLDERS.join(", ")
            ));
        }
    }
    for name in FOLDERS {
        let file = format!("src/{name}.rs");
        let text = below(&file).remove(0).text;
        if !text.starts_with("//! ") {
            problems.push(format!(
                "{file}: say on top what the folder is for, and what never enters it"
            ));
        }
    }
    report(&problems);
}

/// Returns what a module imports from a later folder.
pub(super) fn upward(modules: &Modules) -> Vec<String> {
    let mut problems = Vec::new();
    for import in modules.imports() {
        let (Some(own), Some(other)) = (folder(&import.from), folder(&import.to)) else {
            continue;
        };
        if rank(other) > rank(own) {
            problems.push(format!(
                "{}:{}: `{}` is in `{other}`, which comes after `{own}`: let the caller hand over what is needed, or move \
                 the code",
                modules.by_place[&import.from].file, import.line, import.name
            ));
        }
    }
    problems
}

#[test]
fn nothing_is_imported_from_a_later_folder() {
    report(&upward(&Modules::read()));
}

/// A name of the crate's own root is a re-export for others: which folder something is in is to be seen where it is used.
#[test]
fn names_are_imported_by_their_folder() {
    let mut problems = Vec::new();
    for file in below("src/").iter().filter(|file| file.is_rust()) {
        for (number, line) in file.code() {
            for (at, _) in line.match_indices("crate::") {
                let name: String = line[at + "crate::".len()..]
                    .chars()
                    .take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '_')
                    .collect();
                if rank(&name).is_none() && !line[..at].ends_with('$') {
                    problems.push(format!(
                        "{}:{number}: `crate::{name}`: name it by its folder",
                        file.path
                    ));
                }
            }
        }
    }
    report(&problems);
}

/// Returns the circles among the modules of each folder, at every depth. A folder's own file is one of them.
pub(super) fn circles(modules: &Modules) -> Vec<String> {
    let imports = modules.imports();
    let parents: BTreeSet<&Place> = modules.by_place.keys().filter(|place| !place.is_empty()).collect();
    let mut problems = Vec::new();
    for parent in parents {
        problems.extend(circles_of(parent, &imports));
    }
    problems
}

fn circles_of(parent: &Place, imports: &[Import]) -> Vec<String> {
    // A module of the folder: the child that holds it, or the folder's own file.
    let member = |place: &Place| -> Option<String> {
        let rest = place.strip_prefix(parent.as_slice())?;
        Some(match rest.first() {
            Some(child) => format!("{}::{child}", parent.join("::")),
            None => parent.join("::"),
        })
    };
    let mut arrows: BTreeMap<String, BTreeMap<String, &Import>> = BTreeMap::new();
    for import in imports {
        if let (Some(from), Some(to)) = (member(&import.from), member(&import.to))
            && from != to
            && !is_agreed(&from, &to)
        {
            arrows.entry(from).or_default().entry(to).or_insert(import);
        }
    }
    let mut problems = Vec::new();
    let mut seen = BTreeSet::new();
    for start in arrows.keys() {
        if seen.contains(start) {
            continue;
        }
        if let Some(way) = way_back(start, &arrows) {
            let arrow = |pair: &[String]| format!("{} uses `{}`", pair[0], arrows[&pair[0]][&pair[1]].name);
            let words: Vec<_> = way.windows(2).map(arrow).collect();
            seen.extend(way);
            problems.push(format!("a circle: {}", words.join(", ")));
        }
    }
    problems
}

/// Whether a child may use its parent's file.
fn is_agreed(from: &str, to: &str) -> bool {
    PARENTS
        .iter()
        .any(|(child, _)| *child == from && from.rsplit_once("::").is_some_and(|(parent, _)| parent == to))
}

/// Returns the shortest way from a module back to itself.
fn way_back(start: &String, arrows: &BTreeMap<String, BTreeMap<String, &Import>>) -> Option<Vec<String>> {
    let mut ways = std::collections::VecDeque::from([vec![start.clone()]]);
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop_front() {
        let last = way.last()?;
        for next in arrows.get(last).into_iter().flat_map(BTreeMap::keys) {
            let longer = [way.as_slice(), std::slice::from_ref(next)].concat();
            if next == start {
                return Some(longer);
            }
            if seen.insert(next.clone()) {
                ways.push_back(longer);
            }
        }
    }
    None
}

#[test]
fn no_modules_of_a_folder_import_each_other_in_a_circle() {
    let modules = Modules::read();
    let mut problems = circles(&modules);
    for (child, _) in PARENTS {
        let place: Place = child.split("::").map(str::to_owned).collect();
        if !modules.by_place.contains_key(&place) {
            problems.push(format!(
                "`{child}` is in the list of parents and children, and is no module"
            ));
        }
    }
    report(&problems);
}

#[test]
fn what_runs_upward_or_in_a_circle_is_found() {
    let file = |path: &str, text: &str| super::Text {
        path: path.to_owned(),
        text: text.to_owned(),
    };
    let modules = Modules::of(&[
        file(
            "src/git.rs",
            "mod one;\nmod two;\npub(crate) struct Git;\nuse one::f;\n",
        ),
        file("src/git/one.rs", "use super::two::x;\nuse crate::run;\n"),
        file("src/git/two.rs", "use super::one::y;\nuse crate::base;\n"),
        file("src/base.rs", ""),
        file("src/run.rs", ""),
    ]);
    let found = upward(&modules);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].starts_with("src/git/one.rs:2: `run` is in `run`, which comes after `git`"),
        "{found:?}"
    );
    assert_eq!(
        circles(&modules),
        ["a circle: git::one uses `git::two::x`, git::two uses `git::one::y`"]
    );
}
