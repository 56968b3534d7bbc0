//! `list`: which generations exist, and which have ended.

use serde::Serialize;

use crate::error::Result;
use crate::generation::{ARCHIVE, GenerationName, Phase};
use crate::generator::Generator;
use crate::git::Oid;

/// All generations of a repository.
#[derive(Clone, Debug, Serialize)]
pub struct Listing {
    /// Those that are not ended, by name.
    pub open: Vec<GenerationSummary>,
    /// Those that are, by name and number.
    pub ended: Vec<GenerationSummary>,
}

/// One generation in a list.
#[derive(Clone, Debug, Serialize)]
pub struct GenerationSummary {
    /// Its name.
    pub generation: GenerationName,
    /// Where it stands.
    pub phase: Phase,
    /// Whether commands without `--generation` mean it.
    pub current: bool,
    /// The last commit of its branch.
    pub tip: Option<String>,
    /// The commit on the base branch that holds it.
    pub merged: Option<String>,
    /// Where an ended generation is kept.
    pub archive: Option<String>,
}

impl Generator {
    /// Lists the generations of the repository.
    pub fn list(&self) -> Result<Listing> {
        let current = self.generation().ok();
        let mut open = Vec::new();
        for name in self.generations()? {
            let merged = self.git.reference(&name.merged_mark())?;
            open.push(GenerationSummary {
                phase: self.phase(&name)?,
                current: current.as_ref() == Some(&name),
                tip: text(self.git.reference(&name.branch())?),
                merged: text(merged),
                archive: None,
                generation: name,
            });
        }
        Ok(Listing {
            open,
            ended: self.ended()?,
        })
    }

    /// Where a generation that is not ended stands, by its refs.
    pub(crate) fn phase(&self, name: &GenerationName) -> Result<Phase> {
        let finished = self.git.reference(&name.finished_mark())?;
        Ok(if finished.is_some() {
            Phase::Finished
        } else {
            Phase::Open
        })
    }

    fn ended(&self) -> Result<Vec<GenerationSummary>> {
        let mut ended = Vec::new();
        for (reference, tip) in self.git.references(ARCHIVE)? {
            let Some(archive) = reference.strip_suffix("tip") else {
                continue;
            };
            let Some((name, _)) = archive[ARCHIVE.len()..].trim_end_matches('/').rsplit_once('/') else {
                continue;
            };
            let generation = GenerationName::new(name)?;
            let merged = self.git.reference(&format!("{archive}merged"))?;
            ended.push(GenerationSummary {
                generation,
                phase: if merged.is_some() {
                    Phase::Merged
                } else {
                    Phase::Archived
                },
                current: false,
                tip: Some(tip.to_string()),
                merged: text(merged),
                archive: Some(archive.to_owned()),
            });
        }
        Ok(ended)
    }
}

fn text(id: Option<Oid>) -> Option<String> {
    id.map(|id| id.to_string())
}
