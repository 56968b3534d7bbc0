//! The files of sockets: made, connected to by paths of any length, and removed.

use std::fs;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use tokio::net::{UnixListener, UnixSocket};

use crate::base::error::{Context as _, Error, ErrorKind, Result};

/// How many connections wait to be accepted.
const BACKLOG: u32 = 1024;

/// A socket's file, which is removed when this is dropped.
pub(crate) struct Socket {
    folder: OwnedFd,
    name: String,
    inode: u64,
}

impl Socket {
    /// Creates a socket of this name and mode in a folder that exists. One that a killed process left is replaced.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Precondition`] where a file of that name is not a socket.
    pub(crate) fn bind(folder: &Path, name: &str, mode: u32) -> Result<(Self, UnixListener)> {
        let failed = || format!("cannot create the socket `{name}` in `{}`", folder.display());
        let opened = open(folder).with_context(ErrorKind::Unexpected, failed)?;
        remove_stale(&opened, folder, name)?;
        let path = short_path(&opened, name);
        let listen = || {
            let socket = UnixSocket::new_stream()?;
            // The file has the mode of the descriptor, less the umask: at no moment may more users connect.
            rustix::fs::fchmod(&socket, Mode::from_raw_mode(mode))?;
            socket.bind(&path)?;
            fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
            socket.listen(BACKLOG)
        };
        let listener = listen().with_context(ErrorKind::Unexpected, failed)?;
        let metadata = fs::symlink_metadata(&path).with_context(ErrorKind::Unexpected, failed)?;
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
        // A later owner may already have its socket there, and a folder that is gone took the socket with it.
        let found = rustix::fs::statat(&self.folder, &*self.name, AtFlags::SYMLINK_NOFOLLOW);
        if found.is_ok_and(|found| found.st_ino == self.inode) {
            let _ = rustix::fs::unlinkat(&self.folder, &*self.name, AtFlags::empty());
        }
    }
}

/// Connects to the socket of this name in a folder.
pub(crate) fn connect(folder: &Path, name: &str) -> std::io::Result<UnixStream> {
    let opened = open(folder)?;
    UnixStream::connect(short_path(&opened, name))
}

/// Removes the sockets in a folder, if it exists: whoever calls this knows that their processes are dead.
///
/// # Errors
///
/// Where the folder cannot be read, or one of them cannot be removed.
pub(crate) fn remove_sockets(folder: &Path) -> Result<()> {
    let failed = || format!("cannot remove the sockets in `{}`", folder.display());
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.with_context(ErrorKind::Unexpected, failed)?,
    };
    for entry in entries {
        let entry = entry.with_context(ErrorKind::Unexpected, failed)?;
        if !entry.file_type().is_ok_and(|file| file.is_socket()) {
            continue;
        }
        match fs::remove_file(entry.path()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(ErrorKind::Unexpected, failed);
            }
            _ => {}
        }
    }
    Ok(())
}

fn open(folder: &Path) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::open(folder, flags, Mode::empty())
}

/// Returns a path of the name in an open folder. The address of a socket may have 108 bytes, and this one is short
/// wherever the folder is.
fn short_path(folder: &OwnedFd, name: &str) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}/{name}", folder.as_raw_fd()))
}

/// Removes the socket of a process that was killed; any other file of that name belongs to a person.
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
