//! Slots in which gates run: a commit alone, with what was prepared for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Runner;
use crate::base::error::Result;
use crate::git::{Oid, Slot, Times};
use crate::model::Role;
use crate::project::layers::Layer;
use crate::record::event::CallName;
use crate::record::recorder::CallFolder;
use crate::run::call::Sandbox;
use crate::run::slots::{Layout, SlotMounts, Under, lay_out};
use crate::run::waiting::suspend::GATES_ARE_TRIED;
use crate::sandbox::engine::UserChoice;

/// A slot in which gates run, or in which dependencies are prepared.
pub(super) struct GateSlot {
    pub(super) slot: Slot,
    pub(super) mounts: SlotMounts,
}

impl GateSlot {
    /// Gives the slot back.
    ///
    /// # Errors
    ///
    /// Those of [`SlotMounts::give_back`].
    pub(super) fn give_back(self) -> Result<()> {
        self.mounts.give_back(self.slot)
    }
}

impl Runner<'_> {
    /// Returns the user and group that the files of slots are given to.
    pub(super) fn owner_ids(&self) -> (u32, u32) {
        let user = UserChoice::of(self.project.config.container.user.as_deref());
        self.engine.slot_owner_for(&user)
    }

    /// Takes a slot and lays a commit out in it, with `branch` checked out, above a layer where there is one. `times`
    /// are those that the files get while their layer is made.
    ///
    /// # Errors
    ///
    /// Those of taking a slot and of laying it out.
    pub(super) fn lay_out(
        &self,
        commit: Oid,
        branch: &str,
        layer: Option<&Arc<Layer>>,
        times: Option<Times>,
    ) -> Result<GateSlot> {
        let project = self.project;
        let mut slot = tokio::task::block_in_place(|| project.slots().acquire(GATES_ARE_TRIED))?;
        let under = Under::of(self.engine, project);
        let layout = Layout {
            commit,
            branch,
            owner_ids: self.owner_ids(),
            mark: GATES_ARE_TRIED,
            layer,
            times,
            under: Under {
                // What a command prepares is taken out of the slot, which must have all of it.
                checkouts: under.checkouts && times.is_none(),
                ..under
            },
            writable: true,
            goes_on: false,
        };
        let mounts = lay_out(project, &mut slot, &layout)?;
        Ok(GateSlot { slot, mounts })
    }

    /// Returns what the containers of gates in a slot are made of, for no task.
    pub(super) fn sandbox<'a>(
        &'a self,
        place: &'a GateSlot,
        labels: BTreeMap<String, String>,
        folder: &'a CallFolder,
    ) -> Sandbox<'a> {
        Sandbox {
            name: CallName {
                role: Role::Stitch,
                task: None,
                attempt: 0,
                round: 0,
                candidate: 0,
            },
            config: &self.project.config,
            labels,
            root: self.project.git.workdir(),
            host_credentials: self.project.host_credentials(),
            slot: place.slot.path().to_owned(),
            mounts: &place.mounts,
            writable: true,
            folder,
        }
    }
}
