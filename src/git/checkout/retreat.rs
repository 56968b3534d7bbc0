//! The way back from the checkout of a commit that its branch never reached.

use git2::Oid;

use super::{Advance, Move, refuse_unusual};
use crate::base::error::Result;
use crate::git::Git;

impl Git {
    /// Undoes an [`Git::advance_checkout`] from `from` to `to`, however far it came: files and index of the person's
    /// checkout are at `from` again. A path that is neither as in `from` nor as in `to` belongs to the person, and
    /// blocks it.
    ///
    /// Fails with [`ErrorKind::Precondition`](crate::base::error::ErrorKind::Precondition) as the advance does.
    pub fn retreat_checkout(&self, from: Oid, to: Oid) -> Result<Advance> {
        self.with_index(|index| {
            let repository = self.open()?;
            refuse_unusual(&repository)?;
            let step = Move::between(self, &repository, to, from)?;
            step.go(index, "it is neither in its old state nor in the interrupted new one")
        })
    }
}
