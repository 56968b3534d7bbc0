//! The worktree pool: folders below `<state_dir>/slots`, each a linked worktree that the person's `git worktree list`
//! shows, reused from task to task.
//!
//! Beside a slot `N/` stand `N.lock`, held while somebody uses it, and `N.dirty`, which records what for. An agent
//! writes the slot's files; everything that is trusted about a slot (its index, its HEAD) is in the common directory.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::history::{Histories, HistoryDepth};
use super::tree::peel;
use super::{Git, Oid, is_at};
use crate::base::crash::crash_point;
use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::base::fs::own_folder;
use crate::base::interruption::Leftovers;

mod bare;
mod bring;
mod checkout;
mod collect;
mod content;
mod difference;
mod disarm;
mod expected;
mod folder;
mod fsck;
mod ignored;
mod index;
mod layer;
mod layered;
mod limits;
mod lock;
mod marker;
mod marks;
mod mounted;
mod over;
mod persons;
mod private;
mod raw_index;
mod registration;
mod restore;
mod scan;
mod screen;
mod session;
mod slot;
mod snapshot;
mod times;
mod unseen;
mod upper;
mod view;
mod write;

use checkout::Checkouts;
pub(crate) use collect::{FoundFile, Globs, SeenFolder, find, read};
pub(crate) use layer::{copy_tree, fingerprint, make_folder, remove_folder, settle};
pub use limits::SnapshotLimits;
use lock::Lock;
pub(crate) use mounted::nameless_bytes;
pub use over::OverFolders;
use over::UpperPlaces;
pub use private::{PrivateMount, PrivateRepository};
use slot::Places;
pub use slot::Slot;
pub use snapshot::Snapshot;
pub(crate) use times::{SOURCE_TIME, Times};
pub use view::{MountedView, View};

/// How long a slot is waited for that somebody may only be looking at.
const LONGEST_LOOK: Duration = Duration::from_secs(2);
/// How long to wait before it is tried again.
const BETWEEN_TRIES: Duration = Duration::from_millis(5);
/// Slots are looked for up to this number.
const MOST_SLOTS: u32 = 10_000;

/// The worktree pool of a repository.
#[derive(Clone, Debug)]
pub struct SlotPool {
    git: Git,
    histories: Histories,
    checkouts: Checkouts,
    folder: PathBuf,
    uppers: PathBuf,
    private: PathBuf,
    sessions: PathBuf,
    gateways: PathBuf,
    tops: PathBuf,
    leftovers: Leftovers,
}

/// A slot that a run left behind: dead, or let down by its engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leftover {
    /// The slot's number.
    pub number: u32,
    /// What it was acquired for.
    pub owner: String,
    /// A process of a container that still has it: on another engine than the one last asked, or one that could not be
    /// ended. While there is one, the slot is nobody's.
    pub holder: Option<u32>,
}

/// What [`SlotPool::remove_all`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SlotRemoval {
    /// Slots that are gone.
    pub removed: Vec<u32>,
    /// Slots that somebody holds.
    pub busy: Vec<u32>,
    /// Slots of a dead run, which may hold work: adopt and release them first.
    pub leftover: Vec<u32>,
}

/// Who has a slot.
enum Claim {
    /// This pool, from now on, until the file is closed.
    Ours(Lock),
    /// Somebody else.
    Busy,
}

impl SlotPool {
    /// Builds the pool below a state folder.
    pub fn new(git: Git, state_dir: &Path) -> Self {
        Self {
            histories: Histories::new(git.clone(), state_dir.join("history"), HistoryDepth::Full),
            checkouts: Checkouts::new(git.clone(), state_dir.join("checkouts")),
            git,
            folder: state_dir.join("slots"),
            uppers: state_dir.join("uppers"),
            private: state_dir.join("private"),
            sessions: state_dir.join("sessions"),
            gateways: state_dir.join("gateways"),
            tops: state_dir.join("tops"),
            leftovers: Leftovers::default(),
        }
    }

    /// Notes there the slots that are held, as long as they are.
    #[must_use]
    pub fn telling(mut self, leftovers: Leftovers) -> Self {
        self.leftovers = leftovers;
        self
    }

    /// Has agents read so much of git's history; all of it, unless this says otherwise.
    #[must_use]
    pub fn with_history(self, depth: HistoryDepth) -> Self {
        Self {
            histories: self.histories.with_depth(depth),
            ..self
        }
    }

    /// Has slots share checkouts of trees that have more than so many files; thousands, unless this says otherwise.
    #[must_use]
    pub fn sharing_more_than(self, files: usize) -> Self {
        Self {
            checkouts: self.checkouts.of_more_than(files),
            ..self
        }
    }

    /// Returns what agents can read of git's history.
    pub(crate) fn histories(&self) -> &Histories {
        &self.histories
    }

    /// Takes the first free slot and notes durably what it is for. Slots that a dead run left are not free.
    pub fn acquire(&self, owner: &str) -> Result<Slot> {
        own_folder(&self.folder)?;
        for number in 1..=MOST_SLOTS {
            let Claim::Ours(lock) = self.claim(number)? else {
                continue;
            };
            if marker::read(&self.marker(number))?.is_some() {
                continue;
            }
            let slot = self.slot(number, lock)?;
            marker::write(&self.marker(number), owner)?;
            crash_point!("slot.marked");
            return Ok(slot);
        }
        Err(Error::new(ErrorKind::Unexpected, "all slots are in use"))
    }

