//! Suspended sessions: a slot that waits, with the client's session beside it, until a call can go on there.

use serde::{Deserialize, Serialize};

use crate::base::crash::crash_point;
use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::base::process::boot;
use crate::base::serialization::is_zero;
use crate::git::{Leftover, Oid, Slot};
use crate::issues::issue::{Issues, Status};
use crate::model::generation::GenerationName;
use crate::model::{CommitId, IssueId, RunId, SessionId};

/// The marker of a slot in which gates are tried: nobody's work is in it, and a recovery only frees it.
pub(crate) const GATES_ARE_TRIED: &str = "gates are tried";

/// Who uses a slot, written into its dirty marker before use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SlotOwner {
    /// The repository's id; `None` in a marker of an earlier version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) repository: Option<String>,
    /// The generation.
    pub(crate) generation: GenerationName,
    /// The run.
    pub(crate) run: RunId,
    /// The task; `None` for a measure, whose slot holds nothing worth keeping.
    pub(crate) task: Option<IssueId>,
    /// The attempt at the task, or the round of the measure; counted from 1.
    pub(crate) attempt: u32,
    /// Which candidate of the attempt it is, counted from 1; 0 where it has none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) candidate: u32,
    /// Which measure of its run it is, counted from 1; 0 for a task.
    pub(crate) cycle: u32,
    /// The commit that the slot was made from; `None` while it is still being made, when no agent has begun.
    pub(crate) base: Option<CommitId>,
    /// The client's session that is to go on here. While there is one, nobody works in the slot, and it is kept.
    #[serde(default)]
    pub(crate) session: Option<SessionId>,
    /// The boot of the machine in which the session was at work; `None` where all that it has left is on the disk. After
    /// another boot its files may have lost what it wrote into them, of which it would not know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) boot: Option<String>,
    /// Whether that session has done its work, which is on its task's ref: what is left is to judge it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) done: bool,
    /// Whether that session ended with a question to a person.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) asks: bool,
    /// Whether nothing of it is worth keeping until its call has ended: it is only read, or the stage is made again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not", alias = "only_read")]
    pub(crate) expendable: bool,
    /// What its measure is asked about, as a digest; none where it is about the project as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) about: Option<String>,
    /// The user and group that the slot's files are given to.
    #[serde(default)]
    pub(crate) ids: (u32, u32),
    /// What was in the slot before its agent wrote anything, in bytes, where that was counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) disk: Option<u64>,
}

impl SlotOwner {
    /// Returns the text of the marker.
    pub(crate) fn to_text(&self) -> Result<String> {
        serde_json::to_string(self).context("cannot write a slot's marker")
    }

    /// Returns the session that waits here for this repository. One that came along with a copy is the original's to go
    /// on with.
    pub(crate) fn session_of(&self, repository: Option<&str>) -> Option<&SessionId> {
        let is_ours = self.repository.is_none() || self.repository.as_deref() == repository;
        let is_whole = self.boot.is_none() || self.boot == boot();
        self.session.as_ref().filter(|_| is_ours && is_whole)
    }

    /// Reads the marker of a slot; `None` where nobody's work is in the slot: gates were tried there, or a crash cut the
    /// marker short, which is written before any work.
    ///
    /// # Errors
    ///
    /// Where the marker is whole and this version does not understand it: somebody's work may be in the slot.
    pub(crate) fn of(leftover: &Leftover) -> Result<Option<Self>> {
        if leftover.owner == GATES_ARE_TRIED {
            return Ok(None);
        }
        match serde_json::from_str(&leftover.owner) {
            Ok(owner) => Ok(Some(owner)),
            Err(error) if error.is_eof() => Ok(None),
            Err(error) => {
                let number = leftover.number;
                let message = format!("the marker of slot {number} cannot be understood: {error}");
                let hint =
                    "if a newer version of cordwainer wrote it, use that version; else save what is in the slot first";
                Err(Error::new(ErrorKind::Unexpected, message).hint(hint))
            }
        }
    }
}

