//! The variables of the prompt of an audit or a review of files.

use serde::Serialize;

use super::context::Document;

/// One part of the files that are to be read, and what is asked about them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct AuditContext {
    /// `audit` or `review`.
    pub(crate) mode: String,
    /// What to look for: `security`, `performance`, `quality`, `accessibility`, `dependencies`.
    pub(crate) subjects: Vec<String>,
    /// The least severity that is reported.
    pub(crate) severity: String,
    /// A person's own text; none when the configuration has none.
    pub(crate) user_prompt: Option<String>,
    /// What is asked for, in a person's words.
    pub(crate) request: Option<String>,
    /// Files that were given along with it.
    pub(crate) request_files: Vec<Document>,
    /// Which part it is, counted from 1.
    pub(crate) part: usize,
    /// How many there are.
    pub(crate) parts: usize,
    /// Its files, with numbered lines.
    pub(crate) files: Vec<Document>,
    /// The revision since which they have changed.
    pub(crate) since: Option<String>,
    /// What has changed in them, as a unified diff.
    pub(crate) changes: Option<String>,
    /// The files whose changes did not fit into that.
    pub(crate) omitted_changes: Vec<String>,
    /// What was wrong with the last answer.
    pub(crate) problem: Option<String>,
}
