//! What folders take up of a disk, however somebody who is not trusted fills them: folders are opened without following
//! links, and nothing in them is opened but folders.

use std::collections::HashSet;
use std::io;
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

/// Every name takes up at least this much: a file system has only so many of them.
const LEAST: u64 = 4096;
/// The unit of a file's blocks, whatever the file system's own is.
const BLOCK: u64 = 512;
/// Folders nested deeper than this are not looked into.
const DEEPEST: u32 = 300;
const OPEN_FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// What happens to a folder that its own owner may not read: for root there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// It stays as it is, and what is in it is not counted.
    PassOver,
    /// Its owner is given the right to read it.
    Open,
}

/// What folders take up.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    /// Bytes that are allocated, counted up to the most that was asked about.
    pub(crate) bytes: u64,
    /// Whether folders are nested too deep to be counted.
    pub(crate) too_deep: bool,
}

/// Counts what folders, and all that is below them, take up; stops where that is more than `most`. A folder that is not
/// there takes up nothing.
///
/// # Errors
///
/// Where a folder cannot be looked at for any other reason.
pub(crate) fn usage(folders: &[PathBuf], most: u64, unreadable: Unreadable) -> io::Result<Usage> {
    let mut count = Count {
        usage: Usage::default(),
        several: HashSet::new(),
        most,
        unreadable,
    };
    for folder in folders {
        match open(CWD, folder, unreadable) {
            Ok(opened) => count.add(&opened, 0)?,
            Err(error) => passed_over(error)?,
        }
    }
    Ok(count.usage)
}

/// A count that goes on.
struct Count {
    usage: Usage,
    /// Files with several names that were counted.
    several: HashSet<(u64, u64)>,
    most: u64,
    unreadable: Unreadable,
}

impl Count {
    /// Adds a folder and what is below it.
    fn add(&mut self, folder: &OwnedFd, depth: u32) -> io::Result<()> {
        let own = rustix::fs::fstat(folder)?;
        self.take(allocated(&own));
        for entry in Dir::read_from(folder)? {
            if self.usage.bytes > self.most {
                return Ok(());
            }
            let entry = entry?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let stat = match rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => stat,
                Err(error) => {
                    passed_over(error)?;
                    continue;
                }
            };
            if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
                if stat.st_nlink < 2 || self.several.insert((stat.st_dev, stat.st_ino)) {
                    self.take(allocated(&stat));
                }
            } else if stat.st_dev == own.st_dev && depth == DEEPEST {
                self.usage.too_deep = true;
            } else if stat.st_dev == own.st_dev {
                match open(folder, name, self.unreadable) {
                    Ok(below) => self.add(&below, depth + 1)?,
                    Err(error) => passed_over(error)?,
                }
            }
        }
        Ok(())
    }

    fn take(&mut self, bytes: u64) {
        self.usage.bytes = self.usage.bytes.saturating_add(bytes);
    }
}

/// Opens a folder, and no link. Whoever fills it may exchange it meanwhile, so rights are changed by an open handle alone.
fn open<P: rustix::path::Arg + Copy>(above: impl AsFd, name: P, unreadable: Unreadable) -> Result<OwnedFd, Errno> {
    match rustix::fs::openat(above.as_fd(), name, OPEN_FOLDER, Mode::empty()) {
        Err(Errno::ACCESS) if unreadable == Unreadable::Open => {}
        opened => return opened,
    }
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let found = rustix::fs::openat(above.as_fd(), name, flags, Mode::empty())?;
    let mode = Mode::from_raw_mode(rustix::fs::fstat(&found)?.st_mode) | Mode::RWXU;
    rustix::fs::chmod(format!("/proc/self/fd/{}", found.as_raw_fd()), mode)?;
    rustix::fs::openat(above, name, OPEN_FOLDER, Mode::empty())
}

/// Returns what the blocks of a file take up; the holes of a sparse one do not count.
fn allocated(stat: &Stat) -> u64 {
    u64::try_from(stat.st_blocks)
        .unwrap_or_default()
        .saturating_mul(BLOCK)
        .max(LEAST)
}

/// Fails unless an entry went away, became something else, or may not be read.
fn passed_over(error: Errno) -> io::Result<()> {
    match error {
        Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::ACCESS | Errno::PERM => Ok(()),
        error => Err(error.into()),
    }
}

/// Returns how many bytes of the file system at a path are in use.
///
/// # Errors
///
/// Where the path is not there.
pub(crate) fn in_use(path: &Path) -> io::Result<u64> {
    let found = rustix::fs::statvfs(path)?;
    let blocks = found.f_blocks.saturating_sub(found.f_bfree);
    Ok(blocks.saturating_mul(found.f_frsize))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn counted(folder: &Path, most: u64) -> Usage {
        usage(&[folder.to_owned()], most, Unreadable::PassOver).unwrap()
    }

    #[test]
    fn blocks_count_once_and_holes_and_links_do_not() {
        let folder = tempfile::tempdir().unwrap();
        let empty = counted(folder.path(), u64::MAX).bytes;
        fs::write(folder.path().join("file"), vec![7; 1 << 20]).unwrap();
        fs::hard_link(folder.path().join("file"), folder.path().join("again")).unwrap();
        symlink("/", folder.path().join("link")).unwrap();
        let sparse = fs::File::create(folder.path().join("sparse")).unwrap();
        sparse.set_len(1 << 40).unwrap();
        let found = counted(folder.path(), u64::MAX).bytes - empty;
        assert!(((1 << 20)..(1 << 20) + 65_536).contains(&found), "{found}");
    }

    #[test]
    fn names_take_up_room_and_what_is_below_counts() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("a/b");
        fs::create_dir_all(&below).unwrap();
        for number in 0..100 {
            fs::write(below.join(number.to_string()), "").unwrap();
        }
        assert!(counted(folder.path(), u64::MAX).bytes >= 103 * LEAST);
        let cut = counted(folder.path(), 10 * LEAST).bytes;
        assert!((10 * LEAST..13 * LEAST).contains(&cut), "{cut}");
        assert_eq!(counted(&folder.path().join("not there"), u64::MAX).bytes, 0);
    }

    #[test]
    fn a_folder_is_opened_by_its_handle_and_keeps_its_other_rights() {
        let folder = tempfile::tempdir().unwrap();
        let closed = folder.path().join("closed");
        fs::create_dir(&closed).unwrap();
        fs::write(closed.join("file"), vec![7; 1 << 20]).unwrap();
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o010)).unwrap();
        let found = usage(&[folder.path().to_owned()], u64::MAX, Unreadable::Open).unwrap();
        assert!(found.bytes >= 1 << 20, "{found:?}");
        if !rustix::process::geteuid().is_root() {
            assert_eq!(fs::metadata(&closed).unwrap().permissions().mode() & 0o777, 0o710);
        }
    }

    #[test]
    fn what_is_nested_too_deep_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let mut path = folder.path().to_owned();
        for _ in 0..=DEEPEST {
            path.push("d");
        }
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        assert!(!counted(folder.path(), u64::MAX).too_deep);
        fs::create_dir(path).unwrap();
        assert!(counted(folder.path(), u64::MAX).too_deep);
    }
}
