//! Attempts of a dead run whose agents are still at work, or came to their end with nobody to hear them: this run goes on with
//! them, as if it had begun them. Whatever stands in the way of that has the container removed, as every other one is.

use std::iter;
use std::path::PathBuf;

use jiff::Timestamp;

use super::adopted_measure::WantedCalls;
use super::interrupted::{folders_beginning, records_of};
use super::{AdoptedMeasure, LeftSlot, Recovery};
use crate::base::crash::crash_point;
use crate::base::error::{Context as _, ErrorKind, Result};
use crate::base::fs::create_private_folder;
use crate::config::Stage;
use crate::git::Slot;
use crate::issues::issue::{Claim, Issue, Issues, Status};
use crate::issues::round::Calls;
use crate::model::generation::GenerationName;
use crate::model::{IssueId, Role, RunId};
use crate::project::Project;
use crate::project::labels::{CANDIDATE_LABEL, TASK_LABEL};
use crate::run::active_work::ActiveWorkGuard;
use crate::run::call::{AdoptedCall, Adoption, FlowPlace, has_succeeded};
use crate::run::session::{AdoptedSlot, TakenSlot};
use crate::run::slots::slots_layer;
use crate::run::waiting::suspend::SlotOwner;
use crate::sandbox::engine::{Engine, FoundContainer};

/// Work of a dead run that goes on.
pub(crate) enum GoingOn {
    Attempt(Box<Adopted>),
    /// A measure, or another call that is about no task.
    Measure(Box<AdoptedMeasure>),
}

/// What a run would go on with of what a dead one has left.
pub(crate) struct Wanted<'a> {
    /// Which tasks it may attempt.
    pub(crate) tasks: &'a (dyn Fn(&Issue) -> bool + Sync),
    /// Which calls it may go on with that are about no task.
    pub(crate) calls: &'a WantedCalls<'a>,
    /// The user and group that the files of its slots are given to.
    pub(crate) ids: (u32, u32),
}

/// An attempt of a dead run that goes on.
pub(crate) struct Adopted {
    pub(crate) issue: Issue,
    /// All issues, as they stand with the claim in this run's name.
    pub(crate) issues: Issues,
    /// When the task was claimed.
    pub(crate) at: Timestamp,
    pub(crate) alive: ActiveWorkGuard,
    /// Its candidates, by number; the attempt itself as 0 where it has none.
    pub(crate) parts: Vec<AdoptedPart>,
}

/// An attempt that goes on, or a candidate of it.
pub(crate) struct AdoptedPart {
    pub(crate) candidate: u32,
    pub(crate) at: PartAt,
}

/// Where a candidate is.
pub(crate) enum PartAt {
    /// A call is under way.
    Call(Box<CallUnderWay>),
    /// Its work is done, by these calls, and waits in its slot to be judged.
    Waits(Box<Calls>),
}

/// A call of a candidate that goes on.
pub(crate) struct CallUnderWay {
    /// That, and its slot.
    pub(crate) slot: AdoptedSlot,
    /// The slot in which the work waits, where a stage was called for that.
    pub(crate) work: Option<TakenSlot>,
}

/// A candidate that may go on.
enum FoundPart {
    Call(Box<FoundCall>),
    /// In the slot of this number.
    Waits(u32, Box<SlotOwner>),
}

/// A call that may go on.
struct FoundCall {
    adoption: Adoption,
    container: FoundContainer,
    /// Its slot.
    slot: TakenSlot,
    work: Option<TakenSlot>,
}

/// What is at work on the engine, and what this run wants of it.
pub(super) type Looking<'a> = (&'a [FoundContainer], &'a Wanted<'a>);

