//! Plain HTTP in absolute form, passed on request by request.

use std::sync::Arc;

use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1;
use hyper::header::CONTENT_LENGTH;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;

use super::answer::{Body, EgressRefusal, LONGEST_HEAD, unreachable};
use super::attempt::Attempt;
use super::heads::{names_host, onward, strip, without_overrides};
use super::state::EgressState;
use super::watched::Watched;
use crate::sandbox::network::{Denial, Scheme, Target};

/// Passes a request on and returns the answer.
pub(super) async fn forward(
    shared: &Arc<EgressState>,
    request: Request<Incoming>,
) -> Result<Response<Body>, EgressRefusal> {
    let mut attempt = Attempt::new(shared, &request);
    let reached = reach(shared, &mut attempt, &request).await;
    let (target, place, stream) = reached.inspect_err(|refusal| attempt.failed(refusal))?;
    let mut request = onward(request, &target, Scheme::Http);
    if shared.policy.ends_tls(&target) {
        request = without_overrides(request);
    }
    let response = exchange(attempt, shared, request, stream, place).await?;
    backward(response)
}

/// Connects to the target of a request, if both are allowed.
async fn reach(
    shared: &EgressState,
    attempt: &mut Attempt,
    request: &Request<Incoming>,
) -> Result<(Target, OwnedSemaphorePermit, TcpStream), EgressRefusal> {
    let written = authority(request).map_err(|why| attempt.deny(why))?;
    let target = attempt.target(&written, Some(Scheme::Http.default_port()), Scheme::Http)?;
    if !names_host(request.headers(), &target, Scheme::Http) {
        return Err(attempt.deny(Denial::HostHeader));
    }
    let ends = shared.ends.as_ref();
    if ends.is_some_and(|ends| ends.has_placeholder(request.uri(), request.headers())) {
        return Err(attempt.deny(Denial::Placeholder));
    }
    attempt.check_request(&target)?;
    let place = attempt.place().await?;
    let stream = shared.dial(attempt, &target).await?;
    Ok((target, place, stream))
}

/// Reads `host[:port]` of the request line.
fn authority(request: &Request<Incoming>) -> Result<String, Denial> {
    let uri = request.uri();
    match (uri.scheme_str(), uri.authority()) {
        (Some("https"), _) => Err(Denial::Https),
        (Some("http"), Some(authority)) if request.method() != Method::CONNECT => Ok(authority.to_string()),
        _ => Err(Denial::Form),
    }
}

/// Sends a request on a connection of its own, which ends with the answer, with the egress, or when no byte moves.
async fn exchange(
    mut attempt: Attempt,
    shared: &Arc<EgressState>,
    request: Request<Incoming>,
    stream: TcpStream,
    place: OwnedSemaphorePermit,
) -> Result<Response<Incoming>, EgressRefusal> {
    let stream = Watched::new(stream);
    let activity = stream.activity();
    attempt.counts(activity.clone());
    let handshake = http1::Builder::new()
        .max_buf_size(LONGEST_HEAD)
        .handshake(TokioIo::new(stream))
        .await;
    let (mut sender, connection) = handshake.map_err(|error| unreachable(&error))?;
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        tokio::select! {
            () = shared.ending.cancelled() => {}
            () = shared.is_idle(&activity) => {}
            ended = connection => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a forwarded connection ended");
                }
            }
        }
        drop((attempt, place));
    });
    let sent = sender.send_request(request).await;
    sent.map_err(|error| unreachable(&error))
}

/// Returns the answer in the form for the container.
fn backward(mut response: Response<Incoming>) -> Result<Response<Body>, EgressRefusal> {
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return Err(EgressRefusal::Unreachable);
    }
    let length_is_true = response.body().size_hint().exact().is_some();
    strip(response.headers_mut());
    if !length_is_true {
        response.headers_mut().remove(CONTENT_LENGTH);
    }
    Ok(response.map(|body| body.map_err(Into::into).boxed_unsync()))
}
