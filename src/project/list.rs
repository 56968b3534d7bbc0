//! `list`: which generations exist, and which have ended.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::base::error::{ErrorKind, Result};
use crate::git::Oid;
use crate::issues::issue::IssueCounts;
use crate::issues::store::Store;
use crate::model::generation::{ARCHIVE, GenerationName, Phase};
use crate::project::Project;

/// All generations of a repository.
#[derive(Clone, Debug, Serialize)]
pub struct Listing {
    /// Those that are not ended, the newest first.
    pub open: Vec<GenerationSummary>,
    /// Those that have ended, the newest first.
    pub ended: Vec<GenerationSummary>,
}

/// One generation in a list.
#[derive(Clone, Debug, Serialize)]
pub struct GenerationSummary {
    /// Its name.
    pub generation: GenerationName,
    /// Its state.
    pub phase: Phase,
    /// Whether commands without `--generation` use it.
    pub current: bool,
    /// When it was started; `None` where its tasks cannot be read.
    pub began: Option<Timestamp>,
    /// How many tasks are in which state; `None` where they cannot be read.
    pub tasks: Option<IssueCounts>,
    /// The last commit of its branch.
    pub tip: Option<String>,
    /// The commit on the base branch that contains it.
    pub merged: Option<String>,
    /// Where an ended generation is kept.
    pub archive: Option<String>,
}

impl Project {
    /// Lists the generations of the repository.
    pub(crate) fn list(&self) -> Result<Listing> {
        let current = match self.generation() {
            Ok(current) => Some(current),
            // None, several, or an unknown one is selected: then the list helps.
            Err(error) if error.kind() == ErrorKind::Precondition => None,
            Err(error) => return Err(error),
        };
        let mut open = Vec::new();
        for name in self.generations()? {
            let (began, tasks) = summed_up(Store::open(&self.git, &name));
            open.push(GenerationSummary {
                began,
                tasks,
                phase: self.phase(&name)?,
                current: current.as_ref() == Some(&name),
                tip: text(self.git.reference(&name.branch())?),
                merged: text(self.git.reference(&name.merged_mark())?),
                archive: None,
                generation: name,
            });
        }
        let mut ended = self.ended()?;
        // A stable sort: those of which it is not known when they began stay together, at the end.
        open.sort_by_key(|one| Reverse(one.began));
        ended.sort_by_key(|one| Reverse(one.began));
        Ok(Listing { open, ended })
    }

    /// Returns the state of a generation that has not ended, by its refs.
    pub(crate) fn phase(&self, name: &GenerationName) -> Result<Phase> {
        let finished = self.git.reference(&name.finished_mark())?;
        Ok(if finished.is_some() {
            Phase::Finished
        } else {
            Phase::Open
        })
    }

    /// Returns the generations that have ended, by name and number. One with a `stop` or `reset` that died is still
    /// open.
    fn ended(&self) -> Result<Vec<GenerationSummary>> {
        let mut ending = Vec::new();
        for name in self.generations()? {
            ending.push(name.archive(self.archive_number(&name)?));
        }
        let mut ended = BTreeMap::new();
        for (reference, _) in self.git.references(ARCHIVE)? {
            // The mark that makes an archive complete is kept last.
            let Some(archive) = reference.strip_suffix("base") else {
                continue;
            };
            if let Some(key) = parse_archive(archive)
                && !ending.iter().any(|one| one == archive)
            {
                let summary = self.ended_summary(&key.0, archive)?;
                ended.insert(key, summary);
            }
        }
        Ok(ended.into_values().collect())
    }

    /// Returns the last generation that ended under this very name.
    pub(crate) fn last_ended(&self, name: &GenerationName) -> Result<Option<GenerationSummary>> {
        self.last_ended_where(|ended| ended == name)
    }

    /// Returns the last generation that ended under this name, with or without the configured prefix.
    pub(crate) fn ended_named(&self, name: &str) -> Result<Option<GenerationSummary>> {
        self.last_ended_where(|ended| self.is_named(ended, name))
    }

    fn last_ended_where(&self, is_it: impl Fn(&GenerationName) -> bool) -> Result<Option<GenerationSummary>> {
        Ok(self.ended()?.into_iter().rev().find(|one| is_it(&one.generation)))
    }

    /// Returns the archives of the merged generations whose work a commit contains, the oldest first.
    pub(crate) fn merged_into(&self, tip: Oid) -> Result<Vec<String>> {
        let mut merged = self.ended()?;
        merged.sort_by_key(|one| one.began);
        let mut archives = Vec::new();
        for one in merged {
            let (Some(commit), Some(archive)) = (one.merged, one.archive) else {
                continue;
            };
            if self.git.is_ancestor(self.git.resolve(&commit)?, tip)? {
                archives.push(archive);
            }
        }
        Ok(archives)
    }

    fn ended_summary(&self, generation: &GenerationName, archive: &str) -> Result<GenerationSummary> {
        let merged = self.git.reference(&format!("{archive}merged"))?;
        let (began, tasks) = summed_up(Store::archived(&self.git, archive));
        Ok(GenerationSummary {
            began,
            tasks,
            generation: generation.clone(),
            phase: merged.map_or(Phase::Archived, |_| Phase::Merged),
            current: false,
            tip: text(self.git.reference(&format!("{archive}tip"))?),
            merged: text(merged),
            archive: Some(archive.to_owned()),
        })
    }
}

/// Returns when a generation began and how its tasks stand. What cannot be read of one must not hide the others: that
/// it cannot is shown.
fn summed_up(store: Result<Store>) -> (Option<Timestamp>, Option<IssueCounts>) {
    match store.and_then(|store| store.read()) {
        Ok(issues) => (Some(issues.meta().created_at), Some(issues.counts())),
        Err(error) => {
            tracing::debug!(%error, "the tasks of a generation cannot be read");
            (None, None)
        }
    }
}

/// Returns the name and number that an archive's refs begin with: `refs/cordwainer/archive/<name>/<number>/`.
fn parse_archive(archive: &str) -> Option<(GenerationName, u32)> {
    let (name, number) = archive.strip_prefix(ARCHIVE)?.strip_suffix('/')?.rsplit_once('/')?;
    Some((GenerationName::new(name).ok()?, number.parse().ok()?))
}

fn text(id: Option<Oid>) -> Option<String> {
    id.map(|id| id.to_string())
}
