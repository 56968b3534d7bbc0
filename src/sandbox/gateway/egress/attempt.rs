//! One connection or request of a container, from what it asked for to what became of it.

use std::sync::Arc;
use std::time::Instant;

use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::{Method, Request};
use tokio::sync::OwnedSemaphorePermit;

use super::answer::EgressRefusal;
use super::events::{EndedConnection, Outcome};
use super::state::EgressState;
use super::watched::Activity;
use crate::base::text;
use crate::sandbox::network::{Authority, Denial, Scheme, Target};

/// How many characters of a host or a path are recorded.
const LONGEST: usize = 255;

/// One connection or request. Dropped, it is reported with what became of it.
pub(super) struct Attempt {
    shared: Arc<EgressState>,
    begun: Instant,
    host: String,
    port: Option<u16>,
    /// Method and path of a request that is seen.
    request: Option<(Method, String)>,
    outcome: Outcome,
    traffic: Option<Activity>,
    /// Whether the stream is the container's, and not the host's.
    is_of_client: bool,
}

impl Attempt {
    /// Begins with what the request line has in place of a host.
    pub(super) fn new(shared: &Arc<EgressState>, request: &Request<Incoming>) -> Self {
        let is_seen = request.method() != Method::CONNECT;
        let path = || request.uri().path().to_owned();
        Self {
            shared: Arc::clone(shared),
            begun: Instant::now(),
            host: text::one_line(without_query(&request.uri().to_string()), LONGEST),
            port: None,
            request: is_seen.then(|| (request.method().clone(), path())),
            outcome: Outcome::Allowed,
            traffic: None,
            is_of_client: false,
        }
    }

    /// Returns the target of `host:port`, if it may be reached; otherwise reports the denial.
    pub(super) fn target(
        &mut self,
        written: &str,
        default_port: Option<u16>,
        scheme: Scheme,
    ) -> Result<Target, EgressRefusal> {
        let authority = Authority::parse(written, default_port).map_err(|why| self.deny(why))?;
        self.host = authority.host.to_string();
        self.port = Some(authority.port);
        let permitted = self.shared.policy.permits(&self.host, authority.port, scheme);
        let permitted = permitted.or_else(|why| self.shared.with_credential(authority, scheme).ok_or(why));
        permitted.map_err(|why| self.deny(why))
    }

    /// Begins with a request inside a tunnel whose TLS ends at the gateway.
    pub(super) fn inside(shared: &Arc<EgressState>, target: &Target, request: &Parts) -> Self {
        Self {
            shared: Arc::clone(shared),
            begun: Instant::now(),
            host: target.host.to_string(),
            port: Some(target.port),
            request: Some((request.method.clone(), request.uri.path().to_owned())),
            outcome: Outcome::Allowed,
            traffic: None,
            is_of_client: false,
        }
    }

    /// Checks the request itself, which is seen.
    pub(super) fn check_request(&mut self, target: &Target) -> Result<(), EgressRefusal> {
        let Some((method, path)) = &self.request else {
            return Ok(());
        };
        let permitted = self.shared.policy.permits_request(target, method, path);
        permitted.map_err(|why| self.deny(why))
    }

    /// Reserves one of the connections at once, and waits for one if it must.
    pub(super) async fn place(&mut self) -> Result<OwnedSemaphorePermit, EgressRefusal> {
        let shared = Arc::clone(&self.shared);
        let place = shared.place().await;
        place.map_err(|why| why.map_or(EgressRefusal::Ended, |why| self.deny(why)))
    }

    /// Reports a denial.
    pub(super) fn deny(&mut self, why: Denial) -> EgressRefusal {
        self.outcome = Outcome::Refused(why.clone());
        let request = self.request.as_ref().map(|(method, path)| (method, path.as_str()));
        self.shared.denied(&self.host, self.port, request, why)
    }

    /// Keeps what a refusal means for the record, unless a denial is known.
    pub(super) fn failed(&mut self, refusal: &EgressRefusal) {
        if matches!(self.outcome, Outcome::Allowed) {
            self.outcome = Outcome::Failed(refusal.to_string());
        }
    }

    /// Counts what passes through a stream from now on.
    pub(super) fn counts(&mut self, traffic: Activity) {
        self.traffic = Some(traffic);
    }

    /// Counts what passes through the container's own stream from now on.
    pub(super) fn counts_of_client(&mut self, traffic: Activity) {
        self.counts(traffic);
        self.is_of_client = true;
    }
}

/// What is behind a `?` may be a secret.
fn without_query(uri: &str) -> &str {
    uri.split('?').next().unwrap_or_default()
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let (received, sent) = self.traffic.as_ref().map_or((0, 0), Activity::bytes);
        let (received, sent) = if self.is_of_client {
            (sent, received)
        } else {
            (received, sent)
        };
        let (method, path) = self.request.take().unzip();
        let ended = EndedConnection {
            host: std::mem::take(&mut self.host),
            port: self.port,
            method: method.map(|method| text::one_line(method.as_str(), 20)),
            path: path.map(|path| text::one_line(&path, LONGEST)),
            outcome: std::mem::replace(&mut self.outcome, Outcome::Allowed),
            sent,
            received,
            duration: self.begun.elapsed(),
        };
        self.shared.told().ended(ended);
    }
}
