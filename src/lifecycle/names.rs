//! The names that people type: of generations and of runs, read in no time.

use std::path::Path;

use crate::base::error::Result;
use crate::lifecycle::Generator;
use crate::model::RunId;
use crate::model::generation::GenerationName;
use crate::project::{Environment, Project};

/// The most runs that are named: the newest ones.
const MOST_RUNS: usize = 200;

impl Generator {
    /// Opens a repository to look at names, where nothing may take time or change anything: a configuration that cannot be
    /// read is not an error, locks are left alone, and credentials are not read.
    pub(crate) fn open_to_complete(directory: &Path, environment: Environment) -> Result<Self> {
        Ok(Self::of(Project::open_to_complete(directory, environment)?))
    }

    /// Returns the names of the open generations.
    pub(crate) fn generation_names(&self) -> Result<Vec<GenerationName>> {
        self.project.generations()
    }

    /// Returns the names of the last runs, the newest first.
    pub(crate) fn run_names(&self) -> Result<Vec<RunId>> {
        let mut names = self.run_ids()?;
        names.truncate(MOST_RUNS);
        Ok(names)
    }
}
