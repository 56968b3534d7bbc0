//! The shared state of an egress and its tunnels, and how each of them checks a target.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::answer::EgressRefusal;
use super::bounds::Bounds;
use super::events::{self, ReportedEgress};
use super::resolver::Resolver;
use super::terminate::Termination;
use crate::sandbox::network::{Authority, Denial, Host, Policy, Scheme, Target};

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
    /// What ends TLS here, to the hosts for which it must.
    pub(super) ends: Option<Arc<Termination>>,
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
        let (host, port) = (authority.host.to_string(), Some(authority.port));
        let permitted = self.policy.permits(&host, authority.port, scheme);
        permitted.or_else(|why| {
            let target = self.with_credential(authority, scheme);
            target.ok_or_else(|| self.deny(&host, port, why))
        })
    }

    /// Returns the target where a credential is configured for it, which permits what that credential is for.
    fn with_credential(&self, authority: Authority, scheme: Scheme) -> Option<Target> {
        let Authority { host, port } = authority;
        let target = Target { host, port };
        let has_one = self.ends.as_ref().is_some_and(|ends| ends.has_credential_for(&target));
        (scheme == Scheme::Tunnel && has_one).then_some(target)
    }

    /// Returns what ends the TLS of tunnels to a host, if it does not go on there as it is.
    pub(super) fn ends_tls(&self, target: &Target) -> Option<&Arc<Termination>> {
        self.ends
            .as_ref()
            .filter(|ends| ends.has_credential_for(target) || self.policy.ends_tls(target))
    }

    /// Checks whether a connection to an address may be made: a person who configures a credential for an address
    /// named that.
    pub(super) fn admits(&self, target: &Target, address: IpAddr) -> Result<(), Denial> {
        let has_one = self.ends.as_ref().is_some_and(|ends| ends.has_credential_for(target));
        let is_named = has_one && target.host == Host::Address(address);
        if is_named {
            Ok(())
        } else {
            self.policy.admits(target, address)
        }
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
