//! What a container reaches of the outside: `CONNECT` and absolute-form HTTP to the hosts of `network.allow`.
//!
//! Names are resolved here alone. Each address is judged, and the connection is made to the address that was judged, so
//! an answer of DNS that changes changes nothing. Of TLS only the hello is read, for the name in it; all of it is passed
//! on as it came.

mod answer;
mod dial;
mod events;
mod forward;
mod resolver;
mod tunnel;
mod watched;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::{Method, Request, Response};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::sandbox::network::NetworkConfig;
use crate::sandbox::network::{Authority, Denial, Policy, Scheme, Target};

use answer::Refusal;
pub use answer::{Body, BoxError};
use events::Told;
pub use events::{Counts, EgressEvent};
pub use resolver::{Resolver, Table};

/// What one container may take of the outside at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Tunnels and forwarded requests at once; one more is refused with 503.
    pub connections: usize,
    /// Until a name is resolved.
    pub resolve: Duration,
    /// Until a connection is made, over all addresses that a name has.
    pub connect: Duration,
    /// Until a tunnel has begun with a whole hello of TLS.
    pub hello: Duration,
    /// Without a byte in either direction.
    pub idle: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections: 32,
            resolve: Duration::from_secs(10),
            connect: Duration::from_secs(10),
            hello: Duration::from_secs(10),
            idle: Duration::from_secs(5 * 60),
        }
    }
}

/// The outside as one container sees it. Clones share everything; when the last one goes, its tunnels end.
#[derive(Clone, Debug)]
pub struct Egress {
    shared: Arc<Shared>,
    _ending: Arc<DropGuard>,
}

/// What an egress and its tunnels share.
#[derive(Debug)]
struct Shared {
    policy: Policy,
    resolver: Resolver,
    bounds: Bounds,
    connections: Arc<Semaphore>,
    lookups: Arc<Semaphore>,
    told: Mutex<Told>,
    ending: CancellationToken,
}

impl Egress {
    /// Makes the egress of one container. What it lets through for the first time and what it refuses is sent to
    /// `events`: a hundred of each at most, since the container chooses what it asks for; [`Egress::counts`] has
    /// all.
    pub fn new(
        network: &NetworkConfig,
        resolver: Resolver,
        bounds: Bounds,
        events: UnboundedSender<EgressEvent>,
    ) -> Self {
        let ending = CancellationToken::new();
        let shared = Shared {
            policy: network.allow.clone(),
            resolver,
            bounds,
            connections: Arc::new(Semaphore::new(bounds.connections)),
            lookups: Arc::new(Semaphore::new(bounds.connections)),
            told: Mutex::new(Told::new(events)),
            ending: ending.clone(),
        };
        Self {
            shared: Arc::new(shared),
            _ending: Arc::new(ending.drop_guard()),
        }
    }

    /// Answers a `CONNECT`. With 200 the connection becomes a tunnel, so the server must allow upgrades.
    pub async fn connect(&self, request: Request<Incoming>) -> Response<Body> {
        let opened = self.shared.open_tunnel(request).await;
        opened.unwrap_or_else(Refusal::into_response)
    }

    /// Answers a request for `http://host/…`, with what that host answers.
    pub async fn forward(&self, request: Request<Incoming>) -> Response<Body> {
        let forwarded = forward::forward(&self.shared, request).await;
        forwarded.unwrap_or_else(Refusal::into_response)
    }

    /// Ends all tunnels and forwarded requests, though clones of this may go on counting.
    pub fn close(&self) {
        self.shared.ending.cancel();
    }

    /// How much was let through and refused so far.
    pub fn counts(&self) -> Counts {
        self.shared.told().counts()
    }
}

impl Shared {
    async fn open_tunnel(self: &Arc<Self>, mut request: Request<Incoming>) -> Result<Response<Body>, Refusal> {
        let uri = request.uri();
        let written = uri.to_string();
        let is_authority = uri.scheme().is_none() && uri.path_and_query().is_none();
        if request.method() != Method::CONNECT || !is_authority {
            return Err(self.deny_malformed(&written, Denial::Form));
        }
        let target = self.permitted(&written, None, Scheme::Tunnel)?;
        let place = self.place()?;
        let stream = self.dial(&target).await?;
        let upgrade = hyper::upgrade::on(&mut request);
        let shared = Arc::clone(self);
        tokio::spawn(async move {
            tunnel::run(&shared, &target, upgrade, stream).await;
            drop(place);
        });
        Ok(Response::new(answer::empty()))
    }

    /// The target of `host:port`, if it may be reached; otherwise the denial has been told.
    fn permitted(&self, written: &str, default_port: Option<u16>, scheme: Scheme) -> Result<Target, Refusal> {
        let authority = Authority::parse(written, default_port).map_err(|why| self.deny_malformed(written, why))?;
        let host = authority.host.to_string();
        let permitted = self.policy.permits(&host, authority.port, scheme);
        permitted.map_err(|why| self.deny(&host, Some(authority.port), why))
    }

    /// A place among the connections at once.
    fn place(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        if self.ending.is_cancelled() {
            return Err(Refusal::Ended);
        }
        let connections = Arc::clone(&self.connections);
        connections.try_acquire_owned().map_err(|_| Refusal::Busy)
    }

    /// Tells of a denial.
    fn deny(&self, host: &str, port: Option<u16>, why: Denial) -> Refusal {
        self.told().denied(host, port, &why);
        Refusal::Denied(why)
    }

    /// Tells of the denial of what is no `host:port`.
    fn deny_malformed(&self, written: &str, why: Denial) -> Refusal {
        self.deny(&crate::base::text::one_line(written, events::LONGEST_HOST), None, why)
    }

    fn told(&self) -> std::sync::MutexGuard<'_, Told> {
        // What is in there is whole between any two calls.
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
