//! What the containers of a slot find: its worktree, and what is beside that.

use std::path::PathBuf;

use crate::base::error::Result;
use crate::git::{MountedView, PrivateRepository, Slot, View};
use crate::run::disk::DiskUse;
use crate::run::tops::PreparedMounts;
use crate::sandbox::engine::LayeredMount;
use crate::sandbox::spec::WORKSPACE;

/// What a container finds beside its slot.
pub(crate) struct SlotMounts {
    /// The repository that git uses in the container.
    pub(crate) private: PrivateRepository,
    /// The folder of the host that keeps the client's session.
    pub(crate) session: PathBuf,
    /// The folder of the host that gateways make their sockets in.
    pub(crate) gateway: PathBuf,
    /// What was prepared for its commit; `None` where nothing was.
    pub(crate) prepared: Option<Prepared>,
    /// What its containers have written.
    pub(crate) written: DiskUse,
    /// Its worktree, where that is a layer over a shared checkout.
    pub(crate) over: Option<OverMount>,
}

/// A worktree that is a layer over a shared checkout.
pub(crate) enum OverMount {
    /// The engine lays one under the other, and what is written gets into the layer.
    Written(LayeredMount),
    /// Both are mounted on the host while a container begins, and can only be read.
    Read(View),
}

/// Prepared dependencies, as a container of a slot sees them.
pub(crate) enum Prepared {
    /// A layer.
    Layer(PreparedMounts),
    /// They are being prepared: the folder of the host that gets the caches.
    Building(PathBuf),
}

impl SlotMounts {
    /// Returns the layer, if there is one.
    pub(crate) fn layer(&self) -> Option<&PreparedMounts> {
        match &self.prepared {
            Some(Prepared::Layer(mounts)) => Some(mounts),
            Some(Prepared::Building(_)) | None => None,
        }
    }

    /// Mounts on the host what a container that is about to begin gets from there; it is needed until that has begun.
    ///
    /// # Errors
    ///
    /// Those of [`View::mount`].
    pub(crate) fn mount(&self) -> Result<Option<MountedView>> {
        match &self.over {
            Some(OverMount::Read(view)) => view.mount().map(Some),
            Some(OverMount::Written(_)) | None => Ok(None),
        }
    }

    /// Returns what containers of the slot can write to beside its worktree: all but what a person has mounted.
    pub(crate) fn writable(&self) -> Vec<PathBuf> {
        let prepared = match &self.prepared {
            Some(Prepared::Layer(mounts)) => Some(mounts.tops().to_owned()),
            Some(Prepared::Building(cache)) => Some(cache.clone()),
            None => None,
        };
        [self.private.git_dir.clone(), self.session.clone()]
            .into_iter()
            .chain(prepared)
            .collect()
    }

    /// Gives a slot back. Where a container wrote more than it may, nothing of that stays on the disk.
    ///
    /// # Errors
    ///
    /// Those of [`Slot::release`] and [`Slot::release_empty`].
    pub(crate) fn give_back(&self, slot: Slot) -> Result<()> {
        if self.written.is_over() {
            slot.release_empty()
        } else {
            slot.release()
        }
    }
}

/// Returns the worktree of a slot that is a layer over a shared checkout.
pub(super) fn over_of(slot: &mut Slot, writable: bool) -> Result<Option<OverMount>> {
    if !writable {
        return Ok(slot.view()?.map(OverMount::Read));
    }
    let folders = slot.over_folders()?;
    Ok(folders.map(|folders| {
        OverMount::Written(LayeredMount {
            lower: folders.lower,
            upper: folders.upper,
            work: folders.work,
            target: WORKSPACE.to_owned(),
        })
    }))
}
