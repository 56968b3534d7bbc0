//! The API of the benchmark: it answers each request with as many events as the request's `max_tokens` says.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
const START: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":\"m\",\"usage\":{\"input_tokens\":9,\"output_tokens\":1}}}\n\n";
const END: &str = "event: message_delta\ndata: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":9}}\n\n";

/// Serves events of a length on any free port, until the runtime ends.
pub(super) async fn serve(event: usize) -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("cannot listen")?;
    let port = listener.local_addr()?.port();
    let event: Arc<[u8]> = chunk(&event_of(event)).into();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(connection(stream, Arc::clone(&event)));
        }
    });
    Ok(port)
}

/// A text in an event of so many bytes.
fn event_of(length: usize) -> String {
    let (before, after) = (
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"",
        "\"}}\n\n",
    );
    let text = "x".repeat(length.saturating_sub(before.len() + after.len()));
    format!("{before}{text}{after}")
}

fn chunk(text: &str) -> Vec<u8> {
    format!("{:x}\r\n{text}\r\n", text.len()).into_bytes()
}

/// Answers the requests of a connection, until it is closed.
async fn connection(mut stream: TcpStream, event: Arc<[u8]>) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut request = Vec::new();
    while stream.read_buf(&mut request).await? > 0 {
        // The requests of the benchmark are small, and end with the object that they are.
        if !request.ends_with(b"}") {
            continue;
        }
        let text = String::from_utf8_lossy(&request);
        let number = text.rsplit("\"max_tokens\":").next().unwrap_or_default();
        let events: usize = number.trim_end_matches('}').parse().unwrap_or(0);
        request.clear();
        stream.write_all(&[HEAD, &chunk(START)].concat()).await?;
        // One is left for those who ask for none.
        for _ in 1..events {
            stream.write_all(&event).await?;
        }
        stream.write_all(&[&chunk(END)[..], b"0\r\n\r\n"].concat()).await?;
    }
    Ok(())
}
