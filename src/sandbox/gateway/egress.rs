//! The hosts that a container reaches: `CONNECT` and absolute-form HTTP to the hosts of `network.allow`.
//!
//! Names are resolved only here. Each address is checked, and the connection is made to the address that was checked,
//! so an answer of DNS that changes later has no effect. Of TLS only the hello is read, for the name in it, and all bytes
//! are passed on unchanged; but where a credential is configured, TLS ends here (`terminate`).

mod answer;
mod attempt;
mod bounds;
mod dial;
mod events;
mod forward;
mod heads;
mod resolver;
mod state;
mod terminate;
mod termination;
mod tunnel;
mod watched;

use std::sync::{Arc, Mutex};

use hyper::body::Incoming;
use hyper::{Request, Response};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::sandbox::network::NetworkConfig;

use answer::EgressRefusal;
pub use answer::{Body, BoxError};
pub use bounds::Bounds;
use events::ReportedEgress;
pub use events::{EgressCounts, EgressEvent, EndedConnection, Outcome};
pub use resolver::{Resolver, Table};
use state::EgressState;
pub use termination::{HeldCredential, Termination};

/// The outside as one container sees it. Clones share everything; when the last one is dropped, its tunnels end.
#[derive(Clone, Debug)]
pub struct Egress {
    shared: Arc<EgressState>,
    _ending: Arc<DropGuard>,
}

impl Egress {
    /// Creates the egress of one container. Connections that it permits for the first time, and those that it refuses,
    /// are sent to `events`: a hundred of each at most, since the container chooses its requests; [`Egress::counts`]
    /// counts them all. So are the first thousand that have ended, and at the end how many more there were. The channel
    /// closes when all of them have ended.
    /// TLS with the hosts that `ends` has credentials for, or that have rules about requests, ends here.
    pub fn new(
        network: &NetworkConfig,
        resolver: Resolver,
        bounds: Bounds,
        events: UnboundedSender<EgressEvent>,
        ends: Option<Termination>,
    ) -> Self {
        let ending = CancellationToken::new();
        let shared = EgressState {
            policy: network.allow.clone(),
            resolver,
            bounds,
            connections: Arc::new(Semaphore::new(bounds.connections)),
            lookups: Arc::new(Semaphore::new(bounds.connections)),
            queue: watch::Sender::new(0),
            told: Mutex::new(ReportedEgress::new(events)),
            ending: ending.clone(),
            ends: ends.map(Arc::new),
        };
        Self {
            shared: Arc::new(shared),
            _ending: Arc::new(ending.drop_guard()),
        }
    }

    /// Answers a `CONNECT`. With 200 the connection becomes a tunnel, so the server must allow upgrades.
    pub async fn connect(&self, request: Request<Incoming>) -> Response<Body> {
        let opened = self.shared.open_tunnel(request).await;
        opened.unwrap_or_else(EgressRefusal::into_response)
    }

    /// Answers a request for `http://host/…`, with the answer of that host.
    pub async fn forward(&self, request: Request<Incoming>) -> Response<Body> {
        let forwarded = forward::forward(&self.shared, request).await;
        forwarded.unwrap_or_else(EgressRefusal::into_response)
    }

    /// Ends all tunnels and forwarded requests, though clones of this may continue to count.
    pub fn close(&self) {
        self.shared.ending.cancel();
    }

    /// Returns how many were permitted and refused so far.
    pub fn counts(&self) -> EgressCounts {
        self.shared.told().counts()
    }
}
