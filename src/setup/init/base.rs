//! The branch that generations begin on and are merged into: which one, and why.

use serde::Serialize;

use crate::base::error::Result;
use crate::git::{Git, Head};
use crate::project::detect::shell_word;

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
    /// What to do first, as a sentence, where there is no such local branch; an unborn one counts as there.
    pub missing: Option<String>,
}

impl Default for BaseBranch {
    fn default() -> Self {
        Self {
            name: DEFAULT.to_owned(),
            reason: "the default".to_owned(),
            missing: None,
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
            let missing = git.branch_tip(&name)?.is_none().then(|| {
                let (local, remote) = (shell_word(&name), shell_word(&format!("{REMOTE}/{name}")));
                format!("There is no local branch `{name}` yet: `git branch {local} {remote}` creates it.")
            });
            return Ok(Self {
                missing,
                reason: format!("the default branch of `{REMOTE}`"),
                name,
            });
        }
        Ok(match git.head()? {
            Head::Branch { name, .. } | Head::Unborn { name } => Self {
                name,
                reason: "the branch that is checked out".to_owned(),
                missing: None,
            },
            Head::Detached { .. } => Self {
                missing: git
                    .branch_tip(DEFAULT)?
                    .is_none()
                    .then(|| format!("There is no branch `{DEFAULT}`: write the name of yours into `base_branch`.")),
                reason: "the default, since no branch is checked out".to_owned(),
                ..Self::default()
            },
        })
    }
}