impl Recovery<'_> {
    /// Does as [`Recovery::run`] does, but for what is wanted and can go on: it is this run's from here on.
    pub(crate) async fn adopt(&self, engine: &Engine, wanted: &Wanted<'_>) -> Result<(Vec<String>, Vec<GoingOn>)> {
        let take_over = |container: &FoundContainer, all: &[FoundContainer]| {
            if container.labels.contains_key(TASK_LABEL) {
                let adopted = self.take_over(container, (all, wanted))?;
                return Ok(adopted.map(|adopted| GoingOn::Attempt(Box::new(adopted))));
            }
            let measure = self.take_over_measure(container, (wanted.ids, wanted.calls))?;
            Ok(measure.map(|measure| GoingOn::Measure(Box::new(measure))))
        };
        self.run_but_for(engine, &take_over).await
    }

    /// Takes over the attempt that a container is at, where this run can go on with it: a task of its own, that it wants, in
    /// slots whose files belong to its user. All of its candidates go on with it.
    pub(super) fn take_over(&self, container: &FoundContainer, looking: Looking<'_>) -> Result<Option<Adopted>> {
        let Some((run, active_work)) = &self.active_work else {
            return Ok(None);
        };
        let issues = self.store.read()?;
        let task = container
            .labels
            .get(TASK_LABEL)
            .and_then(|task| task.parse::<IssueId>().ok());
        let found = task.as_ref().and_then(|task| claimed(task, &issues));
        let Some((issue, claim)) = found.filter(|(issue, _)| (looking.1.tasks)(issue)) else {
            return Ok(None);
        };
        let has_candidates = container.labels.contains_key(CANDIDATE_LABEL);
        let numbers = if has_candidates {
            self.candidates_of(issue, issue.next_attempt(), &claim.run)?
        } else {
            [0].into()
        };
        let mut found = Vec::new();
        for candidate in numbers {
            match self.found_part((issue, claim), candidate, looking)? {
                Some(part) => found.push((candidate, part)),
                None => return Ok(None),
            }
        }
        let (issue, claim) = (issue.clone(), claim.clone());
        // Before the store has it: at no moment is it anybody's left behind.
        let alive = active_work.note(Role::Stitch.name(), Some(issue.id.clone()));
        let now = self.project.clock().now();
        let issues = self.store.update(&format!("go on with {}", issue.id), now, |issues| {
            issues.take_over(&issue.id, (&claim.run, run), now)?;
            Ok(issues.clone())
        })?;
        crash_point!("adopt.claimed");
        self.move_records(&issue, (&claim.run, run))?;
        let mut parts = Vec::new();
        for (candidate, part) in found {
            let at = self.part((&issue, &issues), candidate, part)?;
            parts.push(AdoptedPart { candidate, at });
        }
        Ok(Some(Adopted {
            issue: issues.get(&issue.id)?.clone(),
            issues,
            at: claim.at,
            alive,
            parts,
        }))
    }

    /// Makes a candidate this run's, whose records are by now.
    fn part(&self, (issue, issues): (&Issue, &Issues), candidate: u32, found: FoundPart) -> Result<PartAt> {
        let Some((run, active_work)) = &self.active_work else {
            return Ok(PartAt::Waits(Box::default()));
        };
        match found {
            FoundPart::Call(call) => {
                let FoundCall {
                    mut adoption,
                    container,
                    mut slot,
                    mut work,
                } = *call;
                adoption.flow.move_to(run);
                for taken in iter::once(&mut slot).chain(&mut work) {
                    mark_for(run, &taken.slot, &mut taken.owner)?;
                }
                let alive = active_work.note_adopted(container.name.clone());
                let claimed = issue.claim.as_ref().map(|claim| claim.at);
                let call = AdoptedCall {
                    began_at: claimed.unwrap_or_else(|| adoption.began_at(self.project.clock().now())),
                    adoption,
                    container,
                    _alive: alive,
                };
                let slot = AdoptedSlot { taken: slot, call };
                Ok(PartAt::Call(Box::new(CallUnderWay { slot, work })))
            }
            FoundPart::Waits(number, mut owner) => {
                mark_for(run, &self.project.slots().adopt(number)?, &mut owner)?;
                let calls = self.calls_of(issue, (issue.next_attempt(), candidate), run, issues)?;
                Ok(PartAt::Waits(Box::new(calls)))
            }
        }
    }

    /// Looks whether another run can go on with a candidate of the attempt at a task that is under way, and where it is.
    fn found_part(
        &self,
        of: (&Issue, &Claim),
        candidate: u32,
        (all, wanted): Looking<'_>,
    ) -> Result<Option<FoundPart>> {
        let Some((container, folder, adoption)) = self.adoption_of(all, of, candidate)? else {
            return self.waiting(of, candidate, wanted.ids);
        };
        let Some(slot) = self.taken((adoption.slot, adoption.prepared), of, candidate)? else {
            return Ok(None);
        };
        let work = match &adoption.flow {
            FlowPlace::Work(_) => None,
            FlowPlace::Stage(stage) => {
                let is_made = |stage: &Stage| stage.role() == adoption.call.role;
                if !self.project.config.stages.iter().any(is_made) {
                    return Ok(None);
                }
                match self.taken((stage.work.slot, stage.work.prepared), of, candidate)? {
                    Some(work) => Some(work),
                    None => return Ok(None),
                }
            }
            _ => return Ok(None),
        };
        // One that has failed may have done so for want of its gateway, which says nothing of its work.
        if slot.owner.ids != wanted.ids || !container.running && !has_succeeded(&folder)? {
            return Ok(None);
        }
        Ok(Some(FoundPart::Call(Box::new(FoundCall {
            adoption,
            container: container.clone(),
            slot,
            work,
        }))))
    }

    /// Finds what is written down of a call of a candidate whose container is there, and the folder of its records.
    fn adoption_of<'all>(
        &self,
        all: &'all [FoundContainer],
        (issue, claim): (&Issue, &Claim),
        candidate: u32,
    ) -> Result<Option<(&'all FoundContainer, PathBuf, Adoption)>> {
        for below in self.folders_of(issue, &claim.run)? {
            let folder = self.project.state_dir.join(below);
            let Some(adoption) = Adoption::of(&folder)?.filter(|adoption| adoption.call.candidate == candidate) else {
                continue;
            };
            if let Some(container) = all.iter().find(|container| container.name == adoption.container) {
                return Ok(Some((container, folder, adoption)));
            }
        }
        Ok(None)
    }

    /// Finds the slot in which the work of a candidate waits that is done. One without others is judged in an attempt of its own.
    fn waiting(&self, of: (&Issue, &Claim), candidate: u32, ids: (u32, u32)) -> Result<Option<FoundPart>> {
        if candidate == 0 {
            return Ok(None);
        }
        for left in self.all_left()? {
            let Some(owner) = left.owner.filter(|owner| owner.is_at(of.0, candidate, self.generation)) else {
                continue;
            };
            let is_done = (owner.done || owner.asks) && owner.session_of(self.repository.as_deref()).is_some();
            let is_ours = owner.run == of.1.run && owner.ids == ids && left.slot.holder.is_none();
            if is_done && is_ours && !owner.expendable {
                return Ok(Some(FoundPart::Waits(left.slot.number, Box::new(owner))));
            }
        }
        Ok(None)
    }

    /// Takes a slot of a candidate of the attempt at a task that is under way, where it is as another run needs it: on prepared
    /// dependencies, if it was.
    fn taken(
        &self,
        (number, prepared): (u32, bool),
        (issue, claim): (&Issue, &Claim),
        candidate: u32,
    ) -> Result<Option<TakenSlot>> {
        let is_it = |left: &LeftSlot| left.slot.number == number;
        let Some(owner) = self.all_left()?.into_iter().find(is_it).and_then(|left| left.owner) else {
            return Ok(None);
        };
        if owner.run != claim.run || !owner.is_at(issue, candidate, self.generation) {
            return Ok(None);
        }
        self.taken_as(number, owner, prepared)
    }

    /// Takes a slot that is this owner's, where what its containers see is still there. One that cannot be read is not gone on
    /// with, and ends no run: its files are kept like those of every other one.
    pub(super) fn taken_as(&self, number: u32, owner: SlotOwner, prepared: bool) -> Result<Option<TakenSlot>> {
        match self.read_as(number, owner, prepared) {
            Err(error) if error.kind() != ErrorKind::Locked => {
                tracing::warn!(%error, slot = number, "an agent of an earlier run cannot be gone on with");
                Ok(None)
            }
            taken => taken,
        }
    }

    fn read_as(&self, number: u32, owner: SlotOwner, prepared: bool) -> Result<Option<TakenSlot>> {
        let Some(base) = &owner.base else { return Ok(None) };
        let base = self.project.git.resolve(base.as_str())?;
        let slots = self.project.slots();
        let slot = slots.adopt(number)?;
        let private = slot.private_repository_again(&slots.private_folder(number))?;
        if private.is_none() || prepared && slots_layer(self.project, number)?.is_none() {
            return Ok(None);
        }
        Ok(Some(TakenSlot {
            slot,
            owner,
            base,
            prepared,
        }))
    }

    /// Finishes what a run began that went on with an attempt of another one and died in that: the attempt is the run's that has
    /// the claim.
    pub(super) fn finish_take_overs(&self) -> Result<()> {
        let issues = self.store.read()?;
        for left in self.all_left()? {
            let Some(mut owner) = left.owner else { continue };
            let Some((issue, claim)) = owner.task.as_ref().and_then(|task| claimed(task, &issues)) else {
                continue;
            };
            if owner.run == claim.run || !owner.is_at(issue, owner.candidate, self.generation) {
                continue;
            }
            if !self.was_adoptable(issue, &owner.run)? && !self.was_adoptable(issue, &claim.run)? {
                continue;
            }
            let slot = self.project.slots().adopt(left.slot.number)?;
            self.move_records(issue, (&owner.run, &claim.run))?;
            mark_for(&claim.run, &slot, &mut owner)?;
        }
        Ok(())
    }

    /// Returns whether something is written down of a call of the attempt at a task that is under way, as one of a run's.
    fn was_adoptable(&self, issue: &Issue, run: &RunId) -> Result<bool> {
        for below in self.folders_of(issue, run)? {
            if Adoption::of(&self.project.state_dir.join(below))?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Makes the records of the attempt at a task that is under way those of the run that goes on with it.
    fn move_records(&self, issue: &Issue, (from, to): (&RunId, &RunId)) -> Result<()> {
        for below in self.folders_of(issue, from)? {
            let from = self.project.state_dir.join(&below);
            let Some(name) = from.file_name() else { continue };
            let above = self.project.state_dir.join(format!("runs/{to}"));
            let to = above.join(name);
            let failed = || format!("cannot move `{}` to `{}`", from.display(), to.display());
            create_private_folder(&above)?;
            std::fs::rename(&from, &to).with_context(ErrorKind::Unexpected, failed)?;
            crash_point!("adopt.moved");
        }
        Ok(())
    }

    /// Returns the folders of the records of the attempt at a task that is under way, as one of a run's, below the state folder.
    fn folders_of(&self, issue: &Issue, run: &RunId) -> Result<Vec<String>> {
        let first = records_of(run, issue, (issue.next_attempt(), 0));
        let mut found = self.folders_beginning(&first)?;
        found.retain(|below| {
            below
                .strip_prefix(&first)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '.']))
        });
        Ok(found)
    }
}

