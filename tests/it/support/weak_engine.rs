//! An engine that gives containers less than it is asked for: a socket between the library and a real engine, which
//! changes what is asked when a container is made.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cordwainer::engine::{ConnectOptions, Engine};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;

type Change = Arc<dyn Fn(&mut Value) + Send + Sync>;

/// The engine; it ends when this is dropped.
pub(crate) struct WeakEngine {
    /// The library's side of it.
    pub(crate) engine: Engine,
    socket: PathBuf,
    task: JoinHandle<()>,
    _folder: TempDir,
}

impl WeakEngine {
    /// Stands before the engine at `real`, and lets `change` at the body of each `POST /containers/create`.
    pub(crate) async fn before(real: &Path, change: impl Fn(&mut Value) + Send + Sync + 'static) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("e.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let (real, change): (PathBuf, Change) = (real.to_owned(), Arc::new(change));
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, real.clone(), Arc::clone(&change)));
            }
        });
        let options = ConnectOptions {
            socket: Some(socket.to_str().unwrap().to_owned()),
            ..ConnectOptions::default()
        };
        let engine = Engine::connect(&options).await.unwrap();
        Self {
            engine,
            socket,
            task,
            _folder: folder,
        }
    }
}

impl WeakEngine {
    /// Where it listens.
    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }
}

impl Drop for WeakEngine {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Carries one connection, on which the library makes one request.
async fn carry(mut client: UnixStream, real: PathBuf, change: Change) {
    let mut engine = UnixStream::connect(real).await.unwrap();
    let first = first_request(&mut client, &change).await;
    if engine.write_all(&first).await.is_ok() {
        // Whoever goes away first ends it.
        let _ = tokio::io::copy_bidirectional(&mut client, &mut engine).await;
    }
}

/// The head of the request, and the body if it makes a container; what else there is follows by itself.
async fn first_request(client: &mut UnixStream, change: &Change) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            if !head.lines().next().unwrap().contains("/containers/create") {
                return bytes;
            }
            if let Ok(mut asked) = serde_json::from_str::<Value>(body) {
                change(&mut asked);
                return with_body(head, &asked.to_string()).into_bytes();
            }
        }
        let mut buffer = vec![0; 65_536];
        match client.read(&mut buffer).await.unwrap_or(0) {
            0 => return bytes,
            count => bytes.extend_from_slice(&buffer[..count]),
        }
    }
}

fn with_body(head: &str, body: &str) -> String {
    let others = head
        .lines()
        .filter(|line| !line.to_ascii_lowercase().starts_with("content-length:"));
    let others: Vec<&str> = others.collect();
    format!(
        "{}\r\ncontent-length: {}\r\n\r\n{body}",
        others.join("\r\n"),
        body.len()
    )
}
