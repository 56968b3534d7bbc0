//! Which tasks a run attempts: all, or those that a person names by id or label.

use std::collections::BTreeSet;

use crate::base::error::{Error, ErrorKind, Result};
use crate::base::text::{nearest, one_line};
use crate::issues::issue::{Issue, Issues};
use crate::model::{IssueId, TypedId};

/// The tasks that a run may attempt.
#[derive(Clone, Debug, Default)]
pub(crate) struct TaskSelection(Option<Named>);

#[derive(Clone, Debug, Default)]
struct Named {
    ids: BTreeSet<IssueId>,
    labels: BTreeSet<String>,
}

impl TaskSelection {
    /// Selects the tasks that `names` mean: labels that some task has, and ids as people type them. No names select all tasks.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Usage`] where a name is neither, or begins the ids of several tasks.
    pub(crate) fn of(names: &[String], issues: &Issues) -> Result<Self> {
        if names.is_empty() {
            return Ok(Self::default());
        }
        let labels: BTreeSet<&str> = issues
            .iter()
            .flat_map(|issue| issue.labels.iter().map(String::as_str))
            .collect();
        let mut chosen = Named::default();
        for name in names {
            if labels.contains(name.as_str()) {
                chosen.labels.insert(name.clone());
                continue;
            }
            let Ok(typed) = name.parse::<TypedId>() else {
                return Err(unknown(name, labels));
            };
            match issues.find(&typed) {
                Ok(id) => drop(chosen.ids.insert(id)),
                Err(ambiguous) if issues.iter().any(|issue| typed.begins(&issue.id)) => return Err(ambiguous),
                Err(_) => return Err(unknown(name, labels)),
            }
        }
        Ok(Self(Some(chosen)))
    }

    /// Returns whether a run attempts this task.
    pub(crate) fn has(&self, issue: &Issue) -> bool {
        self.0.as_ref().is_none_or(|named| {
            named.ids.contains(&issue.id) || issue.labels.iter().any(|label| named.labels.contains(label))
        })
    }

    /// Returns whether tasks were named: then no measure adds others.
    pub(crate) fn is_named(&self) -> bool {
        self.0.is_some()
    }
}

fn unknown(name: &str, labels: BTreeSet<&str>) -> Error {
    let meant = nearest(name, labels).map(|label| format!(" (did you mean the label `{label}`?)"));
    let message = format!(
        "`{}` is neither a task of this generation nor a label of one{}",
        one_line(name, 60),
        meant.unwrap_or_default()
    );
    Error::new(ErrorKind::Usage, message).hint("`cordwainer issues list` shows the tasks, with their ids and labels")
}
