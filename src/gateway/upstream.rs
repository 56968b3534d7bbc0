//! The connection to the model's API.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::http::uri::{Authority, PathAndQuery, Scheme};
use hyper::{Request, Response, Uri};
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::{ClientConfig, RootCertStore};

use crate::error::{Context as _, Error, ErrorKind, Result};

/// How long a connection to the API may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// How long the head of an answer may take: answers that are not streamed come when all of it is written.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15 * 60);
/// How long a connection that nobody uses stays open.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// What is the same for all gateways of the process: the certificates that the host trusts, and sessions of TLS.
static TRUSTING_THE_HOST: OnceLock<Arc<ClientConfig>> = OnceLock::new();

/// The model's API, and the connections to it that are kept open.
pub(super) struct Upstream {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    scheme: Scheme,
    authority: Authority,
    /// What comes before `/v1`, without a slash at its end.
    prefix: String,
}

impl Upstream {
    /// Makes the client of an API. Nothing is connected yet.
    pub(super) fn new(base_url: &str) -> Result<Self> {
        let uri: Uri = base_url.parse().map_err(|error| wrong("it is no URL").because(error))?;
        let scheme = uri.scheme().ok_or_else(|| wrong("it has no scheme"))?.clone();
        let authority = uri.authority().ok_or_else(|| wrong("it has no host"))?.clone();
        if scheme != Scheme::HTTP && scheme != Scheme::HTTPS {
            return Err(wrong("its scheme is neither `https` nor `http`"));
        }
        if authority.as_str().contains('@') || uri.query().is_some() || base_url.contains('#') {
            return Err(wrong("it has more than a host, a port and a path"));
        }
        let connector = connector(&scheme)?;
        let mut builder = Client::builder(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT);
        Ok(Self {
            client: builder.build(connector),
            scheme,
            authority,
            prefix: uri.path().trim_end_matches('/').to_owned(),
        })
    }

    /// Where the API has a path.
    pub(super) fn uri(&self, path_and_query: &PathAndQuery) -> Result<Uri, hyper::http::Error> {
        Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(format!("{}{path_and_query}", self.prefix))
            .build()
    }

    /// Sends a request and waits for the head of its answer. Redirections are not followed.
    pub(super) async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Unanswered> {
        match tokio::time::timeout(HEAD_TIMEOUT, self.client.request(request)).await {
            Err(_) => Err(Unanswered::Sent("the API did not answer in time")),
            Ok(Err(error)) if error.is_connect() => Err(Unanswered::Unsent("the API is out of reach")),
            Ok(Err(_)) => Err(Unanswered::Sent(
                "the connection to the API broke off before it answered",
            )),
            Ok(Ok(response)) => Ok(response),
        }
    }
}

/// Why there is no answer. The words are for the container, too: they name neither hosts nor headers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Unanswered {
    /// No connection came about, so the API got nothing.
    Unsent(&'static str),
    /// The API may have got the request, and may work on it still.
    Sent(&'static str),
}

impl Unanswered {
    /// What happened.
    pub(super) fn what(self) -> &'static str {
        let (Self::Unsent(what) | Self::Sent(what)) = self;
        what
    }
}

fn wrong(why: &str) -> Error {
    // The URL may hold a password, so it is not quoted.
    Error::new(
        ErrorKind::Configuration,
        format!("the base URL of the model's API cannot be used: {why}"),
    )
    .hint("give it as `https://host` or `http://host:port/path` in `base_url`")
}

fn connector(scheme: &Scheme) -> Result<HttpsConnector<HttpConnector>> {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Where `/v1/messages?beta=true` is behind a base URL; the error's end where it is none.
    fn check(base_url: &str, expect: Result<&str, &str>) {
        let path = PathAndQuery::from_static("/v1/messages?beta=true");
        match (Upstream::new(base_url), expect) {
            (Ok(upstream), Ok(expect)) => assert_eq!(upstream.uri(&path).unwrap().to_string(), expect),
            (Err(error), Err(expect)) => {
                assert_eq!(error.kind(), ErrorKind::Configuration);
                assert!(error.to_string().ends_with(expect), "{base_url}: {error}");
                assert!(!error.in_a_line().contains("pass"), "{error}");
            }
            (Ok(_), Err(expect)) => panic!("{base_url} is taken, instead of: {expect}"),
            (Err(error), Ok(_)) => panic!("{base_url}: {error}"),
        }
    }

    #[tokio::test]
    async fn base_urls() {
        check(
            "http://127.0.0.1:8080",
            Ok("http://127.0.0.1:8080/v1/messages?beta=true"),
        );
        check("http://router/", Ok("http://router/v1/messages?beta=true"));
        check("http://router:1/a/b/", Ok("http://router:1/a/b/v1/messages?beta=true"));
        check("http://[::1]:1/a", Ok("http://[::1]:1/a/v1/messages?beta=true"));
        check("ftp://router", Err("its scheme is neither `https` nor `http`"));
        check("router", Err("it has no scheme"));
        check("/a", Err("it has no scheme"));
        check("", Err("it is no URL"));
        check(
            "http://user:pass@router",
            Err("it has more than a host, a port and a path"),
        );
        check(
            "http://router/?a=pass",
            Err("it has more than a host, a port and a path"),
        );
        check("http://router/#a", Err("it has more than a host, a port and a path"));
    }
}
