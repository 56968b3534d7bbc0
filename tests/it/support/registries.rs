//! A registry of cargo, one of npm, an index of pip and a git host, each over TLS and for those alone who show its
//! credential.

pub(crate) mod packages;

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::{Request, Response};
use tempfile::TempDir;

use crate::support::https::{Body, Https, whole};
use packages::{sha256, tar_gz, zip};

/// The variables of the host, and what they have.
pub(crate) const SECRETS: [(&str, &str); 4] = [
    ("OWN_CARGO", "secret-of-the-cargo-registry"),
    ("OWN_NPM", "secret-of-the-npm-registry"),
    ("OWN_PIP", "secret-of-the-pip-index"),
    ("OWN_GIT", "secret-of-the-git-host"),
];
/// Where each of them is: not the address that containers take for their own.
const ADDRESSES: [&str; 4] = ["127.0.0.5", "127.0.0.6", "127.0.0.7", "127.0.0.8"];
const NAMES: [&str; 4] = ["cargo", "npm", "pip", "git"];

/// The servers, and what they were asked.
pub(crate) struct Servers {
    all: Vec<Https>,
    log: Arc<Mutex<Vec<String>>>,
    _folder: TempDir,
}

impl Servers {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        repository(folder.path());
        let log: Arc<Mutex<Vec<String>>> = Arc::default();
        let mut all = Vec::new();
        for index in 0..4 {
            let (log, root) = (Arc::clone(&log), folder.path().to_owned());
            let answer = move |request: Request<Incoming>| {
                let shown = request.headers().get("authorization");
                let is_known = shown.is_some_and(|shown| shown == expected(index).as_str());
                let known = if is_known { "" } else { " refused" };
                let line = format!("{} {} {}{known}", NAMES[index], request.method(), request.uri());
                log.lock().unwrap().push(line);
                let root = root.clone();
                let answering = async move {
                    if is_known {
                        answer(index, request, &root).await
                    } else {
                        let builder = Response::builder().status(401);
                        let builder = builder.header("www-authenticate", "Basic realm=own");
                        builder.body(whole("who are you?")).unwrap()
                    }
                };
                Box::pin(answering) as crate::support::https::Answering
            };
            all.push(Https::start(ADDRESSES[index], &[ADDRESSES[index]], answer).await);
        }
        Self {
            all,
            log,
            _folder: folder,
        }
    }

    /// The certificates of the authorities of all of them.
    pub(crate) fn authorities(&self) -> String {
        self.all.iter().map(|server| server.authority.as_str()).collect()
    }

    /// `host:port` of each.
    pub(crate) fn authorities_of_urls(&self) -> [String; 4] {
        [0, 1, 2, 3].map(|index| self.all[index].address.to_string())
    }

    /// The section of the configuration.
    pub(crate) fn configuration(&self) -> String {
        let kinds = ["cargo: own", "npm: true", "pip: agent", "basic: agent"];
        let mut text = String::from("network:\n  credentials:\n");
        for ((kind, (variable, _)), server) in kinds.iter().zip(SECRETS).zip(&self.all) {
            let host = server.address;
            text.push_str(&format!(
                "    - {{host: \"{host}\", {kind}, from: {{env: {variable}}}}}\n"
            ));
        }
        text
    }

    pub(crate) fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// How many requests came without the credential.
    pub(crate) fn refused(&self) -> usize {
        self.log().iter().filter(|line| line.ends_with(" refused")).count()
    }

    /// How many requests came with it.
    pub(crate) fn answered(&self) -> usize {
        self.log().len() - self.refused()
    }
}

/// What a server wants to be shown.
fn expected(index: usize) -> String {
    let secret = SECRETS[index].1;
    match index {
        0 => secret.to_owned(),
        1 => format!("Bearer {secret}"),
        _ => format!("Basic {}", BASE64_STANDARD.encode(format!("agent:{secret}"))),
    }
}

/// A bare repository that can be cloned, and pushed to.
fn repository(folder: &Path) {
    let git = |arguments: &[&str]| {
        let status = Command::new("git")
            .args(arguments)
            .current_dir(folder)
            .status()
            .unwrap();
        assert!(status.success(), "{arguments:?}");
    };
    std::fs::create_dir(folder.join("work")).unwrap();
    std::fs::write(folder.join("work/own.txt"), "own words\n").unwrap();
    git(&["init", "--quiet", "work"]);
    git(&["-C", "work", "add", "."]);
    let identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"];
    git(&[&["-C", "work"], &identity[..], &["commit", "--quiet", "-m", "own"]].concat());
    git(&["clone", "--quiet", "--bare", "work", "own.git"]);
    git(&["-C", "own.git", "config", "http.receivepack", "true"]);
}

async fn answer(index: usize, request: Request<Incoming>, root: &Path) -> Response<Body> {
    let host = request.headers()["host"].to_str().unwrap().to_owned();
    let path = request.uri().path().to_owned();
    let found = match index {
        0 => cargo(&host, &path),
        1 => npm(&host, &path),
        2 => pip(&path),
        _ => return git(request, root).await,
    };
    match found {
        // pip reads an index only as a page.
        Some(bytes) if path.starts_with("/simple/") => {
            let builder = Response::builder().header("content-type", "text/html");
            builder.body(whole(bytes)).unwrap()
        }
        Some(bytes) => Response::new(whole(bytes)),
        None => Response::builder().status(404).body(whole("nothing")).unwrap(),
    }
}

