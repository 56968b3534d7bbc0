//! A gateway in a folder of its own, what stands behind it, and a client of it.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cordwainer::budget::{Allowance, CallBudget};
use cordwainer::clock::Clock;
use cordwainer::credential::CredentialSource;
use cordwainer::gateway::{Api, Gateway, Options};
use cordwainer::redact::Redactor;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Channel, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use secrecy::SecretString;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::{TcpListener, UnixStream};

/// What the container has in place of a credential.
pub(super) const TOKEN: &str = "sk-ant-oat01-cordwainer-dummy";
/// The credential, which no container may see.
pub(super) const REAL: &str = "sk-ant-api03-the-real-one";

pub(super) type Body = UnsyncBoxBody<Bytes, std::io::Error>;

pub(super) fn secret(text: &str) -> SecretString {
    SecretString::from(text.to_owned())
}

/// A folder for a gateway; it outlives the gateway.
pub(super) struct Scene {
    folder: TempDir,
}

impl Scene {
    pub(super) fn new() -> Self {
        Self {
            folder: TempDir::new().unwrap(),
        }
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.path().join("gateway/gateway.sock")
    }

    pub(super) fn record(&self) -> PathBuf {
        self.path().join("gateway.jsonl")
    }

    /// A gateway without a seal to the API at this base URL, with the real credential.
    pub(super) fn options(&self, base_url: &str, allowance: Allowance) -> Options {
        Options {
            folder: self.path().join("gateway"),
            token: secret(TOKEN),
            api: Some(Api {
                base_url: base_url.to_owned(),
                credential: Some(CredentialSource::api_key(secret(REAL))),
                proxy: None,
                call_budget: CallBudget::new(allowance, BTreeMap::new()),
            }),
            egress: None,
            seal: None,
            record: Some(self.record()),
            redactor: Redactor::new([&secret(REAL)]),
            clock: Clock::machine(),
        }
    }

    pub(super) fn open(&self, base_url: &str) -> Gateway {
        Gateway::open(self.options(base_url, Allowance::default())).unwrap()
    }

    /// Sends a request on a connection of its own.
    pub(super) async fn send(&self, request: Request<Full<Bytes>>) -> Response<Incoming> {
        send(&self.socket(), request).await.unwrap()
    }

    /// Asks the model, and answers the status and the whole text.
    pub(super) async fn ask(&self, body: &Value) -> (u16, String) {
        read(self.send(message(body)).await).await
    }
}

/// Sends a request to a socket on a connection of its own.
pub(super) async fn send(socket: &Path, request: Request<Full<Bytes>>) -> hyper::Result<Response<Incoming>> {
    // A path may be longer than the address of a socket.
    let folder = std::fs::File::open(socket.parent().unwrap()).unwrap();
    let path = format!(
        "/proc/self/fd/{}/gateway.sock",
        std::os::fd::AsRawFd::as_raw_fd(&folder)
    );
    let stream = UnixStream::connect(path).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    sender.send_request(request).await
}

/// The status and the whole text of an answer, or as much of it as came.
pub(super) async fn read(response: Response<Incoming>) -> (u16, String) {
    let status = response.status().as_u16();
    let mut body = response.into_body();
    let mut text = Vec::new();
    while let Some(Ok(frame)) = body.frame().await {
        text.extend_from_slice(frame.data_ref().unwrap());
    }
    (status, String::from_utf8(text).unwrap())
}

/// A request for an answer of the model, with the token.
pub(super) fn message(body: &Value) -> Request<Full<Bytes>> {
    request("POST", "/v1/messages?beta=true", Some(TOKEN), &body.to_string())
}

/// A request like the client's.
pub(super) fn request(method: &str, path: &str, token: Option<&str>, body: &str) -> Request<Full<Bytes>> {
    let mut builder = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "127.0.0.1:8080");
    if let Some(token) = token {
        builder = builder.header("authorization", format!("Bearer {token}"));
    }
    builder.body(Full::from(body.to_owned())).unwrap()
}

/// What a client asks for.
pub(super) fn ask(max_tokens: u64) -> Value {
    json!({"model": "claude-opus-5-5", "max_tokens": max_tokens, "messages": [{"role": "user", "content": "hello"}]})
}

/// The most tokens of input that a request can have by its length: a token a byte, and what the API adds.
pub(super) fn most_input(body: &Value) -> u64 {
    body.to_string().len() as u64 + 1000
}

/// An error in the API's form: its kind and its message.
pub(super) fn error(text: &str) -> (String, String) {
    let value: Value = serde_json::from_str(text).unwrap_or_else(|_| panic!("no JSON: {text}"));
    assert_eq!(value["type"], "error", "{text}");
    let word = |name: &str| value["error"][name].as_str().unwrap().to_owned();
    (word("type"), word("message"))
}

/// A server on loopback that answers as `handler` says; answers its base URL. It ends with the runtime.
pub(super) async fn serve<H, F>(handler: H) -> String
where
    H: Fn(Request<Bytes>) -> F + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let handler = Arc::new(handler);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let handler = Arc::clone(&handler);
            let service = service_fn(move |request: Request<Incoming>| {
                let handler = Arc::clone(&handler);
                async move {
                    let (head, body) = request.into_parts();
                    let body = body.collect().await.map(http_body_util::Collected::to_bytes);
                    let request = Request::from_parts(head, body.unwrap_or_default());
                    Ok::<_, Infallible>(handler(request).await)
                }
            });
            let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            tokio::spawn(connection);
        }
    });
    url
}

/// An answer that is all there.
pub(super) fn answer(status: u16, kind: &str, body: impl Into<Bytes>) -> Response<Body> {
    let body = Full::from(body.into()).map_err(|never| match never {}).boxed_unsync();
    let builder = Response::builder().status(status).header("content-type", kind);
    builder.body(body).unwrap()
}

/// An answer of the model in one piece that used this.
pub(super) fn used(input: u64, output: u64) -> Response<Body> {
    let usage = json!({"input_tokens": input, "output_tokens": output});
    let document = json!({"model": "claude-opus-5-5", "content": [], "usage": usage});
    answer(200, "application/json", document.to_string())
}

/// A stream that is written by whoever has the sender.
pub(super) fn stream() -> (http_body_util::channel::Sender<Bytes, std::io::Error>, Response<Body>) {
    let (sender, body) = Channel::new(1);
    let builder = Response::builder().header("content-type", "text/event-stream");
    (sender, builder.body(body.boxed_unsync()).unwrap())
}

pub(super) const START: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":\
    \"claude-opus-5-5\",\"usage\":{\"input_tokens\":100,\"output_tokens\":1}}}\n\n";
pub(super) const END: &str =
    "event: message_delta\ndata: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":40}}\n\n";
