//! What `start` would clear, for somebody to be asked about before it does.

use std::path::PathBuf;

use crate::base::error::Result;
use crate::git::{DiffStat, Oid, TreeEdit};
use crate::lifecycle::{Generator, StartOptions};

/// What a generation would begin without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clearing {
    /// The source folders.
    pub folders: Vec<String>,
    /// The files in them, and their lines.
    pub diff: DiffStat,
    /// The commit that has them, for [`StartOptions::base`].
    pub base: String,
}

impl Generator {
    /// Returns what [`Generator::start`] would clear on the generation's branch; `None` where that is nothing. It changes
    /// nothing.
    ///
    /// # Errors
    ///
    /// Where the commit to begin from is missing, or the mode unknown, as [`Generator::start`].
    pub fn clearing(&self, options: &StartOptions) -> Result<Option<Clearing>> {
        let this = self.in_mode_of(options)?;
        this.clearing_of(this.starting_point(options)?)
    }

    /// Returns what a generation that begins at this commit is without.
    pub(super) fn clearing_of(&self, base: Oid) -> Result<Option<Clearing>> {
        let git = &self.project.git;
        let folders = self.cleared_folders(&git.files(base)?);
        if folders.is_empty() {
            return Ok(None);
        }
        let edit = TreeEdit {
            remove: folders.iter().map(PathBuf::from).collect(),
            keep: vec![PathBuf::from(&self.project.config.xtask_dir)],
            ..TreeEdit::default()
        };
        let tree = git.commit_info(base)?.tree;
        let diff = git.diff_stat(tree, git.edit_tree(tree, &edit)?)?;
        Ok(Some(Clearing {
            folders,
            diff,
            base: base.to_string(),
        }))
    }
}
