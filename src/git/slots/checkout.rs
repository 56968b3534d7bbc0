//! Checkouts that slots share: a tree's files, written once and never again, below `checkouts` in the state folder. A slot is a
//! layer over one of them, which has what the slot's commit has otherwise, and what its agent writes.
//!
//! A checkout is a folder named after its tree and whose files they are: `tree`, and git's index of it. It is built
//! beside and renamed when all of it is on the disk. Whoever uses one holds a shared lock on its folder.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use git2::{Oid, Repository};

use super::difference::Difference;
use super::expected::{Expected, index_entry};
use super::folder::{Cursor, Folder, Owner, remove_path};
use super::index;
use super::raw_index::{self, Patch};
use super::times::source_time;
use super::write::write_missing;
use crate::base::crash::crash_point;
use crate::base::error::{Context as _, Result};
use crate::base::fs::{create_private_folder, own_folder};
use crate::base::regular;
use crate::git::rules::Settings;
use crate::git::{EntryKind, Git, bytes};

/// A slot may differ in so many files from the checkout that it is above; for a tree that differs more, one is made.
pub(super) const MOST_DIFFERENCES: usize = 1_000;
/// Where fewer files are in a tree, a slot has them all itself.
const FEWEST_FILES: usize = 2_000;
/// What the name of a folder begins with that is being built.
const BUILDING: &str = ".new-";
/// What the name of a folder begins with that is being removed.
const REMOVING: &str = ".gone-";

/// The file that is locked by whoever makes or removes something.
const LOCK: &str = "lock";

/// The checkouts of a repository.
#[derive(Clone, Debug)]
pub(crate) struct Checkouts {
    git: Git,
    folder: PathBuf,
    fewest: usize,
}

/// A checkout that can be used; while this lives, nobody removes it.
#[derive(Debug)]
pub(super) struct Checkout {
    folder: PathBuf,
    /// What it has.
    pub(super) tree: Oid,
    _held: File,
}

impl Checkouts {
    pub(super) fn new(git: Git, folder: PathBuf) -> Self {
        Self {
            git,
            folder,
            fewest: FEWEST_FILES,
        }
    }

    /// Returns these, sharing the trees that have more than so many files.
    pub(super) fn of_more_than(self, fewest: usize) -> Self {
        Self { fewest, ..self }
    }

    /// Returns whether a tree has so many files that a checkout of it is worth being shared.
    pub(super) fn are_worth(&self, repository: &Repository, tree: Oid) -> Result<bool> {
        let mut left = self.fewest;
        has_more(repository, tree, &mut left)
    }

    /// Finds or makes a checkout of a tree, or of one that differs little from it; returns how. `needed` names those that must
    /// stay: slots have work above them. All others go when one is made.
    ///
    /// # Errors
    ///
    /// Where one cannot be read or made.
    pub(super) fn near(
        &self,
        repository: &Repository,
        (tree, owner): (Oid, Owner),
        needed: &dyn Fn() -> Result<Vec<String>>,
    ) -> Result<(Checkout, Difference)> {
        let _turn = self.turn()?;
        if let Some(found) = self.find(repository, tree, owner)? {
            return Ok(found);
        }
        let made = self.make(repository, tree, owner)?;
        self.remove_unused(&name(tree, owner), &needed()?)?;
        Ok((made, Difference::default()))
    }

    /// Finds a checkout of a tree, or of one that differs little from it, the newest first.
    fn find(&self, repository: &Repository, tree: Oid, owner: Owner) -> Result<Option<(Checkout, Difference)>> {
        let mut found = self.listed()?;
        let own = name(tree, owner);
        found.sort_by_key(|(name, made)| (*name != own, std::cmp::Reverse(*made)));
        let suffix = suffix(owner);
        for (name, _) in found {
            let of = name.strip_suffix(&suffix).and_then(|tree| tree.parse().ok());
            let Some(old) = of else { continue };
            if let Some(difference) = Difference::between(repository, old, tree, MOST_DIFFERENCES)? {
                return Ok(Some((self.open(old, owner)?, difference)));
            }
        }
        Ok(None)
    }

