//! The ways to the API, and the client that goes them.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use super::api::{Wanted, ages};

/// The token of the gateway.
pub(super) const TOKEN: &str = "dummy-token-of-the-benchmark";
/// What every answer ends with.
const LAST: &[u8] = b"\r\n0\r\n\r\n";

/// How the client reaches the API.
#[derive(Clone, Debug)]
pub(in crate::bench) enum Way {
    /// Directly.
    Tcp(u16),
    /// Through the gateway's socket.
    Unix(PathBuf),
    /// Through the relay and the gateway's socket.
    Relay(u16),
    /// Directly, over TLS.
    Tls(u16, Arc<ClientConfig>),
    /// Over TLS that ends at the gateway: by its socket or its relay, and through a tunnel to this port.
    Ended(Box<Way>, u16, Arc<ClientConfig>),
}

/// Where the server listens.
const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

pub(in crate::bench) trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}

impl<C: AsyncRead + AsyncWrite + Send + Unpin> Connection for C {}

/// What the client saw of some answers.
#[derive(Default)]
pub(in crate::bench) struct Seen {
    /// The times to the first byte.
    pub(in crate::bench) firsts: Vec<Duration>,
    /// From the writing of an event to its reading, where the events have times in them.
    pub(in crate::bench) ages: Vec<Duration>,
}

impl Seen {
    fn add(&mut self, other: Self) {
        self.firsts.extend(other.firsts);
        self.ages.extend(other.ages);
    }
}

impl Way {
    pub(in crate::bench) fn name(&self) -> &'static str {
        match self {
            Self::Tcp(_) | Self::Tls(..) => "direct",
            Self::Unix(_) => "gateway",
            Self::Relay(_) => "with relay",
            Self::Ended(door, ..) => door.name(),
        }
    }

    async fn connect(&self) -> Result<Box<dyn Connection>> {
        Ok(match self {
            Self::Tcp(port) | Self::Relay(port) => {
                let stream = TcpStream::connect(("127.0.0.1", *port)).await?;
                stream.set_nodelay(true)?;
                Box::new(stream)
            }
            Self::Unix(path) => Box::new(UnixStream::connect(path).await?),
            Self::Tls(port, tls) => secure(Box::pin(Self::Tcp(*port).connect()).await?, tls).await?,
            Self::Ended(door, port, tls) => {
                let mut tunnel = Box::pin(door.connect()).await?;
                let target = format!("{SERVER}:{port}");
                let request = format!("CONNECT {target} HTTP/1.1\r\nhost: {target}\r\n\r\n");
                tunnel.write_all(request.as_bytes()).await?;
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(tunnel.read_u8().await.context("the tunnel broke off")?);
                }
                ensure!(head.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&head));
                secure(tunnel, tls).await?
            }
        })
    }

    /// Returns the server's name as a request has it. Who ends TLS lets a request through to no other host than the tunnel's.
    fn host(&self) -> String {
        match self {
            Self::Tcp(port) | Self::Tls(port, _) | Self::Ended(_, port, _) => format!("{SERVER}:{port}"),
            Self::Unix(_) | Self::Relay(_) => "api".to_owned(),
        }
    }

    /// Asks so many times for the same on each of some connections at once; how long all of it took, and what was seen.
    pub(in crate::bench) async fn go(
        &self,
        connections: u32,
        requests: u32,
        wanted: Wanted,
    ) -> Result<(Duration, Seen)> {
        let began = Instant::now();
        let mut clients = JoinSet::new();
        for _ in 0..connections {
            let way = self.clone();
            clients.spawn(async move {
                let (host, mut connection) = (way.host(), way.connect().await?);
                let mut seen = Seen::default();
                for _ in 0..requests {
                    ask(&mut connection, &host, wanted, &mut seen).await?;
                }
                anyhow::Ok(seen)
            });
        }
        let mut all = Seen::default();
        for seen in clients.join_all().await {
            all.add(seen?);
        }
        Ok((began.elapsed(), all))
    }
}

/// Shakes hands over a connection with the server, or with who ends TLS in its place.
async fn secure(stream: Box<dyn Connection>, tls: &Arc<ClientConfig>) -> Result<Box<dyn Connection>> {
    let connector = TlsConnector::from(Arc::clone(tls));
    let stream = connector.connect(ServerName::IpAddress(SERVER.into()), stream).await;
    Ok(Box::new(stream.context("no TLS")?))
}

/// Asks for an answer, and reads it to its end.
async fn ask(connection: &mut Box<dyn Connection>, host: &str, wanted: Wanted, seen: &mut Seen) -> Result<()> {
    let body = wanted.request();
    let request = format!(
        "POST /v1/messages HTTP/1.1\r\nhost: {host}\r\nx-api-key: {TOKEN}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let began = Instant::now();
    connection.write_all(request.as_bytes()).await?;
    connection.flush().await?;
    let (mut is_first, mut buffer) = (true, Vec::with_capacity(64 << 10));
    loop {
        let read = connection.read_buf(&mut buffer).await.context("the answer broke off")?;
        let text = || String::from_utf8_lossy(&buffer);
        ensure!(read > 0, "the answer ended too soon: {}", text());
        if std::mem::take(&mut is_first) {
            seen.firsts.push(began.elapsed());
            ensure!(buffer.starts_with(b"HTTP/1.1 200"), "{}", text());
        }
        // What may be the beginning of the end, or of a time, stays.
        let mut done = buffer.len().saturating_sub(LAST.len());
        if wanted.per_second > 0 {
            let (ages, up_to) = ages(&buffer);
            seen.ages.extend(ages);
            done = done.min(up_to);
        }
        if buffer.ends_with(LAST) {
            return Ok(());
        }
        buffer.drain(..done);
    }
}
