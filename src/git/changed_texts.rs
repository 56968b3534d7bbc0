//! The texts of the files that differ between two trees, within bounds.

use std::path::{Path, PathBuf};

use git2::{Delta, FileMode, Oid, Repository};

use super::changes::diff;
#[cfg(feature = "lines")]
use super::{EntryKind, TreeEntry};
use super::{Git, bytes, lines};
use crate::base::error::{Context as _, Result};

/// How much is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TextLimits {
    /// The most files.
    pub(crate) files: usize,
    /// The largest file, in bytes.
    pub(crate) bytes: u64,
    /// The most bytes of all files.
    pub(crate) all_bytes: u64,
}

/// What is at one side of a path that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// A text. What is not UTF-8 in it is replaced.
    Text(String),
    /// A file that is larger than was allowed.
    TooLarge,
    /// A binary file, a link or a submodule.
    Other,
}

/// A path that differs between two trees; a rename is two of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ChangedText {
    pub(crate) path: PathBuf,
    /// What was there, with its id.
    pub(crate) old: Option<(Oid, Content)>,
    /// What is there, with its id.
    pub(crate) new: Option<(Oid, Content)>,
}

/// The texts of the files that differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ChangedTexts {
    pub(crate) read: Vec<ChangedText>,
    /// The wanted paths that were beyond the limits.
    pub(crate) left_out: Vec<PathBuf>,
}

impl Git {
    /// Reads the files that differ between two trees or commits and are wanted by their paths, in git's order.
    pub(crate) fn changed_texts(
        &self,
        old: Oid,
        new: Oid,
        limits: TextLimits,
        is_wanted: impl Fn(&Path) -> bool,
    ) -> Result<ChangedTexts> {
        let repository = self.borrow()?;
        let diff = diff(&repository, old, new)?;
        let (mut texts, mut left) = (ChangedTexts::default(), limits.all_bytes);
        for delta in diff.deltas() {
            let (old, new) = (delta.old_file(), delta.new_file());
            let path = bytes::to_path(new.path_bytes().or(old.path_bytes()).unwrap_or_default());
            if !is_wanted(&path) {
                continue;
            }
            if texts.read.len() == limits.files || left == 0 {
                texts.left_out.push(path);
                continue;
            }
            let mut read = |file: &git2::DiffFile<'_>, is_there: bool| -> Result<Option<(Oid, Content)>> {
                let content = is_there.then(|| content(&repository, file.id(), file.mode(), limits.bytes));
                let content = content.transpose()?;
                if let Some(Content::Text(text)) = &content {
                    left = left.saturating_sub(text.len() as u64);
                }
                Ok(content.map(|content| (file.id(), content)))
            };
            let old = read(&old, delta.status() != Delta::Added)?;
            let new = read(&new, delta.status() != Delta::Deleted)?;
            texts.read.push(ChangedText { path, old, new });
        }
        Ok(texts)
    }

    /// Reads a file of a tree, if it has at most so many bytes.
    #[cfg(feature = "lines")]
    pub(crate) fn text_of(&self, entry: &TreeEntry, most: u64) -> Result<Content> {
        let mode = match entry.kind {
            EntryKind::File => FileMode::Blob,
            EntryKind::Executable => FileMode::BlobExecutable,
            EntryKind::Link => FileMode::Link,
            EntryKind::Submodule => FileMode::Commit,
        };
        let repository = self.borrow()?;
        content(&repository, entry.id, mode, most)
    }
}

fn content(repository: &Repository, id: Oid, mode: FileMode, most: u64) -> Result<Content> {
    if !matches!(
        mode,
        FileMode::Blob | FileMode::BlobExecutable | FileMode::BlobGroupWritable
    ) {
        return Ok(Content::Other);
    }
    let failed = || format!("cannot read the blob {id}");
    let header = repository.odb().and_then(|database| database.read_header(id));
    if header.context(failed())?.0 as u64 > most {
        return Ok(Content::TooLarge);
    }
    let blob = repository.find_blob(id).context(failed())?;
    if lines::is_binary(blob.content()) {
        return Ok(Content::Other);
    }
    Ok(Content::Text(String::from_utf8_lossy(blob.content()).into_owned()))
}
