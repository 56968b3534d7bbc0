//! The person's index: changed as a copy under git's lock of it, and put in place at once.

use std::fs::{self, File, FileTimes};
use std::io;
use std::path::Path;

use super::patiently;
use crate::base::error::{Context as _, Result};
use crate::git::{Git, is_at};

impl Git {
    /// Calls `work` with the path of a copy of the person's index, while git's own lock of the index is held. The copy
    /// replaces the person's index when `work` ends, even with an error: it describes files that have moved already.
    ///
    /// Fails with [`ErrorKind::Precondition`](crate::base::error::ErrorKind::Precondition), before `work` begins, while
    /// another program holds the lock.
    pub(in crate::git) fn with_index<T>(&self, work: impl FnOnce(&Path) -> Result<T>) -> Result<T> {
        let lock = patiently(|| self.lock_file(&self.own_dir.join("index")))?;
        let failed = "cannot look at the copy of the index";
        let copy = lock.token.beside("index");
        copy_with_times(&lock.target, &copy).context("cannot copy the index")?;
        // Held open: no other file can get its inode, and libgit2 writes an index by replacing the file.
        let before = open_if_there(&copy).context(failed)?;
        let outcome = work(&copy);
        let is_written = match &before {
            Some(before) => !is_at(before, &copy).context(failed)?,
            None => copy.exists(),
        };
        if is_written {
            lock.publish(&copy).context("cannot write the index")?;
        }
        outcome
    }
}

/// Copies a file, if it exists, with its times: git uses them to find files that may have changed.
fn copy_with_times(from: &Path, to: &Path) -> io::Result<()> {
    match fs::copy(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        copied => copied?,
    };
    let times = FileTimes::new().set_modified(fs::metadata(from)?.modified()?);
    File::options().write(true).open(to)?.set_times(times)
}

fn open_if_there(path: &Path) -> io::Result<Option<File>> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
