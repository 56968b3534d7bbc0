//! What prompts say of groups that exist.

use serde::Serialize;

use crate::issues::group::{Build, Group, GroupState, state_of};

/// A group that exists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KnownGroup {
    /// Its key.
    pub key: String,
    /// Its name.
    pub name: String,
    /// What belongs to it.
    pub scope: String,
    /// `done`, `at_work`, `open` or `waiting`.
    pub state: String,
}

impl KnownGroup {
    /// Returns those of a generation.
    pub fn all(build: &Build) -> Vec<Self> {
        let known = |group: &Group| Self {
            key: group.key.clone(),
            name: group.name.clone(),
            scope: group.scope.clone(),
            state: state_of(group, &build.groups).word().to_owned(),
        };
        build.groups.iter().map(known).collect()
    }

    /// Returns those that a merged generation has done.
    pub(crate) fn done_in(build: &Build) -> Vec<Self> {
        let mut done = Self::all(build);
        done.retain(|group| group.state == GroupState::Done.word());
        done
    }
}

/// The group whose tasks are asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GroupAsked {
    /// Its key.
    pub key: String,
    /// Its name.
    pub name: String,
    /// What belongs to it.
    pub scope: String,
    /// What its tasks have to know beside the documents; may be empty.
    pub briefing: String,
    /// How many tasks it may have.
    pub estimated_tasks: u32,
}

impl From<&Group> for GroupAsked {
    fn from(group: &Group) -> Self {
        Self {
            key: group.key.clone(),
            name: group.name.clone(),
            scope: group.scope.clone(),
            briefing: group.briefing.clone(),
            estimated_tasks: group.estimated_tasks,
        }
    }
}
