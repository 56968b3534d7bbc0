//! Trees: what files a commit has, and how two of them differ.

use std::path::{Component, Path, PathBuf};

use git2::{ErrorCode, ObjectType, Oid, Repository, Tree};

use super::{Git, bytes};
use crate::base::error::{Context as _, Error, ErrorKind, Result};

/// What a tree holds at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EntryKind {
    /// A file.
    File,
    /// A file that may be executed.
    Executable,
    /// A symbolic link; its content is the target.
    Link,
    /// A submodule; its id is a commit of another repository.
    Submodule,
}

impl EntryKind {
    /// Returns the kind that a mode of git's means; old trees know more modes of files than two.
    pub(crate) fn of_mode(mode: u32) -> Self {
        match mode & 0o170_000 {
            0o120_000 => Self::Link,
            0o160_000 => Self::Submodule,
            _ if mode & 0o100 != 0 => Self::Executable,
            _ => Self::File,
        }
    }

    /// Returns the mode that git writes.
    pub(crate) fn mode(self) -> u32 {
        match self {
            Self::File => 0o100_644,
            Self::Executable => 0o100_755,
            Self::Link => 0o120_000,
            Self::Submodule => 0o160_000,
        }
    }
}

/// One file of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeEntry {
    /// Path from the root; any bytes.
    pub path: PathBuf,
    /// What it is.
    pub kind: EntryKind,
    /// Its content.
    pub id: Oid,
}

/// What happened to a path between two trees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// Its content, mode or kind is another.
    Modified,
    /// It is gone.
    Deleted,
}

/// A path that differs between two trees.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// Path from the root.
    pub path: PathBuf,
    /// What happened to it.
    pub kind: ChangeKind,
}

impl Git {
    /// Returns the tree of a commit, or of a tree itself.
    pub fn tree_of(&self, tree_or_commit: Oid) -> Result<Oid> {
        let repository = self.borrow()?;
        Ok(peel(&repository, tree_or_commit)?.id())
    }

    /// Returns the empty tree, written when the repository has none.
    pub fn empty_tree(&self) -> Result<Oid> {
        self.write_object(ObjectType::Tree, b"")
    }

    /// Returns all files of a tree or commit, in git's order.
    pub fn files(&self, tree_or_commit: Oid) -> Result<Vec<TreeEntry>> {
        let repository = self.borrow()?;
        let mut found = Vec::new();
        visit(
            &repository,
            &peel(&repository, tree_or_commit)?,
            b"",
            &mut |path, kind, id| {
                found.push(TreeEntry {
                    path: bytes::to_path(path),
                    kind,
                    id,
                });
            },
        )?;
        Ok(found)
    }

    /// Returns whether there is a symbolic link at a path of a tree or commit.
    pub fn is_link(&self, tree_or_commit: Oid, path: &Path) -> Result<bool> {
        let repository = self.borrow()?;
        let entry = entry(&repository, tree_or_commit, path)?;
        let mode = entry.and_then(|entry| u32::try_from(entry.filemode()).ok());
        Ok(mode.map(EntryKind::of_mode) == Some(EntryKind::Link))
    }

    /// Returns what is at a path of a tree or commit; `None` where there is nothing. What lies beyond a link is a link,
    /// too.
    pub fn kind_at(&self, tree_or_commit: Oid, path: &Path) -> Result<Option<EntryKind>> {
        let above = path.ancestors().skip(1).filter(|part| !part.as_os_str().is_empty());
        for folder in above {
            if self.is_link(tree_or_commit, folder)? {
                return Ok(Some(EntryKind::Link));
            }
        }
        let repository = self.borrow()?;
        let entry = entry(&repository, tree_or_commit, path)?;
        let mode = entry.and_then(|entry| u32::try_from(entry.filemode()).ok());
        Ok(mode.map(EntryKind::of_mode))
    }

    /// Returns the id of the content of a file of a tree or commit, or of a link's target; `None` where there is no such file.
    pub(crate) fn blob_at(&self, tree_or_commit: Oid, path: &Path) -> Result<Option<Oid>> {
        let repository = self.borrow()?;
        let entry = entry(&repository, tree_or_commit, path)?;
        let blob = entry.filter(|entry| entry.kind() == Some(ObjectType::Blob));
        Ok(blob.map(|entry| entry.id()))
    }

