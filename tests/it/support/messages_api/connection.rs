//! Connections to the API: accepted, served, and torn down where the script says so.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener};

use super::model::Model;
use super::server;

/// An answer that the script does not give: the connection goes instead.
#[derive(Debug)]
pub(super) struct TornDown;

impl std::fmt::Display for TornDown {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("the script tears the connection down")
    }
}

impl std::error::Error for TornDown {}

impl From<Infallible> for TornDown {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// Serves on a port, until it is dropped.
pub(super) async fn tcp(listener: TcpListener, model: Arc<Mutex<Model>>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        tokio::spawn(serve(stream, Arc::clone(&model), |stream: TcpStream| {
            // It may be gone already.
            let _ = stream.set_zero_linger();
        }));
    }
}

/// Serves on a socket, until it is dropped.
pub(super) async fn unix(listener: UnixListener, model: Arc<Mutex<Model>>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        tokio::spawn(serve(stream, Arc::clone(&model), drop));
    }
}

/// Serves one connection; `reset` drops one that is torn down before an answer.
async fn serve<S>(stream: S, model: Arc<Mutex<Model>>, reset: impl FnOnce(S))
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request| Box::pin(server::answer(request, Arc::clone(&model))));
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let served = std::future::poll_fn(|context| connection.poll_without_shutdown(context)).await;
    // A client that goes away in the middle is none of the API's business.
    if served.is_err_and(|error| error.is_user()) {
        reset(connection.into_parts().io.into_inner());
    }
}
