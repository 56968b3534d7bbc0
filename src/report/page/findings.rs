//! What reviews found, for a page.

use serde::Serialize;

use super::words::Word;
use crate::base::text::one_line;
use crate::lifecycle::ReviewFinding;
use crate::model::Severity;
use crate::report::tone::Tone;

/// A finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// How bad it is.
    pub(crate) severity: Word,
    /// What is wrong.
    pub(crate) title: String,
    /// Where.
    pub(crate) place: String,
    /// Of what kind it is; may be empty.
    pub(crate) category: String,
    /// Why that is a problem; may be empty.
    pub(crate) problem: String,
    /// What would be better; may be empty.
    pub(crate) suggestion: String,
    /// The task whose work has it.
    pub(crate) task: String,
    /// Whether the page has that task, so that a link leads there.
    pub(crate) is_linked: bool,
    /// The attempt, and the review of it, in words.
    pub(crate) found_by: String,
}

impl Finding {
    /// Shows a finding, with texts of so many characters; `is_linked` is whether the page has its task.
    pub(crate) fn of(found: &ReviewFinding, width: usize, is_linked: bool) -> Self {
        let finding = &found.finding;
        let tone = match finding.severity {
            Severity::Critical | Severity::High => Some(Tone::Bad),
            Severity::Medium => Some(Tone::Held),
            Severity::Low => None,
        };
        Self {
            severity: Word::new(tone, finding.severity.name()),
            title: one_line(&finding.title, width),
            place: finding.place(),
            category: one_line(&finding.category, 60),
            problem: one_line(&finding.problem, width),
            suggestion: one_line(&finding.suggestion, width),
            task: found.task.to_string(),
            is_linked,
            found_by: format!("attempt {}, review {}", found.attempt, found.review),
        }
    }
}
