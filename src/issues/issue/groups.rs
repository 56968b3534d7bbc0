//! The groups of a generation: what is done next with them, and how people and runs change them.

use std::collections::BTreeSet;

use crate::base::error::{Error, ErrorKind, Result};
use crate::base::text::{nearest, one_line};
use crate::issues::group::{
    self, Build, ClosingReview, Effort, Group, GroupDone, GroupState, MOST_TASKS, in_order, state_of,
};
use crate::issues::issue::{BatchProblems, Issue, Issues, Status};
use crate::model::CommitId;

/// What is to be done next in a generation that works through groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BuildStep {
    /// There are no groups.
    Plan,
    /// The tasks of this group are asked for.
    Measure(String),
    /// Tasks of this group are not done.
    Tasks(String),
    /// What changed since this group began is read.
    Review(String),
    /// It is seen that the gates pass, and this group is done.
    Finish(String),
    /// All groups are done.
    Done,
}

/// Which parts of a group to change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupEdit {
    /// The new name.
    pub name: Option<String>,
    /// The new scope.
    pub scope: Option<String>,
    /// The new briefing.
    pub briefing: Option<String>,
    /// The keys of the groups that must be done first, instead of those that were named.
    pub depends_on: Option<Vec<String>>,
    /// How many tasks it may have.
    pub estimated_tasks: Option<u32>,
    /// How hard it is.
    pub effort: Option<Effort>,
}

/// Where a group is moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupPlace {
    /// Before all others.
    First,
    /// After all others.
    Last,
    /// Right before this one.
    Before(String),
    /// Right after this one.
    After(String),
}

/// How many groups are done, of how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct GroupCounts {
    /// How many are done.
    pub done: usize,
    /// How many there are.
    pub all: usize,
}

impl GroupCounts {
    /// Returns whether there are groups, and all are done.
    pub fn is_complete(self) -> bool {
        self.all > 0 && self.done == self.all
    }
}

impl Issues {
    /// Returns what the generation is built from, and its groups.
    pub fn build(&self) -> &Build {
        &self.meta.build
    }

    /// Finds a group; an unknown key is a usage error that names the existing ones.
    pub fn group(&self, key: &str) -> Result<&Group> {
        let groups = &self.build().groups;
        groups
            .iter()
            .find(|group| group.key == key)
            .ok_or_else(|| unknown(key, groups))
    }

    /// Returns the tasks of a group.
    pub fn tasks_of_group(&self, key: &str) -> impl Iterator<Item = &Issue> {
        self.iter().filter(move |issue| issue.group.as_deref() == Some(key))
    }

    /// Returns the keys of the groups that must be done before a task can begin.
    pub(crate) fn group_waits_for(&self, task: &Issue) -> Vec<String> {
        let groups = &self.build().groups;
        let own = |key: &String| groups.iter().find(|group| group.key == *key);
        match task.group.as_ref().and_then(own).map(|group| state_of(group, groups)) {
            Some(GroupState::Waiting(on)) => on,
            _ => Vec::new(),
        }
    }

    /// Counts the groups.
    pub fn group_counts(&self) -> GroupCounts {
        let groups = &self.build().groups;
        GroupCounts {
            done: groups.iter().filter(|group| group.done.is_some()).count(),
            all: groups.len(),
        }
    }

    /// Decides what is to be done next, where a group has so many closing reviews at most, and the generation is at this commit: a
    /// review of another one has not read what came after it. Without a commit that is not looked at.
    pub(crate) fn next_in_build(&self, closing_rounds: u32, tip: Option<&CommitId>) -> BuildStep {
        let groups = &self.build().groups;
        if groups.is_empty() {
            return BuildStep::Plan;
        }
        let Some(group) = group::next(groups) else {
            return BuildStep::Done;
        };
        let key = group.key.clone();
        if !group.measured {
            return BuildStep::Measure(key);
        }
        if group.review_under_way().is_some() {
            return BuildStep::Review(key);
        }
        if self.tasks_of_group(&key).any(|task| task.status != Status::Closed) {
            return BuildStep::Tasks(key);
        }
        let reviews = group.whole_reviews().count();
        let filed_some = |review: &ClosingReview| review.filed.as_ref().is_some_and(|filed| !filed.is_empty());
        let is_of_tip = |review: &ClosingReview| tip.is_none_or(|tip| review.tip == *tip);
        let last = group.whole_reviews().next_back();
        let is_clean = last.is_some_and(|last| !filed_some(last) && is_of_tip(last));
        if is_clean || reviews >= closing_rounds as usize {
            BuildStep::Finish(key)
        } else {
            BuildStep::Review(key)
        }
    }

