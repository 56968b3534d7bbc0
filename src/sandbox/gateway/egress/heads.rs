//! Heads of requests and answers that are passed on: what belongs to the connection is left out, and `Host` and length are
//! those that were checked.

use hyper::body::{Body as _, Incoming};
use hyper::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue};
use hyper::{Request, Uri};

use crate::sandbox::network::{Authority, OVERRIDES, Scheme, Target};

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
