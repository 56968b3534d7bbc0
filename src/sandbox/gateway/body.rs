//! Bodies of requests, read up to a limit.

use std::time::Duration;

use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::{Body as _, Bytes, Incoming};

use super::refusal::Refusal;

/// How long the body of a request may take to arrive.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Reads the body of a request, of `limit` bytes at most.
pub(super) async fn read(body: Incoming, limit: usize) -> Result<Bytes, Refusal> {
    let too_large = || Refusal::too_large(format!("a request may have at most {limit} bytes here"));
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large());
    }
    let reading = Limited::new(body, limit).collect();
    match tokio::time::timeout(TIMEOUT, reading).await {
        Err(_) => Err(Refusal::too_slow("the request took too long to arrive")),
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(Refusal::invalid("the request broke off")),
    }
}
