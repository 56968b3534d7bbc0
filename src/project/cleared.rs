//! Whether a generation began without its sources.

use crate::base::error::Result;
use crate::git::ChangeKind;
use crate::model::generation::GenerationName;
use crate::model::trailer;
use crate::project::Project;

impl Project {
    /// Returns whether the generation's first commit cleared sources that its base has.
    pub(crate) fn has_cleared_sources(&self, generation: &GenerationName) -> Result<bool> {
        let (Some(base), Some(tip)) = (
            self.git.reference(&generation.base_mark())?,
            self.git.reference(&generation.branch())?,
        ) else {
            return Ok(false);
        };
        let commits = self.git.first_parents(tip, Some(base))?;
        let Some(first) = commits.last().filter(|first| first.parents == [base]) else {
            return Ok(false);
        };
        if first.trailer(trailer::GENERATION).is_none() || first.trailer(trailer::TASK).is_some() {
            return Ok(false);
        }
        let changes = self.git.changes(base, first.id)?;
        Ok(changes.iter().any(|change| change.kind == ChangeKind::Deleted))
    }
}
