//! A slot above a shared checkout, mounted on the host as it looks, for containers that may only read it. No engine lays two
//! folders under a container that it may write to neither of: podman refuses the option `O` together with `ro`. A container that
//! has begun has the mount for itself, so that of the host is there for a moment only.

use std::ffi::CString;
use std::fs;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags};

use crate::base::error::{Context as _, Error, ErrorKind, Result};

/// What is to be mounted, and where.
#[derive(Clone, Debug)]
pub struct View {
    /// The slot's layer, and the checkout below it.
    folders: [PathBuf; 2],
    place: PathBuf,
}

/// A view that is mounted on the host. Dropped, it is unmounted; containers that have it keep it.
#[derive(Debug)]
pub struct MountedView(PathBuf);

impl View {
    pub(super) fn of(folders: [PathBuf; 2], place: PathBuf) -> Self {
        Self { folders, place }
    }

    /// Returns the folders that are seen as one, the uppermost first.
    pub fn folders(&self) -> &[PathBuf; 2] {
        &self.folders
    }

    /// Returns where it is mounted.
    pub fn place(&self) -> &Path {
        &self.place
    }

    /// Mounts it read-only, whatever was mounted there.
    ///
    /// # Errors
    ///
    /// Where the folders have no plain names, or the kernel refuses.
    pub fn mount(&self) -> Result<MountedView> {
        let place = &self.place;
        unmount(place)?;
        fs::create_dir_all(place).context(format!("cannot make `{}`", place.display()))?;
        let [upper, lower] = &self.folders;
        let failed = || format!("cannot mount a worktree at `{}`", place.display());
        let options = CString::new(format!("lowerdir={}:{}", upper.display(), lower.display()))
            .map_err(|error| Error::new(ErrorKind::Unexpected, failed()).because(error.to_string()))?;
        let flags = MountFlags::RDONLY | MountFlags::NODEV | MountFlags::NOSUID;
        rustix::mount::mount("overlay", place, "overlay", flags, Some(options.as_c_str()))
            .map_err(std::io::Error::from)
            .context(failed())?;
        Ok(MountedView(place.clone()))
    }
}

impl Drop for MountedView {
    fn drop(&mut self) {
        if let Err(error) = unmount(&self.0) {
            // Whoever uses the slot next, or removes it, tries again, and reports it.
            tracing::warn!(%error, "a worktree stays mounted");
        }
    }
}

/// Unmounts what is mounted at `place`, if anything is.
///
/// # Errors
///
/// Where the kernel refuses.
pub(super) fn unmount(place: &Path) -> Result<()> {
    loop {
        match rustix::mount::unmount(place, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW) {
            // There may be several above each other.
            Ok(()) => {}
            // It is not there, nothing is mounted, or this is an ordinary user, who mounts nothing.
            Err(Errno::NOENT | Errno::INVAL | Errno::PERM) => return Ok(()),
            Err(error) => {
                return Err(std::io::Error::from(error)).context(format!("cannot unmount `{}`", place.display()));
            }
        }
    }
}