    /// Adds groups behind those that are there, each after those that it waits for.
    pub fn add_groups(&mut self, groups: Vec<Group>) -> Result<()> {
        let mut all = self.build().groups.clone();
        all.extend(in_order(groups));
        self.take_groups(all)
    }

    /// Changes a group that nobody has begun.
    pub fn edit_group(&mut self, key: &str, edit: &GroupEdit) -> Result<()> {
        self.changeable(key)?;
        let mut all = self.build().groups.clone();
        for group in all.iter_mut().filter(|group| group.key == key) {
            let GroupEdit {
                name,
                scope,
                briefing,
                depends_on,
                estimated_tasks,
                effort,
            } = edit.clone();
            group.name = name.unwrap_or_else(|| group.name.clone());
            group.scope = scope.unwrap_or_else(|| group.scope.clone());
            group.briefing = briefing.unwrap_or_else(|| group.briefing.clone());
            group.depends_on = depends_on.unwrap_or_else(|| group.depends_on.clone());
            group.estimated_tasks = estimated_tasks.unwrap_or(group.estimated_tasks);
            group.effort = effort.unwrap_or(group.effort);
        }
        self.take_groups(all)
    }

    /// Removes a group that nobody has begun, and that no other waits for.
    pub fn remove_group(&mut self, key: &str) -> Result<()> {
        self.changeable(key)?;
        let waits = |group: &&Group| group.depends_on.iter().any(|on| on == key);
        if let Some(waiting) = self.build().groups.iter().find(waits) {
            let message = format!("the group `{key}` cannot be removed: `{}` waits for it", waiting.key);
            return Err(Error::new(ErrorKind::Precondition, message).hint(format!(
                "`cordwainer issues group edit {} --depends-on …` has it wait for others",
                waiting.key
            )));
        }
        if let Some(task) = self.tasks_of_group(key).next() {
            let message = format!("the group `{key}` cannot be removed: {} belongs to it", task.id);
            return Err(Error::new(ErrorKind::Precondition, message).hint("close or delete its tasks first"));
        }
        self.meta.build.groups.retain(|group| group.key != key);
        Ok(())
    }

    /// Moves a group to another place in the order, in which groups are taken up where several can be.
    pub fn move_group(&mut self, key: &str, to: &GroupPlace) -> Result<()> {
        let moved = self.group(key)?.clone();
        let mut others: Vec<Group> = self.build().groups.clone();
        others.retain(|group| group.key != key);
        let place = |of: &String, after: usize| {
            let found = others.iter().position(|group| group.key == *of);
            found.map(|place| place + after).ok_or_else(|| unknown(of, &others))
        };
        let place = match to {
            GroupPlace::First => 0,
            GroupPlace::Last => others.len(),
            GroupPlace::Before(other) => place(other, 0)?,
            GroupPlace::After(other) => place(other, 1)?,
        };
        others.insert(place, moved);
        self.meta.build.groups = others;
        Ok(())
    }

    /// Notes that the work of a group begins at this commit, unless it has begun, and whether all its tasks are filed.
    pub(crate) fn begin_group(&mut self, key: &str, tip: &CommitId, are_all: bool) {
        for group in self.meta.build.groups.iter_mut().filter(|group| group.key == key) {
            group.begun.get_or_insert_with(|| tip.clone());
            group.measured |= are_all;
        }
    }

    /// Notes what a closing review came to by now, in the place of one that has batches left.
    pub(crate) fn note_review(&mut self, key: &str, review: &ClosingReview) {
        for group in self.meta.build.groups.iter_mut().filter(|group| group.key == key) {
            group.reviews.retain(|review| review.filed.is_some());
            group.reviews.push(review.clone());
        }
    }

    /// Notes that a group is done.
    pub(crate) fn finish_group(&mut self, key: &str, done: &GroupDone) {
        for group in self.meta.build.groups.iter_mut().filter(|group| group.key == key) {
            group.done.get_or_insert_with(|| done.clone());
        }
    }

    /// Notes how the documents are for which groups were planned, and how they contradict each other.
    pub(crate) fn note_planned(&mut self, documents: &[(String, String)], contradictions: &[String]) {
        self.meta.build.planned = documents.iter().cloned().collect();
        self.meta.build.contradictions = contradictions.to_vec();
    }

    /// Returns an error where a group is begun.
    fn changeable(&self, key: &str) -> Result<()> {
        let group = self.group(key)?;
        match state_of(group, &self.build().groups) {
            GroupState::Open | GroupState::Waiting(_) => Ok(()),
            GroupState::AtWork => {
                let message = format!("the group `{key}` cannot be changed: its tasks are filed");
                Err(Error::new(ErrorKind::Precondition, message).hint(format!(
                    "`cordwainer issues list --group {key}` lists them, and `cordwainer issues edit` changes one"
                )))
            }
            GroupState::Done => {
                let message = format!("the group `{key}` cannot be changed: it is done");
                Err(Error::new(ErrorKind::Precondition, message)
                    .hint("`cordwainer issues group add` adds another one for what is missing"))
            }
        }
    }

