//! Finding an engine, and engines that are absent, hang, talk nonsense or go away.

use std::path::Path;
use std::time::Duration;

use cordwainer::config::EngineChoice;
use cordwainer::engine::{ConnectOptions, Engine, EngineKind};
use cordwainer::error::{Error, ErrorKind};

use crate::support::engines::{TestEngine, absent, probe, skip};
use crate::support::sockets::Socket;

fn at(socket: &Path) -> ConnectOptions {
    ConnectOptions {
        socket: Some(format!("unix://{}", socket.display())),
        ..ConnectOptions::default()
    }
}

/// The error and all its causes.
fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

async fn refused(options: &ConnectOptions) -> String {
    let error = Engine::connect(options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Engine);
    assert!(error.hint_text().is_some(), "a hint for {error}");
    chain(&error)
}

#[tokio::test]
async fn a_named_socket_that_is_absent_is_the_error() {
    let text = refused(&at(Path::new("/no/such/socket"))).await;
    assert!(
        text.contains("`container.socket` `/no/such/socket`: no such socket"),
        "{text}"
    );
}

#[tokio::test]
async fn a_socket_that_never_answers_fails_by_its_deadline() {
    let silent = Socket::silent();
    let text = refused(&at(&silent.path())).await;
    assert!(text.contains("did not answer within 5 s"), "{text}");
}