    /// Returns the slots that runs left: marked as in use, and no process of ours holds them.
    pub fn leftovers(&self) -> Result<Vec<Leftover>> {
        let mut found = Vec::new();
        for number in self.listed()? {
            let marker = self.marker(number);
            if marker::read(&marker)?.is_none() && !marker::is_unfinished(&marker) {
                continue;
            }
            let Claim::Ours(_lock) = self.look(number)? else {
                continue;
            };
            // Only who has the slot writes its marker, and may have given it back before it was locked.
            marker::remove_unfinished(&marker)?;
            if let Some(owner) = marker::read(&marker)? {
                let holder = mounted::holder(&self.folder.join(number.to_string()));
                let holder = holder.or_else(|| mounted::holder(&self.upper(number).folder));
                found.push(Leftover { number, owner, holder });
            }
        }
        Ok(found)
    }

    /// Takes a slot that a dead run left, as it is. Whoever only looks at slots has it for a moment, which is waited for.
    ///
    /// Fails with [`ErrorKind::Locked`] when somebody holds it.
    pub fn adopt(&self, number: u32) -> Result<Slot> {
        let begun = Instant::now();
        loop {
            match self.claim(number)? {
                Claim::Ours(lock) => return self.slot(number, lock),
                Claim::Busy if begun.elapsed() < LONGEST_LOOK => std::thread::sleep(BETWEEN_TRIES),
                Claim::Busy => return Err(Error::new(ErrorKind::Locked, format!("slot {number} is in use"))),
            }
        }
    }

