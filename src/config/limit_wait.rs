//! Whether, and for how long, a usage limit is waited out.

use std::time::Duration;

/// `limits.wait`: what to do when a usage limit is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitWait {
    /// Stop the run.
    Never,
    /// Wait for the reset if it is at most this far away.
    UpTo(Duration),
    /// Wait for the reset however long it takes.
    Always,
}
