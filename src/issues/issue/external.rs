//! Issues that are here already: they are recognized by their ids in the place that they come from.

use std::collections::BTreeMap;

use crate::issues::issue::{BatchIssue, Issue, Issues};
use crate::model::IssueId;

impl Issues {
    /// Takes the issues out of a batch that are here already, and returns their ids here. What is left of the batch
    /// depends on these instead.
    pub fn take_known(&self, batch: &mut Vec<BatchIssue>) -> Vec<IssueId> {
        let mut imported: BTreeMap<&str, Vec<&Issue>> = BTreeMap::new();
        for issue in self.iter() {
            if let Some(external) = &issue.external {
                imported.entry(external).or_default().push(issue);
            }
        }
        let mut known = Vec::new();
        let mut keys = BTreeMap::new();
        batch.retain(|item| {
            let Some(id) = self.known(item, &imported) else {
                return true;
            };
            keys.extend(item.key.clone().map(|key| (key, id.to_string())));
            known.push(id);
            false
        });
        for on in batch.iter_mut().flat_map(|item| &mut item.depends_on) {
            if let Some(id) = keys.get(on) {
                on.clone_from(id);
            }
        }
        known
    }

    /// Returns the issue that was made of this one of a batch, or that it was exported from.
    fn known(&self, item: &BatchIssue, imported: &BTreeMap<&str, Vec<&Issue>>) -> Option<IssueId> {
        let external = item.issue.external.as_deref()?;
        let own: Option<IssueId> = external.parse().ok();
        // Each generation of an earlier version began to count at 1, so the time must be that of the same issue, too.
        let filed = item.state.as_ref().and_then(|state| state.created_at);
        let is_counted = own.as_ref().is_some_and(|id| id.number().is_some());
        let is_same = |issue: &&&Issue| !is_counted || filed.is_none_or(|filed| filed == issue.created_at);
        let before = imported.get(external).into_iter().flatten().find(is_same);
        let own = own.and_then(|id| self.get(&id).ok());
        let own = own.filter(|issue| !is_counted || filed == Some(issue.created_at));
        Some(before.copied().or(own)?.id.clone())
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::issues::issue::tests::issues_with;
    use crate::issues::issue::{NewIds, read_batch};

    /// Imports JSON, and returns the ids that were known and those that are new.
    fn import(issues: &mut Issues, json: &str) -> (Vec<String>, Vec<String>) {
        let mut batch = read_batch(json).unwrap().batch;
        let known = issues.take_known(&mut batch);
        let now = Timestamp::from_second(9).unwrap();
        let new = issues.import(batch, &NewIds::counted(), now).unwrap();
        let text = |ids: Vec<IssueId>| ids.iter().map(ToString::to_string).collect();
        (text(known), text(new))
    }

    #[test]
    fn nothing_is_imported_twice() {
        let mut issues = issues_with(&["cw-1"]);
        let json = r#"[
            {"id": "old-a", "title": "A"},
            {"id": "old-b", "title": "B", "depends_on": ["old-a"]},
            {"external": "JIRA-7", "key": "c", "title": "C", "depends_on": ["old-b"]},
            {"key": "d", "title": "without an id"}
        ]"#;
        let (known, new) = import(&mut issues, json);
        assert_eq!((known.len(), new.join(" ")), (0, "cw-2 cw-3 cw-4 cw-5".to_owned()));
        let more = json.replace("without an id", "again");
        let more = more.replace(
            "\n        ]",
            ", {\"id\": \"old-e\", \"title\": \"E\", \"depends_on\": [\"c\"]}]",
        );
        let (known, new) = import(&mut issues, &more);
        assert_eq!(
            (known.join(" "), new.join(" ")),
            ("cw-2 cw-3 cw-4".to_owned(), "cw-6 cw-7".to_owned())
        );
        let last = issues.get(&IssueId::new(7)).unwrap();
        assert_eq!(issues.waits_for(last), [IssueId::new(4)]);
    }

    #[test]
    fn an_export_is_known_where_it_comes_from_and_where_it_went() {
        for id in ["cw-1", "cw-k7qd"] {
            let mut issues = issues_with(&[id]);
            let export = serde_json::to_string(&issues.iter().collect::<Vec<_>>()).unwrap();
            assert_eq!(import(&mut issues, &export), (vec![id.to_owned()], vec![]), "{id}");
            let mut other = issues_with(&["cw-2"]);
            assert_eq!(import(&mut other, &export), (vec![], vec!["cw-3".to_owned()]), "{id}");
            assert_eq!(import(&mut other, &export), (vec!["cw-3".to_owned()], vec![]), "{id}");
            let back = serde_json::to_string(&[other.get(&IssueId::new(3)).unwrap()]).unwrap();
            assert_eq!(import(&mut issues, &back), (vec![id.to_owned()], vec![]), "{id}");
        }
    }

    #[test]
    fn a_counted_id_of_another_generation_is_another_issue() {
        let mut issues = issues_with(&["cw-1"]);
        let json = r#"[{"id": "cw-1", "title": "Of another generation", "created_at": "2026-01-01T00:00:00Z"}]"#;
        assert_eq!(import(&mut issues, json), (vec![], vec!["cw-2".to_owned()]));
        assert_eq!(import(&mut issues, json), (vec!["cw-2".to_owned()], vec![]));
    }
}
