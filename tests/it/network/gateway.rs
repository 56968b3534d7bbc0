//! The egress behind the socket of a whole gateway.

use cordwainer::clock::Clock;
use cordwainer::config::NetworkConfig;
use cordwainer::gateway::egress::{Bounds, Egress, Resolver, Table};
use cordwainer::gateway::{Gateway, Options};
use cordwainer::redact::Redactor;
use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixStream;
use tokio::sync::mpsc::unbounded_channel;

use super::origin::Origin;
use super::proxy::{read_head, read_rest, status};

fn egress(port: u16) -> Egress {
    let network = NetworkConfig {
        allow: [format!("127.0.0.1:{port}").parse().unwrap()].into_iter().collect(),
        ..NetworkConfig::default()
    };
    let (sender, _) = unbounded_channel();
    Egress::new(
        &network,
        Resolver::Table(Table::default()),
        Bounds::default(),
        sender,
        None,
    )
}

#[tokio::test]
async fn a_sealed_container_gets_out_and_no_other() {
    let origin = Origin::patient("answered").await;
    let folder = tempfile::tempdir().unwrap();
    let gateway = Gateway::open(Options {
        folder: folder.path().to_owned(),
        token: "sk-ant-oat01-cordwainer-dummy".to_owned().into(),
        api: None,
        egress: Some(egress(origin.port())),
        seal: Some(Box::new(|_| Ok(()))),
        record: None,
        redactor: Redactor::default(),
        clock: Clock::machine(),
    })
    .unwrap();
    let connect = async || {
        let mut stream = UnixStream::connect(folder.path().join("gateway.sock")).await.unwrap();
        let head = format!(
            "CONNECT 127.0.0.1:{0} HTTP/1.1\r\nHost: 127.0.0.1:{0}\r\n\r\n",
            origin.port()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let head = read_head(&mut stream).await;
        (stream, status(&head))
    };
    assert_eq!((connect().await.1, origin.visits()), (403, 0));

    let mut seal = UnixStream::connect(folder.path().join("gateway.sock")).await.unwrap();
    let request = b"POST /cordwainer/seal HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n";
    seal.write_all(request).await.unwrap();
    assert_eq!(status(&read_head(&mut seal).await), 204);

    let (mut stream, status) = connect().await;
    assert_eq!(status, 200);
    stream.write_all(b"asked").await.unwrap();
    stream.shutdown().await.unwrap();
    assert_eq!(read_rest(&mut stream).await, b"answered");
    assert_eq!(origin.text(), "asked");

    let (mut open, _) = connect().await;
    open.write_all(b"asked").await.unwrap();
    gateway.close().await;
    assert_eq!(read_rest(&mut open).await, b"", "the tunnel ends with the gateway");
}
