//! Attempts of a dead run whose agents are still at work, or came to their end with nobody to hear them: this run goes on with
//! them, as if it had begun them. Whatever stands in the way of that has the container removed, as every other one is.

use std::iter;
use std::path::PathBuf;

use jiff::Timestamp;

use super::interrupted::{folders_beginning, records_of};
use super::{AdoptedMeasure, LeftSlot, Recovery};
use crate::base::crash::crash_point;
use crate::base::error::{Context as _, ErrorKind, Result};
use crate::base::fs::create_private_folder;
use crate::config::Stage;
use crate::git::Slot;
use crate::issues::issue::{Claim, Issue, Issues, Status};
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
    Attempt(Adopted),
    Measure(AdoptedMeasure),
}

/// What a run would go on with of what a dead one has left.
pub(crate) struct Wanted<'a> {
    /// Which tasks it may attempt.
    pub(crate) tasks: &'a (dyn Fn(&Issue) -> bool + Sync),
    /// Whether it may measure.
    pub(crate) measure: bool,
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
    /// Its call, and the slot of that.
    pub(crate) slot: AdoptedSlot,
    /// The slot in which its work waits, where a stage was called for that.
    pub(crate) work: Option<TakenSlot>,
}

/// An attempt that may go on.
struct Found {
    issue: Issue,
    claim: Claim,
    adoption: Adoption,
    /// The slot of its call.
    slot: TakenSlot,
    work: Option<TakenSlot>,
}

impl Recovery<'_> {
    /// Does as [`Recovery::run`] does, but for what is wanted and can go on: it is this run's from here on.
    pub(crate) async fn adopt(&self, engine: &Engine, wanted: &Wanted<'_>) -> Result<(Vec<String>, Vec<GoingOn>)> {
        let take_over = |container: &FoundContainer| {
            if container.labels.contains_key(TASK_LABEL) {
                let adopted = self.take_over(container, wanted.ids, wanted.tasks)?;
                return Ok(adopted.map(GoingOn::Attempt));
            }
            let measure = wanted.measure.then(|| self.take_over_measure(container, wanted.ids));
            Ok(measure.transpose()?.flatten().map(GoingOn::Measure))
        };
        self.run_but_for(engine, &take_over).await
    }

    /// Takes over the attempt that a container is at, where this run can go on with it: a task of its own, that `is_wanted`, in
    /// a slot whose files belong to `ids`.
    pub(super) fn take_over(
        &self,
        container: &FoundContainer,
        ids: (u32, u32),
        is_wanted: &dyn Fn(&Issue) -> bool,
    ) -> Result<Option<Adopted>> {
        let Some((run, active_work)) = &self.active_work else {
            return Ok(None);
        };
        let issues = self.store.read()?;
        let Some(found) = self.adoptable(container, &issues)? else {
            return Ok(None);
        };
        if found.slot.owner.ids != ids || !is_wanted(&found.issue) {
            return Ok(None);
        }
        let Found {
            issue,
            claim,
            mut adoption,
            mut slot,
            mut work,
        } = found;
        // Before the store has it: at no moment is it anybody's left behind.
        let alive = active_work.note(Role::Stitch.name(), Some(issue.id.clone()));
        let now = self.project.clock().now();
        let issues = self.store.update(&format!("go on with {}", issue.id), now, |issues| {
            issues.take_over(&issue.id, (&claim.run, run), now)?;
            Ok(issues.clone())
        })?;
        crash_point!("adopt.claimed");
        self.move_records(&issue, (&claim.run, run))?;
        adoption.flow.move_to(run);
        for taken in iter::once(&mut slot).chain(&mut work) {
            mark_for(run, &taken.slot, &mut taken.owner)?;
        }
        Ok(Some(Adopted {
            issue: issues.get(&issue.id)?.clone(),
            issues,
            at: claim.at,
            alive,
            slot: AdoptedSlot {
                taken: slot,
                call: AdoptedCall {
                    adoption,
                    container: container.clone(),
                    _alive: active_work.note_adopted(container.name.clone()),
                },
            },
            work,
        }))
    }

    /// Looks whether another run can go on with the attempt that a container is at.
    fn adoptable(&self, container: &FoundContainer, issues: &Issues) -> Result<Option<Found>> {
        let label = |name| container.labels.get(name).map(String::as_str);
        let task = label(TASK_LABEL).and_then(|task| task.parse::<IssueId>().ok());
        let Some(task) = task.filter(|_| label(CANDIDATE_LABEL).is_none()) else {
            return Ok(None);
        };
        let Some((issue, claim)) = claimed(&task, issues) else {
            return Ok(None);
        };
        let Some((folder, adoption)) = self.adoption_of(container, issue, &claim.run)? else {
            return Ok(None);
        };
        let Some(slot) = self.taken((adoption.slot, adoption.prepared), issue, claim)? else {
            return Ok(None);
        };
        let work = match &adoption.flow {
            FlowPlace::Work(_) => None,
            FlowPlace::Stage(stage) => {
                let is_made = |stage: &Stage| stage.role() == adoption.call.role;
                if !self.project.config.stages.iter().any(is_made) {
                    return Ok(None);
                }
                match self.taken((stage.work.slot, stage.work.prepared), issue, claim)? {
                    Some(work) => Some(work),
                    None => return Ok(None),
                }
            }
            FlowPlace::Measure(_) | FlowPlace::Proposals(_) => return Ok(None),
        };
        // One that has failed may have done so for want of its gateway, which says nothing of its work.
        if !container.running && !has_succeeded(&folder)? {
            return Ok(None);
        }
        Ok(Some(Found {
            issue: issue.clone(),
            claim: claim.clone(),
            adoption,
            slot,
            work,
        }))
    }

    /// Finds what is written down of the call that a container is at, and the folder of its records.
    fn adoption_of(
        &self,
        container: &FoundContainer,
        issue: &Issue,
        run: &RunId,
    ) -> Result<Option<(PathBuf, Adoption)>> {
        for below in self.folders_of(issue, run)? {
            let folder = self.project.state_dir.join(below);
            if let Some(adoption) = Adoption::of(&folder)?.filter(|adoption| adoption.container == container.name) {
                return Ok(Some((folder, adoption)));
            }
        }
        Ok(None)
    }

    /// Takes a slot of the attempt at a task that is under way, where it is as another run needs it: on prepared dependencies, if
    /// it was.
    fn taken(&self, (number, prepared): (u32, bool), issue: &Issue, claim: &Claim) -> Result<Option<TakenSlot>> {
        let is_it = |left: &LeftSlot| left.slot.number == number;
        let Some(owner) = self.all_left()?.into_iter().find(is_it).and_then(|left| left.owner) else {
            return Ok(None);
        };
        if owner.run != claim.run || !owner.is_at((&issue.id, issue.next_attempt()), self.generation) {
            return Ok(None);
        }
        self.taken_as(number, owner, prepared)
    }

    /// Takes a slot that is this owner's, where what its containers see is still there.
    pub(super) fn taken_as(&self, number: u32, owner: SlotOwner, prepared: bool) -> Result<Option<TakenSlot>> {
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
            if owner.run == claim.run || !owner.is_at((&issue.id, issue.next_attempt()), self.generation) {
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
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
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
    /// Returns whether it is at an attempt at a task, without candidates, of a generation, and has begun.
    fn is_at(&self, (task, attempt): (&IssueId, u32), generation: &GenerationName) -> bool {
        self.task.as_ref() == Some(task)
            && (self.attempt, self.candidate) == (attempt, 0)
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
