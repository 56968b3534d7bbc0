//! How a connection to the API comes about: TCP, and TLS that trusts what the host trusts.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hyper::http::uri::Scheme;
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::{ClientConfig, RootCertStore};

use crate::error::{Context as _, Error, ErrorKind, Result};

/// How long a connection to the API may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// What is the same for all gateways of the process: the certificates that the host trusts, and sessions of TLS.
static TRUSTING_THE_HOST: OnceLock<Arc<ClientConfig>> = OnceLock::new();

/// What makes connections.
pub(super) type Connector = HttpsConnector<HttpConnector>;

/// Makes what connects to an API, with TLS where its scheme says so.
pub(super) fn connector(scheme: &Scheme) -> Result<Connector> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
    let config = if *scheme == Scheme::HTTPS {
        trusting_the_host()?
    } else {
        // Nothing to trust, and no certificates to be looked for on a host that has none.
        let builder = config_builder()?.with_root_certificates(RootCertStore::empty());
        Arc::new(builder.with_no_client_auth())
    };
    let builder = HttpsConnectorBuilder::new().with_tls_config(ClientConfig::clone(&config));
    Ok(builder.https_or_http().enable_http1().wrap_connector(tcp))
}

fn trusting_the_host() -> Result<Arc<ClientConfig>> {
    if let Some(config) = TRUSTING_THE_HOST.get() {
        return Ok(Arc::clone(config));
    }
    let builder = config_builder()?.with_native_roots().map_err(|error| {
        Error::new(
            ErrorKind::Precondition,
            "this machine has no certificates to know the model's API by",
        )
        .because(error)
        .hint("install the package `ca-certificates`, or name a file with certificates in SSL_CERT_FILE")
    })?;
    let config = Arc::new(builder.with_no_client_auth());
    Ok(Arc::clone(TRUSTING_THE_HOST.get_or_init(|| config)))
}

fn config_builder() -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("cannot set up TLS")
}
