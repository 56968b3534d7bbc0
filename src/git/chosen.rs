//! Files of trees that their paths choose. A folder that was looked into is not read again, in whatever tree it stands: a task
//! changes a few of thousands.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use git2::{Oid, Repository};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::level::Entry;
use super::tree::{EntryKind, TreeEntry, peel};
use super::{Git, bytes};
use crate::base::error::{Context as _, ErrorKind, Result};

/// How many folders are remembered: more than that begin anew.
const MOST_FOLDERS: usize = 200_000;
/// How many lists of globs are remembered: a configuration has a few.
const MOST_LISTS: usize = 16;

/// What globs match, by the lists of them.
static MATCHED: Mutex<BTreeMap<Vec<String>, Arc<ChosenFiles<GlobSet>>>> = Mutex::new(BTreeMap::new());

/// Chooses files.
pub(crate) trait Choice {
    /// Returns whether a file is chosen, which its path from the root of the tree and its kind alone determine.
    fn has(&self, path: &Path, kind: EntryKind) -> bool;
}

impl Choice for fn(&Path, EntryKind) -> bool {
    fn has(&self, path: &Path, kind: EntryKind) -> bool {
        self(path, kind)
    }
}

impl Choice for GlobSet {
    fn has(&self, path: &Path, _: EntryKind) -> bool {
        self.is_match(path)
    }
}

/// What is chosen, and what is known of folders.
pub(crate) struct ChosenFiles<C> {
    choice: C,
    known: Mutex<Known>,
}

/// Folders by their trees and their paths.
type Known = BTreeMap<(Oid, Vec<u8>), Noted>;

/// The chosen files of a folder, and the folders in it that have some below them, in git's order.
type Noted = Arc<[(Vec<u8>, Entry)]>;

impl Git {
    /// Returns the files of a tree or commit that match one of these globs, whose `*` matches no slash, in git's order.
    ///
    /// # Errors
    ///
    /// Where one is not a glob, or a tree cannot be read.
    pub(crate) fn matching(&self, tree_or_commit: Oid, globs: &[String]) -> Result<Vec<TreeEntry>> {
        let chosen = {
            let mut lists = MATCHED.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(chosen) = lists.get(globs) {
                Arc::clone(chosen)
            } else {
                if lists.len() >= MOST_LISTS {
                    lists.clear();
                }
                let chosen = Arc::new(ChosenFiles::new(set(globs)?));
                lists.insert(globs.to_vec(), Arc::clone(&chosen));
                chosen
            }
        };
        chosen.of(self, tree_or_commit)
    }
}

fn set(globs: &[String]) -> Result<GlobSet> {
    let mut set = GlobSetBuilder::new();
    for glob in globs {
        let built = GlobBuilder::new(glob).literal_separator(true).build();
        set.add(built.context(format!("`{glob}` is not a glob"))?);
    }
    set.build().context("globs cannot be used together")
}

impl<C> ChosenFiles<C> {
    pub(crate) const fn new(choice: C) -> Self {
        Self {
            choice,
            known: Mutex::new(BTreeMap::new()),
        }
    }
}

impl<C: Choice> ChosenFiles<C> {
    /// Returns the chosen files of a tree or commit, in git's order.
    ///
    /// # Errors
    ///
    /// Where a tree cannot be read.
    pub(crate) fn of(&self, git: &Git, tree_or_commit: Oid) -> Result<Vec<TreeEntry>> {
        let repository = git.borrow()?;
        let root = peel(&repository, tree_or_commit)?.id();
        // Whoever waits would look into the same folders.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() > MOST_FOLDERS {
            known.clear();
        }
        let key = (root, Vec::new());
        let noted = self.look(&repository, &mut known, &key)?;
        let mut found = Vec::new();
        collect(&known, &key.1, &noted, &mut found);
        Ok(found)
    }

    /// Returns what is chosen of a folder, and sees to it that all below is known.
    fn look(&self, repository: &Repository, known: &mut Known, key: &(Oid, Vec<u8>)) -> Result<Noted> {
        if let Some(noted) = known.get(key) {
            return Ok(Arc::clone(noted));
        }
        let (id, folder) = key;
        let tree = repository.find_tree(*id).with_context(ErrorKind::Unexpected, || {
            format!("cannot read the folder `{}`", bytes::to_path(folder).display())
        })?;
        let mut chosen = Vec::new();
        for entry in &tree {
            let (name, entry) = (entry.name_bytes().to_vec(), Entry::of(&entry));
            let path = bytes::join(folder, &name);
            let is_chosen = match entry {
                Entry::Tree(id) => !self.look(repository, known, &(id, path))?.is_empty(),
                Entry::File(kind, _) => self.choice.has(&bytes::to_path(&path), kind),
            };
            if is_chosen {
                chosen.push((name, entry));
            }
        }
        let noted: Noted = chosen.into();
        known.insert(key.clone(), Arc::clone(&noted));
        Ok(noted)
    }
}

