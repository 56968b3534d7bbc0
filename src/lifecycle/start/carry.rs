//! Which ended generation a new one takes undone tasks from.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::error::{Error, ErrorKind, Result};
use crate::issues::issue::{Issues, Status};
use crate::issues::store::Store;
use crate::lifecycle::Generator;
use crate::lifecycle::start::CarryFrom;
use crate::model::generation::GenerationName;
use crate::model::{IssueId, id_list};
use crate::project::GenerationSummary;

/// The tasks of an ended generation, and which of its undone ones another generation has or has done: those stay there.
pub(super) struct Undone {
    pub(super) tasks: Issues,
    taken: BTreeMap<IssueId, GenerationName>,
}

impl Undone {
    pub(super) fn elsewhere(&self) -> BTreeSet<IssueId> {
        self.taken.keys().cloned().collect()
    }

    /// Returns what is not carried over, and why, in sentences without their period.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut by_generation: BTreeMap<&GenerationName, Vec<IssueId>> = BTreeMap::new();
        for (id, generation) in &self.taken {
            by_generation.entry(generation).or_default().push(id.clone());
        }
        let note = |(generation, ids): (&GenerationName, Vec<IssueId>)| {
            format!(
                "not carried over, because {generation} has taken them over: {}",
                id_list(&ids)
            )
        };
        by_generation.into_iter().map(note).collect()
    }
}

impl Generator {
    /// Reads the tasks of the ended generation that is meant, and finds which of its undone ones were carried over
    /// before: into a generation that is open, or one in which they were closed.
    pub(super) fn undone_tasks(&self, from: &CarryFrom) -> Result<Undone> {
        let ended = self.ended_generation(from)?;
        let read = |archive: &Option<String>| {
            Store::archived(&self.project.git, archive.as_deref().unwrap_or_default())?.read()
        };
        let tasks = read(&ended.archive)?;
        let mut taken = BTreeMap::new();
        let mut take = |issues: &Issues, is_open: bool| {
            let has = |id: &IssueId| {
                issues
                    .get(id)
                    .is_ok_and(|other| is_open || other.status == Status::Closed)
            };
            let undone = tasks.iter().filter(|issue| issue.status != Status::Closed);
            for issue in undone.filter(|issue| has(&issue.id)) {
                taken.insert(issue.id.clone(), issues.meta().generation.clone());
            }
        };
        let listing = self.project.list()?;
        for open in &listing.open {
            take(&self.ending_store(&open.generation)?.read()?, true);
        }
        for other in listing.ended.iter().filter(|other| other.archive != ended.archive) {
            take(&read(&other.archive)?, false);
        }
        Ok(Undone { tasks, taken })
    }

    /// Returns the ended generation that is meant: the one named, or the last one that was started or switched to.
    fn ended_generation(&self, from: &CarryFrom) -> Result<GenerationSummary> {
        let name = match from {
            CarryFrom::Named(name) => name.clone(),
            CarryFrom::Last => self.project.current()?.ok_or_else(|| {
                Error::new(
                    ErrorKind::Precondition,
                    "there is no earlier generation to carry tasks over from",
                )
            })?,
        };
        if let Some(ended) = self.project.ended_named(&name)? {
            return Ok(ended);
        }
        let (what, hint) = if self.project.open_named(&name)?.is_some() {
            (
                "is still open",
                "end it with `cordwainer stop`, or name an ended one: `--carry NAME`",
            )
        } else {
            ("has not ended or never was", "`cordwainer list` shows the ended ones")
        };
        let message = format!(
            "cannot carry tasks over: the generation `{}` {what}",
            name.escape_debug()
        );
        Err(Error::new(ErrorKind::Precondition, message).hint(hint))
    }
}
