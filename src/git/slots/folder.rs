//! Folders by open handles: nothing here follows a symbolic link, whatever an agent has put in the way.

use std::ffi::CString;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FileType, Gid, Mode, OFlags, Stat, Timespec, Timestamps, Uid};
use rustix::io::Errno;

use crate::base::error::{Context as _, Result};
use crate::git::bytes;

/// Folders nested deeper than this are moved up before they are removed, so that handles do not run out.
const DEEPEST_RECURSION: u32 = 64;
const FOLDER_MODE: u32 = 0o755;
const OPEN_FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// Who owns what is written: user and group id.
pub(super) type Owner = Option<(u32, u32)>;

/// An open folder.
pub(super) struct Folder(OwnedFd);

impl Folder {
    /// Opens a folder by its path; its last part may not be a link.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(rustix::fs::openat(CWD, path, OPEN_FOLDER, Mode::empty())?))
    }

    /// Opens a slot's own folder, whose mode is the agent's to change, like any below it.
    pub(super) fn open_slot(path: &Path) -> io::Result<Self> {
        let name = Path::new(path.file_name().unwrap_or_default());
        Self::open(path.parent().unwrap_or(path))?.enter(bytes::of_path(name))
    }

    /// Returns the open handle.
    pub(super) fn handle(&self) -> &OwnedFd {
        &self.0
    }

    /// Opens a folder in this one; one that its owner may not list or enter is made accessible.
    pub(super) fn enter(&self, name: &[u8]) -> io::Result<Self> {
        let open = || rustix::fs::openat(&self.0, name, OPEN_FOLDER, Mode::empty());
        let child = match open() {
            Err(Errno::ACCESS) => {
                rustix::fs::chmodat(&self.0, name, Mode::from_raw_mode(FOLDER_MODE), AtFlags::empty())?;
                open()?
            }
            other => other?,
        };
        // To open one it must be readable; to look at what is in it, one must be allowed to enter, too.
        if rustix::fs::fstat(&child)?.st_mode & 0o100 == 0 {
            rustix::fs::fchmod(&child, Mode::from_raw_mode(FOLDER_MODE))?;
        }
        Ok(Self(child))
    }

    /// Gives the folder the usual mode, and `owner`.
    pub(super) fn normalise(&self, owner: Owner) -> io::Result<()> {
        let stat = rustix::fs::fstat(&self.0)?;
        if stat.st_mode & 0o7777 != FOLDER_MODE {
            rustix::fs::fchmod(&self.0, Mode::from_raw_mode(FOLDER_MODE))?;
        }
        if let Some((user, group)) = foreign(&stat, owner) {
            rustix::fs::fchown(&self.0, Some(user), Some(group))?;
        }
        Ok(())
    }

    /// Returns the names in the folder.
    pub(super) fn names(&self) -> io::Result<Vec<Vec<u8>>> {
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.0)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(name.to_vec());
            }
        }
        Ok(names)
    }

    /// Returns what is at a name; `None` when nothing is.
    pub(super) fn stat(&self, name: &[u8]) -> io::Result<Option<Stat>> {
        match rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens a regular file for reading; one that its owner may not read is made readable.
    /// Fails for anything else, without waiting for a FIFO's writer.
    pub(super) fn open_file(&self, name: &[u8]) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
        let open = || rustix::fs::openat(&self.0, name, flags, Mode::empty());
        let file = match open() {
            Err(Errno::ACCESS) => {
                rustix::fs::chmodat(&self.0, name, Mode::from_raw_mode(0o600), AtFlags::empty())?;
                open()?
            }
            other => other?,
        };
        let stat = rustix::fs::fstat(&file)?;
        if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile {
            Ok(file.into())
        } else {
            Err(io::Error::other("not a regular file"))
        }
    }

    /// Opens a folder in this one as it is: nothing is made accessible.
    pub(super) fn open_below(&self, name: &[u8]) -> io::Result<Self> {
        Ok(Self(rustix::fs::openat(&self.0, name, OPEN_FOLDER, Mode::empty())?))
    }

    /// Opens a regular file for reading, as it is.
    pub(super) fn open_to_copy(&self, name: &[u8]) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
        Ok(rustix::fs::openat(&self.0, name, flags, Mode::empty())?.into())
    }

    /// Reads a regular file, or fails when it holds more than `most` bytes.
    pub(super) fn read_file(&self, name: &[u8], most: u64) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        self.open_file(name)?
            .take(most.saturating_add(1))
            .read_to_end(&mut content)?;
        if content.len() as u64 > most {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than allowed"));
        }
        Ok(content)
    }

    /// Returns the target of a link, as it is written there.
    pub(super) fn read_link(&self, name: &[u8]) -> io::Result<Vec<u8>> {
        Ok(rustix::fs::readlinkat(&self.0, name, Vec::new())?.into_bytes())
    }

    /// Makes a folder, unless there is one, and opens it.
    pub(super) fn make_folder(&self, name: &[u8], owner: Owner) -> io::Result<Self> {
        match rustix::fs::mkdirat(&self.0, name, Mode::from_raw_mode(FOLDER_MODE)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        let folder = self.enter(name)?;
        folder.normalise(owner)?;
        Ok(folder)
    }

    /// Makes a new file and returns how it looks then.
    pub(super) fn make_file(&self, name: &[u8], content: &[u8], executable: bool, owner: Owner) -> io::Result<Stat> {
        let mode = if executable { 0o755 } else { 0o644 };
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file: File = rustix::fs::openat(&self.0, name, flags, Mode::from_raw_mode(mode))?.into();
        file.write_all(content)?;
        let stat = rustix::fs::fstat(&file)?;
        let new_owner = foreign(&stat, owner);
        if let Some((user, group)) = new_owner {
            rustix::fs::fchown(&file, Some(user), Some(group))?;
        }
        let other_mode = stat.st_mode & 0o7777 != mode;
        if other_mode {
            rustix::fs::fchmod(&file, Mode::from_raw_mode(mode))?;
        }
        if other_mode || new_owner.is_some() {
            return Ok(rustix::fs::fstat(&file)?);
        }
        Ok(stat)
    }

    /// Makes a new link and returns how it looks then.
    pub(super) fn make_link(&self, name: &[u8], target: &[u8], owner: Owner) -> io::Result<Stat> {
        rustix::fs::symlinkat(target, &self.0, name)?;
        self.own(name, owner)?;
        Ok(rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW)?)
    }

    /// Gives a file or link to `owner`, if it is another's; returns whether it was.
    pub(super) fn own(&self, name: &[u8], owner: Owner) -> io::Result<bool> {
        let stat = rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW)?;
        self.own_as_seen(name, &stat, owner)
    }

    /// Gives a file or link, as `stat` describes it, to `owner`, if it is another's: at thousands of files each look
    /// counts.
    pub(super) fn own_as_seen(&self, name: &[u8], stat: &Stat, owner: Owner) -> io::Result<bool> {
        let Some((user, group)) = foreign(stat, owner) else {
            return Ok(false);
        };
        rustix::fs::chownat(&self.0, name, Some(user), Some(group), AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(true)
    }

    /// Sets the time at which a file or link was last modified, if another one is wanted; returns whether it was.
    pub(super) fn set_time(&self, name: &[u8], stat: &Stat, wanted: Option<Timespec>) -> io::Result<bool> {
        let Some(time) = wanted.filter(|time| (time.tv_sec, time.tv_nsec) != modified(stat)) else {
            return Ok(false);
        };
        let times = Timestamps {
            last_access: time,
            last_modification: time,
        };
        rustix::fs::utimensat(&self.0, name, &times, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(true)
    }

    /// Moves what is at a name to a name in another folder of the same file system, where nothing is.
    pub(super) fn move_to(&self, name: &[u8], folder: &Self, new: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.0, name, &folder.0, new)?)
    }

    /// Removes whatever is at a name, with everything below it, however deep and however protected by modes.
    pub(super) fn remove(&self, name: &[u8]) -> io::Result<()> {
        let mut moved_up = vec![name.to_vec()];
        while let Some(next) = moved_up.pop() {
            remove_below(self, self, &next, 0, &mut moved_up)?;
        }
        Ok(())
    }
}

