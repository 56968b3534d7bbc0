//! Which public interfaces a task has changed, as it is kept with the attempt.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The public interfaces that differ between two trees, as their lines say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InterfaceChanges {
    /// Those that changed, by file.
    pub changes: Vec<InterfaceChange>,
    /// How many more there are.
    #[serde(default, skip_serializing_if = "is_none")]
    pub more: usize,
    /// How many changed files were not read, because they or all of them are too large.
    #[serde(default, skip_serializing_if = "is_none")]
    pub unread: usize,
}

/// A public interface that differs. It is new where it has no `before`, and gone where it has no `after`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InterfaceChange {
    /// The file that it is in, or was.
    pub path: String,
    /// How it was declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// How it is declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// The file that it is in now, where it moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_to: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference to the field")]
fn is_none(count: &usize) -> bool {
    *count == 0
}

impl InterfaceChanges {
    /// Returns whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.more == 0 && self.unread == 0
    }

    /// Returns a line for each of the first `most`, and one for what is left out.
    pub fn in_lines(&self, most: usize) -> Vec<String> {
        let mut lines: Vec<String> = self.changes.iter().take(most).map(ToString::to_string).collect();
        let more = self.changes.len().saturating_sub(most) + self.more;
        if more > 0 {
            lines.push(format!("and {more} more"));
        }
        if self.unread > 0 {
            lines.push(format!(
                "and {} changed files that are too large to be read",
                self.unread
            ));
        }
        lines
    }
}

impl fmt::Display for InterfaceChange {
    /// Writes ``src/a.rs: `pub fn size()` is gone``.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.path;
        match (&self.before, &self.after, &self.moved_to) {
            (Some(before), _, Some(to)) => write!(formatter, "{path}: `{before}` is in {to} now"),
            (Some(before), Some(after), None) => write!(formatter, "{path}: `{before}` is `{after}` now"),
            (Some(before), None, None) => write!(formatter, "{path}: `{before}` is gone"),
            (None, after, _) => write!(formatter, "{path}: `{}` is new", after.as_deref().unwrap_or_default()),
        }
    }
}
