//! The files of the person's checkout, compared with a tree and updated to it, by git's rules and our own code: an
//! agent's attributes determine how, and libgit2 may take forever to match them.

use std::collections::BTreeSet;
use std::fs::{self, Metadata, Permissions};
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use git2::{ObjectType, Oid, Repository, Tree};

use super::side::{File, Side};
use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::git::rules::{Conversion, Settings};
use crate::git::work::Work;
use crate::git::{EntryKind, Git, bytes};

/// The prefix of files that are not in their place yet.
const UNPLACED: &str = "cordwainer-checkout-";

/// A path with the state of its file; `None` where there is none any more.
pub(super) type Arrived = (PathBuf, Option<(File, Metadata)>);

/// A path with its new content, and the conversion of that.
pub(super) type Planned<'path> = (&'path Path, Option<File>, Conversion);

/// What to do about rules that take too much work.
pub(crate) const SIMPLER: &str =
    "nothing was changed; make these rules simpler or fewer, in a commit on the branch that has them";

/// The checkout that the person stands in.
pub(super) struct Worktree<'git> {
    pub(super) repository: &'git Repository,
    pub(super) settings: Settings,
    pub(super) work: Work,
    git: &'git Git,
}

impl<'git> Worktree<'git> {
    /// Looks at the checkout of a handle.
    pub(super) fn new(git: &'git Git, repository: &'git Repository) -> Result<Self> {
        Ok(Self {
            repository,
            settings: Settings::of(git, repository)?,
            git,
            work: Work::new(),
        })
    }

    /// Reads the files of a tree, as they would be written and compared here.
    pub(super) fn side(&self, tree: &Tree<'_>) -> Result<Side> {
        Side::of(self.repository, tree, &self.settings, &self.work)
    }

    /// Returns the place of a path.
    pub(super) fn at(&self, path: &Path) -> PathBuf {
        self.git.workdir.join(path)
    }

    /// Returns the state of a path that may not exist; a file on the way to it means that it does not.
    pub(super) fn looks(&self, path: &Path) -> Result<Option<Metadata>> {
        match fs::symlink_metadata(self.at(path)) {
            Ok(looks) => Ok(Some(looks)),
            Err(error) if [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory].contains(&error.kind()) => Ok(None),
            Err(error) => Err(error).context(format!("cannot look at `{}`", path.display())),
        }
    }

    /// Returns those of `paths` that are not as `side` has them.
    pub(super) fn differing(&self, paths: &BTreeSet<PathBuf>, side: &Side) -> Result<BTreeSet<PathBuf>> {
        let mut found = BTreeSet::new();
        for path in paths {
            if !self.is_as(path, side)? {
                found.insert(path.clone());
            }
        }
        Ok(found)
    }

    /// Returns whether what is at a path is what `side` has there. A folder counts as nothing, and so does the inside
    /// of a submodule.
    pub(super) fn is_as(&self, path: &Path, side: &Side) -> Result<bool> {
        let looks = self.looks(path)?;
        let Some((kind, id)) = side.get(path) else {
            return Ok(looks.is_none_or(|looks| looks.is_dir()));
        };
        let Some(looks) = looks else {
            return Ok(false);
        };
        let failed = || format!("cannot read `{}`", path.display());
        match kind {
            EntryKind::Submodule => Ok(looks.is_dir()),
            EntryKind::Link if looks.is_symlink() => {
                let target = fs::read_link(self.at(path)).context(failed())?;
                Ok(hashed(&target.into_os_string().into_vec())? == id)
            }
            EntryKind::Link => Ok(!self.settings.symlinks
                && looks.is_file()
                && hashed(&fs::read(self.at(path)).context(failed())?)? == id),
            _ if !looks.is_file() || !self.mode_fits(kind, &looks) => Ok(false),
            _ => {
                let content = fs::read(self.at(path)).context(failed())?;
                self.is_stored_as(path, &content, side, id)
            }
        }
    }

    /// Returns whether a file may be executed if it is to be, where the file system knows.
    fn mode_fits(&self, kind: EntryKind, looks: &Metadata) -> bool {
        let executable = looks.permissions().mode() & 0o100 != 0;
        !self.settings.file_mode || executable == (kind == EntryKind::Executable)
    }

    /// Returns whether git would store a content as this object.
    fn is_stored_as(&self, path: &Path, content: &[u8], side: &Side, id: Oid) -> Result<bool> {
        if hashed(content)? == id {
            return Ok(true);
        }
        let conversion = self.conversion(path, side);
        if conversion.is_none() {
            return Ok(false);
        }
        let stored = self.repository.find_blob(id);
        let stored = stored.context(format!("cannot read what is stored of `{}`", path.display()))?;
        match conversion.store(content, Some(stored.content())) {
            Some(converted) => Ok(hashed(&converted)? == id),
            None => Ok(false),
        }
    }

    fn conversion(&self, path: &Path, side: &Side) -> Conversion {
        Conversion::of(&side.attributes.of(bytes::of_path(path), &self.work), &self.settings)
    }

    /// Returns the rule that took more work than any honest one, if there is one: results found with it are not
    /// reliable.
    pub(super) fn too_much_work(&self) -> Option<String> {
        self.work.exceeded().map(|exceeded| exceeded.reason())
    }

    /// Fails when a rule took more work than any honest one.
    pub(super) fn within_budget(&self) -> Result<()> {
        match self.too_much_work() {
            None => Ok(()),
            Some(why) => Err(Error::new(ErrorKind::Precondition, why).hint(SIMPLER)),
        }
    }

