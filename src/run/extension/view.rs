//! A tree of git for a gate that is written in Rust: its files are listed and read, within bounds, without a checkout.

use std::path::{Path, PathBuf};

use crate::base::error::{Error, ErrorKind, Result};
use crate::base::text::one_line;
use crate::git::{EntryKind, Git, Oid, path_in_tree};

/// The most files of a tree that are listed.
const MOST_FILES: usize = 500_000;
/// The most bytes of a file that are read.
const MOST_BYTES: u64 = 64 << 20;

/// A file of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeFile {
    /// Path from the repository's root; any bytes.
    pub path: PathBuf,
    /// What it is.
    pub kind: EntryKind,
}

/// The files of a commit, to be looked at.
#[derive(Clone, Debug)]
pub struct TreeView {
    pub(super) git: Git,
    pub(super) commit: Oid,
}

impl TreeView {
    /// Lists all files, in git's order.
    ///
    /// # Errors
    ///
    /// Where the tree has more than 500,000 of them, or cannot be read.
    pub fn files(&self) -> Result<Vec<TreeFile>> {
        let files = self.git.files(self.commit)?;
        if files.len() > MOST_FILES {
            let message = format!("the tree has {} files; at most {MOST_FILES} are listed", files.len());
            return Err(Error::new(ErrorKind::Usage, message));
        }
        let file = |entry: crate::git::TreeEntry| TreeFile {
            path: entry.path,
            kind: entry.kind,
        };
        Ok(files.into_iter().map(file).collect())
    }

    /// Reads a file; `None` where the tree has none at this path. Links are not followed, and are no files.
    ///
    /// # Errors
    ///
    /// Where it has more than 64 MiB, or cannot be read.
    pub fn read(&self, path: impl AsRef<Path>) -> Result<Option<Vec<u8>>> {
        let path = path.as_ref();
        let Some(inside) = path_in_tree(path) else {
            return Ok(None);
        };
        let is_file = matches!(
            self.git.kind_at(self.commit, inside)?,
            Some(EntryKind::File | EntryKind::Executable)
        );
        // A folder has no content, and beyond a link there is nothing.
        let blob = if is_file {
            self.git.blob_at(self.commit, inside)?
        } else {
            None
        };
        let Some(id) = blob else { return Ok(None) };
        let bytes = self.git.blob_size(id)?;
        if bytes > MOST_BYTES {
            let shown = one_line(&path.display().to_string(), 200);
            let message = format!("`{shown}` has {bytes} bytes; at most {MOST_BYTES} are read");
            return Err(Error::new(ErrorKind::Usage, message));
        }
        self.git.read_blob(id).map(Some)
    }
}
