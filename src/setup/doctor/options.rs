//! How to look.

/// How to look.
#[derive(Clone, Copy, Debug, Default)]
pub struct DoctorOptions {
    /// Runs every gate anew on each engine, on what the next task would begin from; else their results are looked up.
    pub gates: bool,
}
