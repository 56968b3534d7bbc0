//! The one list of properties of a repository that work through libgit2 alone cannot handle: checked before work, and
//! before its last step.

use std::path::{Path, PathBuf};

use git2::{Oid, Repository};

pub(super) use self::attributes::has_driver;
pub use self::hazard::{Hazard, Severity};
use self::words::{listed, shown};
use super::chosen::ChosenFiles;
use super::{EntryKind, Git, bytes};
use crate::base::error::{Context as _, Result};

mod attributes;
mod hazard;
mod partial;
mod state;
mod twins;
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
            found.extend(in_commit(self, &repository, commit)?);
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

/// Files that are hazards, or may name some.
static NOTED: ChosenFiles<fn(&Path, EntryKind) -> bool> = ChosenFiles::new(is_noted);

fn is_noted(path: &Path, kind: EntryKind) -> bool {
    let is_attributes = path.file_name().is_some_and(|name| name == attributes::NAME);
    kind == EntryKind::Submodule || (is_attributes && kind != EntryKind::Link)
}

/// Returns the hazards in the files of a commit.
fn in_commit(git: &Git, repository: &Repository, commit: Oid) -> Result<Vec<Hazard>> {
    let mut found = Vec::new();
    let mut submodules = Vec::new();
    for file in NOTED.of(git, commit)? {
        let path = shown(bytes::of_path(&file.path));
        if file.kind == EntryKind::Submodule {
            submodules.push(path);
            continue;
        }
        let blob = repository.find_blob(file.id).context(format!("cannot read `{path}`"))?;
        found.extend(attributes::in_content(repository, &path, blob.content()));
    }
    let twins = twins::of(repository, commit)?;
    if !submodules.is_empty() {
        let text = format!(
            "submodules are not changed, and are empty for agents: {}",
            listed(&submodules)
        );
        let fix = "put files that agents need into the repository itself";
        found.push(Hazard::new(Severity::Warn, text, fix));
    }
    if !twins.is_empty() {
        let text = format!("paths that differ only by case: {}", listed(&twins));
        let fix = "rename one of each: on a system that ignores case, they cannot be checked out together";
        found.push(Hazard::new(Severity::Warn, text, fix));
    }
    Ok(found)
}
