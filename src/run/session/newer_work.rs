//! A session that goes on with its work on newer work of the generation.

use std::sync::Arc;

use tokio::task::block_in_place;

use super::Session;
use crate::base::crash::crash_point;
use crate::base::error::Result;
use crate::git::Oid;
use crate::project::layers::Layer;
use crate::run::waiting::suspend::SlotOwner;

impl Session {
    /// Writes into the slot what another session made of its files, from the commit `old` to `new`: the session goes on
    /// there. No container may be at work in it.
    pub(crate) fn bring(&mut self, old: Oid, new: Oid) -> Result<()> {
        block_in_place(|| self.slot.bring((old, new), Some(self.owner.ids)))
    }

    /// Brings the slot to a newer commit of the generation, and its files to `tree`, which has the work on that: the session
    /// goes on there, above `layer`. What was in the slot must be kept by then; files that ignore rules leave out are gone. No
    /// container may be at work in it. Where the program dies meanwhile, the next recovery frees the slot.
    ///
    /// # Errors
    ///
    /// Where the slot cannot be written, or the repository that the container sees cannot be made.
    pub(crate) fn move_to(&mut self, commit: Oid, tree: Oid, layer: Option<Arc<Layer>>) -> Result<()> {
        let being_made = SlotOwner {
            base: None,
            session: None,
            ..self.owner.clone()
        };
        self.purpose.layer = layer;
        let (slots, layer) = (&self.sessions.slots, self.purpose.layer.as_ref());
        self.mounts = block_in_place(|| slots.move_to(&mut self.slot, &being_made, (commit, tree), layer))?;
        crash_point!("slot.moved");
        self.base = commit;
        self.owner.done = false;
        Ok(())
    }
}
