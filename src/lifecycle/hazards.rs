//! Hazards in the repository that make a command refuse to begin.

use crate::base::error::{Error, ErrorKind, Result};
use crate::git::{Hazard, Oid};
use crate::lifecycle::Generator;
use crate::model::generation::GenerationName;

impl Generator {
    /// Refuses to begin a generation that could not be worked on without loss; returns the other hazards as sentences.
    pub(super) fn tolerable_hazards(&self, generation: &GenerationName, base: Oid) -> Result<Vec<String>> {
        let branches = [self.project.config.base_branch.as_str(), generation.as_str()];
        let (refused, tolerable): (Vec<_>, Vec<_>) = self
            .project
            .git
            .hazards(base, &branches)?
            .into_iter()
            .partition(Hazard::refuses_work);
        refuse(refused.into_iter().map(Problem::from))?;
        // In a repository with missing objects, this search would fail.
        let secret = self.project.committed_secret(base)?.map(|text| Problem {
            text,
            fix: "remove it from the base branch, and revoke it".to_owned(),
        });
        refuse(secret.into_iter())?;
        Ok(tolerable.iter().map(Hazard::sentence).collect())
    }

    /// Refuses to merge two commits into the base branch where that cannot be done without loss; `checkout` is whether
    /// the person's files are to follow.
    pub(super) fn refuse_merge(&self, base_branch: &str, commits: [Oid; 2], checkout: bool) -> Result<()> {
        let mut found = Vec::new();
        for commit in commits {
            found.extend(self.project.git.hazards(commit, &[base_branch])?);
        }
        found.sort_by_key(|hazard| std::cmp::Reverse(hazard.severity));
        found.dedup();
        let refused = found.into_iter().filter(|hazard| hazard.refuses_merge(checkout));
        refuse(refused.map(Problem::from))
    }
}

/// Something for which a command is refused.
struct Problem {
    text: String,
    fix: String,
}

impl From<Hazard> for Problem {
    fn from(hazard: Hazard) -> Self {
        Self {
            text: hazard.text,
            fix: hazard.fix,
        }
    }
}

/// Fails with all problems and the fix for each, where there are any.
fn refuse(problems: impl Iterator<Item = Problem>) -> Result<()> {
    let (texts, mends): (Vec<_>, Vec<_>) = problems.map(|problem| (problem.text, problem.fix)).unzip();
    if texts.is_empty() {
        return Ok(());
    }
    let message = format!("this repository cannot be worked on safely: {}", texts.join("; "));
    Err(Error::new(ErrorKind::Precondition, message).hint(mends.join("; ")))
}
