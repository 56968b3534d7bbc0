//! The variables of a review's prompt.

use std::path::PathBuf;

use serde::Serialize;

use crate::issues::issue::Issue;
use crate::issues::review::Threshold;

/// Bytes of changes in one prompt; the files of further ones are listed.
pub(crate) const CHANGES_BUDGET: usize = 200_000;
/// Paths listed whose changes are not shown.
const PATHS_LISTED: usize = 200;

/// The variables of a review's prompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ReviewContext {
    /// Which review of the attempt this is, counted from 1.
    pub(crate) number: u32,
    /// `cw-k7qd`.
    pub(crate) id: String,
    /// One line.
    pub(crate) title: String,
    /// Markdown.
    pub(crate) description: String,
    /// What must be built.
    pub(crate) requirements: Vec<String>,
    /// How to check that it is done.
    pub(crate) acceptance_criteria: Vec<String>,
    /// What was changed, as a unified diff.
    pub(crate) changes: String,
    /// Files whose changes are not in it.
    pub(crate) left_out: Vec<String>,
    /// How many more there are.
    pub(crate) more_left_out: usize,
    /// How each gate ended.
    pub(crate) gates: Vec<String>,
    /// The least score that passes.
    pub(crate) min_score: u32,
    /// The least severity that does not.
    pub(crate) block: String,
    /// What was wrong with the answer before, in a sentence.
    pub(crate) problem: Option<String>,
}

impl ReviewContext {
    /// Builds the context of a first answer about changes to a task, of which some files did not fit.
    pub(crate) fn new(
        issue: &Issue,
        threshold: Threshold,
        (changes, left_out): (String, &[PathBuf]),
        gates: Vec<String>,
    ) -> Self {
        let paths = left_out.iter().take(PATHS_LISTED);
        Self {
            number: 1,
            id: issue.id.to_string(),
            title: issue.title.clone(),
            description: issue.description.clone(),
            requirements: issue.plan.requirements.clone(),
            acceptance_criteria: issue.plan.acceptance_criteria.clone(),
            changes,
            left_out: paths.map(|path| path.display().to_string()).collect(),
            more_left_out: left_out.len().saturating_sub(PATHS_LISTED),
            gates,
            min_score: threshold.min_score,
            block: threshold.block.name().to_owned(),
            problem: None,
        }
    }
}
