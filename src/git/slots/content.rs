//! Contents of changed files as git would record them.
//!
//! Line endings and `$Id$` are converted where attributes ask for it, by libgit2's own filters, which run no program.
//! The attributes come from memory, the content from a handle that we opened: libgit2 never reads a file of the slot.

use std::io::{self, Write as _};

use git2::{Index, IndexEntry, IndexTime, ObjectType, Oid, Repository};

use super::expected::ExpectedFile;
use crate::error::{Context as _, Result};
use crate::git::{EntryKind, Git, bytes};

/// Writes blobs.
pub(super) struct Contents {
    /// Opened as bare, so that attributes are looked up in the index below and nowhere else.
    repository: Repository,
    index: Index,
    /// Whether anything at all asks for a conversion.
    converts: bool,
}

impl Contents {
    /// Opens the object database, with no attributes but the repository's own `info/attributes`.
    pub(super) fn open(git: &Git) -> Result<Self> {
        let failed = "cannot open the object database";
        let repository = Repository::open_bare(git.common_dir()).context(failed)?;
        let mut index = Index::new().context(failed)?;
        repository.set_index(&mut index).context(failed)?;
        let configured = repository
            .config()
            .is_ok_and(|config| config.get_string("core.autocrlf").is_ok());
        Ok(Self {
            converts: configured || git.common_dir().join("info/attributes").exists(),
            repository,
            index,
        })
    }

    /// Makes a `.gitattributes` file count.
    pub(super) fn add_attributes(&mut self, path: &[u8], id: Oid) -> Result<()> {
        self.converts = true;
        self.index_only(path, EntryKind::File, id)
    }

    /// Writes a file's content. One that is byte for byte what it was keeps its id, whatever attributes say now.
    pub(super) fn file(&mut self, path: &[u8], content: &[u8], was: Option<&ExpectedFile>) -> Result<Oid> {
        let failed = || format!("cannot record `{}`", bytes::to_path(path).display());
        let raw = Oid::hash_object(ObjectType::Blob, content).context(failed())?;
        if was.is_some_and(|was| was.id == raw) {
            return Ok(raw);
        }
        if !self.converts {
            return self.repository.blob(content).context(failed());
        }
        if let Some(was) = was {
            // A file that is stored with carriage returns keeps them under `text=auto`: libgit2 looks here.
            self.index_only(path, was.kind, was.id)?;
        }
        match self.converted(path, content) {
            Ok(id) => Ok(id),
            Err(error) => {
                tracing::debug!(path = %bytes::to_path(path).display(), %error, "recorded without conversion");
                self.repository.blob(content).context(failed())
            }
        }
    }

    /// Whether a file of the base is the link with this target.
    pub(super) fn is_link(was: &ExpectedFile, target: &[u8]) -> bool {
        let id = Oid::hash_object(ObjectType::Blob, target);
        was.kind == EntryKind::Link && id.is_ok_and(|id| id == was.id)
    }

    /// Writes a link's target, as it is.
    pub(super) fn link(&self, target: &[u8]) -> Result<Oid> {
        self.repository.blob(target).context("cannot record a link")
    }

    fn converted(&self, path: &[u8], content: &[u8]) -> io::Result<Oid> {
        let path = bytes::to_path(path);
        let mut writer = self.repository.blob_writer(Some(&path)).map_err(io::Error::other)?;
        writer.write_all(content)?;
        writer.commit().map_err(io::Error::other)
    }

    fn index_only(&mut self, path: &[u8], kind: EntryKind, id: Oid) -> Result<()> {
        let entry = IndexEntry {
            ctime: IndexTime::new(0, 0),
            mtime: IndexTime::new(0, 0),
            dev: 0,
            ino: 0,
            mode: kind.mode(),
            uid: 0,
            gid: 0,
            file_size: 0,
            id,
            flags: 0,
            flags_extended: 0,
            path: path.to_vec(),
        };
        let added = self.index.add(&entry);
        added.context(format!(
            "cannot look up the attributes of `{}`",
            bytes::to_path(path).display()
        ))
    }
}
