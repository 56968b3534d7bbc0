//! The slots of a run: taken, laid out for an agent, suspended with its session, taken up again, and given back.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::accounting::ledger::Sum;
use crate::base::crash::crash_point;
use crate::base::error::{Error, ErrorKind, Result};
use crate::git::{Oid, Slot, Times};
use crate::issues::issue::Issues;
use crate::model::{CommitId, IssueId, SessionId};
use crate::project::Project;
use crate::project::layers::Layer;
use crate::run::context::RunContext;
use crate::run::disk::DiskUse;
use crate::run::preflight;
use crate::run::tops::{PreparedMounts, layer_under};
use crate::run::waiting::suspend::{SlotOwner, Suspended};
use crate::sandbox::engine::{Engine, Layering};

mod mounts;

use self::mounts::over_of;
pub(crate) use self::mounts::{OverMount, Prepared, SlotMounts};

/// A session that goes on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Resume {
    /// Its id.
    pub(crate) session: SessionId,
    /// What its calls have taken and used so far.
    pub(crate) before: Sum,
}

/// The slots of a run.
pub(crate) struct Slots {
    context: Arc<RunContext>,
    /// The user and group that the files of slots are given to.
    owner_ids: (u32, u32),
    /// What the engine can lay under them.
    under: Under,
}

/// What an engine can lay under slots.
#[derive(Clone, Copy)]
pub(crate) struct Under {
    /// How it lays prepared dependencies there.
    pub(crate) layering: Layering,
    /// Whether a slot can be a layer over a shared checkout.
    pub(crate) checkouts: bool,
    /// Whether such a slot can be one that is only read.
    pub(crate) views: bool,
}

impl Under {
    /// Asks an engine; slots are written by containers as `config` has them.
    pub(crate) fn of(engine: &Engine, project: &Project) -> Self {
        let has_runtime = project.config.container.runtime.is_some();
        Self {
            layering: engine.layering(&project.state_dir),
            // Another runtime does not say in the container what is mounted.
            checkouts: !has_runtime && engine.shares_checkouts(&project.state_dir),
            views: engine.sees_own_mounts(),
        }
    }

    /// Returns whether a slot can be a layer over a shared checkout that its containers write to, or only read.
    fn lays_over(self, writable: bool) -> bool {
        self.checkouts && (writable || self.views)
    }
}

impl Slots {
    pub(crate) fn new(context: Arc<RunContext>, owner_ids: (u32, u32), under: Under) -> Self {
        Self {
            context,
            owner_ids,
            under,
        }
    }

