//! What a person corrects: the words and the priority of an issue, and issues that nobody has worked on.

use std::sync::Arc;

use jiff::Timestamp;

use crate::base::error::{Error, ErrorKind, Result};
use crate::issues::issue::{Issue, Issues, NewIssue, Status, TaskPlan};
use crate::model::{IssueId, id_list};

/// Changes of an issue; a part that is `None` or empty stays as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IssueEdit {
    /// The new title.
    pub title: Option<String>,
    /// The new description.
    pub description: Option<String>,
    /// The new priority.
    pub priority: Option<u8>,
    /// The new type.
    pub issue_type: Option<String>,
    /// Labels to add; one that the issue has is not added again.
    pub add_labels: Vec<String>,
    /// Labels to remove; each must be there.
    pub remove_labels: Vec<String>,
    /// The new command that proves it; an empty one removes it.
    pub proof: Option<String>,
    /// The key of the group that it belongs to from now on; an empty one is none.
    pub group: Option<String>,
}

impl Issues {
    /// Changes an issue, whatever its status: an attempt that has begun goes on with what it was given.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Usage`], with every problem of the changed parts; of kind [`ErrorKind::Precondition`] where it would come
    /// into a group that is done, or leave its group while a run works on it.
    pub fn edit(&mut self, id: &IssueId, edit: &IssueEdit, now: Timestamp) -> Result<()> {
        let issue = self.get(id)?;
        if let Some(key) = &edit.group {
            self.refuse_group(issue, key)?;
        }
        let mut problems = edit.problems();
        let missing = edit.remove_labels.iter().filter(|label| !issue.labels.contains(label));
        problems.extend(missing.map(|label| format!("it has no label `{}`", label.escape_debug())));
        if !problems.is_empty() {
            let message = format!("{id} cannot be changed: {}", problems.join("; "));
            return Err(Error::new(ErrorKind::Usage, message));
        }
        let mut changed = issue.clone();
        edit.apply(&mut changed);
        if changed != *issue {
            changed.updated_at = now;
            *self.get_mut(id)? = changed;
        }
        Ok(())
    }

    /// Refuses to put an issue into a group; an empty key is none.
    fn refuse_group(&self, issue: &Issue, key: &str) -> Result<()> {
        if !key.is_empty() {
            self.group(key)?;
        }
        if issue.group.as_deref().unwrap_or_default() == key {
            return Ok(());
        }
        if !key.is_empty() {
            self.group_with_room(key)?;
        }
        // Its group might end without its result.
        if issue.status == Status::InProgress {
            let id = &issue.id;
            let message = format!("{id} cannot be moved to another group: a run works on it");
            return Err(Error::new(ErrorKind::Precondition, message)
                .hint(format!("once the run has given it back, the same command moves {id}")));
        }
        Ok(())
    }

    /// Deletes issues that nobody has worked on, all or none, and returns them. An issue that waits for one of them
    /// must be one of them, too.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Precondition`], where one was attempted, is in progress, or is waited for.
    pub fn delete(&mut self, ids: &[IssueId]) -> Result<Vec<Issue>> {
        for id in ids {
            self.refuse_deletion(id, ids)?;
        }
        let removed = ids.iter().filter_map(|id| self.all.remove(id));
        Ok(removed.map(Arc::unwrap_or_clone).collect())
    }

    fn refuse_deletion(&self, id: &IssueId, along: &[IssueId]) -> Result<()> {
        let issue = self.get(id)?;
        let waiting: Vec<IssueId> = self
            .dependents(id)?
            .into_iter()
            .filter(|waiting| !along.contains(waiting))
            .collect();
        let (why, hint) = if issue.status == Status::InProgress {
            (
                "a run works on it".to_owned(),
                format!("once the run has given it back, `cordwainer issues close {id}` closes it"),
            )
        } else if !issue.attempts.is_empty() {
            (
                "it was attempted, and what that used is on record".to_owned(),
                format!("`cordwainer issues close {id}` closes it instead"),
            )
        } else if !waiting.is_empty() {
            (
                format!("{} depends on it", id_list(&waiting)),
                format!(
                    "`cordwainer issues close {id}` closes it instead; `cordwainer issues dep remove {} {id}` removes the dependency",
                    waiting[0]
                ),
            )
        } else {
            return Ok(());
        };
        let message = format!("{id} cannot be deleted: {why}");
        Err(Error::new(ErrorKind::Precondition, message).hint(hint))
    }
}

