//! The documents that a generation is built from, as a commit has them.

use std::collections::BTreeSet;
use std::path::Path;

use crate::base::error::{Error, ErrorKind, Result};
use crate::base::text::one_line;
use crate::git::{EntryKind, Oid, TreeEntry};
use crate::issues::document::{MOST_BYTES, decode};
use crate::project::Project;

/// Endings of the names of documents, in lower case: of a folder that is named, the files with one of these are read.
const ENDINGS: [&str; 3] = ["md", "markdown", "txt"];

/// A document that a generation is built from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SpecDocument {
    /// Path from the repository's root.
    pub(crate) path: String,
    /// The id of its content.
    pub(crate) id: String,
    /// Its text.
    pub(crate) text: String,
}

/// A document that was named, and is not there or cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unread {
    /// Its path, or that of a folder in which there is none.
    pub(crate) path: String,
    /// Why, in a line.
    pub(crate) why: String,
}

impl Project {
    /// Returns the documents that these paths name, files or folders, each once.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Usage`] where one is not there, or is not a text in UTF-8, naming it and what to do.
    pub(crate) fn specification(&self, commit: Oid, named: &[String]) -> Result<Vec<SpecDocument>> {
        self.each_named(commit, named)?
            .into_iter()
            .map(|(_, one)| one)
            .collect()
    }

    /// Returns what [`Self::specification`] does, but for documents that are not there any more or cannot be read: those are the
    /// second, each by its name with the reason. What a task has done to one must not end the work of all others.
    ///
    /// # Errors
    ///
    /// Where the commit cannot be read.
    pub(crate) fn specification_left(&self, commit: Oid, named: &[String]) -> Result<(Vec<SpecDocument>, Vec<Unread>)> {
        let (mut documents, mut unread) = (Vec::new(), Vec::new());
        for (path, read) in self.each_named(commit, named)? {
            match read {
                Ok(document) => documents.push(document),
                Err(error) if error.kind() == ErrorKind::Usage => unread.push(Unread {
                    path,
                    why: error.to_string(),
                }),
                Err(error) => return Err(error),
            }
        }
        Ok((documents, unread))
    }

    /// Reads each document that these paths name, once.
    fn each_named(&self, commit: Oid, named: &[String]) -> Result<Vec<(String, Result<SpecDocument>)>> {
        if named.is_empty() {
            return Ok(Vec::new());
        }
        let entries = self.git.files(commit)?;
        let mut known = BTreeSet::new();
        let mut documents = Vec::new();
        for name in named {
            let found = named_by(name, &entries);
            if found.is_empty() {
                documents.push((name.clone(), Err(self.not_there(name, commit))));
            }
            for entry in found {
                let path = entry.path.display().to_string();
                if known.insert(path.clone()) {
                    documents.push((path.clone(), self.document(path, entry)));
                }
            }
        }
        Ok(documents)
    }

    /// Returns the documents that a generation is built from, those of `context_files` where none are named: their paths, and the
    /// ids of their contents.
    ///
    /// # Errors
    ///
    /// Those of [`Self::specification`], and where a glob is not valid.
    pub(crate) fn built_from(&self, commit: Oid, named: &[String]) -> Result<Vec<(String, String)>> {
        if named.is_empty() {
            let found = self.git.matching(commit, &self.config.context_files)?;
            let known = |entry: TreeEntry| (entry.path.display().to_string(), entry.id.to_string());
            return Ok(found.into_iter().map(known).collect());
        }
        let documents = self.specification(commit, named)?;
        Ok(documents.into_iter().map(|one| (one.path, one.id)).collect())
    }

    fn document(&self, path: String, entry: &TreeEntry) -> Result<SpecDocument> {
        if self.git.blob_size(entry.id)? > MOST_BYTES as u64 {
            let message = format!("cannot read `{}`: it is too large for a document", one_line(&path, 200));
            return Err(Error::new(ErrorKind::Usage, message).hint("name the part that is meant as a file of its own"));
        }
        let text = decode(&path, &self.git.read_blob(entry.id)?)?;
        Ok(SpecDocument {
            path,
            id: entry.id.to_string(),
            text,
        })
    }

    fn not_there(&self, name: &str, commit: Oid) -> Error {
        let shown = one_line(name, 200);
        let commit = commit.to_string();
        let message = format!("there is no document `{shown}` in the commit {}", &commit[..10]);
        let is_in_checkout = self.git.workdir().join(name).exists();
        Error::new(ErrorKind::Usage, message).hint(if is_in_checkout {
            "commit it first: a generation reads the documents of its own branch"
        } else {
            "name a file or a folder of the repository"
        })
    }
}

/// Returns the file of a name, or the documents below the folder of that name.
fn named_by<'a>(name: &str, entries: &'a [TreeEntry]) -> Vec<&'a TreeEntry> {
    let path = Path::new(name);
    let is_file = |entry: &&TreeEntry| matches!(entry.kind, EntryKind::File | EntryKind::Executable);
    let files = || entries.iter().filter(is_file);
    if let Some(file) = files().find(|entry| entry.path == path) {
        return vec![file];
    }
    let is_document = |entry: &&TreeEntry| {
        let ending = entry.path.extension().and_then(|ending| ending.to_str());
        ending.is_some_and(|ending| ENDINGS.contains(&ending.to_lowercase().as_str()))
    };
    let is_below = |entry: &&TreeEntry| name == "." || entry.path.starts_with(path);
    files().filter(is_below).filter(is_document).collect()
}
