//! The files of sockets.

use std::fs::{self, DirBuilder, File};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use tokio::net::UnixListener;

use crate::base::error::{Context as _, Error, ErrorKind, Result};

/// A socket's file, which is removed when this is dropped.
pub(in crate::sandbox) struct Socket {
    folder: OwnedFd,
    name: String,
    inode: u64,
}

impl Socket {
    /// Creates the folder and a socket of this name in it, which every user of the container may use. The folder above
    /// keeps other users of the host away.
    pub(in crate::sandbox) fn bind(folder: &Path, name: &str) -> Result<(Self, UnixListener)> {
        let failed = || format!("cannot create the socket `{name}` in `{}`", folder.display());
        make_folder(folder).with_context(ErrorKind::Unexpected, failed)?;
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = rustix::fs::open(folder, flags, Mode::empty()).with_context(ErrorKind::Unexpected, failed)?;
        remove_stale(&opened, folder, name)?;
        // The address of a socket may have 108 bytes, and this one is short wherever the folder is.
        let path = PathBuf::from(format!("/proc/self/fd/{}/{name}", opened.as_raw_fd()));
        let listener = UnixListener::bind(&path).with_context(ErrorKind::Unexpected, failed)?;
        let metadata = fs::set_permissions(&path, fs::Permissions::from_mode(0o666))
            .and_then(|()| fs::symlink_metadata(&path))
            .with_context(ErrorKind::Unexpected, failed)?;
        let socket = Self {
            folder: opened,
            name: name.to_owned(),
            inode: metadata.ino(),
        };
        Ok((socket, listener))
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // A later gateway may already have its socket there, and a folder that is gone took the socket with it.
        let found = rustix::fs::statat(&self.folder, &*self.name, AtFlags::SYMLINK_NOFOLLOW);
        if found.is_ok_and(|found| found.st_ino == self.inode) {
            let _ = rustix::fs::unlinkat(&self.folder, &*self.name, AtFlags::empty());
        }
    }
}

fn make_folder(folder: &Path) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o755).create(folder)?;
    // The mode above is reduced by the umask of the process.
    File::open(folder)?.set_permissions(fs::Permissions::from_mode(0o755))
}

/// Removes the socket of a gateway that was killed; any other file of that name belongs to a person.
fn remove_stale(opened: &OwnedFd, folder: &Path, name: &str) -> Result<()> {
    let Ok(found) = rustix::fs::statat(opened, name, AtFlags::SYMLINK_NOFOLLOW) else {
        return Ok(());
    };
    let place = || format!("`{}`", folder.join(name).display());
    if FileType::from_raw_mode(found.st_mode) != FileType::Socket {
        let message = format!("{} exists and is not a socket", place());
        return Err(Error::new(ErrorKind::Precondition, message).hint("check what it is, and move it elsewhere"));
    }
    rustix::fs::unlinkat(opened, name, AtFlags::empty())
        .with_context(ErrorKind::Unexpected, || format!("cannot replace {}", place()))
}