    /// Returns why no container can be made on a slot as it is, if none can.
    pub(crate) fn unfit(&self, slot: &Slot, writable: bool) -> Option<&'static str> {
        (slot.is_over() && !self.under.lays_over(writable)).then_some("the engine cannot mount its slot")
    }

    /// Builds the owner record written into a slot's marker: an attempt at a task, or a round of the `cycle`th measure.
    pub(crate) fn owner(&self, task: Option<IssueId>, attempt: u32, cycle: u32) -> SlotOwner {
        SlotOwner {
            repository: Some(self.context.repository.clone()),
            generation: self.context.generation.clone(),
            run: self.context.recorder.run().clone(),
            task,
            attempt,
            candidate: 0,
            cycle,
            base: None,
            session: None,
            boot: None,
            done: false,
            asks: false,
            expendable: false,
            about: None,
            ids: self.owner_ids,
            disk: None,
        }
    }

    /// Takes a slot; its marker records from now on what it is for.
    pub(crate) fn acquire(&self, owner: &SlotOwner) -> Result<Slot> {
        tokio::task::block_in_place(|| self.context.project.slots().acquire(&owner.to_text()?))
    }

    /// Takes the slot of a suspended session.
    pub(crate) fn adopt(&self, suspended: &Suspended) -> Result<Slot> {
        tokio::task::block_in_place(|| self.context.project.slots().adopt(suspended.slot))
    }

    /// Brings a slot to `commit`, and makes the repository that the container sees and the folder of its session.
    /// With a layer, its folders are above that, fresh.
    pub(crate) fn checkout(
        &self,
        slot: &mut Slot,
        owner: SlotOwner,
        (commit, writable): (Oid, bool),
        layer: Option<&Arc<Layer>>,
    ) -> Result<SlotMounts> {
        preflight::settings(&self.context.project, commit)?;
        let base = Some(CommitId::from(commit));
        let mark = SlotOwner { base, ..owner }.to_text()?;
        self.laid_out(slot, (commit, layer), &mark, (false, writable))
    }

    /// Lays a commit out in a slot, with its folders above a layer, fresh. The client's session that is beside the slot stays
    /// where it `goes_on` there.
    fn laid_out(
        &self,
        slot: &mut Slot,
        (commit, layer): (Oid, Option<&Arc<Layer>>),
        mark: &str,
        (goes_on, writable): (bool, bool),
    ) -> Result<SlotMounts> {
        let layout = Layout {
            commit,
            branch: self.context.generation.as_str(),
            owner_ids: self.owner_ids,
            mark,
            layer,
            times: None,
            under: Under {
                checkouts: self.under.lays_over(writable),
                ..self.under
            },
            writable,
            goes_on,
        };
        let mounts = lay_out(&self.context.project, slot, &layout)?;
        tokio::task::block_in_place(|| mounts.layer().map_or(Ok(()), PreparedMounts::renew))?;
        Ok(mounts)
    }

    /// Brings a slot whose session goes on to a newer commit, and its files to `tree`. Its marker says all the while that it is
    /// still being made.
    pub(crate) fn move_to(
        &self,
        slot: &mut Slot,
        being_made: &SlotOwner,
        (commit, tree): (Oid, Oid),
        layer: Option<&Arc<Layer>>,
    ) -> Result<SlotMounts> {
        preflight::settings(&self.context.project, commit)?;
        let mark = being_made.to_text()?;
        slot.mark(&mark)?;
        crash_point!("slot.moving");
        let mounts = self.laid_out(slot, (commit, layer), &mark, (true, true))?;
        slot.bring((commit, tree), Some(self.owner_ids))?;
        Ok(mounts)
    }

    /// Finds the slot in which a session about a task, as this candidate if it has several, or of a measure can go on.
    pub(crate) fn suspended(
        &self,
        (task, candidate): (Option<&IssueId>, u32),
        issues: &Issues,
    ) -> Result<Option<Suspended>> {
        let mut found = self.all_suspended(issues)?.into_iter();
        Ok(found.find(|one| one.owner.task.as_ref() == task && one.owner.candidate == candidate))
    }

    /// Returns as which candidates sessions about a task can go on; 0 is one without others.
    pub(crate) fn suspended_candidates(&self, task: &IssueId, issues: &Issues) -> Result<BTreeSet<u32>> {
        let all = self.all_suspended(issues)?;
        let of_task = all.iter().filter(|one| one.owner.task.as_ref() == Some(task));
        Ok(of_task.map(|one| one.owner.candidate).collect())
    }

    /// Finds every slot of the generation in which a session can go on.
    pub(crate) fn all_suspended(&self, issues: &Issues) -> Result<Vec<Suspended>> {
        let RunContext {
            project,
            repository,
            generation,
            ..
        } = &*self.context;
        let leftovers = project.slots().leftovers()?;
        let mut suspended = Vec::new();
        for leftover in &leftovers {
            let owner = SlotOwner::of(leftover)?;
            suspended
                .extend(owner.and_then(|owner| Suspended::of(leftover, &owner, Some(repository), generation, issues)));
        }
        Ok(suspended)
    }

    /// Marks the slot of a suspended session as in use again, everything in it as it was left.
    /// What it wrote into prepared folders is there again, on the layer that it began with; where that is gone, it goes on
    /// with `layer`.
    pub(crate) fn go_on(
        &self,
        slot: &mut Slot,
        suspended: &Suspended,
        owner: SlotOwner,
        (layer, writable): (Option<&Arc<Layer>>, bool),
    ) -> Result<SlotMounts> {
        let project = &self.context.project;
        let slots = project.slots();
        let base = Some(suspended.base.clone());
        slot.mark(&SlotOwner { base, ..owner }.to_text()?)?;
        let folder = slots.private_folder(suspended.slot);
        let private = tokio::task::block_in_place(|| {
            if let Some(private) = slot.private_repository_again(&folder)? {
                return Ok(private);
            }
            let commit = project.git.resolve(suspended.base.as_str())?;
            let branch = self.context.generation.as_str();
            slot.private_repository(&folder, branch, commit, Some(self.owner_ids))
        })?;
        let session = slots.session_folder(suspended.slot);
        if !session.is_dir() {
            // The client will not find its session, and report that.
            slot.make_session_folder(&session, Some(self.owner_ids))?;
        }
        let under = slots_layer(project, suspended.slot)?;
        let prepared = match under.as_ref().or(layer) {
            None => None,
            Some(layer) => {
                let mounts = mounts_of(project, slot, layer, (self.under.layering, self.owner_ids))?;
                if !mounts.is_there() {
                    tokio::task::block_in_place(|| mounts.renew())?;
                }
                Some(Prepared::Layer(mounts))
            }
        };
        crash_point!("slot.resumed");
        Ok(SlotMounts {
            private,
            session,
            gateway: slots.gateway_folder(suspended.slot),
            prepared,
            written: DiskUse::after(suspended.owner.disk),
            over: tokio::task::block_in_place(|| over_of(slot, writable))?,
        })
    }

    /// Returns what the containers of a slot find beside it in which a call is under way: nothing is made or changed, since its
    /// container writes there. `disk` is what was in it before that, where that is known; where its dependencies were
    /// `prepared`, those are below it.
    ///
    /// # Errors
    ///
    /// Where the repository that the container sees, or what was prepared for it, is not there any more.
    pub(crate) fn again(
        &self,
        slot: &mut Slot,
        disk: Option<u64>,
        (prepared, writable): (bool, bool),
    ) -> Result<SlotMounts> {
        let slots = self.context.project.slots();
        let number = slot.number();
        let gone = |what: &str| {
            let message = format!("the {what} of slot {number} is gone, or was made by another version");
            Error::new(ErrorKind::Unexpected, message)
        };
        let layer = if prepared {
            Some(slots_layer(&self.context.project, number)?.ok_or_else(|| gone("prepared dependencies"))?)
        } else {
            None
        };
        let by = (self.under.layering, self.owner_ids);
        let layer = layer.map(|layer| mounts_of(&self.context.project, slot, &layer, by));
        Ok(SlotMounts {
            private: slot
                .private_repository_again(&slots.private_folder(number))?
                .ok_or_else(|| gone("repository"))?,
            session: slots.session_folder(number),
            gateway: slots.gateway_folder(number),
            prepared: layer.transpose()?.map(Prepared::Layer),
            written: DiskUse::after(disk),
            over: tokio::task::block_in_place(|| over_of(slot, writable))?,
        })
    }

    /// Returns the user and group that the files of slots are given to.
    pub(crate) fn owner_ids(&self) -> (u32, u32) {
        self.owner_ids
    }

    /// Gives a slot back. What prevents that is reported, and left for the next recovery: it must not undo what was
    /// done.
    pub(crate) fn release(&self, slot: Slot, mounts: Option<&SlotMounts>) {
        let number = slot.number();
        let released = match mounts {
            Some(mounts) => tokio::task::block_in_place(|| mounts.give_back(slot)),
            None => tokio::task::block_in_place(|| slot.release()),
        };
        if let Err(error) = released {
            let error = error.in_a_line();
            self.context
                .warn(format!("slot {number} could not be given back: {error}"));
        }
    }

    /// Makes what the next slot needs that is a layer over a checkout of the new tip, beside everything else.
    pub(crate) fn make_next_ready(&self) {
        if !self.under.checkouts {
            return;
        }
        let (project, generation) = (Arc::clone(&self.context.project), self.context.generation.clone());
        let owner_ids = Some(self.owner_ids);
        // Nothing waits for it, and the run may be over before it is done: what is not ready is made when it is needed.
        tokio::task::spawn_blocking(move || {
            let tip = project.git.branch_tip(generation.as_str());
            let made = tip.and_then(|tip| tip.map_or(Ok(()), |tip| project.slots().make_ready(tip, owner_ids)));
            if let Err(error) = made {
                tracing::debug!(%error, "the next worktree could not be made ready");
            }
        });
    }
}

