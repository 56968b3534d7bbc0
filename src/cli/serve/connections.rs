//! Connections: how many there are at once, and how much and how long each may send and keep what is sent to it waiting.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_util::either::Either;

use super::address::Listener;
use super::guard::Door;
use super::places::{Place, Places};
use super::server::Server;
use super::write_timeout::WriteTimeout;

/// How long a client may take for the head of a request, the first one and each after it.
const HEAD: Duration = Duration::from_secs(15);
/// How long a client may take nothing of what is sent to it.
const STALL: Duration = Duration::from_secs(30);
/// How long the head of a request may be, in bytes.
const LONGEST_HEAD: usize = 32 << 10;
/// How many headers a request may have.
const MOST_HEADERS: usize = 64;
/// How long it is waited when no connection can be accepted, for instance since no file can be opened.
const AGAIN: Duration = Duration::from_millis(100);

/// What bytes come and go by.
type Stream = Either<TcpStream, UnixStream>;

/// Accepts connections for ever.
pub(super) async fn accept(listener: &Listener, server: &Arc<Server>) -> Infallible {
    let places = Places::of_this_process();
    loop {
        match accepted(listener).await {
            // One is accepted before there is a place for it: only then another one goes for it.
            Ok((stream, door)) => serve(stream, door, (server, places.take().await)),
            Err(error) => {
                tracing::warn!("cannot accept a connection: {error}");
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}

async fn accepted(listener: &Listener) -> io::Result<(Stream, Door)> {
    match listener {
        Listener::Tcp(listener) => {
            let (stream, _) = listener.accept().await?;
            // What is sent is sent at once: an event does not wait for the next one.
            stream.set_nodelay(true)?;
            let door = Door::Tcp(canonical(stream.local_addr()?));
            Ok((Either::Left(stream), door))
        }
        Listener::Unix { listener, .. } => {
            let (stream, _) = listener.accept().await?;
            Ok((Either::Right(stream), Door::Unix))
        }
    }
}

/// Returns an address as people write it: one of the older family also where a socket of both received it.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

fn serve(stream: Stream, door: Door, (server, place): (&Arc<Server>, Place)) {
    let server = Arc::clone(server);
    let place = Arc::new(place);
    let of_requests = Arc::clone(&place);
    let service = service_fn(move |request: Request<Incoming>| {
        let (server, place) = (Arc::clone(&server), Arc::clone(&of_requests));
        async move { Ok::<Response<Body>, Infallible>(server.answer((door, place), request).await) }
    });
    tokio::spawn(async move {
        tokio::select! {
            done = converse(stream, service) => if let Err(error) = done {
                // A client that went away, takes nothing, or did not speak HTTP.
                tracing::debug!("a connection ended: {error}");
            },
            () = place.told_to_go() => tracing::debug!("a connection without the token makes room for another one"),
        }
    });
}

/// Receives requests and sends answers until one of both sides ends the connection.
async fn converse<S>(stream: impl AsyncRead + AsyncWrite + Unpin, service: S) -> hyper::Result<()>
where
    S: HttpService<Incoming, ResBody = Body, Error = Infallible>,
{
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(LONGEST_HEAD)
        .max_headers(MOST_HEADERS)
        .serve_connection(TokioIo::new(WriteTimeout::new(stream, STALL)), service)
        .await
}

#[cfg(test)]
mod tests {
    use axum::body::Bytes;
    use futures_util::stream::unfold;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
    use tokio::time::{Instant, sleep, timeout};

    use super::*;

    /// A client that has asked for a stream without an end, and the connection by which that comes.
    async fn endless(kept: &Arc<()>) -> (DuplexStream, impl Future<Output = hyper::Result<()>>) {
        let kept = Arc::clone(kept);
        let service = service_fn(move |_: Request<Incoming>| {
            let parts = unfold(Arc::clone(&kept), |kept| async move {
                let part: Result<Bytes, Infallible> = Ok(Bytes::from(vec![b'x'; 64 << 10]));
                Some((part, kept))
            });
            async move { Ok(Response::new(Body::from_stream(parts))) }
        });
        let (mut client, server) = duplex(1024);
        client.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        (client, converse(server, service))
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_takes_nothing_of_a_stream_is_cut_off_and_what_it_followed_is_let_go() {
        let (kept, begun) = (Arc::new(()), Instant::now());
        let (mut client, connection) = endless(&kept).await;
        let ended = timeout(20 * STALL, connection)
            .await
            .expect("it does not wait for ever");
        let error = ended.unwrap_err();
        let cause = std::error::Error::source(&error).unwrap();
        assert_eq!(cause.to_string(), "what is sent is not received");
        assert_eq!(begun.elapsed().as_secs(), STALL.as_secs());
        assert_eq!(Arc::strong_count(&kept), 1, "nothing of the stream is left");
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).await.unwrap();
        assert!(rest.starts_with(b"HTTP/1.1 200 OK\r\n"));
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_is_slow_is_waited_for() {
        let kept = Arc::new(());
        let (mut client, connection) = endless(&kept).await;
        let slow = async {
            for _ in 0..20 {
                sleep(STALL * 9 / 10).await;
                client.read_exact(&mut [0; 100]).await.unwrap();
            }
        };
        tokio::select! {
            ended = connection => panic!("{ended:?}"),
            () = slow => {}
        }
    }
}