/// Removes `name` in `folder`; folders nested too deep are moved to `top` and listed in `moved_up`.
fn remove_below(top: &Folder, folder: &Folder, name: &[u8], depth: u32, moved_up: &mut Vec<Vec<u8>>) -> io::Result<()> {
    match rustix::fs::unlinkat(&folder.0, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => return Ok(()),
        Err(Errno::ISDIR | Errno::PERM) => {}
        Err(error) => return Err(error.into()),
    }
    // An empty one needs no right to enter it: the kernel leaves some of root's own beside the layers of a container.
    if rustix::fs::unlinkat(&folder.0, name, AtFlags::REMOVEDIR).is_ok() {
        return Ok(());
    }
    let child = folder.enter(name)?;
    child.normalise(None)?;
    if depth == DEEPEST_RECURSION {
        for below in child.names()? {
            let free = free_name(top, moved_up.len())?;
            // A folder changes parents only if its owner may write it.
            if let Ok(folder) = child.enter(&below) {
                folder.normalise(None)?;
            }
            rustix::fs::renameat(&child.0, below, &top.0, free.as_c_str())?;
            moved_up.push(free.into_bytes());
        }
    } else {
        for below in child.names()? {
            remove_below(top, &child, &below, depth + 1, moved_up)?;
        }
    }
    rustix::fs::unlinkat(&folder.0, name, AtFlags::REMOVEDIR)?;
    Ok(())
}

