//! The shared state of an egress and its tunnels, and how each of them gets a place.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use hyper::Method;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::answer::EgressRefusal;
use super::bounds::Bounds;
use super::events::ReportedEgress;
use super::resolver::Resolver;
use super::termination::Termination;
use super::watched::Activity;
use crate::sandbox::network::{Authority, Denial, Host, Policy, Scheme, Target, remedy};

/// The shared state of an egress and its tunnels.
#[derive(Debug)]
pub(super) struct EgressState {
    pub(super) policy: Policy,
    pub(super) resolver: Resolver,
    pub(super) bounds: Bounds,
    pub(super) connections: Arc<Semaphore>,
    pub(super) lookups: Arc<Semaphore>,
    /// How many wait for a place.
    pub(super) queue: watch::Sender<usize>,
    pub(super) told: Mutex<ReportedEgress>,
    pub(super) ending: CancellationToken,
    /// What ends TLS here, to the hosts for which it must.
    pub(super) ends: Option<Arc<Termination>>,
}

impl EgressState {
    /// Returns the target where a credential is configured for it, which permits what that credential is for.
    pub(super) fn with_credential(&self, authority: Authority, scheme: Scheme) -> Option<Target> {
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
}

/// Somebody who waits for a place, as long as it lives.
struct Queued<'a>(&'a watch::Sender<usize>);

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|waiting| *waiting -= 1);
    }
}

impl EgressState {
    /// Reserves one of the connections at once, and waits for one if it must, within bounds. The error is the reason
    /// for which there is none; nothing where the egress has been closed.
    pub(super) async fn place(&self) -> Result<OwnedSemaphorePermit, Option<Denial>> {
        if self.ending.is_cancelled() {
            return Err(None);
        }
        let connections = Arc::clone(&self.connections);
        if let Ok(place) = Arc::clone(&connections).try_acquire_owned() {
            return Ok(place);
        }
        let Some(_queued) = self.queued() else {
            return Err(Some(Denial::Busy));
        };
        self.told().waited();
        let waited = timeout(self.bounds.wait, connections.acquire_owned());
        match self.ending.run_until_cancelled(waited).await {
            None => Err(None),
            // What ends with the egress gives its place back.
            Some(_) if self.ending.is_cancelled() => Err(None),
            Some(Ok(Ok(place))) => Ok(place),
            Some(_) => Err(Some(Denial::Busy)),
        }
    }

    /// Joins those who wait, if there is room.
    fn queued(&self) -> Option<Queued<'_>> {
        let most = self.bounds.waiting;
        let has_joined = self.queue.send_if_modified(|waiting| {
            let is_free = *waiting < most;
            *waiting += usize::from(is_free);
            is_free
        });
        has_joined.then(|| Queued(&self.queue))
    }

    /// Waits until a connection is of no use any more: no byte has passed for long, or for a while when others wait.
    pub(super) async fn is_idle(&self, activity: &Activity) {
        let mut queue = self.queue.subscribe();
        let is_wanted = async {
            loop {
                // The sender lives as long as this.
                let _ = queue.wait_for(|waiting| *waiting > 0).await;
                tokio::select! {
                    () = activity.ceases(self.bounds.idle_when_wanted) => return,
                    _ = queue.wait_for(|waiting| *waiting == 0) => {}
                }
            }
        };
        tokio::select! {
            () = activity.ceases(self.bounds.idle) => {}
            () = is_wanted => {}
        }
    }

    /// Reports a denial; `request` is the method and path, where they are seen.
    pub(super) fn denied(
        &self,
        host: &str,
        port: Option<u16>,
        request: Option<(&Method, &str)>,
        why: Denial,
    ) -> EgressRefusal {
        let remedy = remedy(&why, host, port, request);
        self.told().denied(host, port, &why, remedy.as_deref());
        EgressRefusal::Denied { why, remedy }
    }

    pub(super) fn told(&self) -> std::sync::MutexGuard<'_, ReportedEgress> {
        // The data is consistent between any two calls.
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
