//! Groups of work: their plan, the closing review of what one has become, and its end. Each step is one call, or none, and what
//! came of it is in the store before the next begins.

use std::sync::Arc;

use crate::base::error::Result;
use crate::base::interruption::Interruption;
use crate::issues::issue::Issues;
use crate::model::Role;
use crate::project::protected::ProtectedPaths;
use crate::run::context::RunContext;
use crate::run::gate::Gates;
use crate::run::phase::measure::{FiledAs, MeasureOutcome};
use crate::run::plan::GroupStep;
use crate::run::session::{Purpose, Sessions};

mod adopted;
mod batches;
mod calls;
mod closing;
mod finishing;
mod planning;

pub(crate) use self::adopted::{TakenOverStep, is_about_groups};
pub(crate) use self::planning::{Planning, is_small, one_group};

/// The phase of what is done about groups beside their tasks.
pub(crate) struct Groups {
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) gates: Arc<Gates>,
    pub(crate) protected: ProtectedPaths,
    pub(crate) filed_as: FiledAs,
}

/// What became of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GroupOutcome {
    /// A call that came to this, or a step without one.
    Made(MeasureOutcome),
    /// A group is done.
    Done,
    /// A gate is red on what a group has become: which, in a sentence.
    Red(String),
}

impl Groups {
    fn context(&self) -> &RunContext {
        &self.sessions.context
    }

    /// Takes a step; `number` counts the calls of this run beside those of tasks, and names the records.
    pub(crate) async fn step(
        &self,
        step: &GroupStep,
        number: u32,
        interruption: &Interruption,
    ) -> Result<GroupOutcome> {
        match step {
            GroupStep::Plan => {
                let planned = Box::pin(self.plan(number, Planning::ByRule, interruption)).await;
                planned.map(GroupOutcome::Made)
            }
            GroupStep::Review(key) => {
                let reviewed = Box::pin(self.review(number, key, interruption)).await;
                reviewed.map(GroupOutcome::Made)
            }
            GroupStep::Finish(key) => Box::pin(self.finish(key, interruption)).await,
        }
    }

    /// Returns what a session that only reads is for.
    fn purpose(&self, role: Role, number: u32) -> Purpose {
        let config = &self.context().project.config;
        Purpose {
            role,
            settings: config.role(role).clone(),
            task: None,
            attempt: 1,
            candidate: 0,
            race: None,
            round: u32::from(role == Role::Review),
            cycle: number,
            writable: false,
            layer: None,
        }
    }

    /// Reads the issues as they stand.
    fn issues(&self) -> Result<Issues> {
        self.context().store.read()
    }
}
