//! The options of `doctor`.

use crate::base::interruption::Interruption;

/// The options of `doctor`.
#[derive(Clone, Debug, Default)]
pub struct DoctorOptions {
    /// Runs every gate anew on each engine, on the commit that the next task would begin from; else their results are
    /// looked up.
    pub gates: bool,
    /// Ends it: its containers are removed, and its result is an error of kind
    /// [`ErrorKind::Interrupted`](crate::base::error::ErrorKind::Interrupted).
    pub interruption: Interruption,
}
