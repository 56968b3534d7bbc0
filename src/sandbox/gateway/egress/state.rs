//! The shared state of an egress and its tunnels, and how each of them checks a target.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::answer::EgressRefusal;
use super::bounds::Bounds;
use super::events::{self, ReportedEgress};
use super::resolver::Resolver;
use crate::sandbox::network::{Authority, Denial, Policy, Scheme, Target};

/// The shared state of an egress and its tunnels.
#[derive(Debug)]
pub(super) struct EgressState {
    pub(super) policy: Policy,
    pub(super) resolver: Resolver,
    pub(super) bounds: Bounds,
    pub(super) connections: Arc<Semaphore>,
    pub(super) lookups: Arc<Semaphore>,
    pub(super) told: Mutex<ReportedEgress>,
    pub(super) ending: CancellationToken,
}

impl EgressState {
    /// Returns the target of `host:port`, if it may be reached; otherwise reports the denial.
    pub(super) fn permitted(
        &self,
        written: &str,
        default_port: Option<u16>,
        scheme: Scheme,
    ) -> Result<Target, EgressRefusal> {
        let authority = Authority::parse(written, default_port).map_err(|why| self.deny_malformed(written, why))?;
        let host = authority.host.to_string();
        let permitted = self.policy.permits(&host, authority.port, scheme);
        permitted.map_err(|why| self.deny(&host, Some(authority.port), why))
    }

    /// Reserves one of the connections at once.
    pub(super) fn place(&self) -> Result<OwnedSemaphorePermit, EgressRefusal> {
        if self.ending.is_cancelled() {
            return Err(EgressRefusal::Ended);
        }
        let connections = Arc::clone(&self.connections);
        connections.try_acquire_owned().map_err(|_| EgressRefusal::Busy)
    }

    /// Reports a denial.
    pub(super) fn deny(&self, host: &str, port: Option<u16>, why: Denial) -> EgressRefusal {
        self.told().denied(host, port, &why);
        EgressRefusal::Denied(why)
    }

    /// Reports the denial of a text that is not a `host:port`.
    pub(super) fn deny_malformed(&self, written: &str, why: Denial) -> EgressRefusal {
        self.deny(&crate::base::text::one_line(written, events::LONGEST_HOST), None, why)
    }

    pub(super) fn told(&self) -> std::sync::MutexGuard<'_, ReportedEgress> {
        // The data is consistent between any two calls.
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