    /// Returns what is to be written to bring some paths to what `side` has there.
    pub(super) fn plan<'paths>(&self, paths: &'paths BTreeSet<PathBuf>, side: &Side) -> Vec<Planned<'paths>> {
        let planned = |path: &'paths PathBuf| (path.as_path(), side.get(path), self.conversion(path, side));
        paths.iter().map(planned).collect()
    }

    /// Does what was planned. Each file is replaced whole, so that a kill leaves the old one or the new one.
    pub(super) fn bring(&self, plan: &[Planned<'_>]) -> Result<()> {
        self.remove_unplaced();
        for (path, ..) in plan.iter().rev().filter(|(_, new, _)| new.is_none()) {
            self.remove(path)
                .context(format!("cannot remove `{}`", path.display()))?;
        }
        for (path, new, conversion) in plan {
            if let Some(file) = new {
                self.place(path, *file, *conversion)?;
            }
        }
        Ok(())
    }

    /// Returns how paths look that are as `side` has them; `None` for those that are gone.
    pub(super) fn all_as(&self, paths: &BTreeSet<PathBuf>, side: &Side) -> Result<Vec<Arrived>> {
        let look = |path: &PathBuf| {
            let Some(file) = side.get(path) else {
                return Ok((path.clone(), None));
            };
            let looks = self.looks(path)?.ok_or_else(|| {
                let what = format!("`{}` was removed while the checkout was moved", path.display());
                Error::new(ErrorKind::Precondition, what).hint("run the command again")
            })?;
            Ok((path.clone(), Some((file, looks))))
        };
        paths.iter().map(look).collect()
    }

    /// Writes one file, link, or folder of a submodule.
    fn place(&self, path: &Path, (kind, id): File, conversion: Conversion) -> Result<()> {
        let failed = || format!("cannot write `{}`", path.display());
        let place = self.at(path);
        fs::create_dir_all(place.parent().unwrap_or(&self.git.workdir)).context(failed())?;
        if kind == EntryKind::Submodule {
            return fs::create_dir_all(&place).context(failed());
        }
        let blob = self.repository.find_blob(id).context(failed())?;
        // Only an empty one can be removed: what is in it was looked at before.
        if fs::symlink_metadata(&place).is_ok_and(|looks| looks.is_dir()) {
            remove_empty(&place).context(failed())?;
        }
        if kind == EntryKind::Link && self.settings.symlinks {
            return self.place_link(&place, blob.content()).context(failed());
        }
        let converted = match kind {
            EntryKind::Link => None,
            _ => conversion.check_out(blob.content(), id),
        };
        let mode = if kind == EntryKind::Executable { 0o777 } else { 0o666 };
        self.place_file(&place, converted.as_deref().unwrap_or(blob.content()), mode)
            .context(failed())
    }

    fn place_file(&self, place: &Path, content: &[u8], mode: u32) -> io::Result<()> {
        // The file system takes away what the person's umask prescribes.
        let permissions = Permissions::from_mode(mode);
        let write = |folder: &Path| {
            let mut file = tempfile::Builder::new()
                .prefix(UNPLACED)
                .permissions(permissions.clone())
                .tempfile_in(folder)?;
            file.write_all(content)?;
            file.persist(place).map(drop).map_err(|error| error.error)
        };
        match write(&self.git.own_dir) {
            // The git folder is on another file system.
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => write(place.parent().unwrap_or(place)),
            other => other,
        }
    }

    fn place_link(&self, place: &Path, target: &[u8]) -> io::Result<()> {
        let target = bytes::to_path(target);
        let made = tempfile::Builder::new()
            .prefix(UNPLACED)
            .make_in(place.parent().unwrap_or(&self.git.workdir), |path| {
                symlink(&target, path)
            })?;
        made.into_temp_path().persist(place).map_err(|error| error.error)
    }

    /// Removes a file, and the folders that contained nothing else; a submodule's folder only when it is empty.
    fn remove(&self, path: &Path) -> io::Result<()> {
        let place = self.at(path);
        let gone = [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory];
        match fs::symlink_metadata(&place) {
            // Files in it are not what is to go.
            Ok(looks) if looks.is_dir() => drop(fs::remove_dir(&place)),
            Ok(_) => fs::remove_file(&place)?,
            Err(error) if gone.contains(&error.kind()) => {}
            Err(error) => return Err(error),
        }
        for folder in path.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty()) {
            // One that holds something else, or is gone already, stays as it is.
            if fs::remove_dir(self.at(folder)).is_err() {
                break;
            }
        }
        Ok(())
    }

    /// Removes files that a killed process had written and not put into their place.
    fn remove_unplaced(&self) {
        let entries = fs::read_dir(&self.git.own_dir).into_iter().flatten().flatten();
        for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(UNPLACED)) {
            if let Err(error) = fs::remove_file(entry.path()) {
                tracing::warn!(file = %entry.path().display(), %error, "cannot remove what a checkout left");
            }
        }
    }
}

/// Removes a folder that has nothing but folders in it.
fn remove_empty(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        remove_empty(&entry?.path())?;
    }
    fs::remove_dir(folder)
}

/// Returns the id that a content has in the store.
fn hashed(content: &[u8]) -> Result<Oid> {
    Oid::hash_object(ObjectType::Blob, content).context("cannot hash a file")
}