#[tokio::test]
async fn a_socket_that_talks_nonsense_is_no_engine() {
    for answer in [
        &b"SSH-2.0-OpenSSH_9.2\r\n"[..],
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{",
        b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
    ] {
        let socket = Socket::answering(answer);
        let text = refused(&at(&socket.path())).await;
        assert!(
            text.starts_with("cannot use the engine at `container.socket`"),
            "{text}"
        );
        for foreign in ["hyper", "client error", "Docker responded", "EOF", "parse"] {
            assert!(!text.contains(foreign), "`{foreign}` in {text}");
        }
    }
}

#[tokio::test]
async fn without_an_engine_the_error_lists_what_was_tried() {
    let runtime = tempfile::tempdir().unwrap();
    let options = ConnectOptions {
        choice: EngineChoice::Docker,
        runtime_dir: Some(runtime.path().into()),
        ..ConnectOptions::default()
    };
    // A machine that runs a Docker Engine of its own has nothing to say here.
    if Path::new("/var/run/docker.sock").exists() {
        skip("this machine has a Docker Engine of its own");
        return;
    }
    let text = refused(&options).await;
    for sign in [
        "no container engine (Docker Engine)",
        "docker.sock`: no such socket",
        "an installed podman: not started",
    ] {
        assert!(text.contains(sign), "{sign} in {text}");
    }
}

#[tokio::test]
async fn the_kind_that_is_asked_for_is_the_kind_that_is_had() {
    for known in TestEngine::each() {
        let other = match known.kind() {
            EngineKind::Podman => EngineChoice::Docker,
            EngineKind::Docker => EngineChoice::Podman,
        };
        let socket = known.socket();
        let engine = Engine::connect(&at(&socket)).await.unwrap();
        assert_eq!(engine.kind(), known.kind());
        assert!(!engine.version().is_empty());
        let text = refused(&ConnectOptions {
            choice: other,
            ..at(&socket)
        })
        .await;
        assert!(text.contains("`container.engine` requires"), "{text}");
    }
}

#[tokio::test]
async fn an_engine_that_goes_away_in_the_middle_is_an_error() {
    for known in TestEngine::each() {
        let (kind, target) = (known.kind(), known.socket());
        let (proxy, cut) = Socket::proxy(&target);
        let engine = Engine::connect(&at(&proxy.path())).await.unwrap();
        let spec = probe(&format!("cut-{kind}"), &[r"out=ready\n", "sleep=600"]);
        let mut container = engine.start(&spec, b"").await.unwrap();
        assert_eq!(container.next_output().await.unwrap().line.bytes, b"ready");
        cut.send(true).unwrap();
        assert!(container.next_output().await.is_none());
        let error = container.exit().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Engine);
        assert!(container.kill().await.is_err());
        assert!(engine.start(&spec, b"").await.is_err());
        // What was left running is found by its labels.
        let direct = Engine::connect(&at(&target)).await.unwrap();
        assert_eq!(direct.sweep(&spec.labels).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn an_engine_that_falls_silent_is_an_error_by_deadline() {
    let Some(known) = TestEngine::find(EngineKind::Docker) else {
        return;
    };
    let (proxy, _cut) = Socket::proxy(&known.socket());
    let engine = Engine::connect(&at(&proxy.path())).await.unwrap();
    let silent = Socket::silent();
    std::fs::rename(silent.path(), proxy.path()).unwrap();
    tokio::time::pause();
    let call = engine.image_id("localhost/any:1");
    let error = tokio::time::timeout(Duration::from_secs(60), call)
        .await
        .unwrap()
        .unwrap_err();
    assert!(error.to_string().contains("did not answer within 30 s"), "{error}");
}

/// A folder with a program `podman` in it that does what `script` says.
fn scripted_podman(script: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("podman");
    std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    folder
}

/// No socket and no engine but the podman in this folder, unless the machine has one in a usual place.
fn only(podman: &Path, service_dir: &Path) -> Option<ConnectOptions> {
    if ["/run/podman/podman.sock", "/var/run/docker.sock"]
        .iter()
        .any(|socket| Path::new(socket).exists())
    {
        skip("this machine has an engine of its own");
        return None;
    }
    Some(ConnectOptions {
        choice: EngineChoice::Podman,
        runtime_dir: Some(service_dir.into()),
        search_path: Some(podman.into()),
        service_dir: Some(service_dir.join("engine")),
        ..ConnectOptions::default()
    })
}

#[tokio::test]
async fn an_installed_podman_is_started_and_ended() {
    let Some(real) = ["/usr/bin/podman", "/usr/local/bin/podman"]
        .into_iter()
        .find(|path| Path::new(path).exists())
    else {
        absent("installed podman");
        return;
    };
    let state = tempfile::tempdir().unwrap();
    // Storage of its own: the machine's is none of this test's business.
    let (root, run) = (state.path().join("root"), state.path().join("run"));
    let script = format!(
        "exec {real} --root {} --runroot {} --storage-driver vfs \"$@\"",
        root.display(),
        run.display()
    );
    let podman = scripted_podman(&script);
    let Some(options) = only(podman.path(), state.path()) else {
        return;
    };
    let left = |service_dir: &Path| std::fs::read_dir(service_dir).unwrap().count();
    let engine = Engine::connect(&options).await.unwrap();
    assert_eq!(engine.kind(), EngineKind::Podman);
    let socket = engine.socket().to_owned();
    let service_dir = options.service_dir.as_deref().unwrap();
    assert!(socket.starts_with(service_dir));
    assert_eq!(engine.image_id("localhost/any:1").await.unwrap(), None);
    let other = engine.clone();
    drop(engine);
    assert_eq!(other.image_id("localhost/any:1").await.unwrap(), None);
    drop(other);
    assert!(std::os::unix::net::UnixStream::connect(&socket).is_err());
    assert_eq!(left(service_dir), 0, "nothing is left of the service");
}

#[tokio::test]
async fn an_installed_podman_that_fails_is_quoted() {
    let state = tempfile::tempdir().unwrap();
    let podman = scripted_podman("echo 'the storage is on fire' >&2; exit 125");
    let Some(options) = only(podman.path(), state.path()) else {
        return;
    };
    let text = refused(&options).await;
    assert!(text.contains("the storage is on fire"), "{text}");
    assert_eq!(
        std::fs::read_dir(options.service_dir.as_deref().unwrap())
            .unwrap()
            .count(),
        0
    );
}
