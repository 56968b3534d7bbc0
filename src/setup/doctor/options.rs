//! The options of `doctor`.

/// The options of `doctor`.
#[derive(Clone, Copy, Debug, Default)]
pub struct DoctorOptions {
    /// Runs every gate anew on each engine, on the commit that the next task would begin from; else their results are
    /// looked up.
    pub gates: bool,
}