/// Returns whether a run may go on with the call that a container is at: that is written down of it, and it has not failed. The
/// caller has the repository's lock.
pub(crate) fn can_go_on(project: &Project, container: &FoundContainer) -> Result<bool> {
    for run in folders_beginning(&project.state_dir, "runs/")? {
        for below in folders_beginning(&project.state_dir, &format!("{run}/"))? {
            let folder = project.state_dir.join(below);
            if Adoption::of(&folder)?.is_some_and(|adoption| adoption.container == container.name) {
                return Ok(container.running || has_succeeded(&folder)?);
            }
        }
    }
    Ok(false)
}

/// Makes a slot one of this run's.
fn mark_for(run: &RunId, slot: &Slot, owner: &mut SlotOwner) -> Result<()> {
    owner.run = run.clone();
    slot.mark(&owner.to_text()?)?;
    crash_point!("adopt.marked");
    Ok(())
}

impl SlotOwner {
    /// Returns whether it is at the attempt at a task that is under way in a generation, as this candidate, and has begun.
    fn is_at(&self, issue: &Issue, candidate: u32, generation: &GenerationName) -> bool {
        self.task.as_ref() == Some(&issue.id)
            && (self.attempt, self.candidate) == (issue.next_attempt(), candidate)
            && self.generation == *generation
            && self.base.is_some()
    }
}

/// Returns a task that somebody claimed, with the claim.
fn claimed<'a>(task: &IssueId, issues: &'a Issues) -> Option<(&'a Issue, &'a Claim)> {
    let issue = issues.get(task).ok()?;
    let claim = issue.claim.as_ref()?;
    (issue.status == Status::InProgress).then_some((issue, claim))
}