    /// Makes the index of a tree's files above a checkout, if there is one that differs little from it: the next slot needs it.
    ///
    /// # Errors
    ///
    /// Where a checkout cannot be read, or the index cannot be written.
    pub(super) fn make_index(&self, repository: &Repository, tree: Oid, owner: Owner) -> Result<()> {
        // Without one, the folder is not made: somebody may be removing all of it.
        if !self.folder.join(LOCK).is_file() {
            return Ok(());
        }
        let _turn = self.turn()?;
        match self.find(repository, tree, owner)? {
            Some((found, difference)) => {
                index::of(repository, (&found.folder, found.tree), (tree, &difference)).map(drop)
            }
            None => Ok(()),
        }
    }

    /// Puts the index of a tree's files above a checkout at a place in a container's repository.
    ///
    /// # Errors
    ///
    /// Those of [`Self::make_index`].
    pub(super) fn put_index(
        &self,
        repository: &Repository,
        (checkout, owner): (&Checkout, Owner),
        tree: Oid,
        place: &Path,
    ) -> Result<()> {
        let _turn = self.turn()?;
        let difference = Difference::between(repository, checkout.tree, tree, usize::MAX)?.unwrap_or_default();
        let index = index::of(repository, (&checkout.folder, checkout.tree), (tree, &difference))?;
        index::put(&index, place, owner)
    }

    /// Returns the checkout of a tree, which is made where it is not there any more.
    ///
    /// # Errors
    ///
    /// Those of [`Self::near`].
    pub(super) fn of(&self, repository: &Repository, tree: Oid, owner: Owner) -> Result<Checkout> {
        let _turn = self.turn()?;
        if self.folder.join(name(tree, owner)).is_dir() {
            self.open(tree, owner)
        } else {
            self.make(repository, tree, owner)
        }
    }

    /// Returns the folders of the checkouts, the newest first.
    pub(super) fn folders(&self) -> Result<Vec<PathBuf>> {
        let mut listed = self.listed()?;
        listed.sort_by_key(|(_, made)| std::cmp::Reverse(*made));
        Ok(listed.iter().map(|(name, _)| self.folder.join(name)).collect())
    }

    /// Removes what a killed process was building or removing, and the checkouts that nobody uses and nothing `needed` names.
    ///
    /// # Errors
    ///
    /// Where one cannot be removed.
    pub(super) fn clear(&self, needed: &[String]) -> Result<()> {
        if !self.folder.is_dir() {
            return Ok(());
        }
        let _turn = self.turn()?;
        self.remove_unused("", needed)
    }

    /// Waits until nobody else makes or removes checkouts.
    fn turn(&self) -> Result<File> {
        own_folder(&self.folder)?;
        let path = self.folder.join(LOCK);
        let file = File::options().create(true).truncate(false).write(true).open(&path);
        let locked = file.and_then(|file| file.lock().map(|()| file));
        locked.context(format!("cannot lock `{}`", path.display()))
    }

