//! Connections: how many there are at once, and how much and how long each may send.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::address::Listener;
use super::guard::Door;
use super::server::Server;

/// How many connections are open at once; others wait to be accepted.
const AT_ONCE: usize = 1024;
/// How long a client may take for the head of a request, the first one and each after it.
const HEAD: Duration = Duration::from_secs(15);
/// How long the head of a request may be, in bytes.
const LONGEST_HEAD: usize = 32 << 10;
/// How many headers a request may have.
const MOST_HEADERS: usize = 64;
/// How long it is waited when no connection can be accepted, for instance since no file can be opened.
const AGAIN: Duration = Duration::from_millis(100);

/// Accepts connections for ever.
pub(super) async fn accept(listener: &Listener, server: &Arc<Server>) -> Infallible {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            // Nobody closes it.
            std::future::pending::<()>().await;
            continue;
        };
        let accepted = match listener {
            Listener::Tcp(listener) => match listener.accept().await {
                Ok((stream, _)) => {
                    // What is sent is sent at once: an event does not wait for the next one.
                    let local = stream.set_nodelay(true).and_then(|()| stream.local_addr());
                    local.map(|local| serve(stream, Door::Tcp(canonical(local)), (server, place)))
                }
                Err(error) => Err(error),
            },
            Listener::Unix { listener, .. } => {
                let accepted = listener.accept().await;
                accepted.map(|(stream, _)| serve(stream, Door::Unix, (server, place)))
            }
        };
        if let Err(error) = accepted {
            tracing::warn!("cannot accept a connection: {error}");
            tokio::time::sleep(AGAIN).await;
        }
    }
}

/// Returns an address as people write it: one of the older family also where a socket of both received it.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    door: Door,
    (server, place): (&Arc<Server>, OwnedSemaphorePermit),
) {
    let server = Arc::clone(server);
    let service = service_fn(move |request: Request<Incoming>| {
        let server = Arc::clone(&server);
        async move { Ok::<Response<Body>, Infallible>(server.answer(door, request).await) }
    });
    tokio::spawn(async move {
        let _place = place;
        let done = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD)
            .max_buf_size(LONGEST_HEAD)
            .max_headers(MOST_HEADERS)
            .serve_connection(TokioIo::new(stream), service)
            .await;
        if let Err(error) = done {
            // A client that went away, or did not speak HTTP.
            tracing::debug!("a connection ended: {error}");
        }
    });
}