/// Adds the chosen files of a folder and below it; `path` is that of the folder.
fn collect(known: &Known, path: &[u8], noted: &Noted, found: &mut Vec<TreeEntry>) {
    for (name, entry) in noted.iter() {
        let path = bytes::join(path, name);
        match entry {
            Entry::Tree(id) => {
                let key = (*id, path);
                if let Some(below) = known.get(&key) {
                    collect(known, &key.1, below, found);
                }
            }
            Entry::File(kind, id) => found.push(TreeEntry {
                path: bytes::to_path(&path),
                kind: *kind,
                id: *id,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::git::TreeEdit;

    type Chosen = ChosenFiles<fn(&Path, EntryKind) -> bool>;

    fn edited(git: &Git, tree: Oid, write: &[&str], remove: &[&str]) -> Oid {
        let edit = TreeEdit {
            write: write.iter().map(|path| (PathBuf::from(path), b"1".to_vec())).collect(),
            remove: remove.iter().map(PathBuf::from).collect(),
            ..TreeEdit::default()
        };
        git.edit_tree(tree, &edit).unwrap()
    }

    fn paths(entries: &[TreeEntry]) -> Vec<&str> {
        entries.iter().map(|entry| entry.path.to_str().unwrap()).collect()
    }

    #[test]
    fn what_is_chosen_of_a_tree_does_not_depend_on_those_before() {
        let folder = tempfile::tempdir().unwrap();
        let git = Git::init(folder.path()).unwrap();
        let empty = git.empty_tree().unwrap();
        let is_chosen = |path: &Path, _| path.starts_with("a") || path.ends_with("chosen");
        let first = edited(&git, empty, &["a/b/chosen", "a/b/x", "a-b", "c/d/y", "d/z"], &[]);
        let second = edited(&git, first, &["c/d/chosen", "b/x"], &["c/d/y", "a/b/chosen"]);
        let trees = [first, second, empty, edited(&git, second, &["chosen"], &[])];
        let lately = Chosen::new(is_chosen);
        for tree in trees.into_iter().chain(trees) {
            let mut expect = git.files(tree).unwrap();
            expect.retain(|entry| is_chosen(&entry.path, entry.kind));
            assert_eq!(lately.of(&git, tree).unwrap(), expect);
            assert_eq!(Chosen::new(is_chosen).of(&git, tree).unwrap(), expect);
        }
    }

    #[test]
    fn one_folder_at_two_paths_is_looked_at_for_each() {
        let folder = tempfile::tempdir().unwrap();
        let git = Git::init(folder.path()).unwrap();
        let tree = edited(
            &git,
            git.empty_tree().unwrap(),
            &["one/x/run", "two/x/run", "x/run"],
            &[],
        );
        let found = |globs: &[&str]| {
            let globs: Vec<_> = globs.iter().map(|&glob| glob.to_owned()).collect();
            git.matching(tree, &globs).unwrap()
        };
        for _ in 0..2 {
            assert_eq!(paths(&found(&["two/**"])), ["two/x/run"]);
            assert_eq!(paths(&found(&["*/run", "one/*/run"])), ["one/x/run", "x/run"]);
        }
        assert!(git.matching(tree, &["a[".to_owned()]).is_err());
    }
}
