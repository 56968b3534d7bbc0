//! A list in a file of the state folder, replaced as a whole.

use std::io::ErrorKind as Io;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::base::fs::{create_private_folder, write_atomically};
use crate::base::regular;

/// Reads a list; it is empty where there is no file. `hint` says what the file holds, and what to do about one that is damaged.
///
/// # Errors
///
/// Of kind [`ErrorKind::Unexpected`], where the file cannot be read or parsed.
pub(super) fn read<T: DeserializeOwned>(path: &Path, hint: &'static str) -> Result<Vec<T>> {
    let failed = || format!("cannot read `{}`", path.display());
    let text = match regular::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == Io::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(ErrorKind::Unexpected, failed),
    };
    serde_json::from_slice(&text).map_err(|error| Error::new(ErrorKind::Unexpected, failed()).because(error).hint(hint))
}

/// Writes a list, in a folder that is made for its user alone where it is not there.
///
/// # Errors
///
/// Where the folder cannot be made, or the file not be written.
pub(super) fn write<T: Serialize>(path: &Path, list: &[T]) -> Result<()> {
    if let Some(folder) = path.parent() {
        create_private_folder(folder)?;
    }
    let mut text = serde_json::to_vec_pretty(list).context(format!("cannot write `{}`", path.display()))?;
    text.push(b'\n');
    write_atomically(path, &text)
}
