//! The variables of the prompts of stages that come after the work.

use std::path::PathBuf;

use serde::Serialize;

use crate::issues::issue::Issue;
use crate::issues::review::Threshold;

/// Bytes of changes in one prompt; the files of further ones are listed.
pub(crate) const CHANGES_BUDGET: usize = 200_000;
/// Paths listed whose changes are not shown.
const PATHS_LISTED: usize = 200;

/// A task, and what an attempt at it has come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct WorkContext {
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
}

impl WorkContext {
    /// Builds the context of changes for a task, of which some files did not fit.
    pub(crate) fn new(issue: &Issue, (changes, left_out): (String, &[PathBuf]), gates: Vec<String>) -> Self {
        let paths = left_out.iter().take(PATHS_LISTED);
        Self {
            id: issue.id.to_string(),
            title: issue.title.clone(),
            description: issue.description.clone(),
            requirements: issue.plan.requirements.clone(),
            acceptance_criteria: issue.plan.acceptance_criteria.clone(),
            changes,
            left_out: paths.map(|path| path.display().to_string()).collect(),
            more_left_out: left_out.len().saturating_sub(PATHS_LISTED),
            gates,
        }
    }

    /// Builds one of no task, with which a template can be tried.
    pub(super) fn sample() -> Self {
        let text = |text: &str| text.to_owned();
        Self {
            id: text("cw-q7mt"),
            title: text("A title"),
            description: text("A description"),
            requirements: vec![text("A requirement")],
            acceptance_criteria: vec![text("A criterion")],
            changes: text("--- a/file\n+++ b/file\n"),
            left_out: vec![text("a/path")],
            more_left_out: 1,
            gates: vec![text("the gate `test` passed")],
        }
    }
}

/// The variables of a review's prompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ReviewContext {
    /// The task and the work.
    #[serde(flatten)]
    pub(crate) work: WorkContext,
    /// Which review of the attempt this is, counted from 1.
    pub(crate) number: u32,
    /// The least score that passes.
    pub(crate) min_score: u32,
    /// The least severity that does not.
    pub(crate) block: String,
    /// What was wrong with the answer before, in a sentence.
    pub(crate) problem: Option<String>,
}

impl ReviewContext {
    /// Builds the context of a first answer.
    pub(crate) fn new(work: WorkContext, threshold: Threshold) -> Self {
        Self {
            work,
            number: 1,
            min_score: threshold.min_score,
            block: threshold.block.name().to_owned(),
            problem: None,
        }
    }
}

/// The variables of the prompt of a stage of the project's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct StageContext {
    /// The task and the work.
    #[serde(flatten)]
    pub(crate) work: WorkContext,
    /// The stage's name.
    pub(crate) stage: String,
    /// Which attempt at the task it is, counted from 1.
    pub(crate) attempt: u32,
    /// Globs of the files that it may change.
    pub(crate) may_change: Vec<String>,
    /// Globs of paths that must stay as they are.
    pub(crate) protected_paths: Vec<String>,
}

impl StageContext {
    /// Builds one of no task, with which a template can be tried.
    pub(super) fn sample() -> Self {
        Self {
            work: WorkContext::sample(),
            stage: "docs".to_owned(),
            attempt: 1,
            may_change: vec!["docs/**".to_owned()],
            protected_paths: vec!["xtask/**".to_owned()],
        }
    }
}
