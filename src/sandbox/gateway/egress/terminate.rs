//! Tunnels whose TLS ends here: to hosts for which a credential is configured, or rules about methods and paths.
//!
//! The container trusts an authority of its own for them. Each request is read and checked, gets the credential that is
//! configured for it, and goes on over TLS with the host itself, verified with the certificates that this machine
//! trusts. Bodies stream both ways. What the host returns is searched for every credential, as the model's API's is.

mod exchange;
mod onward;

use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::server::Acceptor;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use self::exchange::Exchange;
use super::attempt::Attempt;
use super::state::EgressState;
use super::termination::Termination;
use super::watched::Watched;
use crate::sandbox::gateway::server::server;
use crate::sandbox::network::{Denial, Target};

/// Serves a tunnel to its end.
pub(super) async fn serve(
    shared: &Arc<EgressState>,
    ends: &Arc<Termination>,
    attempt: &mut Attempt,
    target: &Target,
    client: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
) -> io::Result<()> {
    let client = Watched::new(client);
    let activity = client.activity();
    attempt.counts_of_client(activity.clone());
    let shaken = timeout(shared.bounds.hello, shake(ends, target, client)).await;
    let stream = match shaken.unwrap_or(Ok(Err(Denial::Silent)))? {
        Ok(stream) => stream,
        Err(why) => {
            attempt.deny(why);
            return Ok(());
        }
    };
    let exchange = Arc::new(Exchange::new(Arc::clone(shared), Arc::clone(ends), target.clone()));
    let service = service_fn(move |request| {
        let exchange = Arc::clone(&exchange);
        async move { Ok::<_, Infallible>(exchange.answer(request).await) }
    });
    tokio::select! {
        () = shared.is_idle(&activity) => Ok(()),
        // A client that goes away, or does not speak HTTP, harms nobody but itself; hyper has answered it.
        served = server().serve_connection(TokioIo::new(stream), service) => served.map_err(io::Error::other),
    }
}

/// Shakes hands with the container as the host, if it asks for that host.
async fn shake<S: AsyncRead + AsyncWrite + Unpin>(
    ends: &Termination,
    target: &Target,
    client: S,
) -> io::Result<Result<TlsStream<S>, Denial>> {
    let Ok(start) = LazyConfigAcceptor::new(Acceptor::default(), client).await else {
        return Ok(Err(Denial::NotTls));
    };
    if let Err(why) = target.accepts_server_name(start.client_hello().server_name()) {
        return Ok(Err(why));
    }
    let server = ends.server(&target.host).map_err(io::Error::other)?;
    start.into_stream(server).await.map(Ok)
}
