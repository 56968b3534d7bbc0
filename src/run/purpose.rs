//! What a session of an agent is for.

use std::sync::Arc;

use crate::config::RoleConfig;
use crate::model::{IssueId, Role};
use crate::project::layers::Layer;
use crate::record::event::CallName;
use crate::run::race::Race;

/// What a session is for.
#[derive(Clone, Debug)]
pub(crate) struct Purpose {
    pub(crate) role: Role,
    /// How its agent is called.
    pub(crate) settings: RoleConfig,
    /// The task that it is about, if it is about one.
    pub(crate) task: Option<IssueId>,
    /// The attempt at the task, or the round of the measure; counted from 1.
    pub(crate) attempt: u32,
    /// Which candidate of the attempt it is for, counted from 1; 0 where it has none.
    pub(crate) candidate: u32,
    /// The candidates of the attempt; `None` where it has none.
    pub(crate) race: Option<Arc<Race>>,
    /// Which call of its stage in the attempt its first one is, counted from 1; 0 where it is the work itself.
    pub(crate) round: u32,
    /// Which measure of its run it is, counted from 1; 0 for a task.
    pub(crate) cycle: u32,
    /// Whether the agent may write the work. What an agent only reads must be the commit that is asked about.
    pub(crate) writable: bool,
    /// What was prepared for the commit that it begins from.
    pub(crate) layer: Option<Arc<Layer>>,
}

impl Purpose {
    /// Returns the name of its first call.
    pub(crate) fn call_name(&self) -> CallName {
        CallName {
            role: self.role,
            task: self.task.clone(),
            attempt: self.attempt,
            round: self.round,
            candidate: self.candidate,
        }
    }

    /// Returns how many calls about its task can be in progress at once, its own among them.
    pub(crate) fn beside(&self) -> u32 {
        self.race.as_ref().map_or(1, |race| race.running().max(1))
    }
}
