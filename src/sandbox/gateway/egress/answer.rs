//! What is answered where a request does not get through, and the type of all answers.

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};

use crate::sandbox::network::Denial;

/// An error of whatever kind, as bodies have it.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The body of an answer.
pub type Body = UnsyncBoxBody<Bytes, BoxError>;

/// Why a request does not get through.
#[derive(Debug, thiserror::Error)]
pub(super) enum EgressRefusal {
    /// It must not.
    #[error("cordwainer does not let this through: {0}")]
    Denied(Denial),
    /// There are as many connections as there may be.
    #[error("too many connections at once: end one of them first")]
    Busy,
    /// The egress has been closed.
    #[error("the call that this belongs to has ended")]
    Ended,
    /// The name has no address.
    #[error("the name cannot be resolved")]
    Unresolved,
    /// Nobody answers there, or not as HTTP.
    #[error("the host cannot be reached")]
    Unreachable,
    /// It took too long.
    #[error("the host did not answer in time")]
    TooSlow,
}

impl EgressRefusal {
    pub(super) fn into_response(self) -> Response<Body> {
        let status = match self {
            Self::Denied(_) => StatusCode::FORBIDDEN,
            Self::Busy | Self::Ended => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unresolved | Self::Unreachable => StatusCode::BAD_GATEWAY,
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

/// Builds an empty body.
pub(super) fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}
