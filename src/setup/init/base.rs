//! The branch that generations begin on and are merged into: which one, and why.

use serde::Serialize;

use crate::base::error::Result;
use crate::git::{Git, Head};

/// The remote whose default branch counts.
const REMOTE: &str = "origin";
const DEFAULT: &str = "main";

/// A base branch and the reason for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BaseBranch {
    /// Its short name.
    pub name: String,
    /// Why it is this one, as the end of a sentence.
    pub reason: String,
    /// Whether there is such a local branch, or will be one with the first commit.
    pub exists: bool,
}

impl Default for BaseBranch {
    fn default() -> Self {
        Self {
            name: DEFAULT.to_owned(),
            reason: "the default".to_owned(),
            exists: true,
        }
    }
}

impl BaseBranch {
    /// Returns the default branch of `origin`, as `git clone` noted it; without it the branch that is checked out.
    ///
    /// # Errors
    /// Fails when git's references cannot be read.
    pub fn of(git: &Git) -> Result<Self> {
        if let Some(name) = git.default_branch_of(REMOTE)? {
            return Ok(Self {
                exists: git.branch_tip(&name)?.is_some(),
                reason: format!("the default branch of `{REMOTE}`"),
                name,
            });
        }
        Ok(match git.head()? {
            Head::Branch { name, .. } | Head::Unborn { name } => Self {
                name,
                reason: format!("checked out, and `{REMOTE}` names no default branch"),
                exists: true,
            },
            Head::Detached { .. } => Self {
                exists: git.branch_tip(DEFAULT)?.is_some(),
                reason: "the default, since no branch is checked out".to_owned(),
                ..Self::default()
            },
        })
    }

    /// Returns what is to be done where the branch is not there.
    pub(super) fn note(&self) -> Option<String> {
        let name = &self.name;
        (!self.exists).then(|| format!("There is no local branch `{name}` yet: `git branch {name} {REMOTE}/{name}`."))
    }
}
