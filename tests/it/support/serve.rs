//! A server of pages as a process, and requests to it.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use rustix::process::Signal;
use serde_json::Value;
use tokio::net::{TcpStream, UnixStream};

use crate::support::project::waiting::signal;

/// How long an answer may take: far longer than it ever does.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server that was started for a test.
pub(crate) struct Served {
    child: Child,
    /// Kept, so that the server's stdout has a reader.
    _stdout: BufReader<ChildStdout>,
    pub(crate) place: Place,
    pub(crate) token: String,
}

/// Where a server listens.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    Tcp(String),
    Unix(PathBuf),
}

/// A request that a test puts together.
#[derive(Clone, Debug)]
pub(crate) struct Asking<'a> {
    place: Place,
    method: Method,
    path: &'a str,
    headers: Vec<(&'a str, String)>,
    body: Vec<u8>,
}

/// What a server answered.
#[derive(Clone, Debug)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) headers: hyper::HeaderMap,
    pub(crate) body: String,
}

impl Served {
    /// Starts a server; the command has its arguments.
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let Some((base, token)) = line.trim_end().split_once("#token=") else {
            let output = child.wait_with_output().unwrap();
            panic!("{line}{}", String::from_utf8_lossy(&output.stderr));
        };
        let base = base.trim_end_matches('/');
        let place = match (base.strip_prefix("http://"), base.strip_prefix("unix:")) {
            (Some(address), _) => Place::Tcp(address.to_owned()),
            (None, Some(path)) => Place::Unix(path.into()),
            (None, None) => panic!("{line}"),
        };
        Self {
            token: token.to_owned(),
            _stdout: stdout,
            place,
            child,
        }
    }

    /// The address, as the header `Host` has it.
    pub(crate) fn host(&self) -> String {
        match &self.place {
            Place::Tcp(address) => address.clone(),
            Place::Unix(_) => "localhost".to_owned(),
        }
    }

    /// A request with the token.
    pub(crate) fn get<'a>(&self, path: &'a str) -> Asking<'a> {
        self.asking(Method::GET, path).with_token(&self.token)
    }

    /// A request without the token.
    pub(crate) fn asking<'a>(&self, method: Method, path: &'a str) -> Asking<'a> {
        Asking {
            place: self.place.clone(),
            method,
            path,
            headers: vec![("host", self.host())],
            body: Vec::new(),
        }
    }

    /// A change with the token.
    pub(crate) fn post<'a>(&self, path: &'a str, body: &Value) -> Asking<'a> {
        let mut asking = self.asking(Method::POST, path).with_token(&self.token);
        asking.body = body.to_string().into_bytes();
        asking.header("content-type", "application/json")
    }

    /// The document that a request is answered with.
    #[track_caller]
    pub(crate) fn json(&self, path: &str) -> Value {
        self.get(path).ask().expect(200).json()
    }

    /// The process.
    pub(crate) fn child(&self) -> &Child {
        &self.child
    }

    /// Kills the server.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ends the server as Ctrl-C does, and returns its exit code and what it said on stderr.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        signal(&self.child, Signal::INT);
        let status = self.child.wait().unwrap();
        let mut said = String::new();
        let stderr = self.child.stderr.take().unwrap();
        std::io::Read::read_to_string(&mut { stderr }, &mut said).unwrap();
        (status.code(), said)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl<'a> Asking<'a> {
    /// Adds a header, in the place of one of that name.
    pub(crate) fn header(mut self, name: &'a str, value: &str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.to_owned()));
        self
    }

    /// Takes a header away.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self
    }

    /// Adds a token.
    pub(crate) fn with_token(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// Sets the body.
    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends it, and waits for the whole answer.
    pub(crate) fn ask(self) -> Answered {
        runtime().block_on(async {
            let asked = async {
                let response = self.send().await;
                let (parts, body) = response.into_parts();
                let body = body.collect().await.unwrap().to_bytes();
                Answered {
                    status: parts.status.as_u16(),
                    headers: parts.headers,
                    body: String::from_utf8(body.to_vec()).unwrap(),
                }
            };
            tokio::time::timeout(PATIENCE, asked)
                .await
                .expect("the server did not answer")
        })
    }

    async fn send(self) -> Response<Incoming> {
        let mut request = Request::builder().method(self.method).uri(self.path);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let request = request.body(Full::new(Bytes::from(self.body))).unwrap();
        match &self.place {
            Place::Tcp(address) => sent(TcpStream::connect(address).await.unwrap(), request).await,
            Place::Unix(path) => sent(UnixStream::connect(path).await.unwrap(), request).await,
        }
    }
}

async fn sent<S>(stream: S, request: Request<Full<Bytes>>) -> Response<Incoming>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender.send_request(request).await.unwrap()
}

/// Follows a stream: each event goes to `hear`, until that returns what it was looking for. `None` is a stream that ended, or that
/// had nothing more.
pub(crate) fn follow<T>(asking: Asking<'_>, hear: impl FnMut(Heard) -> Option<T>) -> Option<T> {
    runtime().block_on(async {
        let followed = tokio::time::timeout(PATIENCE, heard_until(asking, hear));
        followed.await.expect("what was waited for never came")
    })
}

/// An event of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) event: String,
    pub(crate) id: String,
    pub(crate) data: String,
}

async fn heard_until<T>(asking: Asking<'_>, mut hear: impl FnMut(Heard) -> Option<T>) -> Option<T> {
    let response = asking.send().await;
    if response.status() == 204 {
        return None;
    }
    assert_eq!(response.status(), 200, "{response:?}");
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = response.into_body();
    let mut text = String::new();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return None };
        text += std::str::from_utf8(&frame.into_data().unwrap_or_default()).unwrap();
        while let Some((event, rest)) = text.split_once("\n\n") {
            let heard = heard(event);
            text = rest.to_owned();
            if heard != Heard::default()
                && let Some(found) = hear(heard)
            {
                return Some(found);
            }
        }
    }
    None
}

fn heard(event: &str) -> Heard {
    let mut heard = Heard::default();
    for line in event.lines() {
        match line.split_once(": ") {
            Some(("event", value)) => value.clone_into(&mut heard.event),
            Some(("id", value)) => value.clone_into(&mut heard.id),
            Some(("data", value)) => value.clone_into(&mut heard.data),
            _ => {}
        }
    }
    heard
}

impl Answered {
    /// Panics unless it has this status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }

    /// The document that it is.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {}", self.body))
    }

    /// A header, as text.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

/// The command `serve` of a command that has no arguments yet, with these.
pub(crate) fn serving(mut command: Command, state_home: &Path, arguments: &[&str]) -> Served {
    command.args(arguments).env("XDG_STATE_HOME", state_home);
    Served::start(command)
}
