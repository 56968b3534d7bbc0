//! What is the person's: the checkout, HEAD, index, configuration, hooks, and every ref that is not cordwainer's.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::Outcome;
use crate::files::walk;
use crate::git::Repository;

/// What is shared with git's own upkeep, or cordwainer's, in git's folder.
const NOT_THE_PERSONS: [&str; 9] = [
    "objects",
    "refs",
    "logs",
    "cordwainer",
    "cordwainer-locks",
    "cordwainer-objects",
    "cordwainer-repository.json",
    "worktrees",
    "packed-refs",
];

/// Writes down what is the person's.
pub(crate) fn remember(repository: &Path, file: &Path) -> Outcome<()> {
    let text = serde_json::to_vec_pretty(&json!(manifest(&Repository::open(repository)?)?))?;
    Ok(fs::write(file, text)?)
}

/// Returns what is another thing now than when it was remembered.
pub(crate) fn changed(repository: &Repository, remembered: &Path) -> Outcome<Vec<String>> {
    let before: BTreeMap<String, String> = serde_json::from_slice(&fs::read(remembered)?)?;
    let now = manifest(repository)?;
    let mut found = Vec::new();
    for (name, was) in &before {
        match now.get(name) {
            None => found.push(format!("`{name}` is gone")),
            Some(is) if is != was => found.push(format!("`{name}` was {was}, and is {is}")),
            Some(_) => {}
        }
    }
    // Refs that are new are of the generation, and checked as such.
    let is_new = |name: &&String| !before.contains_key(*name) && !name.starts_with("ref ");
    found.extend(now.keys().filter(is_new).map(|name| format!("`{name}` is new")));
    Ok(found)
}

/// Everything that is the person's, by name: what kind it is, its mode, its time, and its content.
fn manifest(repository: &Repository) -> Outcome<BTreeMap<String, String>> {
    let mut described = BTreeMap::new();
    let mut files = Vec::new();
    let git = repository
        .common
        .strip_prefix(&repository.checkout)
        .ok()
        .map(Path::to_owned);
    walk(&repository.checkout, &mut |path, kind| {
        let inside = git.as_ref().and_then(|git| path.strip_prefix(git).ok());
        let first = inside.and_then(|inside| inside.components().next());
        let ours = first.is_some_and(|first| NOT_THE_PERSONS.iter().any(|name| first.as_os_str() == *name));
        if ours || Some(path) == git.as_deref() {
            return Ok(!ours);
        }
        let full = repository.checkout.join(path);
        let metadata = fs::symlink_metadata(&full)?;
        let what = if kind.is_dir() {
            "folder".to_owned()
        } else if kind.is_symlink() {
            format!("link to {}", fs::read_link(&full)?.display())
        } else {
            files.push((path.display().to_string(), full));
            format!("file of {}.{:09}", metadata.mtime(), metadata.mtime_nsec())
        };
        let mode = metadata.permissions().mode();
        described.insert(path.display().to_string(), format!("{what}, mode {mode:o}"));
        Ok(true)
    })?;
    let paths: Vec<PathBuf> = files.iter().map(|(_, full)| full.clone()).collect();
    for ((name, _), id) in files.iter().zip(repository.ids_of_files(&paths)?) {
        described.entry(name.clone()).or_default().push_str(&format!(", {id}"));
    }
    described.extend(refs(repository)?);
    Ok(described)
}

/// Refs but for those below `refs/cordwainer/`.
fn refs(repository: &Repository) -> Outcome<BTreeMap<String, String>> {
    let listed = repository.git(&["for-each-ref", "--format=%(refname) %(objectname)"])?;
    let lines = listed.lines().filter(|line| !line.starts_with("refs/cordwainer/"));
    let parsed = lines.filter_map(|line| line.split_once(' '));
    Ok(parsed
        .map(|(name, id)| (format!("ref {name}"), id.to_owned()))
        .collect())
}

/// A value as a list; anything else is an empty one.
pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
