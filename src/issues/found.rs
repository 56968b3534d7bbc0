//! The tasks that findings become.

use crate::issues::issue::{BatchIssue, FileAction, NewIssue, TaskFile, TaskPlan};
use crate::model::finding::{Finding, Severity};

/// What the names of tasks of findings begin with.
const PREFIX: &str = "finding:";

/// Returns the name by which a task of a finding is recognized, in whatever report it stands again.
pub(crate) fn external_of(finding: &Finding) -> String {
    format!("{PREFIX}{}", finding.fingerprint)
}

/// Returns whether the place that a task comes from is a finding.
pub(crate) fn is_of_finding(external: &str) -> bool {
    external.starts_with(PREFIX)
}

/// Returns the task that a finding becomes, with what is said in it: the file to change, how soon, and its name are those of
/// the finding.
pub(crate) fn task_of(finding: &Finding, said: NewIssue) -> BatchIssue {
    let priority = match finding.severity {
        Severity::Critical => 0,
        Severity::High => 1,
        Severity::Medium => 2,
        Severity::Low => 3,
    };
    let file = TaskFile {
        path: finding.path.clone(),
        action: FileAction::Modify,
    };
    let issue = NewIssue {
        priority,
        external: Some(external_of(finding)),
        plan: TaskPlan {
            files: vec![file],
            ..said.plan
        },
        ..said
    };
    BatchIssue::new(finding.fingerprint.clone(), issue, Vec::new())
}
