//! Attempts of a dead run whose agents are still at work, or came to their end with nobody to hear them: this run goes on with
//! them, as if it had begun them. Whatever stands in the way of that has the container removed, as every other one is.

use std::path::PathBuf;

use jiff::Timestamp;

use super::Recovery;
use super::interrupted::records_of;
use crate::base::crash::crash_point;
use crate::base::error::{Context as _, ErrorKind, Result};
use crate::base::fs::create_private_folder;
use crate::git::Slot;
use crate::issues::issue::{Claim, Issue, Issues, Status};
use crate::model::generation::GenerationName;
use crate::model::{IssueId, Role, RunId};
use crate::project::labels::{CANDIDATE_LABEL, ROLE_LABEL, TASK_LABEL};
use crate::run::active_work::ActiveWorkGuard;
use crate::run::call::{AdoptedCall, Adoption, has_succeeded};
use crate::run::session::AdoptedSlot;
use crate::run::waiting::suspend::SlotOwner;
use crate::sandbox::engine::FoundContainer;

/// An attempt of a dead run that goes on.
pub(crate) struct Adopted {
    pub(crate) issue: Issue,
    /// All issues, as they stand with the claim in this run's name.
    pub(crate) issues: Issues,
    /// When the task was claimed.
    pub(crate) at: Timestamp,
    pub(crate) alive: ActiveWorkGuard,
    /// Its slot, and its call.
    pub(crate) slot: AdoptedSlot,
}

/// An attempt that may go on.
struct Found {
    issue: Issue,
    claim: Claim,
    owner: SlotOwner,
    slot: Slot,
    adoption: Adoption,
}

impl Recovery<'_> {
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
        if found.owner.ids != ids || !is_wanted(&found.issue) {
            return Ok(None);
        }
        let Found {
            issue,
            claim,
            mut owner,
            slot,
            adoption,
        } = found;
        let base = owner.base.as_ref().map(|base| self.project.git.resolve(base.as_str()));
        let Some(base) = base.transpose()? else { return Ok(None) };
        // Before the store has it: at no moment is it anybody's left behind.
        let alive = active_work.note(Role::Stitch.name(), Some(issue.id.clone()));
        let now = self.project.clock().now();
        let issues = self.store.update(&format!("go on with {}", issue.id), now, |issues| {
            issues.take_over(&issue.id, (&claim.run, run), now)?;
            Ok(issues.clone())
        })?;
        crash_point!("adopt.claimed");
        self.move_records(&slot, &mut owner, (&issue, run))?;
        Ok(Some(Adopted {
            issue: issues.get(&issue.id)?.clone(),
            issues,
            at: claim.at,
            alive,
            slot: AdoptedSlot {
                slot,
                owner,
                base,
                call: AdoptedCall {
                    adoption,
                    container: container.clone(),
                    _alive: active_work.note_adopted(container.name.clone()),
                },
            },
        }))
    }

    /// Looks whether another run can go on with the attempt that a container is at.
    fn adoptable(&self, container: &FoundContainer, issues: &Issues) -> Result<Option<Found>> {
        let label = |name| container.labels.get(name).map(String::as_str);
        let is_call = label(ROLE_LABEL) == Some(Role::Stitch.name()) && label(CANDIDATE_LABEL).is_none();
        let task = label(TASK_LABEL).and_then(|task| task.parse::<IssueId>().ok());
        let Some(task) = task.filter(|_| is_call) else {
            return Ok(None);
        };
        let Some((issue, claim)) = claimed(&task, issues) else {
            return Ok(None);
        };
        let number = issue.next_attempt();
        let is_its = |owner: &SlotOwner| {
            owner.is_at((&task, number), (&claim.run, self.generation)) && owner.session.is_none() && !owner.expendable
        };
        let mut left = self.leftovers(issues)?.into_iter();
        let Some(left) = left.find(|left| left.owner.as_ref().is_some_and(is_its)) else {
            return Ok(None);
        };
        let folder = self.project.state_dir.join(records_of(&claim.run, issue, (number, 0)));
        let adoption = Adoption::of(&folder)?.filter(|adoption| adoption.container == container.name);
        let (Some(adoption), Some(owner)) = (adoption, left.owner) else {
            return Ok(None);
        };
        let slots = self.project.slots();
        let slot = slots.adopt(left.slot.number)?;
        let is_whole = slot
            .private_repository_again(&slots.private_folder(left.slot.number))?
            .is_some();
        // One that has failed may have done so for want of its gateway, which says nothing of its work.
        if !is_whole || !(container.running || has_succeeded(&folder)?) {
            return Ok(None);
        }
        Ok(Some(Found {
            issue: issue.clone(),
            claim: claim.clone(),
            owner,
            slot,
            adoption,
        }))
    }

    /// Finishes what a run began that went on with an attempt of another one and died in that: the attempt is the run's that has
    /// the claim.
    pub(super) fn finish_take_overs(&self) -> Result<()> {
        let issues = self.store.read()?;
        for left in self.leftovers(&issues)? {
            let Some(mut owner) = left.owner else { continue };
            let Some((issue, claim)) = owner.task.as_ref().and_then(|task| claimed(task, &issues)) else {
                continue;
            };
            let number = issue.next_attempt();
            if owner.run == claim.run || !owner.is_at((&issue.id, number), (&owner.run, self.generation)) {
                continue;
            }
            let folder = |run| self.folder_of(run, issue);
            if Adoption::of(&folder(&owner.run))?
                .or(Adoption::of(&folder(&claim.run))?)
                .is_none()
            {
                continue;
            }
            let slot = self.project.slots().adopt(left.slot.number)?;
            let run = claim.run.clone();
            self.move_records(&slot, &mut owner, (issue, &run))?;
        }
        Ok(())
    }

    /// Makes the records of an attempt, and its slot, those of the run that goes on with it.
    fn move_records(&self, slot: &Slot, owner: &mut SlotOwner, (issue, run): (&Issue, &RunId)) -> Result<()> {
        let (from, to) = (self.folder_of(&owner.run, issue), self.folder_of(run, issue));
        if from.exists() {
            let failed = || format!("cannot move `{}` to `{}`", from.display(), to.display());
            if let Some(above) = to.parent() {
                create_private_folder(above)?;
            }
            std::fs::rename(&from, &to).with_context(ErrorKind::Unexpected, failed)?;
            crash_point!("adopt.moved");
        }
        owner.run = run.clone();
        slot.mark(&owner.to_text()?)?;
        crash_point!("adopt.marked");
        Ok(())
    }

    /// Returns the folder of the records of the attempt at a task that is under way, as one of a run's.
    fn folder_of(&self, run: &RunId, issue: &Issue) -> PathBuf {
        self.project
            .state_dir
            .join(records_of(run, issue, (issue.next_attempt(), 0)))
    }
}

impl SlotOwner {
    /// Returns whether it is at an attempt at a task, without candidates, of a run of a generation, and has begun.
    fn is_at(&self, (task, attempt): (&IssueId, u32), (run, generation): (&RunId, &GenerationName)) -> bool {
        self.task.as_ref() == Some(task)
            && (self.attempt, self.candidate) == (attempt, 0)
            && self.run == *run
            && self.generation == *generation
            && self.base.is_some()
            && !self.done
    }
}

/// Returns a task that somebody claimed, with the claim.
fn claimed<'a>(task: &IssueId, issues: &'a Issues) -> Option<(&'a Issue, &'a Claim)> {
    let issue = issues.get(task).ok()?;
    let claim = issue.claim.as_ref()?;
    (issue.status == Status::InProgress).then_some((issue, claim))
}
