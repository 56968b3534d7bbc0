//! Contents of changed files as git would record them.
//!
//! Line endings and `$Id$` are converted where attributes ask for it. Attributes and contents come from memory: nothing
//! is looked up in the slot.

use git2::{ObjectType, Oid, Repository};

use super::expected::ExpectedFile;
use crate::base::error::{Context as _, Result};
use crate::git::rules::{Attributes, Conversion, Settings};
use crate::git::work::Work;
use crate::git::{EntryKind, Git, bytes};

/// Writes blobs.
pub(super) struct Contents<'repository> {
    git: &'repository Git,
    repository: &'repository Repository,
    settings: &'repository Settings,
    work: &'repository Work,
    attributes: Attributes,
}

impl<'repository> Contents<'repository> {
    /// Begins with the attributes outside of the slot.
    pub(super) fn new(
        git: &'repository Git,
        repository: &'repository Repository,
        settings: &'repository Settings,
        work: &'repository Work,
    ) -> Self {
        Self {
            git,
            repository,
            settings,
            work,
            attributes: settings.attributes(),
        }
    }

    /// Returns where the blobs are written.
    pub(super) fn repository(&self) -> &'repository Repository {
        self.repository
    }

    /// Makes a `.gitattributes` file count that is in the store.
    pub(super) fn add_recorded_attributes(&mut self, path: &[u8], id: Oid) -> Result<()> {
        let blob = self.repository.find_blob(id);
        let blob = blob.context(format!("cannot read `{}`", bytes::to_path(path).display()))?;
        self.add_attributes(path, blob.content());
        Ok(())
    }

    /// Makes a `.gitattributes` file with this content count.
    pub(super) fn add_attributes(&mut self, path: &[u8], content: &[u8]) {
        self.attributes.add(bytes::split_last(path).0, content, self.work);
    }

    /// Writes a file's content. One that is byte for byte what it was keeps its id, whatever attributes declare now.
    pub(super) fn file(&self, path: &[u8], content: &[u8], was: Option<&ExpectedFile>) -> Result<Oid> {
        let failed = || format!("cannot record `{}`", bytes::to_path(path).display());
        let raw = Oid::hash_object(ObjectType::Blob, content).context(failed())?;
        if was.is_some_and(|was| was.id == raw) {
            return Ok(raw);
        }
        let conversion = Conversion::of(&self.attributes.of(path, self.work), self.settings);
        // Beyond the budget contents stay as they are, so that nothing of them is lost.
        if conversion.is_none() || self.work.is_spent() {
            return self.git.write_object(ObjectType::Blob, content).context(failed());
        }
        let was = was.filter(|was| was.kind != EntryKind::Submodule);
        let stored = was
            .map(|was| self.repository.find_blob(was.id))
            .transpose()
            .context(failed())?;
        let converted = conversion.store(content, stored.as_ref().map(git2::Blob::content));
        self.git
            .write_object(ObjectType::Blob, converted.as_deref().unwrap_or(content))
            .context(failed())
    }

    /// Returns whether a file of the base is the link with this target.
    pub(super) fn is_link(was: &ExpectedFile, target: &[u8]) -> bool {
        let id = Oid::hash_object(ObjectType::Blob, target);
        was.kind == EntryKind::Link && id.is_ok_and(|id| id == was.id)
    }

    /// Writes a link's target, as it is.
    pub(super) fn link(&self, target: &[u8]) -> Result<Oid> {
        self.git
            .write_object(ObjectType::Blob, target)
            .context("cannot record a link")
    }
}
