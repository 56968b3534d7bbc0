//! An egress behind a socket, and a client that speaks to it byte by byte.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use cordwainer::config::NetworkConfig;
use cordwainer::gateway::egress::{Body, Bounds, Egress, EgressEvent, EndedConnection, Resolver, Table, Termination};
use cordwainer::network::{Denial, Policy};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinHandle;

/// Names and what they resolve to, lookup by lookup.
pub(super) type Names<'a> = &'a [(&'a str, &'a [&'a [&'a str]])];

/// An egress that is served on loopback.
pub(super) struct Proxy {
    pub(super) egress: Egress,
    address: SocketAddr,
    events: UnboundedReceiver<EgressEvent>,
    serving: JoinHandle<()>,
}

/// Bounds that no test waits for, if it does not mean to.
pub(super) fn bounds() -> Bounds {
    Bounds::default()
}

impl Proxy {
    pub(super) async fn start(allow: &[String], names: Names<'_>, bounds: Bounds) -> Self {
        Self::ending(allow, names, bounds, None).await
    }

    /// As [`Proxy::start`], with what ends TLS.
    pub(super) async fn ending(allow: &[String], names: Names<'_>, bounds: Bounds, ends: Option<Termination>) -> Self {
        let entries = allow.iter().map(|entry| entry.parse().unwrap());
        Self::with(entries.collect(), names, bounds, ends).await
    }

    /// As [`Proxy::ending`], by a policy.
    pub(super) async fn with(allow: Policy, names: Names<'_>, bounds: Bounds, ends: Option<Termination>) -> Self {
        let network = NetworkConfig {
            allow,
            ..NetworkConfig::default()
        };
        let addresses = |list: &[&str]| list.iter().map(|text| text.parse::<IpAddr>().unwrap()).collect();
        let table = names
            .iter()
            .map(|(name, answers)| (*name, answers.iter().map(|list| addresses(list)).collect()));
        let (sender, events) = unbounded_channel();
        let egress = Egress::new(&network, Resolver::Table(Table::new(table)), bounds, sender, ends);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(serve(listener, egress.clone()));
        Self {
            egress,
            address,
            events,
            serving,
        }
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets the egress go, as its owner does.
    pub(super) fn stop(self) {
        self.serving.abort();
    }

    /// Connects and sends `head` as it is.
    pub(super) async fn send(&self, head: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(head).await.unwrap();
        stream
    }

    /// Asks for a tunnel; gives the stream, the status and the rest of a refusal.
    pub(super) async fn connect(&self, authority: &str) -> (TcpStream, u16) {
        let head = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n");
        let mut stream = self.send(head.as_bytes()).await;
        let head = read_head(&mut stream).await;
        (stream, status(&head))
    }

    /// Asks for a tunnel that is there.
    pub(super) async fn tunnel(&self, authority: &str) -> TcpStream {
        let (stream, status) = self.connect(authority).await;
        assert_eq!(status, 200, "{authority}");
        stream
    }

    /// The next event, but for what has ended.
    pub(super) async fn event(&mut self) -> EgressEvent {
        loop {
            match self.any_event().await {
                EgressEvent::Ended(_) => {}
                event => return event,
            }
        }
    }

    async fn any_event(&mut self) -> EgressEvent {
        let heard = tokio::time::timeout(Duration::from_secs(20), self.events.recv()).await;
        heard.expect("an event comes").expect("the egress is there")
    }

    /// The next connection or request that has ended.
    pub(super) async fn ended(&mut self) -> EndedConnection {
        loop {
            if let EgressEvent::Ended(ended) = self.any_event().await {
                return *ended;
            }
        }
    }

    /// Lets the egress go, and gives what it told at last.
    pub(super) async fn end(mut self) -> Vec<EgressEvent> {
        self.serving.abort();
        let _ = self.serving.await;
        drop(self.egress);
        let mut rest = Vec::new();
        let last = async {
            while let Some(event) = self.events.recv().await {
                rest.push(event);
            }
        };
        tokio::time::timeout(Duration::from_secs(20), last)
            .await
            .expect("the channel closes");
        rest
    }

    /// The next denial, after whatever was permitted.
    pub(super) async fn denial(&mut self) -> Denial {
        loop {
            if let EgressEvent::Denied { why, .. } = self.event().await {
                return why;
            }
        }
    }

    /// What was told and not yet read.
    pub(super) fn pending(&mut self) -> Vec<EgressEvent> {
        std::iter::from_fn(|| self.events.try_recv().ok())
            .filter(|event| !matches!(event, EgressEvent::Ended(_)))
            .collect()
    }
}

/// `host:port` permitted and told.
pub(super) fn permitted(host: &str, port: u16) -> EgressEvent {
    EgressEvent::Permitted {
        host: host.to_owned(),
        port,
    }
}

async fn serve(listener: TcpListener, egress: Egress) {
    while let Ok((stream, _)) = listener.accept().await {
        let egress = egress.clone();
        let service = service_fn(move |request| {
            let egress = egress.clone();
            async move { Ok::<_, Infallible>(route(&egress, request).await) }
        });
        tokio::spawn(async move {
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            // Connections of tests end in all manners.
            let _ = connection.with_upgrades().await;
        });
    }
}

async fn route(egress: &Egress, request: Request<Incoming>) -> Response<Body> {
    if request.method() == Method::CONNECT {
        egress.connect(request).await
    } else if request.uri().scheme().is_some() {
        egress.forward(request).await
    } else {
        let nothing = Empty::new().map_err(|never| match never {}).boxed_unsync();
        let mut response = Response::new(nothing);
        *response.status_mut() = hyper::StatusCode::NOT_FOUND;
        response
    }
}

/// Reads up to the empty line after a head.
pub(super) async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte).await.unwrap_or(0) == 0 {
            break;
        }
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

/// Reads until the other side has ended, however it ends.
pub(super) async fn read_rest(stream: &mut (impl AsyncRead + Unpin)) -> Vec<u8> {
    let mut rest = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut rest))
        .await
        .expect("the connection ends");
    rest
}

/// The status of a head; 0 where there is none.
pub(super) fn status(head: &str) -> u16 {
    let number = head.split(' ').nth(1).unwrap_or("0");
    number.parse().unwrap()
}
