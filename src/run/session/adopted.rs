//! A call of a dead run that goes on: its slot is entered as it is, and what is set aside for it is held from then on.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Ask, Session, Sessions, cycle_of};
use crate::base::error::Result;
use crate::base::interruption::Interruption;
use crate::git::{Oid, Slot};
use crate::issues::issue::Issues;
use crate::run::call::{self, AdoptedCall, CallResult};
use crate::run::purpose::Purpose;
use crate::run::room::{Place, Reserved};
use crate::run::slots::Resume;
use crate::run::waiting::suspend::SlotOwner;

/// A slot in which a call of a dead run is under way.
pub(crate) struct AdoptedSlot {
    pub(crate) slot: Slot,
    pub(crate) owner: SlotOwner,
    /// The commit that the slot was made from.
    pub(crate) base: Oid,
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
        let AdoptedSlot {
            mut slot,
            owner,
            base,
            call,
        } = adopted;
        let place = Place {
            task: purpose.task.as_ref(),
            cycle: cycle_of(purpose.role, purpose.task.as_ref(), issues),
            beside: 1,
        };
        let reserved = self
            .room
            .reserve_again((purpose.role, &purpose.settings), place, call.adoption.granted);
        let session = call.adoption.session.clone();
        Ok(Box::new(Session {
            mounts: self.slots.again(&mut slot, owner.disk.or(call.adoption.disk))?,
            sessions: Arc::clone(self),
            purpose,
            owner,
            slot,
            base,
            resume: session.map(|session| Resume {
                before: issues.session(session.as_str()),
                session,
            }),
            adopted: Mutex::new(Some((reserved, call))),
        }))
    }
}

impl Session {
    /// Returns whether a call of a run that died is under way in it.
    pub(crate) fn is_adopted(&self) -> bool {
        self.adopted().is_some()
    }

    /// Takes the call of a run that died, with what is set aside for it, to go on with it.
    pub(crate) fn take_adopted(&self) -> Option<(Reserved, AdoptedCall)> {
        self.adopted().take()
    }

    fn adopted(&self) -> MutexGuard<'_, Option<(Reserved, AdoptedCall)>> {
        self.adopted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes on with a call of a run that died, and notes the limit that it met, as for one that is made.
    pub(crate) async fn go_on_with(
        &self,
        ask: &Ask<'_>,
        adopted: &AdoptedCall,
        interruption: &Interruption,
    ) -> Result<CallResult> {
        let Sessions { context, engine, .. } = &*self.sessions;
        let seen = self.sessions.pauses.seen();
        let made = call::go_on(&self.of_ask(ask), adopted, engine, &context.recorder, interruption).await?;
        Ok(self.noted(made, seen))
    }
}
