//! Answers of a gateway: their bodies, whole or as they come.

use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::Response;
use hyper::body::Bytes;

/// An error of a body in transit.
pub(super) type BodyError = Box<dyn std::error::Error + Send + Sync>;
/// The body of an answer.
pub(super) type Body = UnsyncBoxBody<Bytes, BodyError>;
/// An answer of a gateway.
pub(super) type Answer = Response<Body>;

/// Builds a body that is complete from the beginning.
pub(super) fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}