    /// Returns the file, link or submodule at a path of a tree or commit; `None` where there is none, and for a path that no tree
    /// can hold.
    pub(crate) fn file_at(&self, tree_or_commit: Oid, path: &Path) -> Result<Option<TreeEntry>> {
        let Some(path) = path_in_tree(path) else {
            return Ok(None);
        };
        let repository = self.borrow()?;
        let entry = entry(&repository, tree_or_commit, path)?;
        let entry = entry.filter(|entry| entry.kind() != Some(ObjectType::Tree));
        Ok(entry.map(|entry| TreeEntry {
            path: path.to_owned(),
            kind: EntryKind::of_mode(entry.filemode_raw().cast_unsigned()),
            id: entry.id(),
        }))
    }

    /// Returns whether a tree or commit has a file or a folder at a path; not for a path that no tree can hold.
    pub(crate) fn has_path(&self, tree_or_commit: Oid, path: &Path) -> Result<bool> {
        let Some(path) = path_in_tree(path) else {
            return Ok(false);
        };
        let repository = self.borrow()?;
        Ok(entry(&repository, tree_or_commit, path)?.is_some())
    }

    /// Returns the content of a file of a tree or commit, or of a link's target; `None` where there is no such file.
    pub fn read_file(&self, tree_or_commit: Oid, path: &Path) -> Result<Option<Vec<u8>>> {
        let repository = self.borrow()?;
        let failed = || format!("cannot read `{}` of {tree_or_commit}", path.display());
        let Some(entry) = entry(&repository, tree_or_commit, path)? else {
            return Ok(None);
        };
        if entry.kind() != Some(ObjectType::Blob) {
            return Ok(None);
        }
        let blob = repository.find_blob(entry.id()).context(failed())?;
        Ok(Some(blob.content().to_vec()))
    }

    /// Returns the content of a blob.
    pub fn read_blob(&self, id: Oid) -> Result<Vec<u8>> {
        let repository = self.borrow()?;
        let blob = repository.find_blob(id).context(format!("cannot read the blob {id}"))?;
        Ok(blob.content().to_vec())
    }

    /// Returns the size of a blob in bytes, from its header alone.
    pub fn blob_size(&self, id: Oid) -> Result<u64> {
        let repository = self.borrow()?;
        let header = repository.odb().and_then(|database| database.read_header(id));
        let (size, _) = header.context(format!("cannot read the blob {id}"))?;
        Ok(size as u64)
    }
}

/// Returns a path that somebody wrote, if a tree can hold it: libgit2 takes the question for any other for a mistake.
pub(crate) fn path_in_tree(path: &Path) -> Option<&Path> {
    let plain = path.components().all(|part| matches!(part, Component::Normal(_)));
    let is_text = !path.as_os_str().is_empty() && !path.as_os_str().as_encoded_bytes().contains(&0);
    (plain && is_text).then_some(path)
}

/// Returns what stands at a path of a tree or commit; `None` where nothing does.
pub(super) fn entry(
    repository: &Repository,
    tree_or_commit: Oid,
    path: &Path,
) -> Result<Option<git2::TreeEntry<'static>>> {
    match peel(repository, tree_or_commit)?.get_path(path) {
        Ok(entry) => Ok(Some(entry)),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
        Err(error) => Err(error).context(format!("cannot read `{}` of {tree_or_commit}", path.display())),
    }
}

/// Returns the tree that an id of a commit, a tag or a tree means.
pub(crate) fn peel(repository: &Repository, id: Oid) -> Result<Tree<'_>> {
    repository
        .find_object(id, None)
        .and_then(|object| object.peel_to_tree())
        .map_err(|error| {
            Error::new(ErrorKind::Unexpected, format!("{id} has no tree in this repository")).because(error)
        })
}

/// Calls `each` with every file below `tree`, in git's order; `folder` is the path of `tree`.
pub(crate) fn visit(
    repository: &Repository,
    tree: &Tree<'_>,
    folder: &[u8],
    each: &mut impl FnMut(&[u8], EntryKind, Oid),
) -> Result<()> {
    for entry in tree {
        let path = bytes::join(folder, entry.name_bytes());
        if entry.kind() == Some(ObjectType::Tree) {
            let below = repository
                .find_tree(entry.id())
                .with_context(ErrorKind::Unexpected, || {
                    format!("cannot read the folder `{}`", bytes::to_path(&path).display())
                })?;
            visit(repository, &below, &path, each)?;
        } else {
            each(
                &path,
                EntryKind::of_mode(entry.filemode_raw().cast_unsigned()),
                entry.id(),
            );
        }
    }
    Ok(())
}
