//! Servers on loopback that stand for the outside.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// A server that keeps what it was sent, and how often somebody came.
pub(super) struct Origin {
    pub(super) address: SocketAddr,
    visits: Arc<AtomicUsize>,
    received: Arc<Mutex<Vec<u8>>>,
}

impl Origin {
    /// Answers as soon as `enough` bytes are there, or at their end; `greeting` comes before.
    async fn on(host: &str, port: u16, greeting: &'static str, answer: &'static str, enough: usize) -> Self {
        let listener = TcpListener::bind((host, port)).await.unwrap();
        let origin = Self {
            address: listener.local_addr().unwrap(),
            visits: Arc::default(),
            received: Arc::default(),
        };
        let (visits, received) = (Arc::clone(&origin.visits), Arc::clone(&origin.received));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                visits.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(visit(stream, Arc::clone(&received), greeting, answer, enough));
            }
        });
        origin
    }

    /// Reads to the end, and then answers.
    pub(super) async fn patient(answer: &'static str) -> Self {
        Self::on("127.0.0.1", 0, "", answer, usize::MAX).await
    }

    /// Speaks first, and then reads to the end.
    pub(super) async fn greeting(greeting: &'static str) -> Self {
        Self::on("127.0.0.1", 0, greeting, "", usize::MAX).await
    }

    /// Answers one request without a body, or with one of which `more` bytes are known.
    pub(super) async fn http(answer: &'static str, more: usize) -> Self {
        Self::on("127.0.0.1", 0, "", answer, more).await
    }

    /// Waits as [`Origin::patient`] does, at another address of loopback and the port of this one.
    pub(super) async fn neighbour(&self, host: &str) -> Self {
        Self::on(host, self.address.port(), "", "", usize::MAX).await
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    /// How many connections came.
    pub(super) fn visits(&self) -> usize {
        self.visits.load(Ordering::SeqCst)
    }

    /// All that was sent here.
    pub(super) fn received(&self) -> Vec<u8> {
        self.received.lock().unwrap().clone()
    }

    /// All that was sent here, as text.
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.received()).unwrap()
    }
}

async fn visit(
    mut stream: TcpStream,
    received: Arc<Mutex<Vec<u8>>>,
    greeting: &'static str,
    answer: &'static str,
    enough: usize,
) {
    stream.write_all(greeting.as_bytes()).await.unwrap();
    let mut own = Vec::new();
    let mut buffer = vec![0; 64 << 10];
    while !is_enough(&own, enough) {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(count) => {
                own.extend_from_slice(&buffer[..count]);
                received.lock().unwrap().extend_from_slice(&buffer[..count]);
            }
        }
    }
    // The client may be gone.
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

/// Whether a head is there, and so many bytes behind it.
fn is_enough(bytes: &[u8], enough: usize) -> bool {
    let head_end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
    head_end.is_some_and(|end| bytes.len() - end - 4 >= enough)
}

/// A server of TLS that sends back what it gets, and ends when the client has ended.
pub(super) struct TlsOrigin {
    pub(super) address: SocketAddr,
    roots: Arc<RootCertStore>,
}

impl TlsOrigin {
    pub(super) async fn start(names: &[&str]) -> Self {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).unwrap();
        let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key.into())
            .unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(cert.der().clone()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(echo(listener, TlsAcceptor::from(Arc::new(config))));
        Self {
            address,
            roots: Arc::new(roots),
        }
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Shakes hands over a tunnel, asking for `name`.
    pub(super) async fn shake(&self, tunnel: TcpStream, name: &str) -> std::io::Result<TlsStream<TcpStream>> {
        let config = ClientConfig::builder()
            .with_root_certificates(Arc::clone(&self.roots))
            .with_no_client_auth();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, tunnel).await
    }
}

async fn echo(listener: TcpListener, acceptor: TlsAcceptor) {
    while let Ok((stream, _)) = listener.accept().await {
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else {
                return;
            };
            let (mut reader, mut writer) = tokio::io::split(stream);
            // The client may be gone.
            let _ = tokio::io::copy(&mut reader, &mut writer).await;
            let _ = writer.shutdown().await;
        });
    }
}

/// The first message of a real client that asks for `name`.
pub(super) fn client_hello(name: &str) -> Vec<u8> {
    let config = ClientConfig::builder()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut client = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
    let mut bytes = Vec::new();
    client.write_tls(&mut bytes).unwrap();
    bytes
}
