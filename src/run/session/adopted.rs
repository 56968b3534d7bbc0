//! A call of a dead run that goes on: its slot is entered as it is, and what is set aside for it is held from then on.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Ask, Session, Sessions, cycle_of};
use crate::accounting::budget::Spent;
use crate::accounting::ledger::Entry;
use crate::base::error::Result;
use crate::base::interruption::Interruption;
use crate::git::{Oid, Slot};
use crate::issues::issue::Issues;
use crate::record::event::CallName;
use crate::run::call::{self, AdoptedCall, CallResult};
use crate::run::purpose::Purpose;
use crate::run::room::{Place, Reserved};
use crate::run::slots::Resume;
use crate::run::waiting::suspend::SlotOwner;

/// A slot of a dead run that is taken over as it is.
pub(crate) struct TakenSlot {
    pub(crate) slot: Slot,
    pub(crate) owner: SlotOwner,
    /// The commit that the slot was made from.
    pub(crate) base: Oid,
    /// Whether it is above prepared dependencies.
    pub(crate) prepared: bool,
}

/// A slot in which a call of a dead run is under way.
pub(crate) struct AdoptedSlot {
    pub(crate) taken: TakenSlot,
    pub(crate) call: AdoptedCall,
}

impl Sessions {
    /// Enters the slot of a call whose run died, and which goes on there: nothing in it is touched. What was set aside for the
    /// call is, from now on.
    pub(crate) fn enter_again(
        self: &Arc<Self>,
        purpose: Purpose,
        adopted: AdoptedSlot,
        issues: &Issues,
    ) -> Result<Box<Session>> {
        let AdoptedSlot { mut taken, call } = adopted;
        let place = Place {
            task: purpose.task.as_ref(),
            cycle: cycle_of(purpose.role, purpose.task.as_ref(), issues),
            beside: purpose.beside(),
        };
        let reserved = self
            .room
            .reserve_again((purpose.role, &purpose.settings), place, call.adoption.granted);
        taken.owner.disk = taken.owner.disk.or(call.adoption.disk);
        let session = self.enter_waiting(purpose, taken, call.adoption.resume.clone())?;
        *session.adopted() = Some((reserved, call));
        Ok(session)
    }

    /// Enters a slot of a dead run as it is, in which nothing is under way: what was done there waits to be judged.
    pub(crate) fn enter_waiting(
        self: &Arc<Self>,
        mut purpose: Purpose,
        taken: TakenSlot,
        resume: Option<Resume>,
    ) -> Result<Box<Session>> {
        let TakenSlot {
            mut slot,
            mut owner,
            base,
            prepared,
        } = taken;
        // Its marker says which session is to go on there; this one is at work.
        (owner.session, owner.boot) = (None, None);
        let mounts = self.slots.again(&mut slot, owner.disk, (prepared, purpose.writable))?;
        purpose.layer = mounts.layer().map(|layer| Arc::clone(layer.under()));
        Ok(Box::new(Session {
            mounts,
            sessions: Arc::clone(self),
            purpose,
            owner,
            slot,
            base,
            resume,
            adopted: Mutex::default(),
        }))
    }
}

impl Session {
    /// Returns whether its slot is above prepared dependencies.
    pub(crate) fn is_prepared(&self) -> bool {
        self.mounts.layer().is_some()
    }

    /// Returns which call of its stage the session's first one is, counted from 1; 0 where it is the work itself.
    pub(crate) fn first_round(&self) -> u32 {
        self.purpose.round
    }

    /// Returns the name of the first call.
    pub(crate) fn first_call(&self) -> CallName {
        self.purpose.call_name()
    }

    /// Returns the number of the slot.
    pub(crate) fn slot_number(&self) -> u32 {
        self.slot.number()
    }

    /// Returns the session that calls go on with, and what its calls have used before.
    pub(crate) fn going_on(&self) -> Option<&Resume> {
        self.resume.as_ref()
    }

    /// Counts calls of a run that died among what the session has used before: the ledger does not have them yet, and the client
    /// counts on from there.
    pub(crate) fn count_before<'a>(&mut self, made: impl IntoIterator<Item = &'a Entry>) {
        let Some(resume) = &mut self.resume else { return };
        for entry in made {
            if entry.session_id.as_deref() == Some(resume.session.as_str()) {
                resume.before += entry;
            }
        }
    }

    /// Takes the call of a run that died, with what is set aside for it, to go on with it.
    pub(crate) fn take_adopted(&self) -> Option<(Reserved, AdoptedCall)> {
        self.adopted().take()
    }

    /// Takes the call of a run that died, with what is set aside for it, else sets aside what a new one may use; see
    /// [`Session::reserve`].
    pub(crate) async fn take_or_reserve(
        &self,
        issues: &Issues,
        interruption: &Interruption,
    ) -> Result<Option<(Reserved, Option<AdoptedCall>)>, Spent> {
        if let Some((reserved, adopted)) = self.take_adopted() {
            return Ok(Some((reserved, Some(adopted))));
        }
        let reserved = self.reserve(issues, interruption).await?;
        Ok(reserved.map(|reserved| (reserved, None)))
    }

    fn adopted(&self) -> MutexGuard<'_, Option<(Reserved, AdoptedCall)>> {
        self.adopted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a call, or goes on with the one of a run that died, and notes the limit that it met.
    pub(crate) async fn call_or_go_on(
        &self,
        ask: &Ask<'_>,
        adopted: Option<&AdoptedCall>,
        interruption: &Interruption,
    ) -> Result<CallResult> {
        let Some(adopted) = adopted else {
            return Box::pin(self.call(ask, interruption)).await;
        };
        let Sessions { context, engine, .. } = &*self.sessions;
        let seen = self.sessions.pauses.seen();
        let call = self.of_ask(ask);
        let going_on = call::go_on(&call, adopted, engine, &context.recorder, interruption);
        Ok(self.noted(Box::pin(going_on).await?, seen))
    }
}
