//! One slot, held: a folder that an agent writes and that nobody else uses meanwhile.

use std::fs::File;
use std::path::{Path, PathBuf};

use git2::Oid;

use super::checkout::Checkouts;
use super::lock::Lock;
use super::over::{Over, UpperPlaces};
use super::private::{self, IndexOf, PrivateRepository};
use super::registration::Registration;
use super::unseen;
use super::{disarm, folder, marker, session, view};
use crate::base::crash::crash_point;
use crate::base::error::{Context as _, Result};
use crate::base::interruption::LeftoverGuard;
use crate::git::Git;
use crate::git::history::Histories;

/// A slot that this process holds. Dropped without [`Slot::release`], it becomes a [`super::Leftover`].
#[derive(Debug)]
pub struct Slot {
    pub(super) git: Git,
    /// What its agent writes: its own folder, or its layer over a shared checkout.
    pub(super) path: PathBuf,
    /// Its own folder.
    pub(super) plain: PathBuf,
    /// Where its layer is.
    pub(super) upper: UpperPlaces,
    /// What the layer is above, while it is used.
    pub(super) over: Option<Over>,
    pub(super) checkouts: Checkouts,
    pub(super) registration: Registration,
    /// What its agent can read of git's history.
    histories: Histories,
    number: u32,
    /// What else its agent can write: the private repository and the session.
    beside: [PathBuf; 2],
    /// Where what its containers write into prepared folders is.
    tops: PathBuf,
    /// Folders that are mounted over in its containers.
    pub(super) mount_points: Vec<Vec<u8>>,
    marker: PathBuf,
    /// Locked, and reported as left behind, as long as it is open.
    _held: (Lock, LeftoverGuard),
}

/// Where a slot lies.
pub(super) struct Places {
    pub(super) path: PathBuf,
    /// Its layer over a checkout.
    pub(super) upper: UpperPlaces,
    /// What that is above, if it is used.
    pub(super) over: Option<Over>,
    /// The private repository and the session.
    pub(super) beside: [PathBuf; 2],
    pub(super) tops: PathBuf,
    pub(super) marker: PathBuf,
}

impl Slot {
    pub(super) fn new(
        (histories, checkouts): (Histories, Checkouts),
        number: u32,
        places: Places,
        held: (Lock, LeftoverGuard),
    ) -> Self {
        let git = histories.git().clone();
        let Places {
            path,
            upper,
            over,
            beside,
            tops,
            marker,
        } = places;
        Self {
            registration: Registration::of(&git, number, &path),
            git,
            histories,
            checkouts,
            path: if over.is_some() {
                upper.folder.clone()
            } else {
                path.clone()
            },
            plain: path,
            upper,
            over,
            number,
            beside,
            tops,
            mount_points: Vec::new(),
            marker,
            _held: held,
        }
    }

    /// Returns the folder that the agent works in; with a shared checkout, the one that has what differs from that.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the slot's number.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Notes durably what the slot is for from now on, for instance once the base commit is known.
    pub fn mark(&self, owner: &str) -> Result<()> {
        marker::write(&self.marker, owner)
    }

    /// Returns when all that is in the slot is on the disk, whoever wrote it.
    pub(crate) fn sync(&self) -> Result<()> {
        let synced = File::open(&self.path).and_then(|folder| Ok(rustix::fs::syncfs(&folder)?));
        synced.context(format!("cannot write the slot `{}` to the disk", self.path.display()))
    }

    /// Makes the repository that git uses in the container, in the folder `dir` of the caller's, which is made anew.
    /// HEAD is `branch` (a short name) at `commit`, which the slot was restored to. Where that is not on the branch, it is a
    /// commit with the same tree and one parent, the nearest one on the branch: nothing but the branch's history can be read.
    pub fn private_repository(
        &self,
        dir: &Path,
        branch: &str,
        commit: Oid,
        owner_ids: Option<(u32, u32)>,
    ) -> Result<PrivateRepository> {
        let head = private::Head {
            branch,
            commit,
            owner: owner_ids,
        };
        let Some(over) = &self.over else {
            let index = IndexOf::File(self.registration.index());
            return private::make(&self.git, &self.histories, Some(&index), dir, head);
        };
        let put = |place: &Path| over.put_index(&self.git, &self.checkouts, commit, place);
        private::make(&self.git, &self.histories, Some(&IndexOf::Put(&put)), dir, head)
    }

    /// Returns the repository that an earlier call of this slot's had, as that left it; `None` where there is none.
    ///
    /// # Errors
    ///
    /// Where the history that it borrows from cannot be read or made.
    pub fn private_repository_again(&self, dir: &Path) -> Result<Option<PrivateRepository>> {
        private::again(&self.histories, dir)
    }

    /// Reads a file of the slot, `path` from its root, at most `most` bytes; `None` where there is nothing. Links are
    /// not followed: one in the way is an error, and so is whatever is not a regular file.
    pub fn read_file(&self, path: &Path, most: u64) -> Result<Option<Vec<u8>>> {
        let failed = || format!("cannot read `{}` of slot {}", path.display(), self.number);
        match &self.over {
            None => folder::read_below(&self.path, path, most).context(failed()),
            Some(over) => unseen::read_through(&self.git, &self.path, over.tree, (path, most)).context(failed()),
        }
    }

    /// Makes the folder that keeps the client's session, empty, whatever was there.
    pub fn make_session_folder(&self, folder: &Path, owner_ids: Option<(u32, u32)>) -> Result<()> {
        session::make(folder, owner_ids)
    }

    /// Gives the slot back with nothing in it.
    ///
    /// # Errors
    ///
    /// Where something cannot be removed.
    pub(crate) fn release_empty(self) -> Result<()> {
        for place in &self.beside {
            folder::remove_if_there(place)?;
        }
        let failed = || format!("cannot empty the slot `{}`", self.path.display());
        let root = folder::Folder::open_slot(&self.path).context(failed())?;
        for name in root.names().context(failed())? {
            root.remove(&name).context(failed())?;
        }
        self.release()
    }

    /// Gives the slot back: whatever is in it may be overwritten from now on, and no file in it gives anybody who runs
    /// it or comes by it a right that a new file would not.
    pub fn release(self) -> Result<()> {
        view::unmount(&self.upper.view)?;
        folder::remove_if_there(&self.tops)?;
        for place in self.beside.iter().chain([&self.path]) {
            disarm::disarm(place)?;
        }
        marker::remove(&self.marker)?;
        crash_point!("slot.released");
        Ok(())
    }
}
