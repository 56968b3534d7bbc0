//! A measure of a dead run whose agent, or the reviewer of its proposals, is still at work; and so the other calls that are about no
//! task: those for a plan of groups, for a closing review, and for a part of an audit or a review.

use std::path::{Path, PathBuf};

use super::{LeftSlot, Recovery};
use crate::base::crash::crash_point;
use crate::base::error::{Context as _, ErrorKind, Result};
use crate::base::fs::create_private_folder;
use crate::model::{Role, RunId};
use crate::run::call::{AdoptedCall, Adoption, FlowPlace, has_succeeded};
use crate::run::session::{AdoptedSlot, TakenSlot};
use crate::run::waiting::suspend::SlotOwner;
use crate::sandbox::engine::FoundContainer;

/// Which measure of its run one is that goes on: nothing else has begun by then.
pub(crate) const ADOPTED_CYCLE: u32 = 1;

/// Which calls that are about no task a run may go on with.
pub(crate) type WantedCalls<'a> = dyn Fn(&FlowPlace) -> bool + Sync + 'a;

/// A measure, or another call about no task, of a dead run that goes on.
pub(crate) struct AdoptedMeasure {
    /// Its call, and the slot of that.
    pub(crate) slot: AdoptedSlot,
    /// The slot of the session that has proposed what is being reviewed.
    pub(crate) proposed: Option<TakenSlot>,
}

impl Recovery<'_> {
    /// Takes over the measure that a container is at, or another call about no task, where this run wants to and can go on with it, in a
    /// slot whose files belong to `ids`.
    pub(super) fn take_over_measure(
        &self,
        container: &FoundContainer,
        (ids, is_wanted): ((u32, u32), &WantedCalls<'_>),
    ) -> Result<Option<AdoptedMeasure>> {
        let Some((run, active_work)) = &self.active_work else {
            return Ok(None);
        };
        let is_it = |adoption: &Adoption| adoption.container == container.name;
        let noted = self.noted_of_measure(&is_it)?;
        let Some((folder, adoption)) = noted.filter(|(_, adoption)| is_wanted(&adoption.flow)) else {
            return Ok(None);
        };
        let Some(mut slot) = self.taken_of_measure(adoption.slot, ids)? else {
            return Ok(None);
        };
        if !self.has_its_place(&adoption, &slot)? {
            return Ok(None);
        }
        let mut proposed = None;
        if let FlowPlace::Proposals(at) = &adoption.flow {
            proposed = self.taken_of_measure(at.slot, ids)?;
            if proposed.is_none() {
                return Ok(None);
            }
        }
        if !container.running && !has_succeeded(&folder)? {
            return Ok(None);
        }
        // Before the records: what a slot names is looked for wherever it still is.
        for taken in std::iter::once(&mut slot).chain(&mut proposed) {
            (taken.owner.run, taken.owner.cycle) = (run.clone(), ADOPTED_CYCLE);
            let slot = &taken.slot;
            slot.mark(&taken.owner.to_text()?)?;
            crash_point!("adopt.measure_marked");
        }
        self.move_measure(&folder, (run, ADOPTED_CYCLE))?;
        Ok(Some(AdoptedMeasure {
            slot: AdoptedSlot {
                taken: slot,
                call: AdoptedCall {
                    began_at: adoption.began_at(self.project.clock().now()),
                    adoption,
                    container: container.clone(),
                    _alive: active_work.note_adopted(container.name.clone()),
                },
            },
            proposed,
        }))
    }

    /// Returns whether what takes over the report of a call is still there as it was.
    fn has_its_place(&self, adoption: &Adoption, slot: &TakenSlot) -> Result<bool> {
        let role = adoption.call.role;
        Ok(match &adoption.flow {
            FlowPlace::Measure(_) | FlowPlace::Plan(_) => role == Role::Measure,
            FlowPlace::Proposals(_) => true,
            FlowPlace::Closing(at) => role == Role::Review && self.store.read()?.group(&at.group).is_ok(),
            // Files of another commit are read anew, all of them.
            FlowPlace::Part(_) => role == Role::Review && slot.base == self.project.tip(self.generation)?,
            FlowPlace::Work(_) | FlowPlace::Stage(_) => false,
        })
    }

    /// Brings the records of a measure to the run that its slot names: one that died had gone on with it.
    pub(super) fn finish_measure(&self, left: &LeftSlot, owner: &SlotOwner) -> Result<()> {
        let number = left.slot.number;
        let is_of = |adoption: &Adoption| match &adoption.flow {
            FlowPlace::Proposals(at) => at.slot == number,
            _ => adoption.slot == number,
        };
        match self.noted_of_measure(&is_of)? {
            Some((folder, _)) => self.move_measure(&folder, (&owner.run, owner.cycle)),
            None => Ok(()),
        }
    }

    /// Finds what is written down of a call of a measure, and the folder of its records, whichever run it is of.
    fn noted_of_measure(&self, is_it: &dyn Fn(&Adoption) -> bool) -> Result<Option<(PathBuf, Adoption)>> {
        for run in self.folders_beginning("runs/")? {
            for below in self.folders_beginning(&format!("{run}/measure-"))? {
                let folder = self.project.state_dir.join(below);
                if let Some(adoption) = Adoption::of(&folder)?.filter(is_it) {
                    return Ok(Some((folder, adoption)));
                }
            }
        }
        Ok(None)
    }

    /// Takes a slot of a measure, where it is as another run needs it.
    fn taken_of_measure(&self, number: u32, ids: (u32, u32)) -> Result<Option<TakenSlot>> {
        let is_it = |left: &LeftSlot| left.slot.number == number;
        let owner = self.all_left()?.into_iter().find(is_it).and_then(|left| left.owner);
        let is_measures = |owner: &SlotOwner| {
            owner.task.is_none() && owner.session.is_none() && owner.generation == *self.generation && owner.ids == ids
        };
        match owner.filter(is_measures) {
            Some(owner) => self.taken_as(number, owner, false),
            None => Ok(None),
        }
    }

    /// Makes the records of a measure, of which this is one folder, those of a run, as its measure of this number.
    fn move_measure(&self, one: &Path, (run, cycle): (&RunId, u32)) -> Result<()> {
        let name = |path: &Path| path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
        let of_run = one.parent().and_then(name);
        let number = name(one).and_then(|name| Some(name.strip_prefix("measure-")?.split('-').next()?.to_owned()));
        let (Some(of_run), Some(number)) = (of_run, number) else {
            return Ok(());
        };
        let (from, to) = (
            format!("runs/{of_run}/measure-{number}-"),
            format!("runs/{run}/measure-{cycle}-"),
        );
        if from == to {
            return Ok(());
        }
        create_private_folder(&self.project.state_dir.join(format!("runs/{run}")))?;
        // The one by which it is found moves last.
        let mut found: Vec<_> = self.folders_beginning(&from)?.into_iter().collect();
        found.sort_by_key(|below| self.project.state_dir.join(below) == one);
        for below in found {
            let Some(rest) = below.strip_prefix(&from) else {
                continue;
            };
            let (old, new) = (
                self.project.state_dir.join(&below),
                self.project.state_dir.join(format!("{to}{rest}")),
            );
            let failed = || format!("cannot move `{}` to `{}`", old.display(), new.display());
            std::fs::rename(&old, &new).with_context(ErrorKind::Unexpected, failed)?;
            crash_point!("adopt.measure_moved");
        }
        Ok(())
    }
}
