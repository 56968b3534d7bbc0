//! What an engine still has, by the Docker API on its socket.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::Outcome;
use crate::person::list;

/// Until an answer must have come.
const PATIENCE: Duration = Duration::from_secs(60);
/// The version that podman and Docker Engine both speak.
const VERSION: &str = "v1.41";
/// The label with the repository's id.
const REPOSITORY_LABEL: &str = "cordwainer.repository";

/// Returns the names of what an engine has of a repository: `containers`, `volumes` or `networks`.
pub(crate) fn left(socket: &Path, what: &str, id: &str) -> Outcome<Vec<String>> {
    let filters = json!({"label": [format!("{REPOSITORY_LABEL}={id}")]}).to_string();
    let path = match what {
        "containers" => format!("/{VERSION}/containers/json?all=true&filters={}", encoded(&filters)),
        _ => format!("/{VERSION}/{what}?filters={}", encoded(&filters)),
    };
    let answer = get(socket, &path)?;
    let found = if what == "volumes" { &answer["Volumes"] } else { &answer };
    let name = |one: &Value| {
        let name = one["Names"][0].as_str().or(one["Name"].as_str());
        name.or(one["Id"].as_str()).unwrap_or("one without a name").to_owned()
    };
    Ok(list(found).iter().map(name).collect())
}

fn get(socket: &Path, path: &str) -> Outcome<Value> {
    let failed = |error: &dyn std::fmt::Display| format!("the engine at `{}`: {error}", socket.display());
    let mut stream = UnixStream::connect(socket).map_err(|error| failed(&error))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    // In the older version of HTTP, an answer ends with its connection and is never in chunks.
    write!(stream, "GET {path} HTTP/1.0\r\nHost: engine\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).map_err(|error| failed(&error))?;
    let answer = String::from_utf8(answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| failed(&"no answer"))?;
    if head.split(' ').nth(1) != Some("200") {
        return Err(failed(&head.lines().next().unwrap_or_default()).into());
    }
    serde_json::from_str(body).map_err(|error| failed(&error).into())
}

/// A text as a value in an address.
fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        encoded.push_str(&format!("%{byte:02X}"));
    }
    encoded
}
