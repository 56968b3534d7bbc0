//! The API of the benchmark: it answers each request with as many events as the request's `max_tokens` says, as fast as
//! they are taken, or at a pace.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
const START: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":\"m\",\"usage\":{\"input_tokens\":9,\"output_tokens\":1}}}\n\n";
const END: &str = "event: message_delta\ndata: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":9}}\n\n";
const BEFORE_TEXT: &str = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"";
const AFTER_TEXT: &str = "\"}}\n\n";
/// What stands before the time at which an event was sent.
const STAMP: &[u8] = b"\"text\":\"";
/// The length of that time: nanoseconds, in hexadecimal digits.
const STAMP_LENGTH: usize = 16;

/// From when on times are counted.
static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);

/// What a request says of the answer that it wants.
#[derive(Clone, Copy, Deserialize)]
pub(in crate::bench) struct Wanted {
    /// How many events, the first one without a text and the last one among them.
    #[serde(rename = "max_tokens")]
    pub(in crate::bench) events: usize,
    /// How many of them in a second; 0 is as fast as they are taken.
    #[serde(rename = "top_k")]
    pub(in crate::bench) per_second: u32,
}

impl Wanted {
    /// The body of a request for it.
    pub(super) fn request(self) -> String {
        let (events, per_second) = (self.events, self.per_second);
        format!(r#"{{"model":"m","stream":true,"max_tokens":{events},"top_k":{per_second}}}"#)
    }
}

/// Serves events of a length on any free port, on a thread of its own, until the process ends; with `tls`, over that.
pub(in crate::bench) fn serve(event: usize, tls: Option<TlsAcceptor>) -> Result<u16> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).context("cannot listen")?;
    listener.set_nonblocking(true)?;
    let port = listener.local_addr()?.port();
    let event = chunk(&event_of(event));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let thread = std::thread::Builder::new().name("api".to_owned());
    thread.spawn(move || runtime.block_on(accept(listener, event, tls)))?;
    Ok(port)
}

async fn accept(listener: std::net::TcpListener, event: Vec<u8>, tls: Option<TlsAcceptor>) -> std::io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let event = event.clone();
        match tls.clone() {
            None => drop(tokio::spawn(connection(stream, event))),
            Some(tls) => drop(tokio::spawn(async move {
                let stream = tls.accept(stream).await?;
                connection(stream, event).await
            })),
        }
    }
}

/// A text in an event of so many bytes.
fn event_of(length: usize) -> String {
    let text = "x".repeat(length.saturating_sub(BEFORE_TEXT.len() + AFTER_TEXT.len()));
    format!("{BEFORE_TEXT}{text}{AFTER_TEXT}")
}

fn chunk(text: &str) -> Vec<u8> {
    format!("{:x}\r\n{text}\r\n", text.len()).into_bytes()
}

/// Answers the requests of a connection, until it is closed.
async fn connection(mut stream: impl AsyncRead + AsyncWrite + Unpin, mut event: Vec<u8>) -> std::io::Result<()> {
    let mut request = Vec::new();
    while stream.read_buf(&mut request).await? > 0 {
        let head = request.windows(4).position(|bytes| bytes == b"\r\n\r\n");
        let body = head.and_then(|end| request.get(end + 4..)).unwrap_or_default();
        let Ok(wanted) = serde_json::from_slice::<Wanted>(body) else {
            continue;
        };
        request.clear();
        stream.write_all(&[HEAD, &chunk(START)].concat()).await?;
        if wanted.per_second == 0 {
            // One is left for those who ask for none.
            for _ in 1..wanted.events {
                stream.write_all(&event).await?;
            }
        } else {
            paced(&mut stream, &mut event, wanted).await?;
        }
        stream.write_all(&[&chunk(END)[..], b"0\r\n\r\n"].concat()).await?;
        stream.flush().await?;
    }
    Ok(())
}

/// Writes events, each when it is due and by itself, with the time in it.
async fn paced(stream: &mut (impl AsyncWrite + Unpin), event: &mut [u8], wanted: Wanted) -> std::io::Result<()> {
    let at = event.windows(STAMP.len()).position(|bytes| bytes == STAMP);
    let at = at.map_or(0, |at| at + STAMP.len());
    let pause = Duration::from_secs(1) / wanted.per_second;
    let mut due = tokio::time::Instant::now();
    for _ in 1..wanted.events {
        due += pause;
        tokio::time::sleep_until(due).await;
        let stamp = format!("{:0STAMP_LENGTH$x}", BEGINNING.elapsed().as_nanos());
        event[at..at + STAMP_LENGTH].copy_from_slice(stamp.as_bytes());
        stream.write_all(event).await?;
        stream.flush().await?;
    }
    Ok(())
}

/// How old the events are whose times stand in some bytes, and up to where those bytes are done with. An event whose
/// time is cut by the end of a chunk is left out.
pub(super) fn ages(bytes: &[u8]) -> (Vec<Duration>, usize) {
    let now = BEGINNING.elapsed();
    let (mut ages, mut done) = (Vec::new(), 0);
    while let Some(found) = bytes[done..].windows(STAMP.len()).position(|bytes| bytes == STAMP) {
        let begin = done + found + STAMP.len();
        let Some(stamp) = bytes.get(begin..begin + STAMP_LENGTH) else {
            return (ages, done + found);
        };
        let stamp = std::str::from_utf8(stamp).ok();
        let sent = stamp.and_then(|stamp| u64::from_str_radix(stamp, 16).ok());
        ages.extend(sent.map(|sent| now.saturating_sub(Duration::from_nanos(sent))));
        done = begin + STAMP_LENGTH;
    }
    (ages, done.max(bytes.len().saturating_sub(STAMP.len() - 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], count: usize, done: usize) {
        let (ages, up_to) = ages(bytes);
        assert_eq!((ages.len(), up_to), (count, done), "{}", String::from_utf8_lossy(bytes));
    }

    #[test]
    fn times_are_found_in_events() {
        check(b"", 0, 0);
        check(b"\"text\":\"0000000000000001\"", 1, 24);
        check(b"..\"text\":\"00000000000", 0, 2);
        check(b"\"text\":\"000000\r\n20\r\n0000\"", 0, 24);
        check(
            b"\"text\":\"0000000000000001\"\"text\":\"0000000000000001xxxxxxxxxx",
            2,
            52,
        );
    }
}
