//! One side of a move of a checkout: a commit's files, with the attributes by which they are written and compared.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use git2::{Oid, Repository, Tree};

use crate::base::error::{Context as _, Result};
use crate::git::rules::{Attributes, Settings};
use crate::git::tree::visit;
use crate::git::work::Work;
use crate::git::{EntryKind, bytes};

/// The entry of a tree at a path.
pub(super) type File = (EntryKind, Oid);

/// The files of a tree, without folders.
pub(super) struct Side {
    files: HashMap<PathBuf, File>,
    pub(super) attributes: Attributes,
}

impl Side {
    /// Reads all paths of a tree at once: looking one up would read every folder on its way each time.
    pub(super) fn of(repository: &Repository, tree: &Tree<'_>, settings: &Settings, work: &Work) -> Result<Self> {
        let mut files = HashMap::new();
        let mut attributes = settings.attributes();
        let mut rules = Vec::new();
        visit(repository, tree, b"", &mut |path, kind, id| {
            let (folder, name) = bytes::split_last(path);
            if name == b".gitattributes" && matches!(kind, EntryKind::File | EntryKind::Executable) {
                rules.push((folder.to_vec(), id));
            }
            files.insert(bytes::to_path(path), (kind, id));
        })?;
        for (folder, id) in rules {
            let blob = repository.find_blob(id).context("cannot read attributes")?;
            attributes.add(&folder, blob.content(), work);
        }
        Ok(Self { files, attributes })
    }

    /// Returns the entry at a path.
    pub(super) fn get(&self, path: &Path) -> Option<File> {
        self.files.get(path).copied()
    }

    /// Returns the paths at which two sides differ.
    pub(super) fn changed(&self, other: &Self) -> BTreeSet<PathBuf> {
        let both = self.files.keys().chain(other.files.keys());
        both.filter(|path| self.get(path) != other.get(path)).cloned().collect()
    }

    /// Returns all paths, in no order.
    pub(super) fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        self.files.keys()
    }
}
