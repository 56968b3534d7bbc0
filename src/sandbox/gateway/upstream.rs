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
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Intercept;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::{ClientConfig, RootCertStore};

use super::proxy::Proxy;
use crate::base::error::{Context as _, Error, ErrorKind, Result};

/// How long a connection to the API may take to be established.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// How long the head of an answer may take: an answer that is not streamed arrives when all of it is written.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15 * 60);
/// How long an unused connection stays open.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// The state that all gateways of the process share: the certificates that the host trusts, and TLS sessions.
static TRUSTING_THE_HOST: OnceLock<Arc<ClientConfig>> = OnceLock::new();

/// The model's API, and the connections to it that are kept open.
pub(super) struct Upstream {
    connections: Connections,
    scheme: Scheme,
    authority: Authority,
    /// The path before `/v1`, without a slash at its end.
    prefix: String,
}

impl Upstream {
    /// Builds the client of an API that is reached through a proxy, where one is named and does not except it. Nothing
    /// is connected yet.
    pub(super) fn new(base_url: &str, proxy: Option<&Proxy>) -> Result<Self> {
        let uri: Uri = base_url
            .parse()
            .map_err(|error| wrong("it is not a URL").because(error))?;
        let scheme = uri.scheme().ok_or_else(|| wrong("it has no scheme"))?.clone();
        let authority = uri.authority().ok_or_else(|| wrong("it has no host"))?.clone();
        if scheme != Scheme::HTTP && scheme != Scheme::HTTPS {
            return Err(wrong("its scheme is neither `https` nor `http`"));
        }
        if authority.as_str().contains('@') || uri.query().is_some() || base_url.contains('#') {
            return Err(wrong("it has more than a host, a port and a path"));
        }
        let way = proxy.map(|proxy| proxy.way_to(&uri)).transpose()?.flatten();
        Ok(Self {
            connections: Connections::new(&scheme, way)?,
            scheme,
            authority,
            prefix: uri.path().trim_end_matches('/').to_owned(),
        })
    }

    /// Returns the URL of a path of the API.
    pub(super) fn uri(&self, path_and_query: &PathAndQuery) -> Result<Uri, hyper::http::Error> {
        Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(format!("{}{path_and_query}", self.prefix))
            .build()
    }

    /// Sends a request and waits for the head of its answer. Redirections are not followed.
    pub(super) async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Unanswered> {
        let (asked, unreached) = match &self.connections {
            Connections::Direct(client) => (client.request(request), "the API cannot be reached"),
            Connections::Tunnelled(client) => {
                let unreached = "the API cannot be reached through the proxy of this machine";
                (client.request(request), unreached)
            }
        };
        match tokio::time::timeout(HEAD_TIMEOUT, asked).await {
            Err(_) => Err(Unanswered::Sent("the API did not answer in time")),
            Ok(Err(error)) if error.is_connect() => Err(Unanswered::Unsent(unreached)),
            Ok(Err(_)) => Err(Unanswered::Sent(
                "the connection to the API broke off before it answered",
            )),
            Ok(Ok(response)) => Ok(response),
        }
    }
}

/// Why there is no answer. The container gets to read the text, too: it names neither hosts nor headers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Unanswered {
    /// No connection was established, so the API got nothing.
    Unsent(&'static str),
    /// The API may have received the request, and may still process it.
    Sent(&'static str),
}

impl Unanswered {
    /// Returns the reason.
    pub(super) fn what(self) -> &'static str {
        let (Self::Unsent(what) | Self::Sent(what)) = self;
        what
    }
}

fn wrong(why: &str) -> Error {
    // The URL may contain a password, so it is not quoted.
    Error::new(
        ErrorKind::Configuration,
        format!("the base URL of the model's API cannot be used: {why}"),
    )
    .hint("give it as `https://host` or `http://host:port/path` in `base_url`")
}

/// A client that keeps connections, with TLS or without it, over those of `C`.
type Pool<C> = Client<HttpsConnector<C>, Full<Bytes>>;

/// Connections that are kept open, and how new ones are established.
enum Connections {
    Direct(Pool<HttpConnector>),
    /// Through a tunnel that a proxy opens: TLS is with the API itself, so the proxy sees neither request nor
    /// credential.
    Tunnelled(Box<Pool<Tunnel<HttpsConnector<HttpConnector>>>>),
}

impl Connections {
    fn new(scheme: &Scheme, way: Option<Intercept>) -> Result<Self> {
        let mut builder = Client::builder(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT);
        let Some(proxy) = way else {
            return Ok(Self::Direct(builder.build(over_tls(scheme, tcp())?)));
        };
        let to_proxy = over_tls(proxy.uri().scheme().unwrap_or(&Scheme::HTTP), tcp())?;
        let mut tunnel = Tunnel::new(proxy.uri().clone(), to_proxy);
        if let Some(shown) = proxy.basic_auth() {
            tunnel = tunnel.with_auth(shown.clone());
        }
        Ok(Self::Tunnelled(Box::new(builder.build(over_tls(scheme, tunnel)?))))
    }
}

fn tcp() -> HttpConnector {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
    tcp
}

/// Wraps connections in TLS where the scheme asks for it.
fn over_tls<C>(scheme: &Scheme, connections: C) -> Result<HttpsConnector<C>> {
    let config = if *scheme == Scheme::HTTPS {
        trusting_the_host()?
    } else {
        // Without TLS no certificates are needed, and a host may have none.
        let builder = config_builder()?.with_root_certificates(RootCertStore::empty());
        Arc::new(builder.with_no_client_auth())
    };
    let builder = HttpsConnectorBuilder::new().with_tls_config(ClientConfig::clone(&config));
    Ok(builder.https_or_http().enable_http1().wrap_connector(connections))
}

pub(super) fn trusting_the_host() -> Result<Arc<ClientConfig>> {
    if let Some(config) = TRUSTING_THE_HOST.get() {
        return Ok(Arc::clone(config));
    }
    let builder = config_builder()?.with_native_roots().map_err(|error| {
        Error::new(
            ErrorKind::Precondition,
            "this machine has no certificates to verify the model's API with",
        )
        .because(error)
        .hint("install the package `ca-certificates`, or name a file with certificates in SSL_CERT_FILE")
    })?;
    let config = Arc::new(builder.with_no_client_auth());
    Ok(Arc::clone(TRUSTING_THE_HOST.get_or_init(|| config)))
}

pub(super) fn config_builder() -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("cannot set up TLS")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks where `/v1/messages?beta=true` is behind a base URL; the error's end where it is not a valid one.
    fn check(base_url: &str, expect: Result<&str, &str>) {
        let path = PathAndQuery::from_static("/v1/messages?beta=true");
        match (Upstream::new(base_url, None), expect) {
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
        check("", Err("it is not a URL"));
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
