//! The changes of one side of a merge since the ancestor; folders that did not change are not read.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use git2::{ObjectType, Oid, Repository, Tree};

use crate::base::error::{Context as _, Result};
use crate::git::tree::peel;
use crate::git::{EntryKind, bytes};

/// The entry of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Leaf {
    pub(super) kind: EntryKind,
    pub(super) id: Oid,
}

/// The old and the new entry of a path; they always differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) was: Option<Leaf>,
    pub(super) is: Option<Leaf>,
}

/// The changes of a side by their paths.
pub(super) type Changes = BTreeMap<Vec<u8>, Change>;

impl Change {
    /// Returns the new file, where there was none before.
    pub(super) fn added(&self) -> Option<Leaf> {
        self.is.filter(|_| self.was.is_none())
    }

    /// Returns the old file, where there is none now.
    pub(super) fn deleted(&self) -> Option<Leaf> {
        self.was.filter(|_| self.is.is_none())
    }
}

/// Compares two trees. A file that became a folder is a deletion and several additions.
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

/// The entry of a name: a file or a folder.
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

/// A tree in which paths are looked up; each folder is read once.
pub(super) struct Files<'repository> {
    repository: &'repository Repository,
    /// By path; `None` where there is no folder.
    folders: RefCell<HashMap<Vec<u8>, Option<Rc<Tree<'repository>>>>>,
}

impl<'repository> Files<'repository> {
    /// Reads a tree.
    pub(super) fn of(repository: &'repository Repository, tree: Oid) -> Result<Self> {
        let root = peel(repository, tree)?;
        Ok(Self {
            repository,
            folders: RefCell::new(HashMap::from([(Vec::new(), Some(Rc::new(root)))])),
        })
    }

    /// Returns the file at a path.
    pub(super) fn leaf(&self, path: &[u8]) -> Result<Option<Leaf>> {
        Ok(self.at(path)?.leaf)
    }

    /// Returns the folder at a path.
    pub(super) fn folder(&self, path: &[u8]) -> Result<Option<Oid>> {
        Ok(self.at(path)?.folder)
    }

    fn at(&self, path: &[u8]) -> Result<Entry> {
        let (folder, name) = bytes::split_last(path);
        let tree = self.read(folder)?;
        let entry = tree.as_ref().and_then(|tree| tree.get_name_bytes(name));
        Ok(entry.map(|entry| of(&entry)).unwrap_or_default())
    }

    fn read(&self, folder: &[u8]) -> Result<Option<Rc<Tree<'repository>>>> {
        if let Some(known) = self.folders.borrow().get(folder) {
            return Ok(known.clone());
        }
        let tree = match self.at(folder)?.folder {
            Some(id) => {
                let tree = self.repository.find_tree(id);
                Some(Rc::new(tree.context(format!("cannot read the tree {id}"))?))
            }
            None => None,
        };
        self.folders.borrow_mut().insert(folder.to_vec(), tree.clone());
        Ok(tree)
    }
}

/// Returns the folders above a path, the nearest first; the root does not count.
pub(super) fn folders_above(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let above = |path: &&'_ [u8]| -> Option<usize> { path.iter().rposition(|byte| *byte == b'/') };
    std::iter::successors(above(&path).map(|end| &path[..end]), move |folder| {
        above(folder).map(|end| &folder[..end])
    })
}

/// Returns the paths of all files in a folder at `path`.
pub(super) fn files_below(repository: &Repository, folder: Oid, path: &[u8]) -> Result<Vec<Vec<u8>>> {
    let mut found = Changes::new();
    compare(repository, [None, Some(folder)], path, &mut found)?;
    Ok(found.into_keys().collect())
}
