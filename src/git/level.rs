//! One folder of a tree at a time: what is the same in two trees need not be looked into.

use std::collections::BTreeMap;

use git2::{ObjectType, Oid, Repository};

use super::tree::{EntryKind, visit};
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

impl Entry {
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
    let entries = tree.iter().map(|entry| {
        let kind = match entry.kind() {
            Some(ObjectType::Tree) => Entry::Tree(entry.id()),
            _ => Entry::File(EntryKind::of_mode(entry.filemode_raw().cast_unsigned()), entry.id()),
        };
        (entry.name_bytes().to_vec(), kind)
    });
    Ok(entries.collect())
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