    /// Returns the numbers of all slots there are, ordered.
    pub fn listed(&self) -> Result<Vec<u32>> {
        let failed = || format!("cannot list the slots in `{}`", self.folder.display());
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error).context(failed()),
        };
        let mut numbers = Vec::new();
        for entry in entries {
            let name = entry.context(failed())?.file_name();
            let number = name.to_str().and_then(|name| name.split('.').next());
            numbers.extend(number.and_then(|number| number.parse::<u32>().ok()));
        }
        numbers.sort_unstable();
        numbers.dedup();
        Ok(numbers)
    }

    /// Removes every slot that nobody holds and no dead run left, with its registration, and those that a moved or
    /// copied repository brought along. Links are not followed.
    pub fn remove_all(&self) -> Result<SlotRemoval> {
        let mut removal = SlotRemoval::default();
        self.forget_strays()?;
        for number in self.listed()? {
            match self.claim(number)? {
                Claim::Busy => removal.busy.push(number),
                Claim::Ours(_) if marker::read(&self.marker(number))?.is_some() => removal.leftover.push(number),
                Claim::Ours(lock) => {
                    self.remove(number, lock)?;
                    removal.removed.push(number);
                }
            }
        }
        Ok(removal)
    }

    /// Returns the slots that nobody holds and in which there is no work, ordered.
    ///
    /// # Errors
    ///
    /// Where the folder of slots, or a lock or marker in it, cannot be read.
    pub fn free(&self) -> Result<Vec<u32>> {
        let mut free = Vec::new();
        for number in self.listed()? {
            if marker::read(&self.marker(number))?.is_none()
                && let Claim::Ours(_) = self.look(number)?
            {
                free.push(number);
            }
        }
        Ok(free)
    }

    /// Removes a slot, unless somebody holds it or there may be work in it. Returns whether it is gone.
    ///
    /// # Errors
    ///
    /// Where it cannot be removed; a later call removes the rest.
    pub fn remove_free(&self, number: u32) -> Result<bool> {
        let Claim::Ours(lock) = self.claim(number)? else {
            return Ok(false);
        };
        if marker::read(&self.marker(number))?.is_some() {
            return Ok(false);
        }
        self.remove(number, lock)?;
        Ok(true)
    }

    /// Returns the folders of a slot: its worktree, its layer over a shared checkout, its private repository, its session, its
    /// gateway, and what it wrote into prepared folders.
    pub fn folders(&self, number: u32) -> [PathBuf; 6] {
        [
            self.folder.join(number.to_string()),
            self.upper(number).folder,
            self.private_folder(number),
            self.session_folder(number),
            self.gateway_folder(number),
            self.tops_folder(number),
        ]
    }

    /// Returns the folders of the checkouts that no slot with work in it is above, but for the newest one: the next task needs it.
    ///
    /// # Errors
    ///
    /// Where they, or what slots are above, cannot be read.
    pub fn unused_checkouts(&self) -> Result<Vec<PathBuf>> {
        let needed = over::needed(&self.uppers, &self.folder)?;
        let mut folders = self.checkouts.folders()?;
        folders.drain(..folders.len().min(1));
        folders.retain(|folder| !needed.iter().any(|name| folder.ends_with(name)));
        Ok(folders)
    }

    /// Removes the checkouts that nobody uses and no slot with work in it is above, but for the newest `kept`, and what a killed
    /// process left of others.
    ///
    /// # Errors
    ///
    /// Where one cannot be removed; a later call removes the rest.
    pub fn clear_checkouts(&self, kept: usize) -> Result<()> {
        let mut needed = over::needed(&self.uppers, &self.folder)?;
        let newest = self.checkouts.folders()?.into_iter().take(kept);
        needed.extend(newest.filter_map(|folder| Some(folder.file_name()?.to_str()?.to_owned())));
        self.checkouts.clear(&needed)
    }

    /// Makes what the next slot at a commit would have to wait for, if it is to be a layer over a checkout that is there.
    ///
    /// # Errors
    ///
    /// Where the commit cannot be read, or something cannot be written.
    pub(crate) fn make_ready(&self, commit: Oid, owner_ids: Option<(u32, u32)>) -> Result<()> {
        let repository = self.git.borrow()?;
        let tree = peel(&repository, commit)?.id();
        self.checkouts.make_index(&repository, tree, owner_ids)
    }

    /// Removes the registrations of slots that are gone, or another repository's, and returns how many.
    pub fn forget_strays(&self) -> Result<usize> {
        registration::Registration::remove_strays(&self.git)
    }

    /// Returns where the private repository of a slot is to be made: an agent can lock it for others, and it goes with
    /// the slot.
    pub fn private_folder(&self, number: u32) -> PathBuf {
        self.private.join(number.to_string())
    }

    /// Returns where the client's session of a slot is kept: an agent writes it, nobody here reads it, and it goes with
    /// the slot.
    pub fn session_folder(&self, number: u32) -> PathBuf {
        self.sessions.join(number.to_string())
    }

    /// Returns where the gateway of a slot's container is to make its socket: only the host writes it, and it goes with
    /// the slot.
    pub fn gateway_folder(&self, number: u32) -> PathBuf {
        self.gateways.join(number.to_string())
    }

    /// Returns where what a slot's containers write into prepared folders is kept: it goes with the slot's session.
    pub fn tops_folder(&self, number: u32) -> PathBuf {
        self.tops.join(number.to_string())
    }

    /// Removes one slot; its lock file goes last, so that a half-removed slot is found again.
    fn remove(&self, number: u32, lock: Lock) -> Result<()> {
        for own in [
            self.private_folder(number),
            self.session_folder(number),
            self.gateway_folder(number),
            self.tops_folder(number),
        ] {
            folder::remove_if_there(&own)?;
        }
        self.upper(number).remove()?;
        let path = self.folder.join(number.to_string());
        folder::remove_path(&path)?;
        registration::Registration::of(&self.git, number, &path).remove()?;
        let lock_path = self.lock(number);
        fs::remove_file(&lock_path).context(format!("cannot remove `{}`", lock_path.display()))?;
        drop(lock);
        Ok(())
    }

    /// Tries to lock a slot.
    fn claim(&self, number: u32) -> Result<Claim> {
        self.lock_by(number, File::try_lock)
    }

    /// Sees whether nobody has a slot, and keeps everybody from taking it until the lock is dropped. Several can look at the
    /// same time: none of them takes another one for its user.
    fn look(&self, number: u32) -> Result<Claim> {
        self.lock_by(number, File::try_lock_shared)
    }

    /// Tries to lock a slot in one of these ways. A lock file that was removed meanwhile is made anew.
    fn lock_by(&self, number: u32, lock: fn(&File) -> Result<(), TryLockError>) -> Result<Claim> {
        let path = self.lock(number);
        let failed = || format!("cannot lock `{}`", path.display());
        loop {
            let file = File::options()
                .create(true)
                .truncate(false)
                .write(true)
                .open(&path)
                .context(failed())?;
            match lock(&file) {
                Ok(()) if is_at(&file, &path).context(failed())? => return Ok(Claim::Ours(Lock(file))),
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(Claim::Busy),
                Err(TryLockError::Error(error)) => return Err(error).context(failed()),
            }
        }
    }

    fn slot(&self, number: u32, lock: Lock) -> Result<Slot> {
        let path = self.folder.join(number.to_string());
        own_folder(&self.folder)?;
        folder::ensure(&path).context(format!("cannot make the slot `{}`", path.display()))?;
        let path = path
            .canonicalize()
            .context(format!("cannot find the slot `{}`", path.display()))?;
        let left = self.leftovers.note(format!("the worktree `{}`", path.display()));
        let upper = self.upper(number);
        let places = Places {
            path,
            over: upper.read()?,
            upper,
            beside: [self.private_folder(number), self.session_folder(number)],
            tops: self.tops_folder(number),
            marker: self.marker(number),
        };
        let shared = (self.histories.clone(), self.checkouts.clone());
        Ok(Slot::new(shared, number, places, (lock, left)))
    }

    fn lock(&self, number: u32) -> PathBuf {
        self.folder.join(format!("{number}.lock"))
    }

    fn marker(&self, number: u32) -> PathBuf {
        marker::of(&self.folder, number)
    }

    fn upper(&self, number: u32) -> UpperPlaces {
        UpperPlaces::of(&self.uppers, number)
    }
}
