//! Git's own locks (`index.lock`, `refs/heads/main.lock`), taken so that one left by a kill is provably ours.
//!
//! Git takes a lock by creating `<file>.lock`, which must not exist yet; a process that dies leaves it forever. Here
//! the lock file is a second name of a file of ours, which is in the state folder before the lock is taken, beside a
//! note of the lock's place. Only a lock file with the same device and inode is removed, and only when nobody holds
//! ours any more.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use walkdir::WalkDir;

use self::token::Token;
use super::{Git, is_at};
use crate::base::error::{Error, ErrorKind, Result};

mod index;
mod token;

/// How often to wait for a lock of another process: the waits double from a millisecond up to this many times.
const LOCK_TRIES: u32 = 25;
/// The longest single wait for a lock.
const LONGEST_WAIT: Duration = Duration::from_millis(100);

/// Why one try at an operation that needs a lock of git failed.
pub(super) enum Failure {
    /// No other try can fix it.
    Final(Error),
    /// Another process was using the file, or its folder, at that moment.
    Passing(Error),
}

impl Failure {
    /// Classifies an error of the file system; `what` was attempted.
    pub(super) fn of(error: io::Error, what: impl Into<String>) -> Self {
        use io::ErrorKind::{AlreadyExists, DirectoryNotEmpty, IsADirectory, NotADirectory, NotFound};
        let passing = [AlreadyExists, DirectoryNotEmpty, IsADirectory, NotADirectory, NotFound].contains(&error.kind());
        let error = Error::new(ErrorKind::Unexpected, what).because(error);
        if passing {
            Self::Passing(error)
        } else {
            Self::Final(error)
        }
    }
}

/// Tries until an operation succeeds or cannot, for a few seconds at most.
pub(super) fn patiently<T>(mut attempt: impl FnMut() -> Result<T, Failure>) -> Result<T> {
    let mut wait = Duration::from_millis(1);
    let mut tries = 1;
    loop {
        match attempt() {
            Ok(value) => return Ok(value),
            Err(Failure::Final(error)) => return Err(error),
            Err(Failure::Passing(error)) if tries == LOCK_TRIES => return Err(error),
            Err(Failure::Passing(_)) => thread::sleep(wait),
        }
        wait = (wait * 2).min(LONGEST_WAIT);
        tries += 1;
    }
}

/// A lock of git that is held until this is dropped.
#[derive(Debug)]
pub(super) struct FileLock {
    target: PathBuf,
    lock: PathBuf,
    /// The lock file itself.
    held: File,
    token: Token,
}

impl FileLock {
    /// Returns the folder's place for a new content of the file that is locked.
    fn new_content(&self) -> PathBuf {
        self.token.beside("new")
    }

    /// Writes the file's new content, durably and all at once.
    pub(super) fn write(&self, content: &[u8]) -> io::Result<()> {
        let new = self.new_content();
        fs::write(&new, content)?;
        self.publish(&new)
    }

    /// Puts a file of ours in the place of the one that is locked, durably.
    fn publish(&self, new: &Path) -> io::Result<()> {
        File::open(new)?.sync_all()?;
        fs::rename(new, &self.target)?;
        sync_folder_of(&self.target)
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        let freed = is_at(&self.held, &self.lock).and_then(|ours| {
            if ours {
                fs::remove_file(&self.lock)?;
            }
            self.token.remove()
        });
        // The lock stays, is found by its token, and is removed before the next command begins.
        if let Err(error) = freed {
            tracing::warn!(%error, lock = %self.lock.display(), "a lock of git could not be released");
        }
    }
}

impl Git {
    /// Removes the locks of git that dead processes of ours hold, and returns their paths. Others stay as they are.
    ///
    /// # Errors
    ///
    /// When the notes of our locks cannot be read, or a lock not be removed.
    pub fn free_abandoned_locks(&self) -> Result<Vec<PathBuf>> {
        let folder = self.locks_folder();
        token::sweep(&folder, &self.common_dir).map_err(|error| {
            let message = format!("cannot remove the locks that `{}` lists", folder.display());
            Error::new(ErrorKind::Unexpected, message).because(error)
        })
    }

    /// Returns the lock files in the git folders of this checkout, with their ages: some git program is at work, or was
    /// killed. One of a process of ours is not among them, unless that one is at work just now.
    pub fn locks_held(&self) -> Vec<(PathBuf, Duration)> {
        let tops = [&self.common_dir, &self.own_dir]
            .into_iter()
            .flat_map(|folder| WalkDir::new(folder).max_depth(1));
        let refs = WalkDir::new(self.common_dir.join("refs"));
        let mut found: Vec<_> = tops
            .chain(refs)
            .filter_map(Result::ok)
            .filter(|entry| entry.file_type().is_file() && entry.path().extension().is_some_and(|end| end == "lock"))
            .filter_map(|entry| Some((entry.path().to_path_buf(), age_of(entry.path())?)))
            .collect();
        found.sort();
        found.dedup_by(|one, other| one.0 == other.0);
        found
    }

