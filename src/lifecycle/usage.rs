//! What a generation used, ended or not: its ledger and the sums over it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::accounting::ledger::{Entry, Sum, Sums};
use crate::base::error::{ErrorKind, Result};
use crate::issues::issue::Issues;
use crate::issues::store::Store;
use crate::lifecycle::Generator;
use crate::model::IssueId;
use crate::model::Role;
use crate::model::generation::GenerationName;

/// What a generation used; the JSON of `cordwainer stats usage --json`.
#[derive(Clone, Debug, Serialize)]
pub struct UsageReport {
    /// The generation.
    pub generation: GenerationName,
    /// All calls together.
    pub total: Sum,
    /// By role of the agent.
    pub roles: BTreeMap<Role, Sum>,
    /// By cycle, the first one first.
    pub cycles: Vec<CycleUsage>,
    /// By task, for those that were attempted, the oldest one first.
    pub tasks: Vec<TaskUsage>,
    /// By the model that the client used.
    pub models: BTreeMap<String, Sum>,
    /// The ledger itself: every call, in the order in which they ended.
    pub calls: Vec<Entry>,
}

/// What one cycle used.
#[derive(Clone, Debug, Serialize)]
pub struct CycleUsage {
    /// Counted from 1 by the generation's measures; 0 is before the first one.
    pub cycle: u32,
    /// What its calls took and used.
    pub used: Sum,
}

/// The usage of one task, over all attempts at it.
#[derive(Clone, Debug, Serialize)]
pub struct TaskUsage {
    /// The task.
    pub id: IssueId,
    /// Its title.
    pub title: String,
    /// What its calls took and used.
    pub used: Sum,
}

impl Generator {
    /// Sums up the usage of the selected generation. An ended one is selected by its name, or when none is open and it
    /// was the last one selected; of several that had its name the last.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Precondition`] where there is no such generation.
    pub fn usage(&self) -> Result<UsageReport> {
        let (generation, store) = self.store_to_read()?;
        UsageReport::new(generation, &store.read()?)
    }

    /// Opens the store of the selected generation to read it. An ended one is selected by its name, or when none is open
    /// and it was the last one selected; of several that had its name the last. Its store is in the archive and cannot be
    /// written.
    ///
    /// # Errors
    ///
    /// As [`Generator::store`].
    pub fn store_to_read(&self) -> Result<(GenerationName, Store)> {
        let missing = match self.project.generation() {
            Ok(generation) => {
                let store = self.ending_store(&generation)?;
                return Ok((generation, store));
            }
            Err(error) if error.kind() == ErrorKind::Precondition => error,
            Err(error) => return Err(error),
        };
        let Some(wanted) = self.project.meant_when_ended()? else {
            return Err(missing);
        };
        match self.project.ended_named(&wanted)? {
            Some(ended) => {
                let store = Store::archived(&self.project.git, &ended.archive.unwrap_or_default())?;
                Ok((ended.generation, store))
            }
            None => Err(missing),
        }
    }
}

impl UsageReport {
    pub(super) fn new(generation: GenerationName, issues: &Issues) -> Result<Self> {
        let sums = Sums::of(issues.ledger());
        let cycle = |(cycle, used)| CycleUsage { cycle, used };
        let task = |(id, used)| {
            let issue = issues.get(&id)?;
            let title = issue.title.clone();
            Ok((issue.created_at, TaskUsage { id, title, used }))
        };
        let mut tasks = sums.tasks.into_iter().map(task).collect::<Result<Vec<_>>>()?;
        // A stable sort: those of one moment stay in the order of their ids.
        tasks.sort_by_key(|(filed, _)| *filed);
        let mut calls: Vec<Entry> = issues.ledger().cloned().collect();
        calls.sort_by_key(|entry| entry.ended_at);
        Ok(Self {
            generation,
            total: sums.total,
            roles: sums.roles,
            cycles: sums.cycles.into_iter().map(cycle).collect(),
            tasks: tasks.into_iter().map(|(_, task)| task).collect(),
            models: sums.models,
            calls,
        })
    }
}
