//! The one writer of our objects. Objects that no ref holds yet are safe from `git gc --prune=now`, `repack -ad` and
//! `prune`.
//!
//! Objects are written into a folder of this process, which git never cleans up. Before a ref moves, its new objects go
//! from there into a pack with a `.keep` mark, which is on the disk before the ref is. The mark is removed when the ref has
//! moved, so that a garbage collection sees the mark or the ref. No object of ours is loose among git's: a power failure
//! would leave it empty, and git would take it for the object.

use std::collections::HashSet;
use std::fmt;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use git2::{ObjectType, Oid, Repository};

use self::packs::Packs;
use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::base::fs::unless_missing;

mod packs;

/// Returns the folders with what processes wrote that are gone, and that no ref held when they went.
pub(super) fn of_dead(common_dir: &Path) -> Result<Vec<PathBuf>> {
    let packs = Packs::of(common_dir);
    packs.of_dead().with_context(ErrorKind::Unexpected, || {
        format!("cannot look for objects in `{}`", packs.top().display())
    })
}

/// Removes these folders.
pub(super) fn clear(common_dir: &Path) -> Result<()> {
    let packs = Packs::of(common_dir);
    packs.clear().with_context(ErrorKind::Unexpected, || {
        format!("cannot clear up `{}`", packs.top().display())
    })
}

/// The objects that this process wrote and no ref holds yet; the folder is created with the first of them.
#[derive(Clone, Default)]
pub(super) struct Objects(Arc<Mutex<Option<Unheld>>>);

impl fmt::Debug for Objects {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Objects")
    }
}

impl Objects {
    /// Writes an object, so that it stays until a ref holds it or this process ends.
    pub(super) fn write(&self, common_dir: &Path, kind: ObjectType, content: &[u8]) -> Result<Oid> {
        let mut objects = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let unheld = begun(&mut objects, common_dir)?;
        unheld.write(kind, content).context("cannot write an object")
    }

    /// Makes the folder of this process, so that a repository that is opened from now on finds all objects in it.
    pub(super) fn begin(&self, common_dir: &Path) -> Result<()> {
        let mut objects = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        begun(&mut objects, common_dir).map(drop)
    }

    /// Returns whether the folder of this process is there.
    pub(super) fn are_begun(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Makes the objects of this process readable for a repository.
    pub(super) fn show(&self, repository: &Repository) -> Result<()> {
        let objects = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(unheld) = &*objects else {
            return Ok(());
        };
        let folder = unheld.folder().join("objects");
        let failed = || format!("cannot read the objects in `{}`", folder.display());
        let path = folder.to_str().ok_or_else(|| {
            Error::new(ErrorKind::Precondition, failed()).hint("move the repository to a path in UTF-8")
        })?;
        let shown = repository.odb().and_then(|database| database.add_disk_alternate(path));
        shown.context(failed())
    }

    /// Packs, with a keep mark, the objects of a commit that only this process holds and a ref is about to point to;
    /// `None` where there are none.
    ///
    /// # Errors
    ///
    /// When objects cannot be read or the pack cannot be written.
    pub(super) fn keep(&self, commit: Oid) -> Result<Option<KeptPack>> {
        let objects = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(unheld) = &*objects else {
            return Ok(None);
        };
        let failed = || format!("cannot keep the objects of the commit {commit}");
        let repository = Repository::open_bare(unheld.folder()).context(failed())?;
        let ids = unheld.reachable(&repository, commit).context(failed())?;
        if ids.is_empty() {
            return Ok(None);
        }
        let name = unheld
            .packs
            .publish(&repository, &unheld.token, &ids)
            .map_err(|error| Error::new(ErrorKind::Unexpected, failed()).because(error))?;
        Ok(Some(KeptPack {
            objects: self.clone(),
            packs: unheld.packs.clone(),
            name,
            ids,
        }))
    }
}

fn begun<'unheld>(objects: &'unheld mut Option<Unheld>, common_dir: &Path) -> Result<&'unheld mut Unheld> {
    Ok(match objects {
        Some(unheld) => unheld,
        none => none.insert(Unheld::new(common_dir)?),
    })
}

struct Unheld {
    packs: Packs,
    token: String,
    /// Locked while this process lives.
    _mark: File,
    /// A repository with only the objects that no ref holds yet.
    own: Repository,
    /// Which objects it has. A tree may have thousands of entries, of which none is there: the folder is not asked for each.
    ids: HashSet<Oid>,
}

