//! Lookups of containers, read leniently: podman has states that Docker's API, and so `bollard`, does not have, and a
//! container must not become invisible because of an unknown word.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::{HeaderMap, Request};
use hyper_util::rt::TokioIo;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

use crate::base::error::Result;
use crate::sandbox::engine::deadline::{self, CallError, LOOK};
use crate::sandbox::engine::failure::{self, Failure};
use crate::sandbox::engine::{Engine, EngineKind};

/// The version of podman's own API that is spoken: podman 4 and 5 have it.
const LIBPOD: &str = "4.0.0";
/// What podman says when it is asked of a container that it was killed in removing: its files are gone, and it is still there
/// to be removed.
const HALF_REMOVED: &str = "container not known";
/// The pauses before an engine that answered with an error of its own (5xx) is asked again. Podman 4.3 gives one where a
/// container's process ends while podman reads about it (`read /proc/PID/cgroup: no such process`); a moment later it
/// knows that the container has ended.
const AGAIN: [Duration; 3] = [
    Duration::from_millis(20),
    Duration::from_millis(100),
    Duration::from_millis(500),
];

/// `State` of `GET /containers/ID/json`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct State {
    pub(super) status: String,
    pub(super) running: bool,
    pub(super) exit_code: Option<i64>,
    #[serde(rename = "OOMKilled", deserialize_with = "or_false")]
    pub(super) oom_killed: bool,
}

impl State {
    /// Returns whether the container has a live process.
    pub(super) fn lives(&self) -> bool {
        self.running || matches!(self.status.as_str(), "running" | "paused" | "restarting" | "stopping")
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    state: State,
}

/// One of `GET /containers/json`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Summary {
    pub(super) id: String,
    #[serde(default)]
    pub(super) names: Option<Vec<String>>,
    #[serde(default)]
    pub(super) labels: Option<BTreeMap<String, String>>,
    #[serde(default)]
    pub(super) state: String,
}

impl Engine {
    /// Reads the state of a container; `None` when there is no such container.
    pub(super) async fn state(&self, id: &str) -> Result<Option<State>> {
        match self
            .get::<Inspected>("look at the container", &format!("/containers/{id}/json"))
            .await
        {
            Ok(found) => Ok(Some(found.state)),
            Err(error) if error.says(HALF_REMOVED) => Ok(None),
            Err(error) => Ok(error.unless_status(&[404]).map(|()| None)?),
        }
    }

    /// Lists the containers, running or not, that have all of `labels` according to the engine.
    pub(super) async fn summaries(&self, labels: &BTreeMap<String, String>) -> Result<Vec<Summary>> {
        let wanted: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let filters = serde_json::json!({ "label": wanted }).to_string();
        let filters = utf8_percent_encode(&filters, NON_ALPHANUMERIC);
        Ok(self.containers(&format!("&filters={filters}")).await?)
    }

    /// Lists containers, running or not. Podman's own list has those, too, that it was killed in removing: of Docker's, one
    /// of them makes an error, until somebody removes it.
    pub(super) async fn containers<T: DeserializeOwned>(&self, filters: &str) -> Result<T, CallError> {
        let path = format!("/containers/json?all=true{filters}");
        match self.kind() {
            EngineKind::Podman => self.get_of_podman("list containers", &path).await,
            EngineKind::Docker => self.get("list containers", &path).await,
        }
    }

    /// Requests one JSON document of the Docker API, on a connection of its own.
    pub(super) async fn get<T: DeserializeOwned>(&self, operation: &str, path: &str) -> Result<T, CallError> {
        let path = format!("/v{}{path}", self.api().client_version());
        self.get_whole(operation, &path).await
    }

    /// Requests one JSON document of podman's own API, which says more of some things, on a connection of its own.
    pub(super) async fn get_of_podman<T: DeserializeOwned>(&self, operation: &str, path: &str) -> Result<T, CallError> {
        self.get_whole(operation, &format!("/v{LIBPOD}/libpod{path}")).await
    }

    async fn get_whole<T: DeserializeOwned>(&self, operation: &str, path: &str) -> Result<T, CallError> {
        match tokio::time::timeout(LOOK, steady(self.socket(), path)).await {
            Ok(Ok(answer)) if answer.status == 200 => serde_json::from_slice(&answer.body).map_err(|error| {
                let why = format!("the engine returned invalid JSON: {error}");
                deadline::refused(self, operation, None, why)
            }),
            Ok(Ok(answer)) => {
                let why = failure::answered(answer.status, &said(&answer.body));
                Err(deadline::refused(self, operation, Some(answer.status), why))
            }
            Ok(Err(error)) => Err(deadline::refused(self, operation, None, error)),
            Err(_) => Err(CallError::late(self, operation, LOOK)),
        }
    }
}

/// The answer to a GET.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// Requests one document, and again after each pause of [`AGAIN`] while the answer is an error of the engine's own (5xx).
/// Returns the last answer; the caller sets the deadline for all of them.
async fn steady(socket: &Path, path: &str) -> Result<Answer, Failure> {
    for wait in AGAIN {
        let answer = exchange(socket, path).await?;
        if answer.status < 500 {
            return Ok(answer);
        }
        tokio::time::sleep(wait).await;
    }
    exchange(socket, path).await
}

/// Requests one document, on a connection of its own; the caller sets the deadline.
pub(super) async fn exchange(socket: &Path, path: &str) -> Result<Answer, Failure> {
    let stream = UnixStream::connect(socket).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::get(path)
        .header("Host", "localhost")
        .body(Empty::<Bytes>::new())?;
    let answered = async {
        let response = sender.send_request(request).await?;
        let (head, body) = response.into_parts();
        let body = body.collect().await?.to_bytes();
        // The connection ends when nobody can send on it any more.
        drop(sender);
        Ok::<_, hyper::Error>(Answer {
            status: head.status.as_u16(),
            headers: head.headers,
            body,
        })
    };
    let (answer, _) = tokio::join!(answered, connection);
    Ok(answer?)
}

/// Returns an engine's own words of a refusal, which it wraps in JSON.
fn said(body: &[u8]) -> String {
    let wrapped = serde_json::from_slice::<serde_json::Value>(body).ok();
    let message = wrapped.as_ref().and_then(|json| json.get("message")?.as_str());
    message.map_or_else(|| String::from_utf8_lossy(body).into_owned(), str::to_owned)
}

/// Reads a boolean that may be missing: Docker leaves the field out, podman writes null where it does not know.
fn or_false<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(false))
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::os::unix::net::UnixListener;

    use super::*;

    /// Asks an engine that gives these answers, one after the other; returns the status that was left in the end.
    async fn asked(statuses: &'static [u16]) -> u16 {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("s");
        let listener = UnixListener::bind(&socket).unwrap();
        let engine = std::thread::spawn(move || {
            for status in statuses {
                let (mut stream, _) = listener.accept().unwrap();
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    stream.read_exact(&mut byte).unwrap();
                    head.extend(byte);
                }
                write!(stream, "HTTP/1.1 {status} X\r\nContent-Length: 2\r\n\r\n{{}}").unwrap();
            }
        });
        let answer = steady(&socket, "/x").await.unwrap();
        // It has given all of its answers, and none was left over.
        engine.join().unwrap();
        answer.status
    }

    #[tokio::test]
    async fn an_engine_that_fails_inside_is_asked_again_and_no_other() {
        assert_eq!(asked(&[500, 500, 200]).await, 200);
        assert_eq!(asked(&[500, 404]).await, 404);
        assert_eq!(asked(&[500, 500, 500, 503]).await, 503);
        assert_eq!(asked(&[404]).await, 404);
    }
}
