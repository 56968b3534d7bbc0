//! The one list of properties of a repository that work through libgit2 alone cannot handle: checked before work, and
//! before its last step.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use git2::{Oid, Repository};

pub(super) use self::attributes::has_driver;
pub use self::hazard::{Hazard, Severity};
use self::words::{listed, shown};
use super::tree::{peel, visit};
use super::{EntryKind, Git, bytes};
use crate::base::error::{Context as _, Result};
use crate::base::text;

mod attributes;
mod hazard;
mod partial;
mod state;
mod words;

impl Git {
    /// Finds hazards that prevent work, and those that people should know about: in a commit, in the local branches
    /// (short names) that work on it would move, and in the state and the settings of the repository. The most serious
    /// first.
    pub fn hazards(&self, commit: Oid, branches: &[&str]) -> Result<Vec<Hazard>> {
        let repository = self.open()?;
        let mut found = partial::look(&repository, commit)?;
        // The trees themselves may be missing.
        if found.iter().all(|hazard| hazard.severity < Severity::Refuse) {
            found.extend(in_commit(&repository, commit)?);
        }
        for source in self.attribute_files(&repository) {
            found.extend(attributes::in_file(&repository, &source));
        }
        for branch in branches {
            found.extend(state::alias(&repository, branch)?);
        }
        found.extend(state::of_repository(&repository)?);
        found.sort_by_key(|hazard| std::cmp::Reverse(hazard.severity));
        found.dedup();
        Ok(found)
    }

    /// Returns the files and folders that git obeys because of the repository's own settings: a configured folder of
    /// hooks, and further files of settings. They are absolute, and need not exist.
    pub fn obeyed_by_settings(&self) -> Result<Vec<PathBuf>> {
        state::obeyed_by_settings(&self.open()?)
    }

    /// Returns the attributes in `new` that are not in `old`, and with which contents would be recorded or checked out
    /// wrongly; both are trees or commits.
    pub fn hazards_brought(&self, old: Oid, new: Oid) -> Result<Vec<Hazard>> {
        let repository = self.open()?;
        let before = |path: &Path| self.read_file(old, path);
        let mut found = Vec::new();
        for change in self.changes(old, new)? {
            if change.path.file_name().is_none_or(|name| name != attributes::NAME) {
                continue;
            }
            let name = shown(bytes::of_path(&change.path));
            let words = |content: Option<Vec<u8>>| {
                attributes::in_content(&repository, &name, content.as_deref().unwrap_or_default())
            };
            let (was, is) = (words(before(&change.path)?), words(self.read_file(new, &change.path)?));
            found.extend(
                is.into_iter()
                    .filter(|hazard| hazard.refuses_work() && !was.contains(hazard)),
            );
        }
        Ok(found)
    }
}

/// Returns the hazards in the files of a commit.
fn in_commit(repository: &Repository, commit: Oid) -> Result<Vec<Hazard>> {
    let mut found = Vec::new();
    let mut attributes = Vec::new();
    let mut submodules = Vec::new();
    let mut collisions = Collisions::default();
    visit(repository, &peel(repository, commit)?, b"", &mut |path, kind, id| {
        if bytes::split_last(path).1 == attributes::NAME.as_bytes() && kind != EntryKind::Link {
            attributes.push((path.to_vec(), id));
        }
        if kind == EntryKind::Submodule {
            submodules.push(shown(path));
        }
        collisions.add(path);
    })?;
    for (path, id) in attributes {
        let blob = repository
            .find_blob(id)
            .context(format!("cannot read `{}`", shown(&path)))?;
        found.extend(attributes::in_content(repository, &shown(&path), blob.content()));
    }
    if !submodules.is_empty() {
        let text = format!(
            "submodules are not changed, and are empty for agents: {}",
            listed(&submodules)
        );
        let fix = "put files that agents need into the repository itself";
        found.push(Hazard::new(Severity::Warn, text, fix));
    }
    if !collisions.found.is_empty() {
        let text = format!("paths that differ only by case: {}", listed(&collisions.found));
        let fix = "rename one of each: on a system that ignores case, they cannot be checked out together";
        found.push(Hazard::new(Severity::Warn, text, fix));
    }
    Ok(found)
}

/// Paths that are one path on a system that does not distinguish case.
#[derive(Default)]
struct Collisions {
    seen: HashMap<String, String>,
    found: Vec<String>,
}

impl Collisions {
    fn add(&mut self, path: &[u8]) {
        let path = String::from_utf8_lossy(path).into_owned();
        if let Some(other) = self.seen.insert(path.to_lowercase(), path.clone()) {
            self.found.push(format!(
                "{} and {}",
                text::one_line(&other, 100),
                text::one_line(&path, 100)
            ));
        }
    }
}
