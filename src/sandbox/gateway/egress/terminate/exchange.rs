//! One request inside a tunnel whose TLS ends here, and its answer.

use std::sync::Arc;

use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use hyper::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, COOKIE, HeaderMap, HeaderName, HeaderValue, IF_RANGE, RANGE,
    SET_COOKIE, UPGRADE,
};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};

use super::super::super::scrub::{Forms, Scrubbed};
use super::super::answer::{self, EgressRefusal};
use super::super::attempt::Attempt;
use super::super::heads::{names_host, onward, strip, without_overrides};
use super::super::state::EgressState;
use super::super::termination::{HeldCredential, Termination};
use super::onward::Onward;
use crate::sandbox::network::{Denial, Scheme, Target};

/// Headers in which a client says who it is: where the gateway says it, nothing else does.
const IDENTIFYING: [HeaderName; 2] = [hyper::header::AUTHORIZATION, COOKIE];

/// What the requests of one tunnel share.
pub(super) struct Exchange {
    shared: Arc<EgressState>,
    ends: Arc<Termination>,
    target: Target,
    onward: Onward,
}

impl Exchange {
    pub(super) fn new(shared: Arc<EgressState>, ends: Arc<Termination>, target: Target) -> Self {
        let onward = Onward::new(Arc::clone(&shared), target.clone(), Arc::clone(&ends.onward));
        Self {
            shared,
            ends,
            target,
            onward,
        }
    }

    /// Answers a request, with the host's answer if it may be asked.
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Response<answer::Body> {
        let passed = self.pass(request).await;
        passed.unwrap_or_else(EgressRefusal::into_response)
    }

    async fn pass(&self, request: Request<Incoming>) -> Result<Response<answer::Body>, EgressRefusal> {
        let (head, body) = request.into_parts();
        let mut attempt = Attempt::inside(&self.shared, &self.target, &head);
        let credential = self.check(&head).map_err(|why| attempt.deny(why))?;
        let mut request = without_overrides(onward(Request::from_parts(head, body), &self.target, Scheme::Tunnel));
        // After what is between two neighbours has gone: the client names that.
        let headers = request.headers_mut();
        if let Some(credential) = credential {
            identify(headers, credential).map_err(|why| attempt.deny(why))?;
        }
        if self.is_searched() {
            // What is compressed, or comes in parts of the client's choice, cannot be searched.
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
            headers.remove(RANGE);
            headers.remove(IF_RANGE);
        }
        let request = request.map(|body| body.map_err(Into::into).boxed_unsync());
        let sent = self.onward.send(&mut attempt, request).await;
        let answered = sent.and_then(|response| self.backward(response));
        answered.inspect_err(|refusal| attempt.failed(refusal))
    }

    /// Checks a request, and returns the credential that is configured for it.
    fn check(&self, head: &Parts) -> Result<Option<&HeldCredential>, Denial> {
        let uri = &head.uri;
        let is_path = uri.scheme().is_none() && uri.authority().is_none() && uri.path().starts_with('/');
        let is_asterisk = head.method == Method::OPTIONS && uri.path() == "*";
        if head.method == Method::CONNECT || !(is_path || is_asterisk) {
            return Err(Denial::InnerForm);
        }
        if head.method == Method::TRACE {
            return Err(Denial::Trace);
        }
        if head.headers.contains_key(UPGRADE) {
            return Err(Denial::Upgrade);
        }
        if !names_host(&head.headers, &self.target, Scheme::Tunnel) {
            return Err(Denial::HostHeader);
        }
        let credential = self.ends.covering(&self.target, &head.method, uri.path());
        if credential.is_none() {
            if self.ends.has_placeholder(uri, &head.headers) {
                return Err(Denial::Placeholder);
            }
            self.permits(head)?;
        }
        Ok(credential)
    }

    /// Checks a request for which there is no credential by `network.allow`.
    fn permits(&self, head: &Parts) -> Result<(), Denial> {
        let policy = &self.shared.policy;
        let host = self.target.host.to_string();
        if policy.permits(&host, self.target.port, Scheme::Tunnel).is_err() {
            return Err(Denial::NotCovered);
        }
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        policy.permits_request(&self.target, &head.method, path)
    }

    /// Returns whether the host is one that gets a credential, so that it could repeat it.
    fn is_searched(&self) -> bool {
        self.ends.has_credential_for(&self.target)
    }

    /// Returns the answer in the form for the container.
    fn backward(&self, mut response: Response<Incoming>) -> Result<Response<answer::Body>, EgressRefusal> {
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Err(EgressRefusal::Unreachable);
        }
        strip(response.headers_mut());
        if response.body().size_hint().exact().is_none() {
            response.headers_mut().remove(CONTENT_LENGTH);
        }
        let searched = self.ends.secrets.as_ref().filter(|_| self.is_searched());
        let Some(forms) = searched else {
            return Ok(response.map(|body| body.map_err(Into::into).boxed_unsync()));
        };
        clean(response.headers_mut(), forms)?;
        if response.body().is_end_stream() {
            return Ok(response.map(|body| body.map_err(Into::into).boxed_unsync()));
        }
        // What is removed changes the length.
        response.headers_mut().remove(CONTENT_LENGTH);
        let forms = forms.clone();
        Ok(response.map(|body| Scrubbed::new(body.map_err(Into::into).boxed_unsync(), forms).boxed_unsync()))
    }
}

/// Puts the credential in the place of whatever the client shows.
fn identify(headers: &mut HeaderMap, held: &HeldCredential) -> Result<(), Denial> {
    for name in IDENTIFYING {
        headers.remove(name);
    }
    if held.add_to(headers) {
        Ok(())
    } else {
        Err(Denial::NotCovered)
    }
}

/// Removes from the head of an answer what would be the credential, or as good as one.
fn clean(headers: &mut HeaderMap, forms: &Forms) -> Result<(), EgressRefusal> {
    let mut encodings = headers.get_all(CONTENT_ENCODING).iter();
    if encodings.any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(EgressRefusal::Compressed);
    }
    // A session that the credential opened is one without the gateway.
    headers.remove(SET_COOKIE);
    headers.remove("set-cookie2");
    forms.strip(headers);
    Ok(())
}
