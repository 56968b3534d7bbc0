//! The lock of a slot, held as long as somebody uses it.

use std::fs::File;

/// A locked file. Unlocked in so many words: a child process that is about to begin may have a copy of the handle,
/// and closing ours would not do.
#[derive(Debug)]
pub(super) struct Lock(pub(super) File);

impl Drop for Lock {
    fn drop(&mut self) {
        if let Err(error) = self.0.unlock() {
            tracing::warn!(%error, "cannot unlock a slot");
        }
    }
}
