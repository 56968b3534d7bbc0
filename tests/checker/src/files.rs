//! Files below a folder.

use std::fs::{self, FileType};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::Outcome;

/// Calls `each` with everything below a folder, by its path below that. A folder is entered where `each` returns true. Links
/// are not followed; a folder that is missing has nothing in it.
pub(crate) fn walk(root: &Path, each: &mut dyn FnMut(&Path, FileType) -> Outcome<bool>) -> Outcome<()> {
    let mut folders = vec![PathBuf::new()];
    while let Some(below) = folders.pop() {
        let folder = root.join(&below);
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(format!("cannot list `{}`: {error}", folder.display()).into()),
        };
        for entry in entries {
            let entry = entry?;
            let (path, kind) = (below.join(entry.file_name()), entry.file_type()?);
            if each(&path, kind)? && kind.is_dir() {
                folders.push(path);
            }
        }
    }
    Ok(())
}

/// Whether some bytes are in others.
pub(crate) fn contains(bytes: &[u8], text: &str) -> bool {
    let text = text.as_bytes();
    let Some(first) = text.first() else { return false };
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| byte == first) {
        if rest[at..].starts_with(text) {
            return true;
        }
        rest = &rest[at + 1..];
    }
    false
}
