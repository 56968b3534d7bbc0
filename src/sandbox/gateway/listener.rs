//! Connections: accepted while there is room, served, and ended with the gateway.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::event::GatewayEvent;
use super::route::route;
use super::server::server;
use super::state::GatewayState;

/// How many connections a container may have at once; further ones wait until one ends. More than what waits for or uses a
/// place of the egress, so that requests to the model's API never wait for those.
const CONNECTIONS: usize = 320;
/// How long no connection is accepted after the system had no resources for it.
const RESPITE: Duration = Duration::from_millis(50);

/// Serves a socket until `ended`.
pub(super) fn start(listener: UnixListener, shared: Arc<GatewayState>, tasks: TaskTracker, ended: CancellationToken) {
    let accepting = tasks.clone();
    let ending = ended.clone();
    accepting.spawn(async move {
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        let accepting = async {
            while let Ok(place) = Arc::clone(&places).acquire_owned().await {
                match listener.accept().await {
                    Ok((stream, _)) => {
                        let serving = serve(stream, Arc::clone(&shared), place);
                        tasks.spawn(ended.clone().run_until_cancelled_owned(serving));
                    }
                    Err(error) => {
                        let what = format!("cannot accept a connection: {error}");
                        shared.events.report(GatewayEvent::Refused { what });
                        tokio::time::sleep(RESPITE).await;
                    }
                }
            }
        };
        ending.run_until_cancelled(accepting).await;
    });
}

/// Serves a connection, which counts until it ends.
async fn serve(stream: UnixStream, shared: Arc<GatewayState>, _place: OwnedSemaphorePermit) {
    let service = service_fn(move |request| {
        let shared = Arc::clone(&shared);
        async move { Ok::<_, Infallible>(route(request, &shared).await) }
    });
    let connection = server().serve_connection(TokioIo::new(stream), service);
    // A client that goes away, or does not speak HTTP, harms nobody but itself; hyper has answered it.
    let _ = connection.with_upgrades().await;
}
