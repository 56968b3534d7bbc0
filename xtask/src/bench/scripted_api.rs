//! A gateway with an API behind it whose answers a benchmark makes, and a client that asks through it.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;

use anyhow::{Context as _, Result, anyhow, ensure};
use cordwainer::budget::{Allowance, CallBudget};
use cordwainer::clock::Clock;
use cordwainer::gateway::{Api, Gateway, Options};
use cordwainer::redact::Redactor;
use secrecy::SecretString;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

/// The token of the gateway.
const TOKEN: &str = "dummy-token-of-the-benchmark";

/// An answer of the API, of this type.
pub(crate) struct Reply {
    pub(crate) content_type: &'static str,
    pub(crate) body: String,
}

/// A gateway at work, and its API.
pub(crate) struct Scene {
    gateway: Option<Gateway>,
    runtime: Runtime,
    folder: TempDir,
}

impl Scene {
    /// Opens a gateway that lets one call use so much, before the API on this port.
    pub(crate) fn open(port: u16, allowance: Allowance) -> Result<Self> {
        let folder = TempDir::new().context("cannot make a folder")?;
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let options = Options {
            folder: folder.path().to_owned(),
            token: SecretString::from(TOKEN.to_owned()),
            api: Some(Api {
                base_url: format!("http://127.0.0.1:{port}"),
                credential: None,
                proxy: None,
                call_budget: CallBudget::new(allowance, BTreeMap::new()),
            }),
            egress: None,
            seal: None,
            record: Some(folder.path().join("gateway.jsonl")),
            redactor: Redactor::default(),
            clock: Clock::machine(),
        };
        let gateway = {
            let _entered = runtime.enter();
            Gateway::open(options).map_err(|error| anyhow!("{error}"))?
        };
        Ok(Self {
            gateway: Some(gateway),
            runtime,
            folder,
        })
    }

    /// Asks for an answer, and reads it to its end; its status, and all of it. A refusal is one.
    pub(crate) fn ask(&self, body: &str) -> Result<(u16, String)> {
        let socket = self.folder.path().join("gateway.sock");
        let mut stream = UnixStream::connect(socket).context("cannot reach the gateway")?;
        let head = format!(
            "POST /v1/messages HTTP/1.1\r\nhost: api\r\nconnection: close\r\nx-api-key: {TOKEN}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(body.as_bytes())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).context("the answer broke off")?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer
            .strip_prefix("HTTP/1.1 ")
            .and_then(|rest| rest.get(..3)?.parse().ok());
        Ok((status.with_context(|| format!("no answer: {answer}"))?, answer))
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if let Some(gateway) = self.gateway.take() {
            self.runtime.block_on(gateway.close());
        }
    }
}

/// Answers each connection once, by the path and the body of its request, on a thread of its own, until the process ends.
pub(crate) fn serve(answer: impl Fn(&str, &[u8]) -> Reply + Send + 'static) -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("cannot listen")?;
    let port = listener.local_addr()?.port();
    std::thread::Builder::new().name("api".to_owned()).spawn(move || {
        for stream in listener.incoming().flatten() {
            // One that breaks off is seen where it is measured.
            let _ = reply(stream, &answer);
        }
    })?;
    Ok(port)
}

fn reply(mut stream: TcpStream, answer: &impl Fn(&str, &[u8]) -> Reply) -> Result<()> {
    let (mut request, mut piece) = (Vec::new(), vec![0; 1 << 16]);
    let end = loop {
        let read = stream.read(&mut piece)?;
        ensure!(read > 0, "no request came");
        let from = request.len().saturating_sub(3);
        request.extend_from_slice(&piece[..read]);
        if let Some(end) = request[from..].windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break from + end + 4;
        }
    };
    let head = String::from_utf8_lossy(&request[..end]).into_owned();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.parse::<usize>().ok())?
    });
    while request.len() - end < length.unwrap_or(0) {
        let read = stream.read(&mut piece)?;
        ensure!(read > 0, "the request broke off");
        request.extend_from_slice(&piece[..read]);
    }
    let path = head.split(' ').nth(1).unwrap_or_default();
    let Reply { content_type, body } = answer(path, &request[end..]);
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())?;
    Ok(())
}
