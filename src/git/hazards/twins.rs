//! Paths that are one path on a system that does not distinguish case.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use git2::{ObjectType, Oid, Repository, Tree};

use crate::base::error::{Context as _, Result};
use crate::base::text;
use crate::git::tree::{peel, visit};

/// How many trees are remembered: more than that begin anew.
const MOST_TREES: usize = 200_000;

/// Trees that have no such paths, so that they need not be looked into again: the next commit has a few others.
static APART: Mutex<BTreeSet<Oid>> = Mutex::new(BTreeSet::new());

/// Returns each two such paths of a tree or commit, in words.
///
/// # Errors
///
/// Where a tree cannot be read.
pub(super) fn of(repository: &Repository, tree_or_commit: Oid) -> Result<Vec<String>> {
    let tree = peel(repository, tree_or_commit)?;
    {
        let mut apart = APART.lock().unwrap_or_else(PoisonError::into_inner);
        if apart.len() > MOST_TREES {
            apart.clear();
        }
        if are_apart(repository, &mut apart, &tree)? {
            return Ok(Vec::new());
        }
    }
    let mut twins = Twins::default();
    visit(repository, &tree, b"", &mut |path, _, _| twins.add(path))?;
    Ok(twins.found)
}

/// Returns whether there are surely none in a tree and below it.
fn are_apart(repository: &Repository, known: &mut BTreeSet<Oid>, tree: &Tree<'_>) -> Result<bool> {
    if known.contains(&tree.id()) {
        return Ok(true);
    }
    let is_plain = |name: &[u8]| name.is_ascii() && !name.iter().any(u8::is_ascii_uppercase);
    if !tree.iter().all(|entry| is_plain(entry.name_bytes())) {
        let mut names = BTreeSet::new();
        let mut lower = tree
            .iter()
            .map(|entry| String::from_utf8_lossy(entry.name_bytes()).to_lowercase());
        if !lower.all(|name| names.insert(name)) {
            return Ok(false);
        }
    }
    for entry in tree {
        if entry.kind() != Some(ObjectType::Tree) || known.contains(&entry.id()) {
            continue;
        }
        let below = repository.find_tree(entry.id());
        let below = below.context(format!("cannot read the tree {}", entry.id()))?;
        if !are_apart(repository, known, &below)? {
            return Ok(false);
        }
    }
    known.insert(tree.id());
    Ok(true)
}

#[derive(Default)]
struct Twins {
    seen: HashMap<String, String>,
    found: Vec<String>,
}

impl Twins {
    fn add(&mut self, path: &[u8]) {
        let path = String::from_utf8_lossy(path).into_owned();
        if let Some(other) = self.seen.insert(path.to_lowercase(), path.clone()) {
            self.found.push(format!(
                "{} and {}",
                text::one_line(&other, 100),
                text::one_line(&path, 100)
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::git::{Git, TreeEdit};

    #[test]
    fn two_paths_that_differ_by_case_alone_are_found_at_any_depth() {
        let folder = tempfile::tempdir().unwrap();
        let git = Git::init(folder.path()).unwrap();
        for (paths, expect) in [
            (&["README.md", "a/B/c", "a/b"][..], &[][..]),
            (&["A/x", "a/y"], &[]),
            (&["A/x", "a/X"], &["A/x and a/X"]),
            (&["deep/er/One", "deep/er/one", "One"], &["deep/er/One and deep/er/one"]),
            (&["\u{c4}", "\u{e4}"], &["\u{c4} and \u{e4}"]),
            (&["x/a", "y/A"], &[]),
        ] {
            let write = paths.iter().map(|path| (PathBuf::from(path), b"1".to_vec()));
            let edit = TreeEdit {
                write: write.collect(),
                ..TreeEdit::default()
            };
            let tree = git.edit_tree(git.empty_tree().unwrap(), &edit).unwrap();
            for _ in 0..2 {
                assert_eq!(of(&git.open().unwrap(), tree).unwrap(), expect, "{paths:?}");
            }
        }
    }
}
