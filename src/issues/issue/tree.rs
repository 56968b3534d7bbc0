//! Dependencies as a tree: below each issue those that it waits for, closed ones too.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::base::error::Result;
use crate::issues::issue::{Issue, Issues, Status};
use crate::model::IssueId;

/// One line of a tree of dependencies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TreeRow {
    /// The issue.
    pub id: IssueId,
    /// Its title.
    pub title: String,
    /// Its state.
    pub status: Status,
    /// How many issues are above it.
    pub depth: usize,
    /// The issue just above it, which depends on it; `None` at the top.
    pub parent: Option<IssueId>,
    /// Whether more than one issue depends on it.
    pub shared: bool,
    /// Whether an earlier row is about it, too: what it depends on is below that one.
    pub repeated: bool,
}

impl Issues {
    /// Returns the trees below these issues, or below all issues that no other depends on. An issue that several depend
    /// on has a row below each of them, and the first of these rows has its own tree.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Usage`](crate::base::error::ErrorKind::Usage), where one of them is unknown.
    pub fn tree(&self, tops: &[IssueId]) -> Result<Vec<TreeRow>> {
        let mut shared = BTreeSet::new();
        let mut needed = BTreeSet::new();
        for edge in self.iter().flat_map(|issue| &issue.dependencies) {
            if !needed.insert(&edge.depends_on_id) {
                shared.insert(&edge.depends_on_id);
            }
        }
        let tops: Vec<&Issue> = if tops.is_empty() {
            self.iter().filter(|issue| !needed.contains(&issue.id)).collect()
        } else {
            tops.iter().map(|id| self.get(id)).collect::<Result<_>>()?
        };
        let mut rows = Vec::new();
        let mut seen = BTreeSet::new();
        // A stack of our own: a chain of dependencies may be longer than the thread's stack.
        let mut ahead: Vec<(&Issue, Option<&IssueId>, usize)> =
            tops.into_iter().rev().map(|issue| (issue, None, 0)).collect();
        while let Some((issue, parent, depth)) = ahead.pop() {
            let repeated = !seen.insert(&issue.id);
            rows.push(TreeRow {
                id: issue.id.clone(),
                title: issue.title.clone(),
                status: issue.status,
                depth,
                parent: parent.cloned(),
                shared: shared.contains(&issue.id),
                repeated,
            });
            if !repeated {
                for edge in issue.dependencies.iter().rev() {
                    ahead.push((self.get(&edge.depends_on_id)?, Some(&issue.id), depth + 1));
                }
            }
        }
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::issues::issue::tests::issues_with;

    fn id(text: &str) -> IssueId {
        text.parse().unwrap()
    }

    fn shown(issues: &Issues, tops: &[IssueId]) -> Vec<String> {
        let mark = |row: &TreeRow| match (row.shared, row.repeated) {
            (_, true) => " (above)",
            (true, false) => " (shared)",
            (false, false) => "",
        };
        let line = |row: &TreeRow| format!("{}{}{}", "  ".repeat(row.depth), row.id, mark(row));
        issues.tree(tops).unwrap().iter().map(line).collect()
    }

    #[test]
    fn an_issue_that_several_depend_on_has_its_tree_once() {
        let mut issues = issues_with(&["cw-1", "cw-2", "cw-3", "cw-4", "cw-5"]);
        for (on, of) in [("cw-1", "cw-2"), ("cw-2", "cw-3"), ("cw-2", "cw-4")] {
            issues.add_dependency(&id(of), &id(on), Timestamp::UNIX_EPOCH).unwrap();
        }
        let whole = ["cw-3", "  cw-2 (shared)", "    cw-1", "cw-4", "  cw-2 (above)", "cw-5"];
        assert_eq!(shown(&issues, &[]), whole);
        assert_eq!(shown(&issues, &[id("cw-4")]), ["cw-4", "  cw-2 (shared)", "    cw-1"]);
        assert_eq!(issues.tree(&[]).unwrap()[1].parent, Some(id("cw-3")));
        assert!(issues.tree(&[id("cw-9")]).is_err());
    }

    #[test]
    fn a_long_chain_is_a_long_tree() {
        let names: Vec<String> = (1..=20_000).map(|number| format!("cw-{number}")).collect();
        let mut issues = issues_with(&names.iter().map(String::as_str).collect::<Vec<_>>());
        for pair in names.windows(2) {
            let edge = crate::issues::issue::Dependency::blocks(id(&pair[1]), id(&pair[0]));
            issues.get_mut(&id(&pair[1])).unwrap().dependencies.push(edge);
        }
        let rows = issues.tree(&[]).unwrap();
        assert_eq!((rows.len(), rows[19_999].depth), (20_000, 19_999));
    }
}
