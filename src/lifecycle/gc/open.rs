//! What is not over: the tasks that are not closed, and what refers to records of runs.

use std::collections::BTreeSet;

use crate::base::error::Result;
use crate::issues::issue::{Issue, Status};
use crate::issues::store::Store;
use crate::project::Project;
use crate::run::waiting::suspend::SlotOwner;

/// What refers to something that could be freed.
pub(super) struct Open {
    /// The runs that a slot with work in it, or a task that is not closed, refers to.
    pub(super) runs: BTreeSet<String>,
    /// The tasks that are not closed, of generations that have not ended.
    pub(super) tasks: BTreeSet<String>,
}

impl Open {
    /// Reads the slots and the stores of all generations that have not ended.
    pub(super) fn of(project: &Project) -> Result<Self> {
        let mut open = Self {
            runs: BTreeSet::new(),
            tasks: BTreeSet::new(),
        };
        for slot in project.slots().leftovers()? {
            open.runs
                .extend(SlotOwner::of(&slot)?.map(|owner| owner.run.as_str().to_owned()));
        }
        for generation in project.generations()? {
            // `stop` and `reset` delete the store shortly before the rest: then all tasks are in an archive.
            if project.git.reference(&generation.issues())?.is_none() {
                continue;
            }
            let issues = Store::open(&project.git, &generation)?.read()?;
            for issue in issues.iter().filter(|issue| issue.status != Status::Closed) {
                open.add(issue);
            }
        }
        Ok(open)
    }

    fn add(&mut self, issue: &Issue) {
        self.tasks.insert(issue.id.to_string());
        self.runs
            .extend(issue.attempts.iter().map(|attempt| attempt.run.as_str().to_owned()));
        self.runs
            .extend(issue.claim.iter().map(|claim| claim.run.as_str().to_owned()));
    }
}