/// What a slot is brought to.
pub(crate) struct Layout<'a> {
    /// The commit whose files it gets.
    pub(crate) commit: Oid,
    /// The branch that git in the container has checked out.
    pub(crate) branch: &'a str,
    /// The user and group that its files are given to.
    pub(crate) owner_ids: (u32, u32),
    /// What the slot's marker has once there may be work in it that is worth keeping.
    pub(crate) mark: &'a str,
    /// What was prepared for the commit; its folders are made when a container is about to begin.
    pub(crate) layer: Option<&'a Arc<Layer>>,
    /// The times that its files get, where something is to be built from them.
    pub(crate) times: Option<Times>,
    /// What is laid under the slot.
    pub(crate) under: Under,
    /// Whether its containers write there.
    pub(crate) writable: bool,
    /// Whether the client's session that is beside the slot goes on there.
    pub(crate) goes_on: bool,
}

/// Returns the layer on which a slot of a dead run stands; `None` where it is not there any more as it was.
pub(crate) fn slots_layer(project: &Project, number: u32) -> Result<Option<Arc<Layer>>> {
    layer_under(&project.slots().tops_folder(number), &project.layers())
}

/// Returns what the containers of a slot see of a layer.
fn mounts_of(
    project: &Project,
    slot: &mut Slot,
    layer: &Arc<Layer>,
    by: (Layering, (u32, u32)),
) -> Result<PreparedMounts> {
    let folders: Vec<PathBuf> = layer.record.folders.iter().map(PathBuf::from).collect();
    let points = slot.make_mount_points(&folders, Some(by.1))?;
    let tops = project.slots().tops_folder(slot.number());
    Ok(PreparedMounts::new(Arc::clone(layer), tops, points, by))
}

