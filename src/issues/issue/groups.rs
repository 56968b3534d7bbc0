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
    /// There are no groups, and nobody has looked for any.
    Plan,
    /// The tasks of this group are asked for.
    Measure(String),
    /// Tasks of this group are not done.
    Tasks(String),
    /// What changed since this group began is read.
    Review(String),
    /// It is seen that the gates pass, and this group is done.
    Finish(String),
    /// All groups are done, or there is nothing to be done in groups.
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

    /// Finds a group that a task can be put into: no closing review reads what is done in one that is done.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Precondition`] where it is done, and those of [`Issues::group`].
    pub fn group_with_room(&self, key: &str) -> Result<&Group> {
        let group = self.group(key)?;
        if group.done.is_some() {
            let message = format!("the group `{key}` takes no task: it is done");
            return Err(Error::new(ErrorKind::Precondition, message)
                .hint("`cordwainer issues group add` adds another one for what is missing"));
        }
        Ok(group)
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
        if !self.build().is_planned() {
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
        let refused = |why: &str| {
            let message = format!("the group `{key}` cannot be removed: {why}");
            Error::new(ErrorKind::Precondition, message)
        };
        let waits = |group: &&Group| group.depends_on.iter().any(|on| on == key);
        if let Some(waiting) = self.build().groups.iter().find(waits) {
            let others = waiting.depends_on.iter().filter(|on| *on != key);
            let others = match others.cloned().collect::<Vec<_>>().join(",") {
                none if none.is_empty() => "''".to_owned(),
                others => others,
            };
            let waiting = &waiting.key;
            return Err(refused(&format!("`{waiting}` waits for it")).hint(format!(
                "`cordwainer issues group edit {waiting} --depends-on {others}` has it wait no more"
            )));
        }
        let tasks: Vec<String> = self.tasks_of_group(key).map(|task| task.id.to_string()).collect();
        if let Some(first) = tasks.first() {
            return Err(refused(&format!("{first} belongs to it")).hint(format!(
                "`cordwainer issues edit {} --group ''` takes its tasks out of it; another key instead of '' puts them there",
                tasks.join(" ")
            )));
        }
        let build = &mut self.meta.build;
        build.groups.retain(|group| group.key != key);
        if build.groups.is_empty() {
            // Whoever has removed all of them asks for others.
            build.planned.clear();
        }
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

    /// Notes how the documents are for which groups were planned, and how they contradict each other. Returns what an earlier plan has
    /// not told of that.
    pub(crate) fn note_planned(&mut self, documents: &[(String, String)], contradictions: &[String]) -> Vec<String> {
        let build = &mut self.meta.build;
        build.planned = documents.iter().cloned().collect();
        let known = build.contradictions.len();
        for one in contradictions {
            if !build.contradictions.contains(one) {
                build.contradictions.push(one.clone());
            }
        }
        build.contradictions[known..].to_vec()
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
mod tests;
