//! A slot made a layer over a shared checkout.

use std::io;

use git2::{Oid, Repository};

use super::checkout;
use super::difference::Difference;
use super::expected::ExpectedFile;
use super::folder::{Cursor, Folder, Owner};
use super::layer::make_folder;
use super::marker;
use super::marks;
use super::over::{Over, OverFolders};
use super::slot::Slot;
use super::times::{self, SOURCE_TIME, Times};
use super::view::{self, View};
use super::write::{write_one, write_pointer};
use crate::base::crash::crash_point;
use crate::base::error::{Context as _, Result};
use crate::git::bytes;
use crate::git::rules::Settings;
use crate::git::tree::peel;

impl Slot {
    /// Makes the slot a layer over a shared checkout, in which a container sees exactly the commit's tree; returns whether it is
    /// one now. It is not one where the tree has few files, and where this process may not read what the kernel writes into a
    /// layer. New files are given to `owner_ids` (user, group).
    ///
    /// # Errors
    ///
    /// Where the checkout or the layer cannot be made.
    pub fn restore_over(&mut self, commit: Oid, owner_ids: Option<(u32, u32)>) -> Result<bool> {
        self.restore_over_for(commit, owner_ids, None)
    }

    /// Does what [`Slot::restore_over`] does, and gives files the times that fit what was built from another tree. The slot is not a
    /// layer where those of the checkout do not.
    pub(crate) fn restore_over_for(
        &mut self,
        commit: Oid,
        owner_ids: Option<(u32, u32)>,
        times: Option<&Times>,
    ) -> Result<bool> {
        let git = self.git.clone();
        let repository = git.borrow()?;
        let settings = Settings::of(&git, &repository)?;
        let tree = peel(&repository, commit)?.id();
        let is_plain = settings.file_mode && settings.symlinks && times.is_none_or(|times| times.source == SOURCE_TIME);
        if !is_plain || !self.checkouts.are_worth(&repository, tree)? {
            return Ok(false);
        }
        // What was built of other files must look older than they do.
        let built = match times {
            Some(times) => Difference::between(&repository, times.tree, tree, checkout::MOST_DIFFERENCES)?,
            None => Some(Difference::default()),
        };
        let Some(built) = built else { return Ok(false) };
        // From here on it needs no checkout that it was above before.
        self.stand_alone()?;
        let needed = || self.upper.needed(&self.plain);
        let (held, difference) = self.checkouts.near(&repository, (tree, owner_ids), &needed)?;
        git.hold_in_worktree(commit, || self.registration.point_at(commit))?;
        make_folder(&self.upper.folder, owner_ids)?;
        make_folder(&self.upper.work, owner_ids)?;
        let failed = || format!("cannot lay out the slot `{}`", self.upper.folder.display());
        let root = Folder::open_slot(&self.upper.folder).context(failed())?;
        if !marks::note(&root) {
            return Ok(false);
        }
        write_pointer(&root, &self.registration, owner_ids).context(failed())?;
        let laying = Laying {
            repository: &repository,
            root: &root,
            owner: owner_ids,
            times,
        };
        laying.lay(&difference, &built).context(failed())?;
        let ids = owner_ids.map_or_else(String::new, |(user, group)| format!(" {user} {group}"));
        marker::write(&self.upper.record, &format!("{}{ids}\n", held.tree))?;
        crash_point!("slot.layered");
        self.over = Some(Over {
            tree: held.tree,
            owner: owner_ids,
            held: Some(held),
        });
        self.path.clone_from(&self.upper.folder);
        Ok(true)
    }

    /// Has the slot be its own folder.
    pub(super) fn stand_alone(&mut self) -> Result<()> {
        view::unmount(&self.upper.view)?;
        marker::remove(&self.upper.record)?;
        self.over = None;
        self.path.clone_from(&self.plain);
        Ok(())
    }

    /// Returns whether the slot is a layer over a shared checkout.
    pub fn is_over(&self) -> bool {
        self.over.is_some()
    }

    /// Returns what a container sees as one, if the slot is a layer over a checkout; that is made again where it is gone.
    ///
    /// # Errors
    ///
    /// Where the checkout cannot be read or made.
    pub fn over_folders(&mut self) -> Result<Option<OverFolders>> {
        let Some(over) = &mut self.over else { return Ok(None) };
        if over.held.is_none() {
            let repository = self.git.borrow()?;
            over.held = Some(self.checkouts.of(&repository, over.tree, over.owner)?);
        }
        if !self.upper.work.is_dir() {
            make_folder(&self.upper.work, over.owner)?;
        }
        Ok(over.held.as_ref().map(|held| OverFolders {
            lower: held.files(),
            upper: self.upper.folder.clone(),
            work: self.upper.work.clone(),
        }))
    }

    /// Returns what a container that only reads sees as one, if the slot is a layer over a checkout; that is made again where it
    /// is gone.
    ///
    /// # Errors
    ///
    /// Those of [`Slot::over_folders`].
    pub fn view(&mut self) -> Result<Option<View>> {
        let folders = self.over_folders()?;
        Ok(folders.map(|folders| View::of([folders.upper, folders.lower], self.upper.view.clone())))
    }
}

/// What is laid into an empty layer.
struct Laying<'a> {
    repository: &'a Repository,
    root: &'a Folder,
    owner: Owner,
    times: Option<&'a Times>,
}

impl Laying<'_> {
    /// Writes what differs from the checkout, and what differs from what was built, which must look younger.
    fn lay(&self, difference: &Difference, built: &Difference) -> Result<()> {
        let mut cursor = Cursor::new(self.root);
        for path in &difference.gone {
            let (parent, name) = bytes::split_last(path);
            let gone = cursor.at(parent, |folder, part| folder.make_folder(part, self.owner));
            let gone = gone.and_then(|folder| marks::make_whiteout(folder, name));
            gone.context(format!("cannot leave out `{}`", bytes::to_path(path).display()))?;
        }
        let only_built = built.written.iter();
        let only_built = only_built.filter(|(path, _)| !difference.written.contains_key(*path));
        for (path, file) in difference.written.iter().chain(only_built) {
            let is_as_built = !built.written.contains_key(path);
            let written = self.write(&mut cursor, (path, file), is_as_built);
            written.context(format!("cannot write `{}`", bytes::to_path(path).display()))?;
        }
        Ok(())
    }

    fn write(
        &self,
        cursor: &mut Cursor<'_>,
        (path, file): (&[u8], &ExpectedFile),
        is_as_built: bool,
    ) -> io::Result<()> {
        let (parent, name) = bytes::split_last(path);
        let folder = cursor.at(parent, |folder, part| folder.make_folder(part, self.owner))?;
        let Some(stat) = write_one((self.repository, true), (folder, name), file, self.owner)? else {
            // Whatever the checkout has there is not seen.
            return folder.enter(name).and_then(|made| marks::make_opaque(&made));
        };
        // As in the checkout: so looks what git's index has of it.
        let wanted = match self.times {
            Some(times) => times.wanted(&stat, is_as_built),
            None => Some(times::source_time()),
        };
        folder.set_time(name, &stat, wanted).map(drop)
    }
}
