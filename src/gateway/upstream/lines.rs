//! The connections to the API that are kept for further requests, and the answers that give them back.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::Response;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};

use super::line::Line;

/// How long a connection that nobody uses may be used again.
const IDLE_LIMIT: Duration = Duration::from_secs(60);

/// Connections that nobody uses, each with the time since when, the latest last.
type Idle = Mutex<Vec<(Instant, Line)>>;

/// The connections of one gateway that nobody uses.
#[derive(Default)]
pub(super) struct Lines(Arc<Idle>);

impl Lines {
    /// Takes a connection that can be used.
    pub(super) async fn take(&self) -> Option<Line> {
        loop {
            let (since, mut line) = lock(&self.0).pop()?;
            if since.elapsed() < IDLE_LIMIT && line.is_ready().await {
                return Some(line);
            }
        }
    }

    /// Makes an answer that keeps its connection, and gives it back at its end.
    pub(super) fn flow(&self, line: Line, response: Response<Incoming>) -> Response<Flow> {
        response.map(|body| Flow {
            body,
            line: Some(line),
            has_ended: false,
            idle: Arc::clone(&self.0),
        })
    }
}

fn lock(idle: &Idle) -> std::sync::MutexGuard<'_, Vec<(Instant, Line)>> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The body of an answer, with the connection that it comes from. Dropped before its end, it closes the connection.
pub(in super::super) struct Flow {
    body: Incoming,
    line: Option<Line>,
    has_ended: bool,
    idle: Arc<Idle>,
}

impl Body for Flow {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        if let Some(line) = &mut self.line {
            line.drive(context);
        }
        let polled = Pin::new(&mut self.body).poll_frame(context);
        self.has_ended |= matches!(polled, Poll::Ready(None));
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Flow {
    fn drop(&mut self) {
        // Who knows the length does not ask for the end.
        if (self.has_ended || self.body.is_end_stream())
            && let Some(line) = self.line.take()
        {
            lock(&self.idle).push((Instant::now(), line));
        }
    }
}
