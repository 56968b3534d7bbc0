//! The answers to requests that are not passed on, and the type of all answers.

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};

use crate::sandbox::network::Denial;

/// An error of any kind, in the form that bodies need.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The body of an answer.
pub type Body = UnsyncBoxBody<Bytes, BoxError>;

/// Why a request is not passed on.
#[derive(Debug, thiserror::Error)]
pub(super) enum EgressRefusal {
    /// It is not permitted, has no address, or found no place; with what a person can do about it.
    #[error("{}", denied(.why, .remedy.as_deref()))]
    Denied { why: Denial, remedy: Option<String> },
    /// The egress has been closed.
    #[error("the call that this belongs to has ended")]
    Ended,
    /// No service answers there, or it does not speak HTTP.
    #[error("the host cannot be reached")]
    Unreachable,
    /// Its certificate is not one that this machine trusts for it, or it does not speak TLS.
    #[error("TLS with the host failed: the machine of the gateway does not trust its certificate, or it has none")]
    Unverified,
    /// It sent what cannot be searched for credentials.
    #[error(
        "the host compresses its answer, although it was asked not to, so it cannot be searched for the credential"
    )]
    Compressed,
    /// It took too long.
    #[error("the host did not answer in time")]
    TooSlow,
}

impl EgressRefusal {
    pub(super) fn into_response(self) -> Response<Body> {
        let status = match self {
            Self::Denied { why: Denial::Busy, .. } | Self::Ended => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unreachable
            | Self::Unverified
            | Self::Compressed
            | Self::Denied {
                why: Denial::Unresolved,
                ..
            } => StatusCode::BAD_GATEWAY,
            Self::Denied { .. } => StatusCode::FORBIDDEN,
            Self::TooSlow => StatusCode::GATEWAY_TIMEOUT,
        };
        let text = Full::new(Bytes::from(format!("{self}\n")));
        let mut response = Response::new(text.map_err(|never| match never {}).boxed_unsync());
        *response.status_mut() = status;
        let plain = HeaderValue::from_static("text/plain; charset=utf-8");
        response.headers_mut().insert(CONTENT_TYPE, plain);
        response
    }
}

fn denied(why: &Denial, remedy: Option<&str>) -> String {
    let remedy = remedy.map_or(String::new(), |remedy| format!(" ({remedy})"));
    match why {
        Denial::Busy | Denial::Unresolved => format!("{why}{remedy}"),
        _ => format!("cordwainer does not let this through: {why}{remedy}"),
    }
}

/// The longest head of an answer, in bytes.
pub(super) const LONGEST_HEAD: usize = 64 << 10;

/// Says why nothing came back.
pub(super) fn unreachable(error: &hyper::Error) -> EgressRefusal {
    tracing::debug!(%error, "a forwarded request failed");
    EgressRefusal::Unreachable
}

/// Builds an empty body.
pub(super) fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}
