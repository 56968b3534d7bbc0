//! Who is let in. Everything here is decided before a request is looked at further: whether it was meant for this server, whether
//! a page of this site sent it, and whether whoever sent it has the token.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

use super::address::is_loopback;
use super::token::Token;

/// How many failures of authentication are answered at once, before they are slowed down.
const FAILURES: f64 = 20.0;
/// How many more each second.
const FAILURES_PER_SECOND: f64 = 2.0;

/// The headers of each answer. Nothing of the page comes from elsewhere, no script stands in it, nobody frames it, and no cache
/// keeps it.
const HEADERS: [(&str, &str); 8] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types cordwainer",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
    ("cache-control", "no-store"),
];

/// Where a request came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    /// By this address of this machine.
    Tcp(SocketAddr),
    /// By the socket's file.
    Unix,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It names another host.
    Host,
    /// Another site sent it.
    Site,
    /// It has no token, or a wrong one.
    Token,
    /// Too many had none.
    TooMany,
    /// It changes something, and is not JSON.
    NotJson,
}

/// Decides about requests.
#[derive(Debug)]
pub(super) struct Guard {
    token: Token,
    /// Hosts that are accepted beside those of the address.
    hosts: Vec<String>,
    failures: Failures,
}

impl Guard {
    /// Builds a guard that lets in who has the token.
    pub(super) fn new(token: Token, hosts: &[String]) -> Self {
        Self {
            token,
            hosts: hosts.iter().map(|host| host.to_ascii_lowercase()).collect(),
            failures: Failures::new(Instant::now()),
        }
    }

    /// Checks that a request was meant for this server, and that no other site sent it: not by a name that was made to point
    /// here, and not from a page of another port.
    ///
    /// # Errors
    ///
    /// With the reason to refuse it.
    pub(super) fn check(&self, door: Door, request: &Parts) -> Result<(), Refusal> {
        let headers = &request.headers;
        let host = only(headers, &header::HOST).ok_or(Refusal::Host)?.to_ascii_lowercase();
        if !self.is_ours(door, &host) || request.uri.authority().is_some_and(|named| named.as_str() != host) {
            return Err(Refusal::Host);
        }
        if headers.contains_key(header::ORIGIN) {
            let origin = only(headers, &header::ORIGIN)
                .ok_or(Refusal::Site)?
                .to_ascii_lowercase();
            // A proxy in front, which `--allow-host` names, may have TLS.
            let is_same = origin
                .strip_prefix("http://")
                .or_else(|| origin.strip_prefix("https://"))
                == Some(&host);
            if !is_same {
                return Err(Refusal::Site);
            }
        }
        let site = HeaderName::from_static("sec-fetch-site");
        let is_own = !headers.contains_key(&site) || matches!(only(headers, &site), Some("same-origin" | "none"));
        if is_own || is_navigation(request) {
            Ok(())
        } else {
            Err(Refusal::Site)
        }
    }

    /// Checks that a request has the token. A failure counts against all failures; whoever has the token is let in however
    /// many there are.
    ///
    /// # Errors
    ///
    /// With the reason to refuse it.
    pub(super) fn authenticate(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let given = only_bytes(headers, &header::AUTHORIZATION);
        if given.is_some_and(|given| self.token.is_in(given)) {
            return Ok(());
        }
        let is_answered = self.failures.take(Instant::now());
        Err(if is_answered { Refusal::Token } else { Refusal::TooMany })
    }

    /// Checks that what changes something is JSON, which no form of another site can send.
    ///
    /// # Errors
    ///
    /// With the reason to refuse it.
    pub(super) fn check_content(method: &Method, headers: &HeaderMap) -> Result<(), Refusal> {
        if matches!(*method, Method::GET | Method::HEAD) {
            return Ok(());
        }
        let kind = only(headers, &header::CONTENT_TYPE).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if kind.eq_ignore_ascii_case("application/json") {
            Ok(())
        } else {
            Err(Refusal::NotJson)
        }
    }

    fn is_ours(&self, door: Door, host: &str) -> bool {
        let (name, _) = without_port(host);
        let is_allowed = self.hosts.iter().any(|allowed| allowed == host || allowed == name);
        is_allowed
            || match door {
                Door::Tcp(address) => {
                    let port = address.port();
                    host == address.to_string()
                        || is_loopback(address.ip()) && host == format!("localhost:{port}")
                        // Browsers leave the port of the scheme out.
                        || port == 80 && (host == address.ip().to_string() || is_loopback(address.ip()) && host == "localhost")
                }
                // Programs name any host; a browser comes by a forwarded port.
                Door::Unix => matches!(name, "localhost" | "127.0.0.1" | "[::1]"),
            }
    }
}

impl Refusal {
    /// Returns the status of the answer, and what it says: what to do about it.
    pub(super) fn answer(self) -> (StatusCode, &'static str) {
        match self {
            Self::Host => (
                StatusCode::MISDIRECTED_REQUEST,
                "this server has another address: use the one that it printed, or name this host by `--allow-host`",
            ),
            Self::Site => (
                StatusCode::FORBIDDEN,
                "another site sent this request: open the address of the page itself",
            ),
            Self::Token => (
                StatusCode::UNAUTHORIZED,
                "the token of this server is missing or wrong: send `Authorization: Bearer TOKEN`, with the token that it printed",
            ),
            Self::TooMany => (
                StatusCode::TOO_MANY_REQUESTS,
                "too many requests without the token of this server: wait a second",
            ),
            Self::NotJson => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "what changes something is sent as `Content-Type: application/json`",
            ),
        }
    }

    /// Adds the headers that belong to it.
    pub(super) fn add_headers(self, headers: &mut HeaderMap) {
        match self {
            Self::Token => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Self::TooMany => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            Self::Host | Self::Site | Self::NotJson => {}
        }
    }
}

/// Returns whether a person follows a link to a page: what is answered then has no data, since a navigation has no token.
fn is_navigation(request: &Parts) -> bool {
    let says = |name: &'static str, what: &str| only(&request.headers, &HeaderName::from_static(name)) == Some(what);
    let is_whole_page = says("sec-fetch-mode", "navigate") && says("sec-fetch-dest", "document");
    is_whole_page && request.method == Method::GET && !request.headers.contains_key(header::AUTHORIZATION)
}

/// Adds the headers of each answer.
pub(super) fn add_headers(headers: &mut HeaderMap) {
    for (name, value) in HEADERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
}

/// Returns the value of a header that is there once, as text.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    std::str::from_utf8(only_bytes(headers, name)?).ok()
}

fn only_bytes<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a [u8]> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    values.next().is_none().then(|| first.as_bytes())
}

/// Returns a host and its port.
fn without_port(host: &str) -> (&str, Option<&str>) {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (name, Some(port)),
        _ => (host, None),
    }
}

/// How many failures may be answered now: a bucket that fills again with time.
#[derive(Debug)]
struct Failures(Mutex<(f64, Instant)>);

impl Failures {
    fn new(now: Instant) -> Self {
        Self(Mutex::new((FAILURES, now)))
    }

    /// Counts a failure; returns whether there was room for it.
    fn take(&self, now: Instant) -> bool {
        let mut bucket = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (room, then) = *bucket;
        let passed = now.checked_duration_since(then).unwrap_or(Duration::ZERO);
        let room = passed.as_secs_f64().mul_add(FAILURES_PER_SECOND, room).min(FAILURES);
        let is_answered = room >= 1.0;
        *bucket = (if is_answered { room - 1.0 } else { room }, now);
        is_answered
    }
}

#[cfg(test)]
mod tests;
