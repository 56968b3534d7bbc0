//! The connection of a tunnel to its host: TLS of our own, verified, to an address that was checked. It is kept for the
//! next request, and made anew when the host has closed it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{Either, select};
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::super::answer::{Body, EgressRefusal, LONGEST_HEAD, empty, unreachable};
use super::super::attempt::Attempt;
use super::super::state::EgressState;
use crate::sandbox::network::{Host, Target};

/// How long a kept connection may take to be ready: its last answer has been read, so that it is, or never will be.
const READY: Duration = Duration::from_millis(200);

/// The way to one host.
pub(super) struct Onward {
    shared: Arc<EgressState>,
    target: Target,
    tls: Arc<ClientConfig>,
    kept: Mutex<Option<SendRequest<Body>>>,
}

impl Onward {
    pub(super) fn new(shared: Arc<EgressState>, target: Target, tls: Arc<ClientConfig>) -> Self {
        Self {
            shared,
            target,
            tls,
            kept: Mutex::default(),
        }
    }

    /// Sends a request and waits for the head of its answer.
    pub(super) async fn send(
        &self,
        attempt: &mut Attempt,
        request: Request<Body>,
    ) -> Result<Response<Incoming>, EgressRefusal> {
        let mut kept = self.kept.lock().await;
        let again = repeated(&request);
        let mut request = request;
        if let Some(mut sender) = kept.take()
            && matches!(timeout(READY, sender.ready()).await, Ok(Ok(())))
        {
            match sender.try_send_request(request).await {
                Ok(response) => {
                    *kept = Some(sender);
                    return Ok(response);
                }
                // The host closed the connection just then.
                Err(mut error) => match error.take_message().or(again) {
                    Some(unsent) => request = unsent,
                    None => return Err(unreachable(error.error())),
                },
            }
        }
        let mut sender = self.connect(attempt).await?;
        let response = sender
            .send_request(request)
            .await
            .map_err(|error| unreachable(&error))?;
        *kept = Some(sender);
        Ok(response)
    }

    async fn connect(&self, attempt: &mut Attempt) -> Result<SendRequest<Body>, EgressRefusal> {
        let stream = self.shared.dial(attempt, &self.target).await?;
        let name = match &self.target.host {
            Host::Address(address) => ServerName::from(*address),
            Host::Name(name) => ServerName::try_from(name.clone()).map_err(|_| EgressRefusal::Unreachable)?,
        };
        let connecting = TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream);
        let connected = timeout(self.shared.bounds.connect, connecting).await;
        let stream = connected.map_err(|_| EgressRefusal::TooSlow)?.map_err(|error| {
            tracing::debug!(host = %self.target.host, %error, "TLS with a host failed");
            EgressRefusal::Unverified
        })?;
        let handshake = http1::Builder::new()
            .max_buf_size(LONGEST_HEAD)
            .handshake(TokioIo::new(stream))
            .await;
        let (sender, connection) = handshake.map_err(|error| unreachable(&error))?;
        // It ends with the tunnel, which has the only sender, or with the egress.
        let ended = Box::pin(self.shared.ending.clone().cancelled_owned());
        tokio::spawn(select(ended, connection).map(|ended| {
            if let Either::Right((Err(error), _)) = ended {
                tracing::debug!(%error, "a connection to a host ended");
            }
        }));
        Ok(sender)
    }
}

/// Returns the same request for a second try, where that changes nothing more than the first did (RFC 9110, 9.2.2).
fn repeated(request: &Request<Body>) -> Option<Request<Body>> {
    let harmless = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if !harmless || !request.body().is_end_stream() {
        return None;
    }
    let mut again = Request::new(empty());
    *again.method_mut() = request.method().clone();
    *again.uri_mut() = request.uri().clone();
    *again.headers_mut() = request.headers().clone();
    Some(again)
}
