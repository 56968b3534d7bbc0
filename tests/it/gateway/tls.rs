//! The API behind TLS, with the certificates that the host trusts, and behind the proxy of the host.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use cordwainer::budget::Allowance;
use cordwainer::gateway::{Gateway, Proxy};
use cordwainer::redact::Redactor;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio_rustls::TlsAcceptor;

use super::scene::{REAL, Scene, TOKEN, ask, error, used};

/// Tells a test in a process of its own where the APIs are.
const VARIABLE: &str = "CORDWAINER_TEST_TLS_PORTS";
/// A host that nothing but the test's proxy knows.
const FAR: &str = "api.cordwainer.invalid";
/// What the proxy asks for.
const PASSWORD: &str = "pass-word-of-the-proxy";

/// An API behind TLS, for this certificate; answers its port.
async fn serve(certificate: &rcgen::CertifiedKey<rcgen::KeyPair>) -> u16 {
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(certificate.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.cert.der().clone()], key)
        .unwrap();
    let (acceptor, listener) = (
        TlsAcceptor::from(Arc::new(config)),
        TcpListener::bind(("127.0.0.1", 0)).await.unwrap(),
    );
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // A client that does not trust the certificate goes away.
                let Ok(stream) = acceptor.accept(stream).await else {
                    return;
                };
                let service = service_fn(|_| async { Ok::<_, std::convert::Infallible>(used(3, 4)) });
                let builder = hyper::server::conn::http1::Builder::new();
                let _ = builder.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    port
}

#[tokio::test]
async fn the_api_is_known_by_the_certificates_that_the_host_trusts() {
    let names = vec!["localhost".to_owned(), FAR.to_owned()];
    let [trusted, other] = [names.clone(), names].map(|names| rcgen::generate_simple_self_signed(names).unwrap());
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("trusted.pem");
    fs::write(&file, trusted.cert.pem()).unwrap();
    let ports = [serve(&trusted).await, serve(&other).await].map(|port| port.to_string());
    // What a process trusts is read once, and from its environment: hence another process, which runs the test below.
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "gateway::tls::in_a_process_of_its_own"]);
    command
        .env(VARIABLE, ports.join(" "))
        .env("SSL_CERT_FILE", file)
        .env_remove("SSL_CERT_DIR");
    let output = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// The part of the test above that runs in a process of its own; without the ports there is nothing to be done.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the test above says by it where the APIs are")]
async fn in_a_process_of_its_own() {
    let Ok(ports) = std::env::var(VARIABLE) else {
        return;
    };
    let (trusted, other) = ports.split_once(' ').unwrap();
    let (status, text) = asked(trusted).await;
    assert_eq!(status, 200, "{text}");
    let (status, text) = asked(other).await;
    let expect = (
        "api_error".to_owned(),
        "cordwainer: the API cannot be reached".to_owned(),
    );
    assert_eq!((status, error(&text)), (502, expect));
    behind_a_proxy(trusted).await;
}

/// The API at a port is reached through a proxy, which sees nothing but the name and its own password.
async fn behind_a_proxy(port: &str) {
    let (address, mut seen) = start_proxy(port.to_owned()).await;
    let redactor = Redactor::default();
    let proxy = |user: &str, exceptions: &str| {
        let value = format!("http://{user}@{address}");
        Proxy::new("HTTPS_PROXY", value.into(), exceptions.to_owned(), &redactor)
    };
    let named = format!("user:{PASSWORD}");
    let (status, text) = asked_through(FAR, proxy(&named, "")).await;
    assert_eq!(status, 200, "{text}");
    let head = seen.recv().await.unwrap();
    assert!(head.starts_with(&format!("CONNECT {FAR}:443 HTTP/1.1\r\n")), "{head}");
    assert!(!head.contains(REAL) && !head.contains(TOKEN), "{head}");
    // A proxy that does not let it through, and one that it is not to go through.
    let refused = "cordwainer: the API cannot be reached through the proxy of this machine";
    for (proxy, expect) in [
        (proxy("user:wrong", ""), refused),
        (proxy(&named, FAR), "cordwainer: the API cannot be reached"),
    ] {
        let (status, text) = asked_through(FAR, proxy).await;
        assert_eq!(
            (status, error(&text)),
            (502, ("api_error".to_owned(), expect.to_owned()))
        );
    }
    assert!(seen.recv().await.is_some());
    // The machine itself is asked directly.
    let (status, text) = asked_through(&format!("localhost:{port}"), proxy(&named, "")).await;
    assert_eq!(status, 200, "{text}");
    assert!(seen.try_recv().is_err());
}

/// A proxy that leads every tunnel to a port of this machine, for those who show the password; answers its address, and
/// what is asked of it.
async fn start_proxy(port: String) -> (SocketAddr, UnboundedReceiver<String>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, seen) = mpsc::unbounded_channel();
    let shown = format!("Basic {}", BASE64_STANDARD.encode(format!("user:{PASSWORD}")));
    tokio::spawn(async move {
        loop {
            let (mut near, _) = listener.accept().await.unwrap();
            let (sender, port, shown) = (sender.clone(), port.clone(), shown.clone());
            tokio::spawn(async move {
                let mut head = String::new();
                while !head.ends_with("\r\n\r\n") {
                    head.push(char::from(near.read_u8().await.unwrap()));
                }
                let lets_through = head.contains(&shown);
                sender.send(head).unwrap();
                if !lets_through {
                    near.write_all(b"HTTP/1.1 407 Who are you\r\n\r\n").await.unwrap();
                    return;
                }
                near.write_all(b"HTTP/1.1 200 Go on\r\n\r\n").await.unwrap();
                let mut far = TcpStream::connect(format!("127.0.0.1:{port}")).await.unwrap();
                // It ends as either side breaks off.
                let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
            });
        }
    });
    (address, seen)
}

/// What the API at a host answers that is asked for through a proxy.
async fn asked_through(host: &str, proxy: Proxy) -> (u16, String) {
    let scene = Scene::new();
    let mut options = scene.options(&format!("https://{host}"), Allowance::default());
    options.api.as_mut().unwrap().proxy = Some(proxy);
    let gateway = Gateway::open(options).unwrap();
    let answered = scene.ask(&ask(1)).await;
    gateway.close().await;
    answered
}

/// What the API behind TLS at a port answers.
async fn asked(port: &str) -> (u16, String) {
    let scene = Scene::new();
    let gateway = scene.open(&format!("https://localhost:{port}"));
    let answered = scene.ask(&ask(1)).await;
    gateway.close().await;
    answered
}
