//! How the gateway serves HTTP to a container: the same at its socket and in the tunnels whose TLS ends here.

use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::TokioTimer;

/// How long the head of a request may take to arrive, and a connection may stay open without one.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);
/// The longest head of a request, in bytes.
const HEAD_LIMIT: usize = 64 << 10;

/// Returns a server with the bounds that hold for every connection of a container.
pub(in crate::sandbox::gateway) fn server() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_header_size(HEAD_LIMIT)
        // A relay forwards the end of a request's bytes before it has the answer.
        .half_close(true);
    builder
}
