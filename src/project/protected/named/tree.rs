//! Paths of a tree: the folder of a path, and the target of a path relative to a folder.

use std::path::{Component, Path, PathBuf};

/// Returns the folder that a path lies in; empty for the root.
pub(super) fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Returns a path relative to a folder, without `.` and `..`; `None` when it leaves the tree, or is the root itself.
pub(super) fn joined(folder: &str, path: &str) -> Option<String> {
    let mut found = PathBuf::new();
    for part in Path::new(folder)
        .join(path.replace('\\', "/").trim_start_matches('/'))
        .components()
    {
        match part {
            Component::Normal(name) => found.push(name),
            Component::ParentDir if !found.pop() => return None,
            _ => {}
        }
    }
    let found = found.to_str()?;
    (!found.is_empty()).then(|| found.to_owned())
}
