//! `list`: which generations exist, and which have ended.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::base::error::{ErrorKind, Result};
use crate::git::Oid;
use crate::model::generation::{ARCHIVE, GenerationName, Phase};
use crate::project::Project;

/// All generations of a repository.
#[derive(Clone, Debug, Serialize)]
pub struct Listing {
    /// Those that are not ended, by name.
    pub open: Vec<GenerationSummary>,
    /// Those that have ended, by name and number.
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
            open.push(GenerationSummary {
                phase: self.phase(&name)?,
                current: current.as_ref() == Some(&name),
                tip: text(self.git.reference(&name.branch())?),
                merged: text(self.git.reference(&name.merged_mark())?),
                archive: None,
                generation: name,
            });
        }
        let ended = self.ended()?;
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

    /// Returns the last generation that ended under one of these names.
    pub(crate) fn last_ended(&self, names: &[&str]) -> Result<Option<GenerationSummary>> {
        let ended = self.ended()?;
        Ok(ended
            .into_iter()
            .rev()
            .find(|one| names.contains(&one.generation.as_str())))
    }

    fn ended_summary(&self, generation: &GenerationName, archive: &str) -> Result<GenerationSummary> {
        let merged = self.git.reference(&format!("{archive}merged"))?;
        Ok(GenerationSummary {
            generation: generation.clone(),
            phase: merged.map_or(Phase::Archived, |_| Phase::Merged),
            current: false,
            tip: text(self.git.reference(&format!("{archive}tip"))?),
            merged: text(merged),
            archive: Some(archive.to_owned()),
        })
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
