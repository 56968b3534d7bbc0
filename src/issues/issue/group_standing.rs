//! How the groups of a generation stand, as commands show them.

use serde::Serialize;

use crate::issues::group::{Effort, Group, GroupDone, GroupState, state_of};
use crate::issues::issue::{Issues, Status};
use crate::model::CommitId;

/// A group, and how it stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GroupStanding {
    /// Its name in commands and dependencies.
    pub key: String,
    /// One line.
    pub name: String,
    /// `open`, `waiting`, `at_work` or `done`.
    pub state: &'static str,
    /// The groups that it waits for.
    pub waits_for: Vec<String>,
    /// Those that must be done first, done or not.
    pub depends_on: Vec<String>,
    /// How many tasks it may have.
    pub estimated_tasks: u32,
    /// How hard it is.
    pub effort: Effort,
    /// How many tasks it has.
    pub tasks: usize,
    /// How many of them are closed.
    pub closed: usize,
    /// How many of them are held.
    pub held: usize,
    /// How often all of its changes were read.
    pub closing_reviews: usize,
    /// What belongs to it.
    pub scope: String,
    /// What its tasks have to know.
    pub briefing: String,
    /// The last commit before its first task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub begun: Option<CommitId>,
    /// That it is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub done: Option<GroupDone>,
}

impl Issues {
    /// Returns how all groups stand, in their order.
    pub fn group_standings(&self) -> Vec<GroupStanding> {
        let groups = &self.build().groups;
        groups.iter().map(|group| self.standing_of(group, groups)).collect()
    }

    fn standing_of(&self, group: &Group, groups: &[Group]) -> GroupStanding {
        let with = |status| {
            let tasks = self.tasks_of_group(&group.key);
            tasks.filter(|task| task.status == status).count()
        };
        let state = state_of(group, groups);
        GroupStanding {
            key: group.key.clone(),
            name: group.name.clone(),
            state: state.word(),
            waits_for: match state {
                GroupState::Waiting(on) => on,
                _ => Vec::new(),
            },
            depends_on: group.depends_on.clone(),
            estimated_tasks: group.estimated_tasks,
            effort: group.effort,
            tasks: self.tasks_of_group(&group.key).count(),
            closed: with(Status::Closed),
            held: with(Status::Blocked),
            closing_reviews: group.whole_reviews().count(),
            scope: group.scope.clone(),
            briefing: group.briefing.clone(),
            begun: group.begun.clone(),
            done: group.done.clone(),
        }
    }
}