/// Returns a name that nothing in the folder has.
fn free_name(folder: &Folder, from: usize) -> io::Result<CString> {
    for number in from.. {
        let name = format!(".cordwainer-removed-{number}");
        if folder.stat(name.as_bytes())?.is_none() {
            return CString::new(name).map_err(io::Error::other);
        }
    }
    Err(io::Error::other("every name is taken"))
}

/// Returns when something was last modified: seconds, and nanoseconds.
pub(super) fn modified(stat: &Stat) -> (i64, i64) {
    (signed(stat.st_mtime), signed(stat.st_mtime_nsec))
}

/// Returns when something itself was last changed: seconds, and nanoseconds.
pub(super) fn changed(stat: &Stat) -> (i64, i64) {
    (signed(stat.st_ctime), signed(stat.st_ctime_nsec))
}

/// Returns a number whose type differs between machines.
fn signed<T: TryInto<i64>>(value: T) -> i64 {
    value.try_into().unwrap_or_default()
}

/// Returns the owner that something should get, when it is another's and this process may give it away.
fn foreign(stat: &Stat, owner: Owner) -> Option<(Uid, Gid)> {
    let (user, group) = owner?;
    let other = stat.st_uid != user || stat.st_gid != group;
    (other && rustix::process::geteuid().is_root()).then(|| (Uid::from_raw(user), Gid::from_raw(group)))
}

/// Makes a folder with the usual mode, and whatever else is at its path goes.
pub(super) fn ensure(path: &Path) -> io::Result<()> {
    let parent = Folder::open(path.parent().unwrap_or(path))?;
    let name = bytes::of_path(Path::new(path.file_name().unwrap_or_default()));
    let is_folder = |stat: Stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
    if parent.stat(name)?.is_some_and(|stat| !is_folder(stat)) {
        parent.remove(name)?;
    }
    parent.make_folder(name, None).map(drop)
}

/// Reads a regular file below `root`, which is a slot; `None` where there is nothing. No link is followed.
pub(super) fn read_below(root: &Path, path: &Path, most: u64) -> io::Result<Option<Vec<u8>>> {
    let mut folder = Folder::open_slot(root)?;
    let mut names: Vec<_> = path
        .iter()
        .map(|name| bytes::of_path(Path::new(name)).to_vec())
        .collect();
    let Some(last) = names.pop() else { return Ok(None) };
    for name in names {
        if folder.stat(&name)?.is_none() {
            return Ok(None);
        }
        folder = folder.enter(&name)?;
    }
    match folder.stat(&last)? {
        None => Ok(None),
        Some(_) => folder.read_file(&last, most).map(Some),
    }
}

/// Removes whatever is at a path, with everything below it, without following a link.
pub(super) fn remove_path(path: &Path) -> Result<()> {
    let name = bytes::of_path(Path::new(path.file_name().unwrap_or_default()));
    let removed = Folder::open(path.parent().unwrap_or(path)).and_then(|parent| parent.remove(name));
    removed.context(format!("cannot remove `{}`", path.display()))
}

/// Removes what is at a path, if its parent is there.
pub(super) fn remove_if_there(path: &Path) -> Result<()> {
    if path.parent().is_some_and(Path::exists) {
        remove_path(path)?;
    }
    Ok(())
}

/// Opens folders below a root, one after the other; the one opened last is at hand without another call.
pub(super) struct Cursor<'root> {
    root: &'root Folder,
    last: Option<(Vec<u8>, Folder)>,
}

impl<'root> Cursor<'root> {
    /// Begins at a root.
    pub(super) fn new(root: &'root Folder) -> Self {
        Self { root, last: None }
    }

    /// Returns the folder at a path, every step of it opened without following a link by `step`.
    pub(super) fn at(
        &mut self,
        path: &[u8],
        step: impl Fn(&Folder, &[u8]) -> io::Result<Folder>,
    ) -> io::Result<&Folder> {
        if path.is_empty() {
            return Ok(self.root);
        }
        if self.last.as_ref().is_none_or(|(last, _)| last != path) {
            let mut parts = path.split(|byte| *byte == b'/');
            let first = parts.next().unwrap_or_default();
            let mut folder = step(self.root, first)?;
            for part in parts {
                folder = step(&folder, part)?;
            }
            self.last = Some((path.to_vec(), folder));
        }
        Ok(self.last.as_ref().map_or(self.root, |(_, folder)| folder))
    }
}
