//! One folder of a tree at a time: what is the same in two trees need not be looked into.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use git2::{ObjectType, Oid, Repository};

use super::tree::{EntryKind, TreeEntry, entry, path_in_tree, visit};
use super::{Git, bytes};
use crate::base::error::{Context as _, Result};

/// What a folder of a tree has under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::git) enum Entry {
    /// A folder.
    Tree(Oid),
    /// A file, a link or a submodule.
    File(EntryKind, Oid),
}

/// A folder of a tree.
pub(in crate::git) type Level = BTreeMap<Vec<u8>, Entry>;

impl Git {
    /// Returns the files of a tree or commit at and below a path, in git's order; none for a path that no tree can hold.
    pub(crate) fn files_at(&self, tree_or_commit: Oid, path: &Path) -> Result<Vec<TreeEntry>> {
        let Some(path) = path_in_tree(path) else {
            return Ok(Vec::new());
        };
        let repository = self.open()?;
        let path: PathBuf = path.components().collect();
        let mut found = Vec::new();
        if let Some(entry) = entry(&repository, tree_or_commit, &path)? {
            let entry = (bytes::of_path(&path), Entry::of(&entry));
            files_of(&repository, entry, &mut |path, kind, id| {
                let path = bytes::to_path(path);
                found.push(TreeEntry { path, kind, id });
            })?;
        }
        Ok(found)
    }
}

impl Entry {
    /// Returns what an entry of a tree is.
    pub(in crate::git) fn of(entry: &git2::TreeEntry<'_>) -> Self {
        match entry.kind() {
            Some(ObjectType::Tree) => Self::Tree(entry.id()),
            _ => Self::File(EntryKind::of_mode(entry.filemode_raw().cast_unsigned()), entry.id()),
        }
    }

    /// Returns the tree of a folder.
    pub(in crate::git) fn tree(self) -> Option<Oid> {
        match self {
            Self::Tree(id) => Some(id),
            Self::File(..) => None,
        }
    }
}

/// Reads one folder; `None` is one that is not there.
pub(in crate::git) fn level(repository: &Repository, tree: Option<Oid>) -> Result<Level> {
    let Some(id) = tree else { return Ok(Level::new()) };
    let tree = repository.find_tree(id).context(format!("cannot read the tree {id}"))?;
    let entries = tree.iter();
    Ok(entries
        .map(|entry| (entry.name_bytes().to_vec(), Entry::of(&entry)))
        .collect())
}

/// Calls `each` with every file at or below an entry.
pub(in crate::git) fn files_of(
    repository: &Repository,
    (path, entry): (&[u8], Entry),
    each: &mut impl FnMut(&[u8], EntryKind, Oid),
) -> Result<()> {
    match entry {
        Entry::File(kind, id) => {
            each(path, kind, id);
            Ok(())
        }
        Entry::Tree(id) => {
            let tree = repository.find_tree(id).context(format!("cannot read the tree {id}"))?;
            visit(repository, &tree, path, each)
        }
    }
}
