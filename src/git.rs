//! The person's repository through libgit2: refs, commits and guards. Opens the main repository only, never a slot.

use std::path::{Path, PathBuf};

pub use git2::Oid;

use crate::error::Result;

/// A handle on the person's repository. Cheap to clone, shared between threads: libgit2 is opened for each operation.
#[derive(Clone, Debug)]
pub struct Git {
    /// The git common directory.
    pub(crate) common_dir: PathBuf,
    /// The root of the checkout that the person stands in.
    pub(crate) workdir: PathBuf,
}

impl Git {
    /// Finds the repository that `start` lies in.
    pub fn discover(start: &Path) -> Result<Self> {
        let _ = start;
        todo!()
    }
}
