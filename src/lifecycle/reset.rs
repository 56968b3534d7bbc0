//! `reset`: ends a generation without merging; its results stay reachable in the archive.

use crate::base::error::Result;
use crate::lifecycle::{Generator, Removal};
use crate::model::generation::GenerationName;

/// What was reset.
#[derive(Clone, Debug, serde::Serialize)]
#[must_use]
pub struct ResetSummary {
    /// The generation that ended.
    pub generation: GenerationName,
    /// Where its tip, issues and task commits stay reachable.
    pub archive: String,
    /// What a dead run had left, and what was done with it.
    pub recovered: Vec<String>,
}

impl Generator {
    /// Ends the selected generation without merging it; the base branch stays as it is. `announce` is called with what
    /// will be removed before anything is. Can be run again after dying anywhere.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Precondition`](crate::error::ErrorKind::Precondition) where no generation is open or its
    /// branch is checked out, and of kind [`ErrorKind::Locked`](crate::error::ErrorKind::Locked) while a run works on
    /// it.
    pub async fn reset(&self, announce: impl FnOnce(&GenerationName, &Removal)) -> Result<ResetSummary> {
        let _lock = self.project.lock("reset")?;
        let generation = self.project.generation()?;
        self.project.refuse_checked_out(&generation)?;
        announce(&generation, &self.removal(&generation, Vec::new())?);
        let mut recovered = self.recover_before_ending(&generation).await?;
        let tip = self.project.git.reference(&generation.branch())?;
        if tip.is_some() {
            recovered.extend(self.undo_landing(&generation)?);
        }
        let archive = self.archive_and_remove(&generation, tip)?;
        Ok(ResetSummary {
            generation,
            archive,
            recovered,
        })
    }
}