/// A sparse index, as the book of cargo has it.
fn cargo(host: &str, path: &str) -> Option<Bytes> {
    let manifest = "[package]\nname = \"own-crate\"\nversion = \"1.0.0\"\nedition = \"2021\"\n";
    let package = tar_gz(&[
        ("own-crate-1.0.0/Cargo.toml", manifest),
        ("own-crate-1.0.0/src/lib.rs", "// own words\n"),
    ]);
    match path {
        "/index/config.json" => {
            let config = serde_json::json!({
                "dl": format!("https://{host}/dl"), "api": format!("https://{host}"), "auth-required": true,
            });
            Some(config.to_string().into())
        }
        "/index/ow/n-/own-crate" => {
            let entry = serde_json::json!({
                "name": "own-crate", "vers": "1.0.0", "deps": [], "features": {}, "yanked": false,
                "cksum": sha256(&package),
            });
            Some(format!("{entry}\n").into())
        }
        "/dl/own-crate/1.0.0/download" => Some(package.into()),
        _ => None,
    }
}

/// The packages of npm: each with its name, and its program.
const NPM: [(&str, &str); 2] = [
    ("@own/package", "// own words\n"),
    ("@example/redis", include_str!("../../data/registries/redis.js")),
];

fn npm(host: &str, path: &str) -> Option<Bytes> {
    if path == "/-/whoami" {
        return Some(r#"{"username": "own"}"#.into());
    }
    let path = path.replace("%2f", "/").replace("%2F", "/");
    let (name, text) = NPM.iter().find(|(name, _)| path[1..].starts_with(name))?;
    let manifest = serde_json::json!({"name": name, "version": "1.0.0"});
    let package = tar_gz(&[
        ("package/package.json", &manifest.to_string()),
        ("package/index.js", text),
    ]);
    let archive = format!("/{name}/-/{}-1.0.0.tgz", name.split('/').next_back()?);
    if path == archive {
        return Some(package.into());
    }
    let shasum = sha1_smol::Sha1::from(&package).digest().to_string();
    let version = serde_json::json!({
        "name": name, "version": "1.0.0",
        "dist": {"tarball": format!("https://{host}{archive}"), "shasum": shasum},
    });
    let document = serde_json::json!({
        "name": name, "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": version},
    });
    (path == format!("/{name}")).then(|| document.to_string().into())
}

/// The packages of pip: each with its name, its module and what is in that.
const PIP: [(&str, &str, &str); 2] = [
    ("own-package", "own", "# own words\n"),
    (
        "example-slugs",
        "example_slugs",
        include_str!("../../data/registries/slugs.py"),
    ),
];

fn pip(path: &str) -> Option<Bytes> {
    let find = |(name, module, text): &(&str, &str, &str)| {
        let stem = format!("{}-1.0", name.replace('-', "_"));
        let wheel = format!("{stem}-py3-none-any.whl");
        if path == format!("/simple/{name}/") {
            return Some(format!("<a href=\"/files/{wheel}\">{wheel}</a>").into());
        }
        (path == format!("/files/{wheel}")).then(|| archive(name, &stem, module, text).into())
    };
    PIP.iter().find_map(find)
}

/// A wheel with one module.
fn archive(name: &str, stem: &str, module: &str, text: &str) -> Vec<u8> {
    let metadata = format!("Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n");
    let wheel = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
    let files = [
        (format!("{module}.py"), text),
        (format!("{stem}.dist-info/METADATA"), metadata.as_str()),
        (format!("{stem}.dist-info/WHEEL"), wheel),
        (format!("{stem}.dist-info/RECORD"), ""),
    ];
    let files: Vec<_> = files.iter().map(|(name, text)| (name.as_str(), *text)).collect();
    zip(&files)
}

/// git's own server, by CGI (RFC 3875).
async fn git(request: Request<Incoming>, root: &Path) -> Response<Body> {
    let (head, body) = request.into_parts();
    let header = |name: &str| {
        let value = head.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let mut command = tokio::process::Command::new("git");
    command
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", head.uri.path())
        .env("QUERY_STRING", head.uri.query().unwrap_or_default())
        .env("REQUEST_METHOD", head.method.as_str())
        .env("CONTENT_TYPE", header("content-type"))
        .env("HTTP_CONTENT_ENCODING", header("content-encoding"))
        .env("GIT_PROTOCOL", header("git-protocol"))
        .env("REMOTE_USER", "agent")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let bytes = body.collect().await.unwrap().to_bytes();
    let mut input = child.stdin.take().unwrap();
    let writing = tokio::spawn(async move {
        // It may end before it has read all.
        let _ = tokio::io::AsyncWriteExt::write_all(&mut input, &bytes).await;
    });
    let said = child.wait_with_output().await.unwrap().stdout;
    writing.await.unwrap();
    let end = said.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let mut builder = Response::builder();
    for line in String::from_utf8_lossy(&said[..end]).lines() {
        let (name, value) = line.split_once(": ").unwrap();
        builder = match name {
            "Status" => builder.status(value.split(' ').next().unwrap().parse::<u16>().unwrap()),
            _ => builder.header(name, value),
        };
    }
    builder.body(whole(Bytes::copy_from_slice(&said[end + 4..]))).unwrap()
}
