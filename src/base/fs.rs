//! Files that survive a kill: atomic writes, and the lock that allows one orchestrator for each repository.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::base::regular;

/// What the names of files begin with that are being written and have no name of their own yet.
const UNFINISHED: &str = ".cordwainer-unfinished-";
/// How often a file is written anew that somebody took for a dead process's.
const MOST_TRIES: u32 = 10;

/// Takes it for done that something is removed which is not there, or that another process removes at this moment.
pub(crate) fn unless_missing(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Writes `bytes` to `path` so that a reader, or a crash, sees either the old content or the new. What a crash leaves
/// beside it, [`remove_unfinished`] removes.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let what = || format!("cannot write `{}`", path.display());
    let mut tries = 1;
    loop {
        let made = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(folder);
        let mut file = made.with_context(ErrorKind::Unexpected, what)?;
        file.as_file().lock().with_context(ErrorKind::Unexpected, what)?;
        file.write_all(bytes).with_context(ErrorKind::Unexpected, what)?;
        file.as_file().sync_all().with_context(ErrorKind::Unexpected, what)?;
        match file.persist(path) {
            Ok(_) => break,
            // Whoever clears up came between its creation and its lock.
            Err(error) if error.error.kind() == std::io::ErrorKind::NotFound && tries < MOST_TRIES => tries += 1,
            Err(error) => return Err(error).with_context(ErrorKind::Unexpected, what),
        }
    }
    // Without this, the old file could be back under the name after the machine lost power.
    let synced = fs::File::open(folder).and_then(|folder| folder.sync_all());
    synced.with_context(ErrorKind::Unexpected, what)
}

/// Removes what processes were writing in a folder when they died. A folder that is missing has nothing of it.
pub(crate) fn remove_unfinished(folder: &Path) -> Result<()> {
    let failed = || format!("cannot clear up `{}`", folder.display());
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.with_context(ErrorKind::Unexpected, failed)?,
    };
    for entry in entries {
        let entry = entry.with_context(ErrorKind::Unexpected, failed)?;
        if !entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            continue;
        }
        let path = entry.path();
        // It may be done by now. Whoever still writes it holds its lock.
        let is_dead = regular::open(&path).is_ok_and(|file| file.try_lock().is_ok());
        if is_dead
            && let Err(error) = fs::remove_file(&path)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            return Err(error).with_context(ErrorKind::Unexpected, failed);
        }
    }
    Ok(())
}

/// Creates a folder and those above it.
pub(crate) fn create_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).with_context(ErrorKind::Unexpected, || format!("cannot create `{}`", path.display()))
}

/// Creates a folder that only its owner can enter, and missing folders above it; an existing one is not changed.
pub(crate) fn create_private_folder(path: &Path) -> Result<()> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.with_context(ErrorKind::Unexpected, || format!("cannot create `{}`", path.display()))
}

/// Makes a folder private to its owner, and creates it and missing folders above it: access of others to an existing
/// one is removed, if it belongs to this user.
pub(crate) fn own_folder(path: &Path) -> Result<()> {
    create_private_folder(path)?;
    let tighten = || -> std::io::Result<()> {
        let looks = fs::metadata(path)?;
        let is_ours = looks.uid() == rustix::process::geteuid().as_raw();
        if is_ours && looks.permissions().mode() & 0o077 != 0 {
            fs::set_permissions(path, Permissions::from_mode(0o700))?;
        }
        Ok(())
    };
    tighten().with_context(ErrorKind::Unexpected, || {
        format!("cannot make `{}` private", path.display())
    })
}

/// Returns how many bytes a folder and everything below it take up on the disk; links are not followed. What cannot be
/// read counts as nothing: it is a figure for a person.
pub(crate) fn size_on_disk(path: &Path) -> u64 {
    let mut size: u64 = 0;
    let mut left = vec![path.to_owned()];
    while let Some(path) = left.pop() {
        let Ok(looks) = path.symlink_metadata() else { continue };
        size = size.saturating_add(looks.blocks().saturating_mul(512));
        if !looks.is_dir() {
            continue;
        }
        let entries = fs::read_dir(&path).into_iter().flatten().flatten();
        left.extend(entries.map(|entry| entry.path()));
    }
    size
}

/// Returns where a program of this name is found first in a search path; folders in it that are not absolute do not
/// count.
pub(crate) fn program(name: &str, search_path: Option<&OsStr>) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt as _;
    std::env::split_paths(search_path?)
        .map(|folder| folder.join(name))
        .find(|program| {
            program.is_absolute()
                && fs::metadata(program).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
        })
}

