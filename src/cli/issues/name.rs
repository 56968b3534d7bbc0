//! A task in one line, as every command of `issues` names it.

use crate::base::text;
use crate::issues::issue::Issue;

/// Returns a task in one line.
pub(super) fn name(issue: &Issue) -> String {
    format!("{} {}", issue.id, text::one_line(&issue.title, 200))
}