/// Brings a slot to a commit, and makes the repository that the container sees and the folder of its session.
pub(crate) fn lay_out(project: &Project, slot: &mut Slot, layout: &Layout<'_>) -> Result<SlotMounts> {
    let owner_ids = Some(layout.owner_ids);
    let slots = project.slots();
    tokio::task::block_in_place(|| {
        let times = match layout.layer {
            Some(layer) => Some(layer.times()?),
            None => layout.times,
        };
        if !layout.under.checkouts || !slot.restore_over_for(layout.commit, owner_ids, times.as_ref())? {
            match &times {
                Some(times) => slot.restore_for(layout.commit, owner_ids, times)?,
                None => slot.restore(layout.commit, owner_ids)?,
            }
        }
        let folder = slots.private_folder(slot.number());
        let private = slot.private_repository(&folder, layout.branch, layout.commit, owner_ids)?;
        let session = slots.session_folder(slot.number());
        if !layout.goes_on {
            slot.make_session_folder(&session, owner_ids)?;
        }
        let by = (layout.under.layering, layout.owner_ids);
        let prepared = layout
            .layer
            .map(|layer| mounts_of(project, slot, layer, by))
            .transpose()?;
        slot.mark(layout.mark)?;
        Ok(SlotMounts {
            private,
            session,
            gateway: slots.gateway_folder(slot.number()),
            prepared: prepared.map(Prepared::Layer),
            written: DiskUse::default(),
            over: over_of(slot, layout.writable)?,
        })
    })
}
