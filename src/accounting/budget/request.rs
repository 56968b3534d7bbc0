//! A call that requests room in the budgets, its reservation, and the refusal when there is no room.

use super::Allowance;
use super::amount::Bound;
use super::scope::Scope;
use crate::model::{IssueId, Role, RunId};

/// A call that is about to be made.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// The role of the agent.
    pub(crate) role: Role,
    /// The task, where the call is about one.
    pub(crate) task: Option<IssueId>,
    /// The cycle of the generation that the call belongs to.
    pub(crate) cycle: u32,
    /// The run that makes the call.
    pub(crate) run: RunId,
    /// The role's own limit.
    pub(crate) call: Allowance,
    /// How many calls share what is left: those in progress, and those that can begin beside them.
    pub(crate) parallel: u32,
    /// How many of these are about the same task.
    pub(crate) beside: u32,
}

/// A budget that has no room for a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spent {
    /// The scope of the budget: the widest, if several are spent.
    pub(crate) scope: Scope,
    /// Whether calls in progress hold the rest of it, so that there may be room when they have ended.
    pub(crate) held: bool,
    /// The message about it: `the generation's budget is spent (5.00 of 5.00 USD)`.
    pub(crate) reason: String,
}

/// The reservation of a call in progress.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) task: Option<IssueId>,
    pub(super) cycle: u32,
    pub(super) run: RunId,
    pub(super) bound: Bound,
}
