//! Which public interfaces a change adds, removes or changes, read from the lines of its files: Rust's `pub` items, what a
//! module of TypeScript or JavaScript exports, Python's names at the top level, and Go's exported ones.
//!
//! It is a list for people, and reads lines: whether the modules around an item are public, what a file exports again from
//! another one, variants of a Rust enum, methods of traits, and what macros make are not seen.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::Path;

use crate::base::error::Result;
use crate::base::text::one_line;
use crate::git::{ChangedText, Content, Git, Oid, TextLimits};
use crate::issues::interfaces::{InterfaceChange, InterfaceChanges};
use crate::model::IssueId;
use crate::project::generated::is_generated;

mod ecmascript;
mod go;
mod item;
mod python;
mod rust;
#[cfg(test)]
mod tests;

use self::item::Item;

/// What is read of a change.
const LIMITS: TextLimits = TextLimits {
    files: 2000,
    bytes: 1 << 20,
    all_bytes: 16 << 20,
};
/// How many bytes all declarations may take that differ.
const MOST_BYTES: usize = 64 << 20;
/// How many changes are kept.
const MOST: usize = 100;
/// How much of a declaration is kept, in characters.
const WIDTH: usize = 200;

/// Finds the public interfaces that differ between two trees or commits.
fn find(git: &Git, old: Oid, new: Oid) -> Result<InterfaceChanges> {
    let is_wanted = |path: &Path| path.to_str().is_some_and(|path| reader(path).is_some()) && !is_generated(path);
    let texts = git.changed_texts(old, new, LIMITS, is_wanted)?;
    let is_large = |text: &&ChangedText| {
        let mut sides = [&text.old, &text.new].into_iter().flatten();
        sides.any(|(_, content)| *content == Content::TooLarge)
    };
    let too_large = texts.read.iter().filter(is_large).count();
    let files = texts.read.iter().filter(|text| !is_large(text)).map(|text| {
        let side = |side: &Option<(Oid, Content)>| match side {
            Some((_, Content::Text(text))) => text.clone(),
            _ => String::new(),
        };
        (text.path.display().to_string(), side(&text.old), side(&text.new))
    });
    let (mut changes, too_many) = compare(files);
    let more = changes.len().saturating_sub(MOST);
    changes.truncate(MOST);
    Ok(InterfaceChanges {
        changes,
        more,
        unread: texts.left_out.len() + too_large + too_many,
    })
}

/// Finds those that a task changes whose commit has landed, beside its first parent; `None` where there are none. What keeps
/// them from being found is told to `warn`, for the work has landed.
pub(crate) fn of_landed(git: &Git, task: &IssueId, commit: Oid, warn: impl FnOnce(String)) -> Option<InterfaceChanges> {
    let found = git.commit_info(commit).and_then(|info| match info.parents.first() {
        Some(parent) => find(git, *parent, commit),
        None => Ok(InterfaceChanges::default()),
    });
    match found {
        Ok(changes) => Some(changes).filter(|changes| !changes.is_empty()),
        Err(error) => {
            let why = error.in_a_line();
            warn(format!("{task}: which public interfaces changed is not known: {why}"));
            None
        }
    }
}

/// Reads the public items of a text; `None` where there are too many.
type Reader = fn(&str) -> Option<Vec<Item>>;

/// Returns what reads a file, by its path; `None` where nothing does, and for tests.
fn reader(path: &str) -> Option<Reader> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let (stem, ending) = name.rsplit_once('.')?;
    if is_of_tests(path, stem) {
        return None;
    }
    match ending {
        "rs" => Some(rust::items),
        "ts" | "tsx" | "mts" | "cts" | "js" | "jsx" | "mjs" | "cjs" => Some(ecmascript::items),
        "py" | "pyi" => Some(python::items),
        "go" => Some(go::items),
        _ => None,
    }
}

/// The folders whose files nobody else uses.
const APART: [&str; 7] = ["test", "tests", "__tests__", "spec", "benches", "examples", "testdata"];

fn is_of_tests(path: &str, stem: &str) -> bool {
    path.split('/').rev().skip(1).any(|folder| APART.contains(&folder))
        || stem.starts_with("test_")
        || [".test", ".spec", "_test", "_tests"]
            .iter()
            .any(|end| stem.ends_with(end))
        || matches!(stem, "tests" | "conftest")
}

/// Compares files, each a path, what was there and what is there. Returns the changes, and how many files have too many items
/// to be compared.
fn compare(files: impl IntoIterator<Item = (String, String, String)>) -> (Vec<InterfaceChange>, usize) {
    let (mut changes, mut gone, mut new) = (Vec::new(), Vec::new(), Vec::new());
    let (mut unread, mut bytes) = (0, 0);
    for (path, before, after) in files {
        let Some(read) = reader(&path) else { continue };
        let (Some(before), Some(after)) = (read(&before), read(&after)) else {
            unread += 1;
            continue;
        };
        let (before, after) = (alone(&before, &after), alone(&after, &before));
        bytes += before.iter().chain(&after).map(Item::bytes).sum::<usize>();
        if bytes > MOST_BYTES {
            unread += 1;
            continue;
        }
        let mut by_key: BTreeMap<String, VecDeque<Item>> = BTreeMap::new();
        for item in after {
            by_key.entry(item.key.clone()).or_default().push_back(item);
        }
        for item in before {
            match by_key.get_mut(&item.key).and_then(VecDeque::pop_front) {
                Some(same) => changes.push(change(&path, Some(&item), Some(&same))),
                None => gone.push((path.clone(), item)),
            }
        }
        new.extend(by_key.into_values().flatten().map(|item| (path.clone(), item)));
    }
    changes.extend(moved(gone, new));
    changes.sort_by(|one, other| one.path.cmp(&other.path));
    (changes, unread)
}

/// Returns what is gone and what is new, each with its path; what is gone from one file and the same in another has moved.
fn moved(gone: Vec<(String, Item)>, new: Vec<(String, Item)>) -> Vec<InterfaceChange> {
    let mut places: HashMap<String, VecDeque<usize>> = HashMap::new();
    for (index, (_, item)) in new.iter().enumerate() {
        places.entry(item.squeezed.clone()).or_default().push_back(index);
    }
    let mut new: Vec<Option<(String, Item)>> = new.into_iter().map(Some).collect();
    let mut changes = Vec::new();
    for (path, item) in gone {
        let place = places.get_mut(&item.squeezed).and_then(VecDeque::pop_front);
        changes.push(InterfaceChange {
            moved_to: place.and_then(|index| new[index].take()).map(|(path, _)| path),
            ..change(&path, Some(&item), None)
        });
    }
    changes.extend(new.iter().flatten().map(|(path, item)| change(path, None, Some(item))));
    changes
}

/// Returns the items that are not among others; of several that are the same, as many as are more than there.
fn alone(items: &[Item], others: &[Item]) -> Vec<Item> {
    let mut there: HashMap<(&str, &str), usize> = HashMap::new();
    for other in others {
        *there.entry((&other.key, &other.squeezed)).or_default() += 1;
    }
    let mut alone = Vec::new();
    for item in items {
        match there.get_mut(&(item.key.as_str(), item.squeezed.as_str())) {
            Some(count) if *count > 0 => *count -= 1,
            _ => alone.push(item.clone()),
        }
    }
    alone
}

fn change(path: &str, before: Option<&Item>, after: Option<&Item>) -> InterfaceChange {
    let shown = |item: &Item| one_line(&item.shown, WIDTH);
    InterfaceChange {
        path: one_line(path, WIDTH),
        before: before.map(shown),
        after: after.map(shown),
        moved_to: None,
    }
}
