//! The body of an answer on its way to the container: passed on as it arrives, and metered.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep};

use super::super::answer::BodyError;
use super::exchange::Exchange;

/// How long the API may be silent in the middle of an answer: it sends a sign of life every few seconds.
const IDLE_LIMIT: Duration = Duration::from_secs(10 * 60);

/// A body in transit.
pub(super) struct Passing {
    body: Incoming,
    exchange: Exchange,
    heard: Instant,
    silence: Pin<Box<Sleep>>,
}

impl Passing {
    pub(super) fn new(body: Incoming, exchange: Exchange) -> Self {
        let heard = Instant::now();
        Self {
            body,
            exchange,
            heard,
            silence: Box::pin(tokio::time::sleep_until(heard + IDLE_LIMIT)),
        }
    }

    /// Keeps waiting; `Ready` when the API has been silent for too long.
    fn poll_silence(&mut self, context: &mut Context<'_>) -> Poll<BodyError> {
        while self.silence.as_mut().poll(context).is_ready() {
            let until = self.heard + IDLE_LIMIT;
            if until <= Instant::now() {
                return Poll::Ready("the API fell silent in the middle of its answer".into());
            }
            self.silence.as_mut().reset(until);
        }
        Poll::Pending
    }
}

impl Body for Passing {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        let frame = match Pin::new(&mut this.body).poll_frame(context) {
            Poll::Pending => match this.poll_silence(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(error) => Some(Err(error)),
            },
            Poll::Ready(frame) => frame.map(|frame| frame.map_err(BodyError::from)),
        };
        this.heard = Instant::now();
        if let Some(Ok(frame)) = &frame
            && let Some(bytes) = frame.data_ref()
        {
            this.exchange.passes(bytes);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