    /// Returns the names of the checkouts, each with when it was made.
    fn listed(&self) -> Result<Vec<(String, std::time::SystemTime)>> {
        let failed = || format!("cannot list `{}`", self.folder.display());
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.context(failed())?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry.context(failed())?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            let is_one = !name.starts_with('.') && name != LOCK;
            if is_one && let Ok(made) = entry.metadata().and_then(|looks| looks.modified()) {
                found.push((name, made));
            }
        }
        Ok(found)
    }

    fn open(&self, tree: Oid, owner: Owner) -> Result<Checkout> {
        let folder = self.folder.join(name(tree, owner));
        let held = regular::open_folder(&folder).and_then(|held| held.lock_shared().map(|()| held));
        Ok(Checkout {
            _held: held.context(format!("cannot lock `{}`", folder.display()))?,
            folder,
            tree,
        })
    }

    /// Writes a tree's files: on the disk first, then under their name.
    fn make(&self, repository: &Repository, tree: Oid, owner: Owner) -> Result<Checkout> {
        let name = name(tree, owner);
        let building = self.folder.join(format!("{BUILDING}{name}"));
        let failed = || format!("cannot make the checkout `{}`", building.display());
        remove_path(&building)?;
        create_private_folder(&building)?;
        let above = Folder::open(&building).context(failed())?;
        let root = above.make_folder(b"tree", owner).context(failed())?;
        let settings = Settings::of(&self.git, repository)?;
        let expected = Expected::of(repository, tree, &settings)?;
        let mut written = Vec::new();
        write_missing(repository, &root, &expected, owner, &mut written)?;
        let mut cursor = Cursor::new(&root);
        let mut entries = Patch::new();
        for (path, file, stat) in written {
            let (parent, name) = bytes::split_last(&path);
            let mut dated = || -> io::Result<_> {
                let folder = cursor.at(parent, Folder::enter)?;
                let time = source_time();
                match stat.filter(|_| file.kind != EntryKind::Submodule) {
                    Some(stat) => folder.set_time(name, &stat, Some(time)).and_then(|_| folder.stat(name)),
                    None => Ok(None),
                }
            };
            let stat = dated().context(failed())?;
            entries.insert(path.clone(), Some(index_entry(&path, &file, stat.as_ref())));
        }
        regular::write(&building.join(index::OWN), &raw_index::write(&entries)).context(failed())?;
        let synced = rustix::fs::syncfs(above.handle()).map_err(io::Error::from);
        synced.context(failed())?;
        crash_point!("checkout.built");
        let place = self.folder.join(&name);
        fs::rename(&building, &place).context(format!("cannot rename `{}`", building.display()))?;
        let synced = File::open(&self.folder).and_then(|folder| folder.sync_all());
        synced.context(format!("cannot write `{}` to the disk", self.folder.display()))?;
        crash_point!("checkout.kept");
        self.open(tree, owner)
    }

    /// Removes all but some.
    fn remove_unused(&self, own: &str, needed: &[String]) -> Result<()> {
        let failed = || format!("cannot list `{}`", self.folder.display());
        for entry in fs::read_dir(&self.folder).context(failed())? {
            let name = entry.context(failed())?.file_name();
            let Some(name) = name.to_str().filter(|name| *name != LOCK && *name != own) else {
                continue;
            };
            let path = self.folder.join(name);
            let is_used = || regular::open_folder(&path).is_ok_and(|held| held.try_lock().is_err());
            if !needed.iter().any(|needed| needed == name) && !is_used() {
                // Away from its name first: nobody finds half of one.
                let gone = self.folder.join(format!("{REMOVING}{name}"));
                let moved = remove_path(&gone)
                    .and_then(|()| fs::rename(&path, &gone).context(format!("cannot rename `{}`", path.display())));
                moved.and_then(|()| remove_path(&gone))?;
            }
        }
        Ok(())
    }
}

impl Checkout {
    /// Returns the folder with the files.
    pub(super) fn files(&self) -> PathBuf {
        self.folder.join("tree")
    }
}

/// Returns the name of a checkout.
pub(super) fn name(tree: Oid, owner: Owner) -> String {
    format!("{tree}{}", suffix(owner))
}

fn suffix(owner: Owner) -> String {
    owner.map_or_else(String::new, |(user, group)| format!("-{user}-{group}"))
}

/// Returns whether a tree has more than so many files.
fn has_more(repository: &Repository, tree: Oid, left: &mut usize) -> Result<bool> {
    let failed = || format!("cannot read the tree {tree}");
    for entry in &repository.find_tree(tree).context(failed())? {
        if entry.kind() == Some(git2::ObjectType::Tree) {
            if has_more(repository, entry.id(), left)? {
                return Ok(true);
            }
        } else {
            match left.checked_sub(1) {
                Some(less) => *left = less,
                None => return Ok(true),
            }
        }
    }
    Ok(false)
}
