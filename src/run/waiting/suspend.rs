//! Suspended sessions: a slot that waits, with the client's session beside it, until a call can go on there.

use serde::{Deserialize, Serialize};

use crate::base::crash::crash_point;
use crate::base::error::{Context as _, Result};
use crate::git::{Leftover, Oid, Slot};
use crate::issues::issue::{Issues, Status};
use crate::model::generation::GenerationName;
use crate::model::{IssueId, SessionId};

/// Who uses a slot, written into its dirty marker before use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SlotOwner {
    /// The repository's id; `None` in a marker of an earlier version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) repository: Option<String>,
    /// The generation.
    pub(crate) generation: String,
    /// The run.
    pub(crate) run: String,
    /// The task; `None` for a measure, whose slot holds nothing worth keeping.
    pub(crate) task: Option<IssueId>,
    /// The attempt at the task, or the round of the measure; counted from 1.
    pub(crate) attempt: u32,
    /// Which measure of its run it is, counted from 1; 0 for a task.
    pub(crate) cycle: u32,
    /// The commit that the slot was made from; `None` while it is still being made, when no agent has begun.
    pub(crate) base: Option<String>,
    /// The client's session that is to go on here. While there is one, nobody works in the slot, and it is kept.
    #[serde(default)]
    pub(crate) session: Option<String>,
    /// The user and group that the slot's files are given to.
    #[serde(default)]
    pub(crate) ids: (u32, u32),
}

impl SlotOwner {
    /// Returns the text of the marker.
    pub(crate) fn to_text(&self) -> Result<String> {
        serde_json::to_string(self).context("cannot write a slot's marker")
    }

    /// Returns the session that waits here for this repository. One that came along with a copy is the original's to go
    /// on with.
    pub(crate) fn session_of(&self, repository: Option<&str>) -> Option<&str> {
        let is_ours = self.repository.is_none() || self.repository.as_deref() == repository;
        self.session.as_deref().filter(|_| is_ours)
    }

    /// Reads a marker; `None` for one that a crash cut short, which was never followed by work in the slot.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

/// A slot in which a session can go on.
#[derive(Clone, Debug)]
pub(crate) struct Suspended {
    /// The slot's number.
    pub(crate) slot: u32,
    /// The commit that the slot was made from.
    pub(crate) base: String,
    /// The client's session.
    pub(crate) session: SessionId,
    /// Whose it was when it was suspended.
    pub(crate) owner: SlotOwner,
}

impl Suspended {
    /// Reads a leftover slot as a suspended one of this generation of a repository; `None` when it is something else,
    /// or when there is nothing any more to go on with.
    pub(crate) fn of(
        leftover: &Leftover,
        repository: Option<&str>,
        generation: &GenerationName,
        issues: &Issues,
    ) -> Option<Self> {
        let owner = SlotOwner::parse(&leftover.owner)?;
        let session = SessionId::parse(owner.session_of(repository)?)?;
        let here = owner.generation == generation.as_str() && leftover.holder.is_none();
        (here && is_wanted(&owner, &session, issues)).then_some(())?;
        Some(Self {
            slot: leftover.number,
            base: owner.base.clone()?,
            session,
            owner,
        })
    }
}

/// Whether a session is still of use, and of this very life of its generation: the ledger knows it, or its task is
/// still claimed by the run that made it.
fn is_wanted(owner: &SlotOwner, session: &SessionId, issues: &Issues) -> bool {
    let is_known = issues
        .ledger()
        .any(|entry| entry.task == owner.task && entry.session_id.as_deref() == Some(session.as_str()));
    let Some(task) = &owner.task else { return is_known };
    let Ok(issue) = issues.get(task) else { return false };
    let is_claimed = issue.claim.as_ref().is_some_and(|claim| claim.run == owner.run);
    issue.status != Status::Closed && (is_known || is_claimed)
}

/// Notes in a slot's marker that `session` is to go on in it, so that no death from here on loses it.
pub(crate) fn note(slot: &Slot, owner: SlotOwner, base: Oid, session: &SessionId) -> Result<()> {
    let owner = SlotOwner {
        base: Some(base.to_string()),
        session: Some(session.to_string()),
        ..owner
    };
    slot.mark(&owner.to_text()?)
}

/// Lets a slot wait, as it is, until `session` can go on in it.
pub(crate) fn suspend(slot: Slot, owner: SlotOwner, base: Oid, session: &SessionId) -> Result<()> {
    note(&slot, owner, base, session)?;
    drop(slot);
    crash_point!("slot.suspended");
    Ok(())
}
