//! What follows from a change that weakens tests.

use serde::Serialize;

/// What follows from a change that weakens tests, CI or coverage (`tampering`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tampering {
    /// The task is held.
    #[default]
    Hold,
    /// It is reported, and the task goes on.
    Tell,
    /// It is not looked for.
    Off,
}
