//! The ways to the API, and the client that goes them.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinSet;

/// The token of the gateway.
pub(super) const TOKEN: &str = "dummy-token-of-the-benchmark";
/// What every answer ends with.
const LAST: &[u8] = b"\r\n0\r\n\r\n";

/// How the client reaches the API.
#[derive(Clone, Debug)]
pub(super) enum Way {
    /// Directly.
    Tcp(u16),
    /// Through the gateway's socket.
    Unix(PathBuf),
    /// Through the relay and the gateway's socket.
    Relay(u16),
}

trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}

impl<C: AsyncRead + AsyncWrite + Send + Unpin> Connection for C {}

impl Way {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Tcp(_) => "direct",
            Self::Unix(_) => "gateway",
            Self::Relay(_) => "by socat",
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
        })
    }

    /// The times to the first byte of small answers, on some connections at once.
    pub(super) async fn first_bytes(&self, connections: u32, requests: u32) -> Result<Vec<Duration>> {
        let mut clients = JoinSet::new();
        for _ in 0..connections {
            let way = self.clone();
            clients.spawn(async move {
                let mut connection = way.connect().await?;
                let mut times = Vec::new();
                for _ in 0..requests {
                    times.push(ask(&mut connection, 1).await?);
                }
                anyhow::Ok(times)
            });
        }
        let all: Result<Vec<_>> = clients.join_all().await.into_iter().collect();
        Ok(all?.concat())
    }

    /// How long streams of so many events take, on some connections at once.
    pub(super) async fn stream(&self, connections: u32, events: usize) -> Result<Duration> {
        let began = Instant::now();
        let mut clients = JoinSet::new();
        for _ in 0..connections {
            let way = self.clone();
            clients.spawn(async move { ask(&mut way.connect().await?, events).await });
        }
        let all: Result<Vec<_>> = clients.join_all().await.into_iter().collect();
        all?;
        Ok(began.elapsed())
    }
}

/// Asks for an answer of so many events, and reads it to its end; the time to its first byte.
async fn ask(connection: &mut Box<dyn Connection>, events: usize) -> Result<Duration> {
    let body = format!("{{\"model\":\"m\",\"stream\":true,\"max_tokens\":{events}}}");
    let request = format!(
        "POST /v1/messages HTTP/1.1\r\nhost: api\r\nx-api-key: {TOKEN}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let began = Instant::now();
    connection.write_all(request.as_bytes()).await?;
    let (mut first, mut buffer) = (None, Vec::with_capacity(64 << 10));
    loop {
        let read = connection.read_buf(&mut buffer).await.context("the answer broke off")?;
        ensure!(
            read > 0,
            "the answer ended too soon: {}",
            String::from_utf8_lossy(&buffer)
        );
        if first.is_none() {
            ensure!(
                buffer.starts_with(b"HTTP/1.1 200"),
                "{}",
                String::from_utf8_lossy(&buffer)
            );
        }
        let first = *first.get_or_insert_with(|| began.elapsed());
        if buffer.ends_with(LAST) {
            return Ok(first);
        }
        // What may be the beginning of the end stays.
        let done = buffer.len().saturating_sub(LAST.len());
        buffer.drain(..done);
    }
}
