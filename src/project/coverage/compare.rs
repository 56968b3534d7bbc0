//! Whether coverage fell between two results.

use serde::Serialize;

use super::measured::{Coverage, Totals};
use crate::base::text::one_line;

/// How many files are named in a sentence.
const NAMED: usize = 3;

/// How coverage changed from one result to a later one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CoverageChange {
    /// What the earlier result covers of the files that both measure.
    pub before: Totals,
    /// What the later one covers of them.
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
    pub fn between(before: &Coverage, after: &Coverage, mut is_there: impl FnMut(&str) -> bool) -> Self {
        let mut lower: Vec<FileChange> = Vec::new();
        let mut unmeasured = Vec::new();
        let (mut of_both, mut of_both_after) = (Totals::default(), Totals::default());
        for (path, earlier) in before.files.iter().chain(&before.ambiguous) {
            let Some(later) = after.of(path) else {
                if is_there(path) && earlier.totals.all > 0 {
                    unmeasured.push(path.clone());
                }
                continue;
            };
            of_both += earlier.totals;
            of_both_after += later.totals;
            if is_lower(earlier.totals, later.totals) {
                lower.push(FileChange {
                    path: path.clone(),
                    before: earlier.totals,
                    after: later.totals,
                });
            }
        }
        let grown = |change: &FileChange| change.after.uncovered().saturating_sub(change.before.uncovered());
        lower.sort_by(|one, other| (grown(other), &one.path).cmp(&(grown(one), &other.path)));
        Self {
            before: of_both,
            after: of_both_after,
            lower,
            unmeasured,
        }
    }

    /// Returns whether coverage fell: of the files that both results measure a smaller part is covered together and more is
    /// uncovered, or a file that was measured no longer is. Covered code that is deleted takes coverage with it, and is not a
    /// fall; nor is a new file.
    pub fn fell(&self) -> bool {
        is_lower(self.before, self.after) || !self.unmeasured.is_empty()
    }
}

impl CoverageChange {
    /// Returns how coverage fell or rose, as the end of a sentence about whoever measured it; `None` where it did neither.
    pub fn in_words(&self) -> Option<String> {
        let told = |totals: Totals| format!("{} ({} of {})", totals.percent(), totals.covered, totals.all);
        let (before, after) = (told(self.before), told(self.after));
        let mut parts = Vec::new();
        if is_lower(self.before, self.after) {
            let files = names(self.lower.iter().map(|file| file.path.as_str()));
            parts.push(format!(
                "covers less than before the work: {before} before, {after} now, of the files that were measured before; \
                 less in {files}"
            ));
        } else if self.unmeasured.is_empty() && self.before.is_lower_than(self.after) {
            parts.push(format!(
                "covers more than before the work: {before} before, {after} now"
            ));
        }
        if !self.unmeasured.is_empty() {
            let files = names(self.unmeasured.iter().map(String::as_str));
            parts.push(format!("no longer measures {files}, as it did before the work"));
        }
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

/// Names the first of some files, and counts the others.
fn names<'a>(paths: impl ExactSizeIterator<Item = &'a str>) -> String {
    let more = paths.len().saturating_sub(NAMED);
    let mut shown: Vec<String> = paths
        .take(NAMED)
        .map(|path| format!("`{}`", one_line(path, 200)))
        .collect();
    if more > 0 {
        shown.push(format!("and {more} more"));
    }
    shown.join(", ")
}

fn is_lower(before: Totals, after: Totals) -> bool {
    after.is_lower_than(before) && after.uncovered() > before.uncovered()
}
