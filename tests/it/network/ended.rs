//! TLS that ends at the gateway: what a host gets and returns, and what an agent may try with it.

mod attacks;
mod echoes;
mod java;
mod passing;

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use cordwainer::gateway::egress::{Bounds, HeldCredential, Termination};
use cordwainer::network::{Authentication, Denial, Entry, Host, HostCredential, Limits, SecretSource, Target};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::proxy::{Proxy, bounds, read_rest};
use crate::support::https::{Https, whole};

/// The host that gets the credential.
const HOST: &str = "registry.example";
/// A host of which only some requests are allowed, to anybody.
const NARROW: &str = "narrow.example";
const SECRET: &str = "s3cret/of+the:registry";
const PLACEHOLDER: &str = "cordwainer-placeholder-0a1b2c3d4e5f";
const NAMES: super::proxy::Names<'static> = &[
    (HOST, &[&["127.0.0.1"]]),
    ("other.example", &[&["127.0.0.1"]]),
    (NARROW, &[&["127.0.0.1"]]),
];

/// A gateway in front of a server, and what the server was asked.
struct Scene {
    server: Https,
    proxy: Proxy,
    /// The certificate that the container trusts.
    certificate: String,
    /// What Java is to trust there.
    java: Vec<u8>,
    asked: Arc<Mutex<Vec<String>>>,
}

/// What is different about a scene.
struct Setting {
    authentication: Authentication,
    methods: &'static [&'static str],
    paths: &'static [&'static str],
    /// Whether `network.allow` has the host, too.
    is_allowed: bool,
    /// Whether this machine trusts the server.
    is_trusted: bool,
    bounds: Bounds,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            authentication: Authentication::Bearer,
            methods: &[],
            paths: &[],
            is_allowed: false,
            is_trusted: true,
            bounds: bounds(),
        }
    }
}

impl Scene {
    async fn new() -> Self {
        Self::with(Setting::default()).await
    }

    async fn with(setting: Setting) -> Self {
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let heard = Arc::clone(&asked);
        let server = Https::start("127.0.0.1", &[HOST, "other.example", NARROW], move |request| {
            heard.lock().unwrap().push(told(&request));
            Box::pin(answer(request))
        })
        .await;
        let port = server.port();
        let held = HeldCredential {
            credential: HostCredential {
                target: Target {
                    host: Host::Name(HOST.to_owned()),
                    port,
                },
                authentication: setting.authentication,
                source: SecretSource::Variable("REGISTRY".to_owned()),
                limits: Limits {
                    methods: setting.methods.iter().map(|method| method.parse().unwrap()).collect(),
                    paths: setting.paths.iter().map(|path| path.parse().unwrap()).collect(),
                    roles: Vec::new(),
                },
                written_at: String::new(),
            },
            secret: SECRET.to_owned().into(),
        };
        let tls = if setting.is_trusted {
            server.trusting()
        } else {
            ClientConfig::builder()
                .with_root_certificates(RootCertStore::empty())
                .with_no_client_auth()
        };
        let narrow = [Host::Name(NARROW.to_owned())];
        let ends = Termination::trusting(
            tls,
            vec![held],
            &narrow,
            &PLACEHOLDER.to_owned().into(),
            Timestamp::now(),
        )
        .unwrap();
        let certificate = ends.certificate();
        let java = ends.trusted().java;
        let mut allow = vec![format!("127.0.0.1:{port}"), format!("other.example:{port}")];
        if setting.is_allowed {
            allow.push(format!("{HOST}:{port}"));
        }
        let mut policy: Vec<Entry> = allow.iter().map(|entry| entry.parse().unwrap()).collect();
        // A host without a credential of which only some requests are allowed.
        let narrow: Entry = format!("{NARROW}:{port}").parse().unwrap();
        policy.push(narrow.limited(Limits {
            methods: vec![hyper::Method::GET],
            paths: vec!["/public/**".parse().unwrap()],
            roles: Vec::new(),
        }));
        Self {
            proxy: Proxy::with(policy.into_iter().collect(), NAMES, setting.bounds, Some(ends)).await,
            server,
            certificate,
            java,
            asked,
        }
    }

    fn authority(&self) -> String {
        format!("{HOST}:{}", self.server.port())
    }

