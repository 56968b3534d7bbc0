//! A slot beside that in which a task's session waits.

use std::sync::Arc;

use super::{Next, Session, Sessions};
use crate::base::error::Result;
use crate::git::Oid;
use crate::run::purpose::Purpose;
use crate::run::waiting::suspend::SlotOwner;

impl Sessions {
    /// Takes a free slot, brought to `commit`, for an agent that goes on from what a task's session has left: that one
    /// waits in a slot of its own.
    pub(crate) fn enter_beside(self: &Arc<Self>, purpose: Purpose, commit: Oid) -> Result<Box<Session>> {
        let owner = SlotOwner {
            expendable: true,
            ..self.owner(&purpose)
        };
        self.begin(purpose, owner, commit)
    }

    /// Takes a free slot, brought to `commit`, for an agent that only reads, whatever session waits elsewhere.
    pub(crate) fn enter_afresh(self: &Arc<Self>, purpose: Purpose, commit: Oid) -> Result<Box<Session>> {
        let owner = self.owner(&purpose);
        self.begin(purpose, owner, commit)
    }

    /// Leaves a slot that [`Self::enter_beside`] took, after what was done in it failed or did not. Returns whether nothing
    /// of it runs any more; else the slot stays as it is for the next recovery.
    pub(crate) async fn leave_beside(&self, session: Box<Session>, has_failed: bool) -> Result<bool> {
        let is_over = !has_failed || self.is_over(&session.purpose.call_name()).await;
        session.leave(if is_over { Next::Release } else { Next::Keep })?;
        Ok(is_over)
    }
}
