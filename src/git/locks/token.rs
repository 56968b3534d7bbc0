//! The token that is written before a lock of git is taken: a file of ours, and the place of its second name.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use crate::base::fs::unless_missing;
use crate::base::regular;
use crate::git::{bytes, is_at};

/// The files that belong to a token, in the order in which they are removed.
const BESIDE: [&str; 4] = ["index.lock", "index", "new", "path"];

/// A file with an inode that proves that a lock is ours. Its holder keeps it locked by `flock`, which ends with the
/// process.
#[derive(Debug)]
pub(super) struct Token {
    path: PathBuf,
    mark: File,
}

impl Token {
    /// Creates a token in `folder` and notes, durably, that it is about to be linked as `lock`.
    pub(super) fn new(folder: &Path, lock: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let token = loop {
            let path = folder.join(format!("{:016x}", fastrand::u64(..)));
            let mark = match File::create_new(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                made => made?,
            };
            // A cleanup may have found it before it was locked.
            match mark.try_lock() {
                Ok(()) if is_at(&mark, &path)? => break Self { path, mark },
                Ok(()) | Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(error),
            }
        };
        let mut note = File::create_new(token.beside("path"))?;
        note.write_all(bytes::of_path(lock))?;
        note.sync_all()?;
        File::open(folder)?.sync_all()?;
        Ok(token)
    }

    /// Returns the path of the file that becomes the lock.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the file that becomes the lock.
    pub(super) fn mark(&self) -> io::Result<File> {
        self.mark.try_clone()
    }

    /// Returns the path of a file that belongs to the token, one of [`BESIDE`].
    pub(super) fn beside(&self, what: &str) -> PathBuf {
        self.path.with_extension(what)
    }

    /// Removes the token, once its lock is gone.
    pub(super) fn remove(&self) -> io::Result<()> {
        remove(&self.path)
    }
}

/// Removes each lock that a token proves to be ours and to have a dead holder, and the token. Files of another user
/// stay for that user. `lock`s are relative to `root`, which may have moved.
pub(super) fn sweep(folder: &Path, root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut freed = Vec::new();
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(freed),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        let swept = if path.extension().is_some() {
            sweep_rest(&path)
        } else {
            sweep_token(&path, root, &mut freed)
        };
        match swept {
            Err(error) if is_for_another(&error) => {}
            swept => swept?,
        }
    }
    Ok(freed)
}

fn sweep_token(path: &Path, root: &Path, freed: &mut Vec<PathBuf>) -> io::Result<()> {
    let mark = match regular::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        mark => mark?,
    };
    match mark.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(()),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    if !is_at(&mark, path)? {
        return Ok(());
    }
    // Without a note, nothing was locked yet. While the token is there no other file can have its inode.
    let lock = match regular::read(&path.with_extension("path")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        lock => Some(root.join(bytes::to_path(&lock?))),
    };
    if let Some(lock) = lock
        && is_at(&mark, &lock)?
    {
        fs::remove_file(&lock)?;
        freed.push(lock);
    }
    remove(path)
}

/// Removes the remaining files of a token that is gone; the token itself is created first, and removed last.
fn sweep_rest(path: &Path) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    let token = name.split(|byte| *byte == b'.').next().unwrap_or_default();
    if fs::symlink_metadata(path.with_file_name(bytes::to_path(token))).is_ok() {
        return Ok(());
    }
    unless_missing(fs::remove_file(path))
}

fn remove(path: &Path) -> io::Result<()> {
    for what in BESIDE {
        unless_missing(fs::remove_file(path.with_extension(what)))?;
    }
    unless_missing(fs::remove_file(path))
}

/// Returns whether only another user could have done it, or nobody, because the disk is read-only.
fn is_for_another(error: &io::Error) -> bool {
    [io::ErrorKind::PermissionDenied, io::ErrorKind::ReadOnlyFilesystem].contains(&error.kind())
}