    /// Shakes hands through a tunnel to the host, asking for `name`, as the container that trusts the gateway.
    async fn shake(&self, name: &str) -> std::io::Result<TlsStream<TcpStream>> {
        let tunnel = self.proxy.tunnel(&self.authority()).await;
        connector(&self.certificate)
            .connect(ServerName::try_from(name.to_owned()).unwrap(), tunnel)
            .await
    }

    /// Sends bytes through TLS as they are, in which `HOST` stands for the host; returns all that comes back.
    async fn raw(&self, bytes: &str) -> String {
        self.raw_to(HOST, bytes).await
    }

    /// As [`Scene::raw`], to another host whose TLS ends at the gateway.
    async fn raw_to(&self, host: &str, bytes: &str) -> String {
        let authority = format!("{host}:{}", self.server.port());
        let tunnel = self.proxy.tunnel(&authority).await;
        let name = ServerName::try_from(host.to_owned()).unwrap();
        let mut stream = connector(&self.certificate).connect(name, tunnel).await.unwrap();
        stream
            .write_all(bytes.replace("HOST", &authority).as_bytes())
            .await
            .unwrap();
        unchunked(&String::from_utf8(read_rest(&mut stream).await).unwrap())
    }

    /// Asks for a path with a method and more headers; returns the whole answer.
    async fn ask(&self, method: &str, path: &str, headers: &str) -> String {
        let request = format!("{method} {path} HTTP/1.1\r\nHost: HOST\r\n{headers}Connection: close\r\n\r\n");
        self.raw(&request).await
    }

    /// A client that keeps its connection.
    async fn client(&self) -> SendRequest<Full<Bytes>> {
        let stream = self.shake(HOST).await.unwrap();
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        sender
    }

    /// What the server was asked so far: the request line and every header of each request.
    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// Checks that a request is refused for this reason, which the container and the owner learn, and goes nowhere.
    async fn check_refused(&mut self, answer: &str, why: Denial) {
        assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
        let told = format!("cordwainer does not let this through: {why}");
        assert!(answer.contains(&told), "{answer}");
        assert_eq!(self.proxy.denial().await, why);
        assert_eq!(self.asked(), Vec::<String>::new());
    }
}

/// An answer with its body in one piece.
fn unchunked(answer: &str) -> String {
    let Some((head, mut rest)) = answer.split_once("\r\n\r\n") else {
        return answer.to_owned();
    };
    if !head.contains("transfer-encoding: chunked") {
        return answer.to_owned();
    }
    let mut whole = format!("{head}\r\n\r\n");
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap_or(0);
        whole.push_str(&after[..size]);
        rest = after[size..].trim_start_matches("\r\n");
    }
    whole
}

fn connector(certificate: &str) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap())
        .unwrap();
    let mut config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    TlsConnector::from(Arc::new(config))
}

/// A request as lines.
fn told<B>(request: &Request<B>) -> String {
    let mut text = format!("{} {}\n", request.method(), request.uri());
    for (name, value) in request.headers() {
        text.push_str(&format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes())));
    }
    text
}

/// What the host answers.
async fn answer(request: Request<Incoming>) -> Response<crate::support::https::Body> {
    let head = told(&request);
    let shown = request.headers().get("authorization").cloned();
    let path = request.uri().path().to_owned();
    let builder = Response::builder().header("x-own", "1");
    match path.as_str() {
        "/echo" => {
            let shown = shown.unwrap_or_else(|| "none".parse().unwrap());
            let builder = builder.header("x-echo", shown).header("set-cookie", "session=1");
            builder.body(whole(head)).unwrap()
        }
        "/redirect" => {
            let builder = builder
                .status(302)
                .header("location", "https://other.example/elsewhere");
            builder.body(whole("")).unwrap()
        }
        "/compressed" => builder.header("content-encoding", "gzip").body(whole("zip")).unwrap(),
        "/large" => builder.body(whole(vec![b'x'; 32 << 20])).unwrap(),
        "/close" => builder.header("connection", "close").body(whole("closed")).unwrap(),
        "/early" => builder.status(413).body(whole("too much")).unwrap(),
        _ => {
            let length = request.into_body().collect().await.map(|body| body.to_bytes().len());
            let length = length.map_or_else(|error| error.to_string(), |length| length.to_string());
            builder.body(whole(format!("got {length}"))).unwrap()
        }
    }
}
