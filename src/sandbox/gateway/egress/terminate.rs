//! Tunnels whose TLS ends here: to hosts for which a credential is configured, or rules about methods and paths.
//!
//! The container trusts an authority of its own for them. Each request is read and checked, gets the credential that is
//! configured for it, and goes on over TLS with the host itself, verified with the certificates that this machine
//! trusts. Bodies stream both ways. What the host returns is searched for every credential, as the model's API's is.

mod authority;
mod bundle;
mod exchange;
mod held;
mod onward;

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Method, Uri};
use hyper_util::rt::{TokioIo, TokioTimer};
use jiff::Timestamp;
use rustls::ClientConfig;
use rustls::server::Acceptor;
use secrecy::SecretString;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use self::authority::CertificateAuthority;
use self::exchange::Exchange;
pub use self::held::HeldCredential;
use super::super::scrub::Forms;
use super::super::upstream;
use super::attempt::Attempt;
use super::state::EgressState;
use super::watched::Watched;
use crate::base::error::Result;
use crate::sandbox::network::{Denial, Target};

/// The one protocol that is spoken inside (RFC 7301).
const HTTP_1: &[u8] = b"http/1.1";
/// How long the head of a request may take to arrive, and a connection may stay open without one.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);
/// The longest head of a request, in bytes.
const HEAD_LIMIT: usize = 64 << 10;

/// What is needed to end the TLS of one container.
#[derive(Debug)]
pub struct Termination {
    authority: CertificateAuthority,
    /// TLS with the hosts themselves.
    onward: Arc<ClientConfig>,
    credentials: Vec<HeldCredential>,
    /// What must not come back.
    secrets: Option<Forms>,
    /// What must not go elsewhere: what the container has in the place of each.
    placeholder: Option<Forms>,
}

impl Termination {
    /// Makes an authority for one container, which gets the use of these credentials, and has `placeholder` in their
    /// place. Hosts are verified with the certificates that this machine trusts.
    ///
    /// # Errors
    /// Of kind [`ErrorKind::Precondition`](crate::base::error::ErrorKind::Precondition) where it trusts none.
    pub fn new(credentials: Vec<HeldCredential>, placeholder: &SecretString, now: Timestamp) -> Result<Self> {
        let tls = upstream::trusting_the_host()?;
        Self::trusting(ClientConfig::clone(&tls), credentials, placeholder, now)
    }

    /// Makes an authority for one container, with hosts that are verified as `tls` has it.
    ///
    /// # Errors
    /// Where no authority can be made.
    pub fn trusting(
        mut tls: ClientConfig,
        credentials: Vec<HeldCredential>,
        placeholder: &SecretString,
        now: Timestamp,
    ) -> Result<Self> {
        tls.alpn_protocols = vec![HTTP_1.to_vec()];
        Ok(Self {
            authority: CertificateAuthority::new(now)?,
            onward: Arc::new(tls),
            secrets: Forms::of_all(credentials.iter().map(|held| &held.secret)),
            placeholder: Forms::of(placeholder),
            credentials,
        })
    }

    /// Returns the certificate that the container is to trust.
    pub fn certificate(&self) -> String {
        self.authority.pem()
    }

    /// Returns the certificates that the container is to trust: those of this machine, and the authority's.
    pub fn bundle(&self) -> String {
        let mut bundle = bundle::of_the_host();
        bundle.push_str(&self.certificate());
        bundle
    }

    /// Returns whether a credential is configured for this host.
    pub(super) fn has_credential_for(&self, target: &Target) -> bool {
        self.credentials.iter().any(|held| held.credential.target == *target)
    }

    /// Returns the credential for a request.
    fn covering(&self, target: &Target, method: &Method, path: &str) -> Option<&HeldCredential> {
        let mut all = self.credentials.iter();
        all.find(|held| held.credential.target == *target && held.credential.covers(method, path))
    }

    /// Returns whether the head of a request has the placeholder, in any form.
    pub(super) fn has_placeholder(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        let Some(forms) = &self.placeholder else { return false };
        let mut headers = headers.iter();
        forms.are_in(uri.to_string().as_bytes())
            || headers.any(|(name, value)| forms.are_in(name.as_str().as_bytes()) || forms.are_in(value.as_bytes()))
    }
}

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
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_header_size(HEAD_LIMIT)
        .half_close(true);
    tokio::select! {
        () = shared.is_idle(&activity) => Ok(()),
        // A client that goes away, or does not speak HTTP, harms nobody but itself; hyper has answered it.
        served = builder.serve_connection(TokioIo::new(stream), service) => served.map_err(io::Error::other),
    }
}

/// Shakes hands with the container as the host, if it asks for that host.
async fn shake<S: AsyncRead + AsyncWrite + Unpin>(
    ends: &Termination,
    target: &Target,
    client: S,
) -> io::Result<std::result::Result<TlsStream<S>, Denial>> {
    let Ok(start) = LazyConfigAcceptor::new(Acceptor::default(), client).await else {
        return Ok(Err(Denial::NotTls));
    };
    if let Err(why) = target.accepts_server_name(start.client_hello().server_name()) {
        return Ok(Err(why));
    }
    let server = ends.authority.server(&target.host).map_err(io::Error::other)?;
    start.into_stream(server).await.map(Ok)
}
