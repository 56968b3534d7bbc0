//! The common part of `stop` and `reset`: announcing what is removed, keeping what is not merged, removing the rest.

use serde::Serialize;

use crate::base::crash::crash_point;
use crate::base::error::Result;
use crate::git::{Oid, RefMove};
use crate::issues::store::Store;
use crate::lifecycle::Generator;
use crate::model::generation::GenerationName;
use crate::project::archive::{BASE, ISSUES, TIP};
use crate::run::recover::Recovery;
use crate::run::waiting::standing;

/// What ending a generation removes and keeps, reported before any of it happens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Removal {
    /// Refs that are removed, among them the generation branch.
    pub refs: Vec<String>,
    /// Folders that are removed from the base branch's tree.
    pub folders: Vec<String>,
    /// Worktrees of the pool that are removed.
    pub worktrees: Vec<String>,
    /// Where everything that is not merged stays reachable; `None` when nothing needs to.
    pub kept_under: Option<String>,
}

impl Generator {
    /// Repairs what a dead run left of this generation, so that nothing of it is lost below.
    pub(super) async fn recover_before_ending(&self, generation: &GenerationName) -> Result<Vec<String>> {
        if self.project.git.reference(&generation.issues())?.is_none() {
            // A `stop` or `reset` died right before its last step, or the store is lost. Leftover slots stay as they
            // are.
            return Ok(self.project.freed_locks().collect());
        }
        Recovery::before_ending(&self.project, generation)?
            .run_if_needed()
            .await
    }

    /// Returns the issue store of a generation that is about to end; that of its archive, when a `stop` or `reset` died
    /// in the middle.
    pub(super) fn ending_store(&self, generation: &GenerationName) -> Result<Store> {
        if self.project.git.reference(&generation.issues())?.is_none() && self.project.is_ending(generation)? {
            let archive = generation.archive(self.project.archive_number(generation)?);
            return Store::archived(&self.project.git, &archive);
        }
        Store::open(&self.project.git, generation)
    }

    /// Returns what will be removed; `folders` are those of the base branch's tree.
    pub(super) fn removal(&self, generation: &GenerationName, folders: Vec<String>) -> Result<Removal> {
        let branch = generation.branch();
        let mut refs = Vec::from_iter(self.project.git.reference(&branch)?.map(|_| branch));
        refs.extend(self.project.own_refs(generation)?.into_iter().map(|(name, _)| name));
        let slots = self.project.slots().listed()?;
        Ok(Removal {
            refs,
            folders,
            worktrees: slots.iter().map(|number| format!("slot {number}")).collect(),
            kept_under: Some(generation.archive(self.project.archive_number(generation)?)),
        })
    }

    /// Archives a generation whose branch is at `tip`, and removes its refs and worktrees. Each step can be repeated
    /// after a crash: everything is archived before anything is deleted, the branch is deleted first, and the mark that
    /// makes the generation exist last.
    pub(super) fn archive_and_remove(&self, generation: &GenerationName, tip: Option<Oid>) -> Result<String> {
        let archive = generation.archive(self.project.archive_number(generation)?);
        for (mark, target) in self.project.own_marks(generation)? {
            self.keep(&format!("{archive}{mark}"), target)?;
        }
        crash_point!("end.archived");
        if let Some(tip) = tip {
            self.delete(&generation.branch(), tip)?;
            crash_point!("end.branch");
        }
        // What a dead run of another generation left stays: the next run of that generation keeps it.
        let slots = self.project.slots();
        slots.remove_all()?;
        slots.clear_checkouts(0)?;
        slots.histories().remove(generation.as_str())?;
        standing::forget(&self.project.state_dir, generation)?;
        crash_point!("end.slots");
        let mut marks = self.project.own_marks(generation)?;
        marks.retain(|(mark, _)| ![ISSUES, BASE, TIP].contains(&mark.as_str()));
        for mark in marks.iter().map(|(mark, _)| mark.as_str()).chain([ISSUES]) {
            self.retire(generation, &archive, mark)?;
            crash_point!("end.ref");
        }
        self.retire(generation, &archive, BASE)?;
        Ok(archive)
    }

    /// Deletes one of a generation's refs, archived as it is at the moment of its deletion: somebody may add an issue
    /// until then.
    fn retire(&self, generation: &GenerationName, archive: &str, mark: &str) -> Result<()> {
        let name = format!("{}{mark}", generation.namespace());
        while let Some(target) = self.project.git.reference(&name)? {
            self.keep(&format!("{archive}{mark}"), target)?;
            match self
                .project
                .git
                .move_reference(&name, Some(target), None, "cordwainer: end")?
            {
                RefMove::Moved => return Ok(()),
                RefMove::Stale { .. } => {}
            }
        }
        Ok(())
    }

    /// Points an archive ref at `target`, whatever an earlier try set it to.
    fn keep(&self, name: &str, target: Oid) -> Result<()> {
        let mut expected = self.project.git.reference(name)?;
        while expected != Some(target) {
            match self
                .project
                .git
                .move_reference(name, expected, Some(target), "cordwainer: archive")?
            {
                RefMove::Moved => return Ok(()),
                RefMove::Stale { actual } => expected = actual,
            }
        }
        Ok(())
    }
}
