//! The folder that keeps the client's session from one call to the next: the agent's own, and nothing here reads it.

use std::io;
use std::path::Path;

use super::folder::{Folder, Owner, remove_path};
use crate::base::error::{Context as _, Result};
use crate::base::fs::own_folder;

/// Makes the folder anew, empty.
pub(super) fn make(folder: &Path, owner: Owner) -> Result<()> {
    let failed = || format!("cannot make the session's folder `{}`", folder.display());
    let (Some(parent), Some(name)) = (folder.parent(), folder.file_name()) else {
        return Err(io::Error::from(io::ErrorKind::InvalidInput)).context(failed());
    };
    own_folder(parent)?;
    remove_path(folder)?;
    let made = Folder::open(parent).and_then(|parent| parent.make_folder(name.as_encoded_bytes(), owner));
    made.map(drop).context(failed())
}