/// A slot in which a session can go on.
#[derive(Clone, Debug)]
pub(crate) struct Suspended {
    /// The slot's number.
    pub(crate) slot: u32,
    /// The commit that the slot was made from.
    pub(crate) base: CommitId,
    /// The client's session.
    pub(crate) session: SessionId,
    /// Whose it was when it was suspended.
    pub(crate) owner: SlotOwner,
}

impl Suspended {
    /// Returns a leftover slot as a suspended one of this generation of a repository; `None` when it is something else,
    /// or when there is nothing any more to go on with.
    pub(crate) fn of(
        leftover: &Leftover,
        owner: &SlotOwner,
        repository: Option<&str>,
        generation: &GenerationName,
        issues: &Issues,
    ) -> Option<Self> {
        let session = owner.session_of(repository)?;
        let here = owner.generation == *generation && leftover.holder.is_none();
        (here && is_wanted(owner, session, issues)).then_some(())?;
        Some(Self {
            slot: leftover.number,
            base: owner.base.clone()?,
            session: session.clone(),
            owner: owner.clone(),
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

/// Notes in a slot's marker that `session` is to go on in it, so that no death from here on loses it, but for a power failure.
pub(crate) fn note(slot: &Slot, owner: SlotOwner, base: Oid, session: &SessionId) -> Result<()> {
    slot.mark(&with_session(owner, base, session, boot()).to_text()?)
}

fn with_session(owner: SlotOwner, base: Oid, session: &SessionId, boot: Option<String>) -> SlotOwner {
    SlotOwner {
        base: Some(CommitId::from(base)),
        session: Some(session.clone()),
        boot,
        ..owner
    }
}

/// Lets a slot wait, as it is, until `session` can go on in it.
pub(crate) fn suspend(slot: Slot, owner: SlotOwner, base: Oid, session: &SessionId) -> Result<()> {
    slot.sync()?;
    slot.mark(&with_session(owner, base, session, None).to_text()?)?;
    drop(slot);
    crash_point!("slot.suspended");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_goes_on_after_another_boot_only_where_it_had_come_to_rest() {
        let owner = |boot: &str| {
            let text = format!(
                r#"{{"generation":"g","run":"run-1","task":"cw-1","attempt":1,"cycle":0,"base":null,"session":"s"{boot}}}"#
            );
            serde_json::from_str::<SlotOwner>(&text).unwrap()
        };
        assert!(owner("").session_of(None).is_some());
        assert_eq!(owner(r#","boot":"an earlier one""#).session_of(None), None);
        let now = boot().map_or_else(String::new, |boot| format!(r#","boot":"{boot}""#));
        assert!(owner(&now).session_of(None).is_some());
    }

    #[test]
    fn a_marker_cut_short_is_nobodys_and_one_not_understood_is_never_taken_for_it() {
        let owner = |text: &str| {
            SlotOwner::of(&Leftover {
                number: 3,
                owner: text.to_owned(),
                holder: None,
            })
        };
        let whole = r#"{"generation":"generation-a","run":"run-1","task":"cw-1","attempt":2,"cycle":0,"base":null}"#;
        let read = owner(whole).unwrap().expect("it is whole");
        assert_eq!((read.run.as_str(), read.attempt), ("run-1", 2));
        assert_eq!(owner(GATES_ARE_TRIED).unwrap(), None);
        for length in 0..whole.len() {
            assert_eq!(owner(&whole[..length]).unwrap(), None, "{length}");
        }
        let run = whole.replace("run-1", "../run-1");
        let generation = whole.replace("generation-a", "a..b");
        for damaged in ["\0\0", "[]", "{}", &run, &generation] {
            let error = owner(damaged).expect_err(damaged);
            assert!(error.in_a_line().contains("the marker of slot 3"), "{error}");
        }
    }
}
