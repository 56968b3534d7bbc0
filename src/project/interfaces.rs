//! Which public interfaces a change adds, removes or changes, read from the lines of its files: Rust's `pub` items, what a
//! module of TypeScript or JavaScript exports, Python's names at the top level, and Go's exported ones.
//!
//! It is a list for people, and reads lines: whether the modules around an item are public, what a file exports again from
//! another one, variants of a Rust enum, methods of traits, and what macros make are not seen.

use std::collections::BTreeMap;
use std::path::Path;

use crate::base::error::Result;
use crate::base::text::one_line;
use crate::git::{ChangedText, Content, Git, Oid, TextLimits};
use crate::issues::interfaces::{InterfaceChange, InterfaceChanges};
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
    let mut changes = compare(files);
    let more = changes.len().saturating_sub(MOST);
    changes.truncate(MOST);
    Ok(InterfaceChanges {
        changes,
        more,
        unread: texts.left_out.len() + too_large,
    })
}

/// Finds those that a commit changes that has landed, beside its first parent.
pub(crate) fn of_landed(git: &Git, commit: Oid) -> Result<InterfaceChanges> {
    match git.commit_info(commit)?.parents.first() {
        Some(parent) => find(git, *parent, commit),
        None => Ok(InterfaceChanges::default()),
    }
}

/// Reads the public items of a text.
type Reader = fn(&str) -> Vec<Item>;

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

/// Compares files, each a path, what was there and what is there.
fn compare(files: impl IntoIterator<Item = (String, String, String)>) -> Vec<InterfaceChange> {
    let (mut changes, mut gone, mut new) = (Vec::new(), Vec::new(), Vec::new());
    for (path, before, after) in files {
        let Some(read) = reader(&path) else { continue };
        let (before, after) = differing(read(&before), read(&after));
        let mut after: BTreeMap<String, Vec<Item>> = after.into_iter().fold(BTreeMap::new(), |mut by_key, item| {
            by_key.entry(item.key.clone()).or_default().push(item);
            by_key
        });
        for item in before {
            match after.get_mut(&item.key).filter(|same| !same.is_empty()) {
                Some(same) => changes.push(change(&path, Some(&item), Some(&same.remove(0)))),
                None => gone.push((path.clone(), item)),
            }
        }
        new.extend(after.into_values().flatten().map(|item| (path.clone(), item)));
    }
    for (path, item) in gone {
        let moved = new.iter().position(|(_, other)| other.squeezed() == item.squeezed());
        changes.push(InterfaceChange {
            moved_to: moved.map(|index| new.remove(index).0),
            ..change(&path, Some(&item), None)
        });
    }
    changes.extend(new.iter().map(|(path, item)| change(path, None, Some(item))));
    changes.sort_by(|one, other| one.path.cmp(&other.path));
    changes
}

/// Returns what is in one list of items alone, for each of two.
fn differing(before: Vec<Item>, mut after: Vec<Item>) -> (Vec<Item>, Vec<Item>) {
    let gone = before.into_iter().filter(|item| {
        let same = after
            .iter()
            .position(|other| other.key == item.key && other.squeezed() == item.squeezed());
        same.map(|index| after.remove(index)).is_none()
    });
    let gone = gone.collect();
    (gone, after)
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
