//! Small trusted files that must be there after a crash, or not at all.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::base::error::{Context as _, Result};
use crate::base::regular;

/// Returns the marker of a slot, `slots` being the folder of all.
pub(super) fn of(slots: &Path, number: u32) -> PathBuf {
    slots.join(format!("{number}.dirty"))
}

/// Returns where a file is written before it is whole.
fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    path.with_file_name(name)
}

/// Returns whether somebody writes a file, or died in that.
pub(super) fn is_unfinished(path: &Path) -> bool {
    unfinished(path).exists()
}

/// Removes what a process left that died while it wrote a file, if there is anything.
pub(super) fn remove_unfinished(path: &Path) -> Result<()> {
    remove(&unfinished(path))
}

/// Writes a file durably: whoever opens it, at any moment, finds the old content or the new.
pub(super) fn write(path: &Path, content: &str) -> Result<()> {
    let attempt = || -> io::Result<()> {
        let temporary = unfinished(path);
        let mut file = File::create(&temporary)?;
        file.write_all(content.as_bytes())?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        match path.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    };
    attempt().context(format!("cannot write `{}`", path.display()))
}

/// Reads a file, if it is there.
pub(super) fn read(path: &Path) -> Result<Option<String>> {
    match regular::read(path) {
        Ok(content) => Ok(Some(String::from_utf8_lossy(&content).into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).context(format!("cannot read `{}`", path.display())),
    }
}

/// Removes a file; one that is not there is not an error.
pub(super) fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).context(format!("cannot remove `{}`", path.display()))
        }
        _ => Ok(()),
    }
}
