//! Bodies: those of answers, whole or as they come, and those of requests, read up to a limit.

use std::time::Duration;

use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::Response;
use hyper::body::{Body as _, Bytes, Incoming};

use super::refusal::Refusal;

/// What may go wrong while a body passes.
pub(super) type BodyError = Box<dyn std::error::Error + Send + Sync>;
/// The body of an answer.
pub(super) type Body = UnsyncBoxBody<Bytes, BodyError>;
/// An answer of a gateway.
pub(super) type Answer = Response<Body>;

/// How long the body of a request may take to come.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A body that is all there.
pub(super) fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// Reads the body of a request, of `limit` bytes at most.
pub(super) async fn read(body: Incoming, limit: usize) -> Result<Bytes, Refusal> {
    let too_large = || Refusal::too_large(format!("a request may have {limit} bytes here"));
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large());
    }
    let reading = Limited::new(body, limit).collect();
    match tokio::time::timeout(TIMEOUT, reading).await {
        Err(_) => Err(Refusal::too_slow("the request took too long to come")),
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(Refusal::invalid("the request broke off")),
    }
}
