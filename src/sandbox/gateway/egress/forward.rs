//! Plain HTTP in absolute form, passed on request by request.

use std::sync::Arc;

use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;

use super::answer::{Body, EgressRefusal};
use super::attempt::Attempt;
use super::state::EgressState;
use super::watched::Watched;
use crate::sandbox::network::{Authority, Denial, OVERRIDES, Scheme, Target};

/// The longest head of an answer, in bytes.
pub(super) const LONGEST_HEAD: usize = 64 << 10;

/// Headers between two neighbours that are not passed on (RFC 9110, 7.6.1), beside those that `Connection` names. Those
/// that begin with `proxy-` are for a proxy, too.
const HOP_BY_HOP: [&str; 6] = [
    "connection",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

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

/// Returns whether there is one `Host` header, and it names the target.
pub(super) fn names_host(headers: &HeaderMap, target: &Target, scheme: Scheme) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return false;
    };
    let read = host
        .to_str()
        .ok()
        .map(|host| Authority::parse(host, Some(scheme.default_port())));
    read.is_some_and(|read| read.is_ok_and(|read| read.host == target.host && read.port == target.port))
}

/// Returns the request in the form for the host.
pub(super) fn onward(request: Request<Incoming>, target: &Target, scheme: Scheme) -> Request<Incoming> {
    let (mut head, body) = request.into_parts();
    let path = head.uri.path_and_query().cloned();
    head.uri = path.map_or_else(|| Uri::from_static("/"), Uri::from);
    head.version = hyper::Version::HTTP_11;
    strip(&mut head.headers);
    // The length is sent as it was read here; a client that waits to be asked for the body has been asked.
    match body.size_hint().exact() {
        Some(length) if head.headers.contains_key(CONTENT_LENGTH) => {
            head.headers.insert(CONTENT_LENGTH, length.into());
        }
        _ => drop(head.headers.remove(CONTENT_LENGTH)),
    }
    head.headers.remove(EXPECT);
    if let Ok(host) = HeaderValue::from_str(&host_header(target, scheme)) {
        head.headers.insert(HOST, host);
    }
    Request::from_parts(head, body)
}

/// Removes the headers with which some servers are asked for another method or path than the request line has.
pub(super) fn without_overrides(mut request: Request<Incoming>) -> Request<Incoming> {
    for name in OVERRIDES {
        request.headers_mut().remove(name);
    }
    request
}

fn host_header(target: &Target, scheme: Scheme) -> String {
    if target.port == scheme.default_port() {
        target.host.to_string()
    } else {
        format!("{}:{}", target.host, target.port)
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

pub(super) fn unreachable(error: &hyper::Error) -> EgressRefusal {
    tracing::debug!(%error, "a forwarded request failed");
    EgressRefusal::Unreachable
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

/// Removes the headers between two neighbours.
pub(super) fn strip(headers: &mut HeaderMap) {
    let listed = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let listed = listed.flat_map(|names| names.split(','));
    let mut removed: Vec<HeaderName> = listed.filter_map(|name| name.trim().parse().ok()).collect();
    let between = |name: &&HeaderName| HOP_BY_HOP.contains(&name.as_str()) || name.as_str().starts_with("proxy-");
    removed.extend(headers.keys().filter(between).cloned());
    for name in removed {
        headers.remove(name);
    }
}