/// The holder of a repository's lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockHolder {
    /// The run's name, or the command's.
    pub id: String,
    /// Its process.
    pub pid: u32,
}

impl LockHolder {
    /// Returns whether it is a run, whose name begins with a date: commands have words.
    pub(crate) fn is_run(&self) -> bool {
        self.id.starts_with(|letter: char| letter.is_ascii_digit())
    }
}

/// A lock in a folder, held until it is dropped; the system frees it when the process dies.
#[derive(Debug)]
pub(crate) struct RepositoryLock {
    _file: File,
}

/// How long to try before reporting that somebody else holds the lock: a `status` that reads it holds it for an
/// instant.
const PATIENCE: Duration = Duration::from_millis(300);

impl RepositoryLock {
    /// Takes the lock in a folder, which is created, for `id`; fails with [`ErrorKind::Locked`] and the holder's name.
    pub(crate) fn acquire(folder: &Path, id: &str) -> Result<Self> {
        create_private_folder(folder)?;
        let path = lock_path(folder);
        let mut file = open(&path)?;
        let begun = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if begun.elapsed() < PATIENCE => {
                    std::thread::sleep(Duration::from_millis(10));
                }
                Err(TryLockError::WouldBlock) => return Err(held(&mut file, &path)),
                Err(TryLockError::Error(error)) => {
                    return Err(error)
                        .with_context(ErrorKind::Unexpected, || format!("cannot lock `{}`", path.display()));
                }
            }
        }
        let holder = LockHolder {
            id: id.to_owned(),
            pid: std::process::id(),
        };
        let text = serde_json::to_vec(&holder).context("cannot write the lock's holder")?;
        let written = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(&text));
        written.with_context(ErrorKind::Unexpected, || format!("cannot write `{}`", path.display()))?;
        Ok(Self { _file: file })
    }
}

/// Returns the present holder of the lock in a folder, if there is one.
pub(crate) fn lock_holder(folder: &Path) -> Result<Option<LockHolder>> {
    let path = lock_path(folder);
    if !path.exists() {
        return Ok(None);
    }
    let mut file = open(&path)?;
    match file.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => Ok(Some(read_holder(&mut file))),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(ErrorKind::Unexpected, || format!("cannot look at `{}`", path.display()))
        }
    }
}

fn lock_path(folder: &Path) -> PathBuf {
    folder.join("lock")
}

fn open(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    // A user who may read a file may lock it.
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    regular::open_with(path, &mut options)
        .with_context(ErrorKind::Unexpected, || format!("cannot open `{}`", path.display()))
}

/// Reads the holder of the lock; one that is just writing it has no name for an instant.
fn read_holder(file: &mut File) -> LockHolder {
    let begun = Instant::now();
    loop {
        let mut text = String::new();
        let read = file.rewind().and_then(|()| file.read_to_string(&mut text));
        if let Some(holder) = read.ok().and_then(|_| serde_json::from_str(&text).ok()) {
            return holder;
        }
        if begun.elapsed() > PATIENCE {
            return LockHolder {
                id: "another process".to_owned(),
                pid: 0,
            };
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn held(file: &mut File, path: &Path) -> Error {
    let holder = read_holder(file);
    Error::new(
        ErrorKind::Locked,
        format!(
            "`{}` is at work on this repository (process {}, lock `{}`)",
            holder.id,
            holder.pid,
            path.display()
        ),
    )
    .hint("wait until it ends; `cordwainer status` shows what it does")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_a_dead_process_was_writing_goes_and_what_is_being_written_stays() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        let [dead, alive] = ["dead", "alive"].map(|name| place(&format!("{UNFINISHED}{name}")));
        fs::write(&dead, "half").unwrap();
        let writer = File::create(&alive).unwrap();
        writer.lock().unwrap();
        write_atomically(&place("done"), b"whole").unwrap();
        remove_unfinished(folder.path()).unwrap();
        assert_eq!((dead.exists(), alive.exists()), (false, true));
        drop(writer);
        remove_unfinished(folder.path()).unwrap();
        let left: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(left, ["done"]);
        remove_unfinished(&place("missing")).unwrap();
    }

    #[test]
    fn a_private_folder_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b");
        create_private_folder(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        create_private_folder(&path).unwrap();
        fs::write(path.join("file"), "").unwrap();
        let error = create_private_folder(&path.join("file/c")).unwrap_err();
        assert!(error.to_string().starts_with("cannot create `"), "{error}");
    }
}
