//! Which driver merges a file: attributes of the merged tree decide, not those that the person's checkout has.

use std::collections::HashMap;

use git2::{Config, Repository};

use super::changes::Leaf;
use super::content::Driver;
use crate::base::error::{Context as _, Result};
use crate::git::hazards::has_driver;
use crate::git::rules::{Attributes, Settings, State};
use crate::git::work::Work;
use crate::git::{EntryKind, Git, bytes};

/// The name of a file of attributes in a tree.
pub(super) const ATTRIBUTES: &[u8] = b".gitattributes";
/// The longest such file that is read, in bytes. With a longer one, it is not known how files are merged.
const LONGEST: usize = 1 << 20;

/// Looks drivers up, folder by folder.
pub(super) struct Drivers<'repository> {
    repository: &'repository Repository,
    config: Config,
    attributes: Attributes,
    work: Work,
    /// The folders with attributes that were read, and whether they could be.
    known: HashMap<Vec<u8>, bool>,
}

impl<'repository> Drivers<'repository> {
    /// Begins with the attributes outside of any tree.
    pub(super) fn new(git: &Git, repository: &'repository Repository) -> Result<Self> {
        let config = repository.config().and_then(|mut config| config.snapshot());
        let config = config.context("cannot read git's configuration")?;
        Ok(Self {
            attributes: Settings::of(git, repository)?.attributes(),
            repository,
            config,
            work: Work::new(),
            known: HashMap::new(),
        })
    }

    /// Returns the driver for a path; `file` returns the merged tree's entry at one.
    pub(super) fn of(&mut self, path: &[u8], file: impl Fn(&[u8]) -> Result<Option<Leaf>>) -> Result<Driver> {
        let mut folder = bytes::split_last(path).0;
        loop {
            if !self.reads(folder, &file)? {
                return Ok(Driver::Conflict);
            }
            if folder.is_empty() {
                break;
            }
            folder = bytes::split_last(folder).0;
        }
        let found = self.attributes.of(path, &self.work);
        if self.work.is_spent() {
            return Ok(Driver::Conflict);
        }
        Ok(match found.get(b"merge".as_slice()) {
            Some(State::Unset) => Driver::Conflict,
            Some(State::Set) => Driver::Text,
            Some(State::Value(name)) => self.named(&String::from_utf8_lossy(name)),
            Some(State::Unspecified) | None => match self.config.get_string("merge.default") {
                Ok(name) => self.named(&name),
                Err(_) => Driver::Text,
            },
        })
    }

    /// Returns the driver of this name. One that the configuration names is a program, and is not run. For an unknown
    /// one, git's usual one is used.
    /// knows is git's usual one.
    fn named(&self, name: &str) -> Driver {
        match name {
            _ if has_driver(&self.config, name) => Driver::Conflict,
            "binary" => Driver::Conflict,
            "union" => Driver::Union,
            _ => Driver::Text,
        }
    }

    /// Reads the attributes of a folder, once; returns whether they can be.
    fn reads(&mut self, folder: &[u8], file: &impl Fn(&[u8]) -> Result<Option<Leaf>>) -> Result<bool> {
        if let Some(known) = self.known.get(folder) {
            return Ok(*known);
        }
        let mut reads = true;
        if let Some(leaf) = file(&bytes::join(folder, ATTRIBUTES))?
            && matches!(leaf.kind, EntryKind::File | EntryKind::Executable)
        {
            let odb = self.repository.odb().context("cannot open the object database")?;
            let failed = "cannot read attributes";
            let (size, _) = odb.read_header(leaf.id).context(failed)?;
            reads = size <= LONGEST;
            if reads {
                self.attributes
                    .add(folder, odb.read(leaf.id).context(failed)?.data(), &self.work);
            }
        }
        self.known.insert(folder.to_vec(), reads);
        Ok(reads)
    }
}
