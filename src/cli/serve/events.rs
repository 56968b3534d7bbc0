//! The form of server-sent events (<https://html.spec.whatwg.org/multipage/server-sent-events.html>).

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Response, StatusCode, header};
use futures_util::Stream;

use super::answer::ContentKind;

/// How often a stream shows that it is alive when nothing happens.
pub(super) const SIGN_OF_LIFE: Duration = Duration::from_secs(15);
/// What shows it: a comment, of which no client tells anybody.
pub(super) const ALIVE: &str = ": alive\n\n";
/// How soon a client that has lost the stream connects again.
pub(super) const RETRY: &str = "retry: 1000\n\n";

/// Returns one event. `data` is one line.
pub(super) fn event(name: Option<&str>, id: Option<&str>, data: &str) -> String {
    let mut text = String::with_capacity(data.len() + 64);
    for (field, value) in [("event", name), ("id", id)] {
        if let Some(value) = value {
            text.push_str(&format!("{field}: {value}\n"));
        }
    }
    text.push_str(&format!("data: {data}\n\n"));
    text
}

/// Returns the answer that a stream is. Its next part is made when the client has taken the one before.
pub(super) fn response(parts: impl Stream<Item = Result<Bytes, std::io::Error>> + Send + 'static) -> Response<Body> {
    let mut response = Response::new(Body::from_stream(parts));
    let kind = HeaderValue::from_static(ContentKind::Events.media_type());
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    // A proxy in front is not to collect it.
    response
        .headers_mut()
        .insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// Returns the answer by which a client learns that nothing will follow, and stops connecting again.
pub(super) fn nothing_more() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}
