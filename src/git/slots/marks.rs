//! What the kernel's overlay writes beside the files of an upper layer: a device that says that something below is gone, and
//! attributes of folders. Both are in the kernel's documentation of overlayfs.
//!
//! An agent cannot write these attributes: they are for whoever may administer the machine. A mount that lets others write
//! them has other names for them.

use std::io;

use rustix::fs::{FileType, Mode, Stat, XattrFlags};
use rustix::io::Errno;

use super::folder::Folder;

/// Nothing below a folder is seen that lies under it.
const OPAQUE: &str = "trusted.overlay.opaque";
/// A folder shows what lies elsewhere, and a file has its content elsewhere: the kernel does either only where it was asked to.
const ELSEWHERE: [&str; 2] = ["trusted.overlay.redirect", "trusted.overlay.metacopy"];
/// What the names of attributes begin with that only an administrator of the machine can write.
pub(super) const ADMINISTRATORS: &[u8] = b"trusted.";
/// An attribute of ours that shows whether such attributes can be read here.
const PROBE: &str = "trusted.cordwainer";

/// Returns whether it says that what lies below is gone.
pub(super) fn is_whiteout(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice && stat.st_rdev == 0
}

/// Says at a name that what lies below is gone.
pub(super) fn make_whiteout(folder: &Folder, name: &[u8]) -> io::Result<()> {
    let (kind, mode) = (FileType::CharacterDevice, Mode::empty());
    Ok(rustix::fs::mknodat(folder.handle(), name, kind, mode, 0)?)
}

/// Returns whether what lies under a folder is not seen.
///
/// # Errors
///
/// Where the attribute says what no kernel of today writes for an agent.
pub(super) fn is_opaque(folder: &Folder) -> io::Result<bool> {
    let mut value = [0; 8];
    match rustix::fs::fgetxattr(folder.handle(), OPAQUE, &mut value) {
        Ok(1) if value[0] == b'y' => Ok(true),
        Ok(_) => Err(io::Error::other("its layer has a mark of an unknown kind")),
        Err(Errno::NODATA | Errno::OPNOTSUPP) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Has nothing be seen of what lies under a folder.
pub(super) fn make_opaque(folder: &Folder) -> io::Result<()> {
    Ok(rustix::fs::fsetxattr(
        folder.handle(),
        OPAQUE,
        b"y",
        XattrFlags::empty(),
    )?)
}

/// Returns whether a folder or a file shows what is not in it.
pub(super) fn is_elsewhere(handle: impl std::os::fd::AsFd) -> bool {
    let mut value = [0; 1];
    // One that is longer than this is there, too.
    let has = |name| {
        !matches!(
            rustix::fs::fgetxattr(&handle, name, &mut value),
            Err(Errno::NODATA | Errno::OPNOTSUPP)
        )
    };
    ELSEWHERE.into_iter().any(has)
}

/// Notes in a folder that such attributes can be written; returns whether they can, and can be read.
pub(super) fn note(folder: &Folder) -> bool {
    let written = rustix::fs::fsetxattr(folder.handle(), PROBE, b"y", XattrFlags::empty());
    written.is_ok() && are_readable(folder)
}

/// Returns whether such attributes, one of which [`note`] wrote, can be read.
pub(super) fn are_readable(folder: &Folder) -> bool {
    let mut value = [0; 8];
    rustix::fs::fgetxattr(folder.handle(), PROBE, &mut value).is_ok()
}
