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

/// Writes a file durably: whoever opens it, at any moment, finds the old content or the new.
pub(super) fn write(path: &Path, content: &str) -> Result<()> {
    let attempt = || -> io::Result<()> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".new");
        let temporary = path.with_file_name(name);
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
