//! Whether coverage fell between two results.

use serde::Serialize;

use super::measured::{Coverage, Totals};

/// How coverage changed from one result to a later one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CoverageChange {
    /// All of the earlier result.
    pub before: Totals,
    /// All of the later one.
    pub after: Totals,
    /// The files of which more is uncovered than before, and a smaller part is covered; the worst first.
    pub lower: Vec<FileChange>,
    /// The files that are still there, and are no longer measured.
    pub unmeasured: Vec<String>,
}

/// How the coverage of a file changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileChange {
    /// Its path.
    pub path: String,
    /// Before.
    pub before: Totals,
    /// After.
    pub after: Totals,
}

impl CoverageChange {
    /// Compares two results of the same repository. `is_there` answers whether the later state has a file: one that is
    /// gone needs no coverage, and one that is no longer measured has lost it.
    pub fn between(before: &Coverage, after: &Coverage, is_there: impl Fn(&str) -> bool) -> Self {
        let mut lower: Vec<FileChange> = Vec::new();
        let mut unmeasured = Vec::new();
        for (path, earlier) in &before.files {
            match after.files.get(path) {
                Some(later) if is_lower(earlier.totals, later.totals) => lower.push(FileChange {
                    path: path.clone(),
                    before: earlier.totals,
                    after: later.totals,
                }),
                None if is_there(path) && earlier.totals.all > 0 => unmeasured.push(path.clone()),
                Some(_) | None => {}
            }
        }
        let grown = |change: &FileChange| change.after.uncovered().saturating_sub(change.before.uncovered());
        lower.sort_by(|one, other| (grown(other), &one.path).cmp(&(grown(one), &other.path)));
        Self {
            before: before.totals(),
            after: after.totals(),
            lower,
            unmeasured,
        }
    }

    /// Returns whether coverage fell: a smaller part is covered of everything together and more is uncovered, or a file that
    /// was measured no longer is. Covered code that is deleted takes coverage with it, and is not a fall.
    pub fn fell(&self) -> bool {
        is_lower(self.before, self.after) || !self.unmeasured.is_empty()
    }
}

fn is_lower(before: Totals, after: Totals) -> bool {
    after.is_lower_than(before) && after.uncovered() > before.uncovered()
}
