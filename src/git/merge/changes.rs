//! What one side of a merge did to the files of the ancestor; folders that did not change are not read.

use std::collections::{BTreeMap, BTreeSet};

use git2::{ObjectType, Oid, Repository, Tree};

use crate::error::{Context as _, Result};
use crate::git::{EntryKind, bytes};

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Leaf {
    pub(super) kind: EntryKind,
    pub(super) id: Oid,
}

/// What a path was and is: never the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) was: Option<Leaf>,
    pub(super) is: Option<Leaf>,
}

/// The changes of a side by their paths.
pub(super) type Changes = BTreeMap<Vec<u8>, Change>;

impl Change {
    /// The new file, where there was none.
    pub(super) fn added(&self) -> Option<Leaf> {
        self.is.filter(|_| self.was.is_none())
    }

    /// The old file, where there is none any more.
    pub(super) fn deleted(&self) -> Option<Leaf> {
        self.was.filter(|_| self.is.is_none())
    }
}

/// Compares two trees. What was a file and is a folder is a deletion beside additions.
pub(super) fn between(repository: &Repository, old: Oid, new: Oid) -> Result<Changes> {
    let mut found = Changes::new();
    compare(repository, [Some(old), Some(new)], b"", &mut found)?;
    Ok(found)
}

fn compare(repository: &Repository, trees: [Option<Oid>; 2], folder: &[u8], found: &mut Changes) -> Result<()> {
    if trees[0] == trees[1] {
        return Ok(());
    }
    let [old, new] = [entries(repository, trees[0])?, entries(repository, trees[1])?];
    let names: BTreeSet<_> = old.keys().chain(new.keys()).collect();
    for name in names {
        let (was, is) = (old.get(name), new.get(name));
        if was == is {
            continue;
        }
        let path = bytes::join(folder, name);
        let (was, is) = (was.copied().unwrap_or_default(), is.copied().unwrap_or_default());
        compare(repository, [was.folder, is.folder], &path, found)?;
        if was.leaf != is.leaf {
            let change = Change {
                was: was.leaf,
                is: is.leaf,
            };
            found.insert(path, change);
        }
    }
    Ok(())
}

/// What stands at a name: a file or a folder.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Entry {
    leaf: Option<Leaf>,
    folder: Option<Oid>,
}

fn entries(repository: &Repository, tree: Option<Oid>) -> Result<BTreeMap<Vec<u8>, Entry>> {
    let Some(id) = tree else {
        return Ok(BTreeMap::new());
    };
    let tree = repository.find_tree(id).context(format!("cannot read the tree {id}"))?;
    Ok(tree
        .iter()
        .map(|entry| (entry.name_bytes().to_vec(), of(&entry)))
        .collect())
}

fn of(entry: &git2::TreeEntry<'_>) -> Entry {
    if entry.kind() == Some(ObjectType::Tree) {
        return Entry {
            leaf: None,
            folder: Some(entry.id()),
        };
    }
    let leaf = Leaf {
        kind: EntryKind::of_mode(entry.filemode_raw().cast_unsigned()),
        id: entry.id(),
    };
    Entry {
        leaf: Some(leaf),
        folder: None,
    }
}

/// The file at a path of a tree.
pub(super) fn leaf_at(tree: &Tree<'_>, path: &[u8]) -> Result<Option<Leaf>> {
    Ok(at(tree, path)?.and_then(|entry| of(&entry).leaf))
}

/// The folder at a path of a tree.
pub(super) fn folder_at(tree: &Tree<'_>, path: &[u8]) -> Result<Option<Oid>> {
    Ok(at(tree, path)?.and_then(|entry| of(&entry).folder))
}

fn at(tree: &Tree<'_>, path: &[u8]) -> Result<Option<git2::TreeEntry<'static>>> {
    let path = bytes::to_path(path);
    match tree.get_path(&path) {
        Ok(entry) => Ok(Some(entry)),
        Err(error) if error.code() == git2::ErrorCode::NotFound => Ok(None),
        Err(error) => Err(error).context(format!("cannot read `{}` of the tree {}", path.display(), tree.id())),
    }
}

/// The folders above a path, the nearest first; the root is none.
pub(super) fn folders_above(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let above = |path: &&'_ [u8]| -> Option<usize> { path.iter().rposition(|byte| *byte == b'/') };
    std::iter::successors(above(&path).map(|end| &path[..end]), move |folder| {
        above(folder).map(|end| &folder[..end])
    })
}

/// The paths of all files in a folder that stands at `path`.
pub(super) fn files_below(repository: &Repository, folder: Oid, path: &[u8]) -> Result<Vec<Vec<u8>>> {
    let mut found = Changes::new();
    compare(repository, [None, Some(folder)], path, &mut found)?;
    Ok(found.into_keys().collect())
}