    /// Takes groups in the place of those that are there, unless anything is wrong with them.
    fn take_groups(&mut self, groups: Vec<Group>) -> Result<()> {
        let found = group::problems(&groups, MOST_TASKS);
        if found.is_empty() {
            self.meta.build.groups = groups;
            return Ok(());
        }
        Err(Error::new(ErrorKind::Usage, "the groups cannot be as asked for")
            .because(BatchProblems(found))
            .hint("`cordwainer issues group list` lists those that there are"))
    }

    /// Returns what no operation could have led to, of stored groups and the tasks in them.
    pub(super) fn group_problem(&self) -> Option<String> {
        let groups = &self.build().groups;
        let keys: BTreeSet<&str> = groups.iter().map(|group| group.key.as_str()).collect();
        let is_lost = |issue: &&Issue| issue.group.as_deref().is_some_and(|key| !keys.contains(key));
        let lost = || {
            let issue = self.all.values().map(AsRef::as_ref).find(is_lost)?;
            Some(format!("{}: its group does not exist", issue.id))
        };
        group::problems(groups, MOST_TASKS).into_iter().next().or_else(lost)
    }
}

/// Returns the error about an unknown key.
fn unknown(key: &str, groups: &[Group]) -> Error {
    let keys: Vec<&str> = groups.iter().map(|group| group.key.as_str()).collect();
    let hint = match nearest(key, keys.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if keys.is_empty() => "there are no groups yet: `cordwainer plan` makes them".to_owned(),
        None => format!("the groups are {}", one_line(&keys.join(", "), 500)),
    };
    let message = format!("unknown group `{}`", one_line(key, 60));
    Error::new(ErrorKind::Usage, message).hint(hint)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::issues::issue::tests::issues_with;
    use crate::issues::issue::{BatchIssue, NewIssue};

    fn group(key: &str, depends_on: &[&str]) -> Group {
        Group {
            depends_on: depends_on.iter().map(|on| (*on).to_owned()).collect(),
            ..Group::new(key, key, "All of it.")
        }
    }

    fn tip() -> CommitId {
        "c0ffee".parse().unwrap()
    }

    fn review(filed: Option<&[u32]>) -> ClosingReview {
        ClosingReview {
            tip: tip(),
            batches: 2,
            read: 1,
            findings: Vec::new(),
            lesser: 0,
            too_large: Vec::new(),
            filed: filed.map(|ids| ids.iter().map(|id| crate::model::IssueId::new(*id)).collect()),
        }
    }

    /// Groups `a` and `b`, which waits for it.
    fn two() -> Issues {
        let mut issues = issues_with(&["cw-1"]);
        issues.add_groups(vec![group("b", &["a"]), group("a", &[])]).unwrap();
        issues
    }

    #[test]
    fn a_build_goes_from_the_plan_group_by_group_to_the_end() {
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(issues_with(&[]).next_in_build(2, None), BuildStep::Plan);
        let mut issues = two();
        let step = |issues: &Issues| issues.next_in_build(2, Some(&tip()));
        assert_eq!(step(&issues), BuildStep::Measure("a".into()));
        issues.begin_group("a", &tip(), false);
        assert_eq!(step(&issues), BuildStep::Measure("a".into()));
        issues.begin_group("a", &tip(), true);
        let task = NewIssue {
            group: Some("a".to_owned()),
            ..NewIssue::titled("T")
        };
        issues.insert("cw-2".parse().unwrap(), task, now);
        assert_eq!(step(&issues), BuildStep::Tasks("a".into()));
        issues.close(&"cw-2".parse().unwrap(), "done", None, now).unwrap();
        assert_eq!(step(&issues), BuildStep::Review("a".into()));
        issues.note_review("a", &review(None));
        assert_eq!(step(&issues), BuildStep::Review("a".into()));
        // What it found is done, and it is read once more.
        issues.note_review("a", &review(Some(&[2])));
        assert_eq!(step(&issues), BuildStep::Review("a".into()));
        issues.note_review("a", &review(Some(&[2])));
        assert_eq!(step(&issues), BuildStep::Finish("a".into()));
        assert_eq!(issues.group("a").unwrap().reviews.len(), 2);
        assert_eq!(issues.next_in_build(3, None), BuildStep::Review("a".into()));
        let done = GroupDone {
            tip: tip(),
            at: now,
            run: "20261121-1".parse().unwrap(),
        };
        issues.finish_group("a", &done);
        assert_eq!(step(&issues), BuildStep::Measure("b".into()));
        // One that found nothing to do, and whose review finds nothing.
        issues.begin_group("b", &tip(), true);
        issues.note_review("b", &review(Some(&[])));
        assert_eq!(step(&issues), BuildStep::Finish("b".into()));
        // What comes after that is read, too.
        let later: CommitId = "decade".parse().unwrap();
        assert_eq!(issues.next_in_build(2, Some(&later)), BuildStep::Review("b".into()));
        assert_eq!(issues.next_in_build(1, Some(&later)), BuildStep::Finish("b".into()));
        issues.finish_group("b", &done);
        assert_eq!(step(&issues), BuildStep::Done);
        assert!(issues.group_counts().is_complete());
        // What was built is a store as any other.
        assert!(Issues::from_stored(issues.meta().clone(), issues.iter().cloned()).is_ok());
    }

    #[test]
    fn a_task_of_a_group_that_waits_waits_too() {
        let (mut issues, now) = (two(), Timestamp::UNIX_EPOCH);
        for (id, key) in [("cw-2", "b"), ("cw-3", "a")] {
            let task = NewIssue {
                group: Some(key.to_owned()),
                ..NewIssue::titled("T")
            };
            issues.insert(id.parse().unwrap(), task, now);
        }
        let ready = |issues: &Issues| issues.ready().iter().map(|one| one.id.to_string()).collect::<Vec<_>>();
        assert_eq!(ready(&issues), ["cw-1", "cw-3"]);
        let waiting = "cw-2".parse().unwrap();
        let refused = issues.claim(&waiting, &"20261121-1".parse().unwrap(), now).unwrap_err();
        assert!(refused.to_string().contains("its group waits for a"), "{refused}");
        let done = GroupDone {
            tip: tip(),
            at: now,
            run: "20261121-1".parse().unwrap(),
        };
        issues.finish_group("a", &done);
        assert_eq!(ready(&issues), ["cw-1", "cw-2", "cw-3"]);
    }

    #[test]
    fn a_task_of_an_unknown_group_is_not_imported() {
        let task = NewIssue {
            group: Some("c".to_owned()),
            ..NewIssue::titled("T")
        };
        let batch = vec![BatchIssue::new("one", task, Vec::new())];
        let found = two().batch_problems(&batch);
        assert_eq!(found, ["entry 1 `one`: unknown group `c`"]);
        assert_eq!(issues_with(&[]).batch_problems(&batch), found);
    }

    #[test]
    fn without_closing_rounds_nothing_is_read() {
        let mut issues = two();
        issues.begin_group("a", &tip(), true);
        assert_eq!(issues.next_in_build(0, None), BuildStep::Finish("a".into()));
    }

    #[test]
    fn a_plan_is_changed_until_a_group_begins() {
        let mut issues = two();
        let keys = |issues: &Issues| {
            let groups = &issues.build().groups;
            groups
                .iter()
                .map(|group| group.key.clone())
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(keys(&issues), "a b");
        let edit = GroupEdit {
            depends_on: Some(Vec::new()),
            name: Some("Better".to_owned()),
            ..GroupEdit::default()
        };
        let refused = issues.remove_group("a").unwrap_err();
        assert!(refused.in_a_line().contains("`b` waits for it"), "{refused}");
        issues.edit_group("b", &edit).unwrap();
        assert_eq!(issues.group("b").unwrap().name, "Better");
        issues.move_group("b", &GroupPlace::Before("a".to_owned())).unwrap();
        assert_eq!(keys(&issues), "b a");
        issues.move_group("b", &GroupPlace::Last).unwrap();
        assert_eq!(keys(&issues), "a b");
        let circle = GroupEdit {
            depends_on: Some(vec!["b".to_owned()]),
            ..GroupEdit::default()
        };
        issues.edit_group("a", &circle).unwrap();
        let back = GroupEdit {
            depends_on: Some(vec!["a".to_owned()]),
            ..GroupEdit::default()
        };
        let refused = issues.edit_group("b", &back).unwrap_err();
        assert!(refused.in_a_line().contains("form a circle"), "{}", refused.in_a_line());
        issues.begin_group("b", &tip(), true);
        for refused in [issues.edit_group("b", &edit), issues.remove_group("b")] {
            assert!(refused.unwrap_err().to_string().contains("its tasks are filed"));
        }
        issues.remove_group("a").unwrap();
        assert_eq!(issues.group("bb").unwrap_err().hint_text(), Some("did you mean `b`?"));
    }
}
