//! The host's part between a container and its service: both listen to the host, which joins their connections.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

/// How many connections to one port are carried at once; further ones wait until one ends.
const CONNECTIONS: usize = 128;
/// How long a service may take to answer a request for a connection.
const ANSWER: Duration = Duration::from_secs(10);
/// How long no connection is accepted after the system had no resources for it.
const RESPITE: Duration = Duration::from_millis(50);
/// The buffer of each direction of a connection, in bytes.
const BUFFER: usize = 64 << 10;

/// The two listeners of a port.
pub(super) struct Port {
    pub(super) number: u16,
    /// Where the container that the service is for connects.
    pub(super) container: UnixListener,
    /// Where the service connects, when it is requested to.
    pub(super) service: UnixListener,
}

/// Carries the connections of a port, until it is dropped or nobody takes requests any more. A service has only one
/// request of a port at a time, so that whichever connection comes is an answer to it; all lead to the same port.
pub(super) async fn carry(port: Port, requests: UnboundedSender<String>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut carried = JoinSet::new();
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        while carried.try_join_next().is_some() {}
        let Ok((from, _)) = port.container.accept().await else {
            tokio::time::sleep(RESPITE).await;
            continue;
        };
        if requests.send(format!("{}\n", port.number)).is_err() {
            return;
        }
        // Without an answer the connection ends, as it would where nobody listens.
        if let Ok(Ok((to, _))) = tokio::time::timeout(ANSWER, port.service.accept()).await {
            carried.spawn(join(from, to, place));
        }
    }
}

/// Joins two connections until both directions have ended.
async fn join(mut from: UnixStream, mut to: UnixStream, _place: OwnedSemaphorePermit) {
    // A side that goes away ends the other; who is connected notices.
    let _ = tokio::io::copy_bidirectional_with_sizes(&mut from, &mut to, BUFFER, BUFFER).await;
}

/// Writes requests to a service as they come, until it no longer reads them.
pub(super) async fn write_requests(mut to: OwnedWriteHalf, mut requests: UnboundedReceiver<String>) {
    while let Some(request) = requests.recv().await {
        if to.write_all(request.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// Waits until the relay in a service's container is gone; what it writes meanwhile is nothing to anybody.
pub(super) async fn gone(from: &mut OwnedReadHalf) {
    let mut bytes = [0; 64];
    while let Ok(1..) = from.read(&mut bytes).await {}
}