impl IssueEdit {
    /// Returns whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Lists the problems of the parts that it changes.
    pub(crate) fn problems(&self) -> Vec<String> {
        let fine = NewIssue::titled("a title");
        let plan = TaskPlan {
            proof: self.proof.clone().filter(|proof| !proof.is_empty()),
            ..TaskPlan::default()
        };
        NewIssue {
            title: self.title.clone().unwrap_or(fine.title.clone()),
            description: self.description.clone().unwrap_or(fine.description.clone()),
            priority: self.priority.unwrap_or(fine.priority),
            issue_type: self.issue_type.clone().unwrap_or(fine.issue_type.clone()),
            labels: self.add_labels.clone(),
            plan,
            ..fine
        }
        .problems()
    }

    /// Changes an issue, where there are no problems.
    fn apply(&self, issue: &mut Issue) {
        if let Some(title) = &self.title {
            title.trim().clone_into(&mut issue.title);
        }
        if let Some(description) = &self.description {
            issue.description.clone_from(description);
        }
        issue.priority = self.priority.unwrap_or(issue.priority);
        if let Some(issue_type) = &self.issue_type {
            issue.issue_type.clone_from(issue_type);
        }
        if let Some(proof) = &self.proof {
            issue.plan.proof = Some(proof.clone()).filter(|proof| !proof.is_empty());
        }
        if let Some(group) = &self.group {
            issue.group = Some(group.clone()).filter(|group| !group.is_empty());
        }
        issue.labels.retain(|label| !self.remove_labels.contains(label));
        for label in &self.add_labels {
            if !issue.labels.contains(label) {
                issue.labels.push(label.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issues::group::{Group, GroupDone};
    use crate::issues::issue::tests::issues_with;
    use crate::model::RunId;

    fn id(text: &str) -> IssueId {
        text.parse().unwrap()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn an_edit_changes_what_it_names_and_nothing_else() {
        let mut issues = issues_with(&["cw-1"]);
        let before = issues.get(&id("cw-1")).unwrap().clone();
        let edit = IssueEdit {
            title: Some("  Better ".to_owned()),
            priority: Some(0),
            add_labels: vec!["ui".to_owned(), "ui".to_owned()],
            proof: Some("make check".to_owned()),
            ..IssueEdit::default()
        };
        issues.edit(&id("cw-1"), &edit, at(5)).unwrap();
        let expect = Issue {
            title: "Better".to_owned(),
            priority: 0,
            labels: vec!["ui".to_owned()],
            updated_at: at(5),
            plan: TaskPlan {
                proof: Some("make check".to_owned()),
                ..TaskPlan::default()
            },
            ..before
        };
        assert_eq!(*issues.get(&id("cw-1")).unwrap(), expect);
        issues.edit(&id("cw-1"), &edit, at(9)).unwrap();
        assert_eq!(*issues.get(&id("cw-1")).unwrap(), expect, "nothing was changed");
        let remove = IssueEdit {
            description: Some("More.".to_owned()),
            issue_type: Some("bug".to_owned()),
            remove_labels: vec!["ui".to_owned()],
            proof: Some(String::new()),
            ..IssueEdit::default()
        };
        issues.edit(&id("cw-1"), &remove, at(6)).unwrap();
        let expect = Issue {
            description: "More.".to_owned(),
            issue_type: "bug".to_owned(),
            labels: Vec::new(),
            updated_at: at(6),
            plan: TaskPlan::default(),
            ..expect
        };
        assert_eq!(*issues.get(&id("cw-1")).unwrap(), expect);
    }

    #[test]
    fn a_task_comes_into_no_group_that_is_done_and_leaves_none_while_a_run_works_on_it() {
        let mut issues = issues_with(&["cw-1", "cw-2"]);
        let group = |key: &str| Group::new(key, key, "All of it.");
        issues.add_groups(vec![group("a"), group("b")]).unwrap();
        let into = |key: &str| IssueEdit {
            group: Some(key.to_owned()),
            ..IssueEdit::default()
        };
        issues.edit(&id("cw-1"), &into("a"), at(1)).unwrap();
        let run: RunId = "20261121-1".parse().unwrap();
        let done = GroupDone {
            tip: "c0ffee".parse().unwrap(),
            at: at(2),
            run: run.clone(),
        };
        issues.finish_group("a", &done);
        let refused = issues.edit(&id("cw-2"), &into("a"), at(3)).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Precondition);
        assert_eq!(refused.to_string(), "the group `a` takes no task: it is done");
        assert!(refused.hint_text().unwrap().contains("issues group add"));
        // What is in it may be named with it.
        issues.edit(&id("cw-1"), &into("a"), at(3)).unwrap();
        issues.edit(&id("cw-2"), &into("b"), at(3)).unwrap();
        issues.claim(&id("cw-2"), &run, at(4)).unwrap();
        let refused = issues.edit(&id("cw-2"), &into(""), at(5)).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Precondition);
        assert_eq!(
            refused.to_string(),
            "cw-2 cannot be moved to another group: a run works on it"
        );
        issues.edit(&id("cw-2"), &into("b"), at(5)).unwrap();
        assert_eq!(issues.get(&id("cw-2")).unwrap().group.as_deref(), Some("b"));
        let unknown = issues.edit(&id("cw-2"), &into("c"), at(5)).unwrap_err();
        assert_eq!(unknown.kind(), ErrorKind::Usage);
    }

    #[test]
    fn every_problem_of_an_edit_is_in_the_one_error() {
        let mut issues = issues_with(&["cw-1"]);
        let before = issues.clone();
        let edit = IssueEdit {
            title: Some(" ".to_owned()),
            priority: Some(5),
            add_labels: vec!["a b".to_owned()],
            remove_labels: vec!["gone".to_owned()],
            ..IssueEdit::default()
        };
        let refused = issues.edit(&id("cw-1"), &edit, at(5)).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Usage);
        assert_eq!(
            refused.to_string(),
            "cw-1 cannot be changed: the title is empty; priority 5 is not between 0 and 4; the label `a b` holds \
             whitespace, commas or control characters; it has no label `gone`"
        );
        assert_eq!(issues, before);
    }

    #[test]
    fn only_what_nobody_worked_on_or_waits_for_is_deleted() {
        let mut issues = issues_with(&["cw-1", "cw-2", "cw-3"]);
        issues.add_dependency(&id("cw-2"), &id("cw-1"), at(1)).unwrap();
        let before = issues.clone();
        let refused = issues.delete(&[id("cw-3"), id("cw-1")]).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Precondition);
        assert_eq!(refused.to_string(), "cw-1 cannot be deleted: cw-2 depends on it");
        assert_eq!(
            refused.hint_text(),
            Some(
                "`cordwainer issues close cw-1` closes it instead; `cordwainer issues dep remove cw-2 cw-1` removes the dependency"
            )
        );
        assert_eq!(issues, before);
        let run = "run-1".parse().unwrap();
        issues.claim(&id("cw-3"), &run, at(2)).unwrap();
        let refused = issues.delete(&[id("cw-3")]).unwrap_err();
        assert_eq!(refused.to_string(), "cw-3 cannot be deleted: a run works on it");
        let deleted = issues.delete(&[id("cw-1"), id("cw-2")]).unwrap();
        assert_eq!(deleted.len(), 2);
        assert_eq!(issues.len(), 1);
    }
}