    /// Waits, a few seconds at most, until nobody holds git's lock of a ref, so that the next step does not begin only
    /// to fail.
    ///
    /// Fails with [`ErrorKind::Precondition`], naming the lock file and its age.
    pub(crate) fn wait_for_reference(&self, name: &str) -> Result<()> {
        let lock = lock_of(&self.common_dir.join(name));
        patiently(|| self.refuse_held(&lock))
    }

    /// Takes git's lock of a file, and makes the folder that it lies in.
    pub(super) fn lock_file(&self, file: &Path) -> Result<FileLock, Failure> {
        let failed = || format!("cannot lock `{}`", file.display());
        let target = followed(file).map_err(|error| Failure::of(error, failed()))?;
        let lock = lock_of(&target);
        self.refuse_held(&lock)?;
        if let Some(folder) = lock.parent() {
            make_folders(folder).map_err(|error| Failure::of(error, failed()))?;
        }
        let token = Token::new(
            &self.locks_folder(),
            lock.strip_prefix(&self.common_dir).unwrap_or(&lock),
        )
        .map_err(|error| Failure::of(error, failed()))?;
        let held = match take(&token, &lock) {
            Ok(held) => held,
            Err(error) => {
                // Nothing was locked, so only the note can remain.
                let _ = token.remove();
                return Err(match error.kind() {
                    io::ErrorKind::AlreadyExists => Failure::Passing(self.busy(&lock)),
                    _ => Failure::of(error, failed()),
                });
            }
        };
        Ok(FileLock {
            target,
            lock,
            held,
            token,
        })
    }

    /// Fails while a lock file is there that is not one of a dead process of ours.
    fn refuse_held(&self, lock: &Path) -> Result<(), Failure> {
        if fs::symlink_metadata(lock).is_err() {
            return Ok(());
        }
        self.free_abandoned_locks().map_err(Failure::Final)?;
        if fs::symlink_metadata(lock).is_err() {
            return Ok(());
        }
        Err(Failure::Passing(self.busy(lock)))
    }

    fn busy(&self, lock: &Path) -> Error {
        let shown = lock.strip_prefix(&self.common_dir).unwrap_or(lock).display();
        let age = age_of(lock).map_or_else(String::new, |age| format!(", made {} ago", in_words(age)));
        Error::new(
            ErrorKind::Precondition,
            format!("another program holds git's lock `{shown}`{age}"),
        )
        .hint(format!(
            "wait until the other git program ends; if none is running, it was killed and left `{}`: check that file",
            lock.display()
        ))
    }

    fn locks_folder(&self) -> PathBuf {
        self.common_dir.join("cordwainer-locks")
    }
}

/// Makes a folder and those above it, on the disk, too.
fn make_folders(folder: &Path) -> io::Result<()> {
    match fs::create_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            make_folders(folder.parent().ok_or(error)?)?;
            fs::create_dir(folder)?;
        }
        made => made?,
    }
    sync_folder_of(folder)
}

/// Has the disk know which file has a name, or that none has.
pub(super) fn sync_folder_of(path: &Path) -> io::Result<()> {
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}

/// Makes the lock file: the token's second name, which nobody can have made before.
fn take(token: &Token, lock: &Path) -> io::Result<File> {
    match fs::hard_link(token.path(), lock) {
        Ok(()) => token.mark(),
        // No hard links here: such a lock is not known for ours when we die in it.
        Err(error) if [io::ErrorKind::PermissionDenied, io::ErrorKind::Unsupported].contains(&error.kind()) => {
            File::create_new(lock)
        }
        Err(error) => Err(error),
    }
}

/// Returns where a file really is: git locks what a symbolic link leads to.
fn followed(file: &Path) -> io::Result<PathBuf> {
    match fs::symlink_metadata(file) {
        Ok(looks) if looks.is_symlink() => fs::canonicalize(file),
        _ => Ok(file.to_path_buf()),
    }
}

fn lock_of(file: &Path) -> PathBuf {
    let mut name = OsString::from(file.as_os_str());
    name.push(".lock");
    PathBuf::from(name)
}

/// Returns how long ago a file was made; `None` when it is gone.
fn age_of(path: &Path) -> Option<Duration> {
    let modified = fs::symlink_metadata(path).ok()?.modified().ok()?;
    Some(modified.elapsed().unwrap_or_default())
}

/// Returns an age in the largest unit that fits.
pub(crate) fn in_words(age: Duration) -> String {
    let seconds = age.as_secs();
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86400),
    }
}
