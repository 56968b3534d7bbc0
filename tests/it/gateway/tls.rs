//! The API behind TLS, with the certificates that the host trusts.

use std::fs;
use std::process::Command;
use std::sync::Arc;

use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::scene::{Scene, ask, error, used};

/// Tells a test in a process of its own where the APIs are.
const VARIABLE: &str = "CORDWAINER_TEST_TLS_PORTS";

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
    let names = vec!["localhost".to_owned()];
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
    let expect = ("api_error".to_owned(), "cordwainer: the API is out of reach".to_owned());
    assert_eq!((status, error(&text)), (502, expect));
}

/// What the API behind TLS at a port answers.
async fn asked(port: &str) -> (u16, String) {
    let scene = Scene::new();
    let gateway = scene.open(&format!("https://localhost:{port}"));
    let answered = scene.ask(&ask(1)).await;
    gateway.close().await;
    answered
}