impl Unheld {
    fn new(common_dir: &Path) -> Result<Self> {
        let packs = Packs::of(common_dir);
        let failed = || format!("cannot create a folder for objects in `{}`", packs.top().display());
        let (token, mark) = packs.begin().with_context(ErrorKind::Unexpected, failed)?;
        let own = Repository::init_bare(packs.top().join(&token)).context(failed())?;
        // Deltas cost more than they save in packs that git soon joins with its own.
        let plain = own
            .config()
            .and_then(|mut config| config.set_i64("core.bigFileThreshold", 1));
        plain.context(failed())?;
        Ok(Self {
            packs,
            token,
            _mark: mark,
            own,
            ids: HashSet::new(),
        })
    }

    fn folder(&self) -> PathBuf {
        self.packs.top().join(&self.token)
    }

    fn file_of(&self, id: Oid) -> PathBuf {
        let name = id.to_string();
        let (folder, rest) = name.split_at(2);
        self.folder().join("objects").join(folder).join(rest)
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one writer of objects")]
    fn write(&mut self, kind: ObjectType, content: &[u8]) -> Result<Oid, git2::Error> {
        let id = self.own.odb()?.write(kind, content)?;
        self.ids.insert(id);
        Ok(id)
    }

    /// Returns the objects of this folder that are reachable from a commit, or a tag of one, through it.
    fn reachable(&self, repository: &Repository, commit: Oid) -> Result<Vec<Oid>, git2::Error> {
        let mut seen = HashSet::new();
        let mut found = Vec::new();
        let mut next = vec![commit];
        while let Some(id) = next.pop() {
            if !self.ids.contains(&id) || !seen.insert(id) {
                continue;
            }
            found.push(id);
            match repository.odb()?.read_header(id)?.1 {
                ObjectType::Commit => {
                    let commit = repository.find_commit(id)?;
                    next.push(commit.tree_id());
                    next.extend(commit.parent_ids());
                }
                ObjectType::Tag => next.push(repository.find_tag(id)?.target_id()),
                ObjectType::Tree => next.extend(repository.find_tree(id)?.iter().map(|entry| entry.id())),
                _ => {}
            }
        }
        Ok(found)
    }
}

impl Drop for Unheld {
    fn drop(&mut self) {
        if let Err(error) = unless_missing(fs::remove_dir_all(self.folder())) {
            tracing::warn!(%error, folder = %self.folder().display(), "a folder of objects could not be removed");
        }
    }
}

/// A pack with a keep mark, until it is told what became of its commit.
pub(super) struct KeptPack {
    objects: Objects,
    packs: Packs,
    name: String,
    ids: Vec<Oid>,
}

impl KeptPack {
    /// Removes the keep mark, now that a ref holds the content of the pack.
    ///
    /// # Errors
    ///
    /// When the mark, or an object in the folder of this process, cannot be removed.
    pub(super) fn release(self) -> Result<()> {
        let failed = || format!("cannot end the keeping of the pack `{}`", self.name);
        self.packs
            .release(&self.name)
            .with_context(ErrorKind::Unexpected, failed)?;
        if let Some(unheld) = &mut *self.objects.0.lock().unwrap_or_else(PoisonError::into_inner) {
            for id in &self.ids {
                unheld.ids.remove(id);
                unless_missing(fs::remove_file(unheld.file_of(*id))).with_context(ErrorKind::Unexpected, failed)?;
            }
        }
        Ok(())
    }

    /// Removes the keep mark, but the objects stay in the folder of this process, too: what has the commit now, such as a
    /// worktree, may leave it before a ref has it.
    ///
    /// # Errors
    ///
    /// When the mark cannot be removed.
    pub(super) fn lend(self) -> Result<()> {
        self.packs.release(&self.name).with_context(ErrorKind::Unexpected, || {
            format!("cannot end the keeping of the pack `{}`", self.name)
        })
    }

    /// Removes the pack: no ref holds it. Its objects stay in the folder of this process.
    ///
    /// # Errors
    ///
    /// When a file of it cannot be removed.
    pub(super) fn discard(self) -> Result<()> {
        self.packs.discard(&self.name).with_context(ErrorKind::Unexpected, || {
            format!("cannot remove the pack `{}`", self.name)
        })
    }
}
