//! Empty folders that remain of refs, and that are in the way of others.

use std::fs;
use std::io;
use std::path::Path;

use walkdir::WalkDir;

/// Returns whether there is no file of a name: nothing at all, a folder, or a file in the place of a folder above it.
pub(super) fn is_absent(error: &io::Error) -> bool {
    use io::ErrorKind::{IsADirectory, NotADirectory, NotFound};
    [IsADirectory, NotADirectory, NotFound].contains(&error.kind())
}

/// Removes the folders above `path` that hold nothing any more, up to and without `top` and the two below it
/// (`refs/heads`), as git does.
pub(super) fn remove_empty_above(path: &Path, top: &Path) {
    let kept = top.components().count() + 2;
    for folder in path.ancestors().skip(1) {
        // One that is used again meanwhile is not empty.
        if folder.components().count() <= kept || fs::remove_dir(folder).is_err() {
            break;
        }
    }
}

/// Removes a folder that contains only folders, because a ref is to replace it.
pub(super) fn remove_empty_below(path: &Path) {
    if fs::symlink_metadata(path).is_ok_and(|looks| looks.is_dir()) {
        for entry in WalkDir::new(path)
            .contents_first(true)
            .into_iter()
            .filter_map(Result::ok)
        {
            // One that is not empty stays, and the write that follows reports it.
            let _ = fs::remove_dir(entry.path());
        }
    }
}
