//! A generation's names: its branch, its refs, and the phase that they show.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::base::error::{Error, ErrorKind, Result};

/// All refs of ours.
pub const NAMESPACE: &str = "refs/cordwainer/";
/// The refs that `stop` and `reset` keep.
pub const ARCHIVE: &str = "refs/cordwainer/archive/";

/// A generation, by the name of its branch (`generation-2026-11-21-093000`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct GenerationName(String);

impl GenerationName {
    /// Checks a branch name by git's own rules, and two of ours: it does not begin with `archive/`, and no part of it
    /// has the name of a mark.
    pub fn new(branch: impl Into<String>) -> Result<Self> {
        let branch = branch.into();
        let refuse = |why: &str| {
            Err(Error::new(
                ErrorKind::Usage,
                format!("`{}` cannot name a generation: {why}", branch.escape_debug()),
            )
            .hint("use letters, digits, `-`, `_` and `.`"))
        };
        if !git_allows(&branch) {
            return refuse("git refuses it as a branch name");
        }
        if branch == "archive" || branch.starts_with("archive/") {
            return refuse("`archive` is where ended generations are kept");
        }
        if branch.split('/').skip(1).any(|part| MARKS.contains(&part)) {
            return refuse("a part of it is named like one of a generation's own refs");
        }
        Ok(Self(branch))
    }

    /// Returns the name as it is written in refs.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the branch that the generation advances.
    pub fn branch(&self) -> String {
        format!("refs/heads/{}", self.0)
    }

    /// Returns the prefix of all refs of this generation, and of no other.
    pub fn namespace(&self) -> String {
        format!("{NAMESPACE}{}/", self.0)
    }

    /// Returns the ref of the issue store.
    pub fn issues(&self) -> String {
        format!("{}issues", self.namespace())
    }

    /// Returns the ref of a task's commits.
    pub fn task(&self, id: &crate::model::IssueId) -> String {
        format!("{}tasks/{id}", self.namespace())
    }

    /// Returns the ref of the base commit that `start` began from; its presence makes the generation exist.
    pub fn base_mark(&self) -> String {
        format!("{}base", self.namespace())
    }

    /// Returns the ref of the first tip that `start` is about to give the branch; it reveals a `start` that died.
    pub fn starting_mark(&self) -> String {
        format!("{}starting", self.namespace())
    }

    /// Returns the ref of the tip that `stop` decided on; no run continues after it.
    pub fn finished_mark(&self) -> String {
        format!("{}finished", self.namespace())
    }

    /// Returns the ref of the commit that `stop` put, or is about to put, on the base branch.
    pub fn merged_mark(&self) -> String {
        format!("{}merged", self.namespace())
    }

    /// Returns the prefix of the refs that keep the `number`th ended generation of this name.
    pub fn archive(&self, number: u32) -> String {
        format!("{ARCHIVE}{}/{number}/", self.0)
    }
}

impl TryFrom<String> for GenerationName {
    type Error = Error;

    fn try_from(branch: String) -> Result<Self> {
        Self::new(branch)
    }
}

/// The names of a generation's refs below its namespace, or below its archive.
const MARKS: [&str; 7] = ["base", "starting", "finished", "merged", "issues", "tasks", "tip"];

/// Returns whether a name follows the rules of `git check-ref-format` for a branch.
pub(crate) fn git_allows(branch: &str) -> bool {
    let bad_character = |c: char| c.is_control() || c.is_whitespace() || "~^:?*[\\\u{7f}".contains(c);
    !branch.is_empty()
        && branch != "@"
        && branch != "HEAD"
        && !branch.starts_with('-')
        && !branch.ends_with('.')
        && !branch.contains("..")
        && !branch.contains("@{")
        && !branch.chars().any(bad_character)
        && branch.len() <= 200
        && branch.split('/').all(|part| {
            let lock = part.len() >= 5 && part.as_bytes()[part.len() - 5..].eq_ignore_ascii_case(b".lock");
            !part.is_empty() && !part.starts_with('.') && !lock
        })
}

impl fmt::Display for GenerationName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The phase of a generation; derived from its refs, never stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Started, not ended: runs are possible.
    Open,
    /// Ended by `stop --no-merge`, or in the middle of a `stop`.
    Finished,
    /// Merged into the base branch.
    Merged,
    /// Discarded by `reset`, kept in the archive.
    Archived,
}
