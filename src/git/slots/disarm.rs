//! What an agent leaves gives nobody on the machine a right: no file runs as its owner, no list admits others.

use std::io;
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode};
use rustix::io::Errno;

use super::folder::Folder;
use super::marks::ADMINISTRATORS;
use crate::base::error::{Context as _, Result};
use crate::git::bytes;

/// Set-user-id, set-group-id, and the bit that once was sticky.
const SPECIAL: u32 = 0o7000;
/// The longest list of names of extended attributes, in bytes, that Linux gives.
const LONGEST_LIST: usize = 1 << 16;
/// Labels of `SELinux` are the system's, and nobody can remove them.
const LABEL: &[u8] = b"security.selinux";
/// Folders nested deeper than this are removed.
const DEEPEST: usize = 300;

/// Takes all special modes and extended attributes (access lists and capabilities among them, not those that only an
/// administrator can write) from a folder of an agent's and everything below it. A folder that is not there needs nothing.
pub(super) fn disarm(path: &Path) -> Result<()> {
    let folder = match Folder::open_slot(path) {
        Ok(folder) => folder,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).context(format!("cannot open `{}`", path.display())),
    };
    let mut list = vec![0; LONGEST_LIST];
    below(&folder, 0, &mut list).context(format!(
        "cannot remove special rights from the files in `{}`",
        path.display()
    ))
}

fn below(folder: &Folder, depth: usize, list: &mut [u8]) -> io::Result<()> {
    let mode = Mode::from_raw_mode(rustix::fs::fstat(folder.handle())?.st_mode);
    if mode.as_raw_mode() & SPECIAL != 0 {
        rustix::fs::fchmod(folder.handle(), usual(mode))?;
    }
    strip(folder.handle(), list)?;
    for name in folder.names()? {
        let Some(stat) = folder.stat(&name)? else { continue };
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory if depth == DEEPEST => folder.remove(&name)?,
            FileType::Directory => below(&folder.enter(&name)?, depth + 1, list)?,
            FileType::Symlink => {}
            kind => {
                let mode = Mode::from_raw_mode(stat.st_mode);
                if mode.as_raw_mode() & SPECIAL != 0 {
                    rustix::fs::chmodat(folder.handle(), bytes::to_path(&name), usual(mode), AtFlags::empty())?;
                }
                // One that keeps its rights does not stay: the next task has it written anew.
                if kind == FileType::RegularFile && folder.open_file(&name).and_then(|file| strip(&file, list)).is_err()
                {
                    folder.remove(&name)?;
                }
            }
        }
    }
    Ok(())
}

fn usual(mode: Mode) -> Mode {
    Mode::from_raw_mode(mode.as_raw_mode() & !SPECIAL & 0o777)
}

/// Removes extended attributes, where the file system has any.
fn strip(file: impl std::os::fd::AsFd, list: &mut [u8]) -> io::Result<()> {
    let length = match rustix::fs::flistxattr(&file, &mut *list) {
        Ok(length) => length,
        Err(Errno::OPNOTSUPP) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    for name in list[..length]
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty() && *name != LABEL && !name.starts_with(ADMINISTRATORS))
    {
        match rustix::fs::fremovexattr(&file, name) {
            // Those of other kinds come and go with the file.
            Ok(()) | Err(Errno::NODATA | Errno::OPNOTSUPP) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
