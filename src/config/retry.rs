//! `retry`: how calls that met a passing failure are made again.

use std::time::Duration;

use serde::Serialize;

use super::show;

/// The `retry` section: how calls that met a passing failure are made again.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RetryConfig {
    /// Delay before the first retry (jittered) (`5s`).
    #[serde(serialize_with = "show::duration")]
    pub initial: Duration,
    /// How much longer each further pause is (2).
    pub factor: f64,
    /// The longest pause (`5m`).
    #[serde(serialize_with = "show::duration")]
    pub ceiling: Duration,
    /// Retries in a row after which a run gives up (5).
    pub count: u32,
    /// Failures of one run, in a row or not, after which it gives up (20).
    pub breaker: u32,
}

impl RetryConfig {
    /// Stands there until the section is read.
    pub(super) const UNSET: Self = Self {
        initial: Duration::ZERO,
        factor: 0.0,
        ceiling: Duration::ZERO,
        count: 0,
        breaker: 0,
    };
}
