//! One connection to the API. No task of its own drives it: whoever waits for an answer on it does, so that an event of
//! a stream goes from the API to the container without a change of tasks, and events that come together leave together.

use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{self, Connection, SendRequest};
use hyper::{Request, Response};
use hyper_rustls::MaybeHttpsStream;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;
type Body = Full<Bytes>;

/// A connection.
pub(super) struct Line {
    sender: SendRequest<Body>,
    /// `None` when it has ended.
    connection: Option<Box<Connection<Stream, Body>>>,
}

impl Line {
    /// Makes a connection of a stream on which nothing was said yet.
    pub(super) async fn begin(stream: Stream) -> hyper::Result<Self> {
        let (sender, connection) = http1::handshake(stream).await?;
        Ok(Self {
            sender,
            connection: Some(Box::new(connection)),
        })
    }

    /// Sends a request and waits for the head of its answer. The error holds the request if nothing of it was sent.
    pub(super) async fn send(
        &mut self,
        request: Request<Body>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Body>>> {
        let mut answer = pin!(self.sender.try_send_request(request));
        let connection = &mut self.connection;
        std::future::poll_fn(|context| {
            drive(connection, context);
            answer.as_mut().poll(context)
        })
        .await
    }

    /// Reads and writes what there is to be read and written.
    pub(super) fn drive(&mut self, context: &mut Context<'_>) {
        drive(&mut self.connection, context);
    }

    /// Whether it takes another request. One that the API has closed does not.
    pub(super) async fn is_ready(&mut self) -> bool {
        std::future::poll_fn(|context| {
            self.drive(context);
            Poll::Ready(self.connection.is_some() && self.sender.is_ready())
        })
        .await
    }
}

fn drive(connection: &mut Option<Box<Connection<Stream, Body>>>, context: &mut Context<'_>) {
    let ended = connection.as_mut().map(|connection| Pin::new(connection).poll(context));
    // What goes wrong with it is told by the answer.
    if let Some(Poll::Ready(_)) = ended {
        *connection = None;
    }
}
