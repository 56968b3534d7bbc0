//! Hazards for work on a generation, checked before any command begins.

use std::path::Path;

use crate::base::error::{Error, ErrorKind, Result};
use crate::base::text::one_line;
use crate::git::{Hazard, Oid};
use crate::issues::store::Store;
use crate::model::generation::GenerationName;
use crate::project::Project;

impl Project {
    /// Returns every hazard for work on an existing generation, at one of its commits.
    pub(crate) fn hazards_of(&self, generation: &GenerationName, commit: Oid) -> Result<Vec<Hazard>> {
        let base_branch = Store::open(&self.git, generation)?.read()?.meta().base_branch.clone();
        self.git.hazards(commit, &[&base_branch, generation.as_str()])
    }

    /// Refuses while somebody has the generation branch checked out: its files would lose their branch.
    pub(crate) fn refuse_checked_out(&self, generation: &GenerationName) -> Result<()> {
        let places = self.git.checked_out_at(generation.as_str())?;
        let Some(place) = places.first() else { return Ok(()) };
        Err(Error::new(
            ErrorKind::Precondition,
            format!(
                "the generation branch `{generation}` is checked out at `{}`",
                place.display()
            ),
        )
        .hint(format!(
            "check out another branch there, such as `{}`",
            self.config.base_branch
        )))
    }

    /// Returns what is wrong with a commit that contains a file of `secrets_dir`: every slot would have it, too. Files
    /// of git itself in such a folder (`.gitignore`, `.gitkeep`) are not secrets.
    pub(crate) fn committed_secret(&self, commit: Oid) -> Result<Option<String>> {
        let is_secret = |path: &Path| {
            let name = path.file_name().unwrap_or_default().as_encoded_bytes();
            !name.starts_with(b".git")
        };
        let mut below = self
            .git
            .files_at(commit, Path::new(&self.config.secrets_dir))?
            .into_iter();
        let found = below.find(|file| is_secret(&file.path));
        Ok(found.map(|file| {
            let path = one_line(&file.path.display().to_string(), 100);
            format!("`{path}`, in `secrets_dir`, is committed, and agents could read it")
        }))
    }
}
