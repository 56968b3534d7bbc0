//! How far a service is, and what it leaves.

use std::time::Duration;

use crate::base::error::Result;
use crate::sandbox::guarantee::GuaranteeReport;
use crate::sandbox::services::failure::ServiceFailure;

/// How far a service is.
#[derive(Clone, Debug, Default)]
pub(super) enum Stage {
    /// It is being started.
    #[default]
    Starting,
    /// It can be used.
    Ready(Ready),
    /// It cannot.
    Failed(ServiceFailure),
}

/// What a service leaves.
pub(super) struct Left {
    /// The last of its output, redacted.
    pub(super) output: Vec<u8>,
    /// Why its container may still be there.
    pub(super) removed: Result<()>,
}

/// What is known of a service that can be used.
#[derive(Clone, Debug)]
pub(crate) struct Ready {
    /// How long that took since its start.
    pub(crate) after: Duration,
    /// What its container reported of itself.
    pub(crate) report: GuaranteeReport,
}
