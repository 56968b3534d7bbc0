//! What a container cannot take more of, and how long it cannot hold it.

use std::time::Duration;

use cordwainer::gateway::egress::Bounds;
use cordwainer::network::Denial;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::origin::{Origin, client_hello};
use super::proxy::{Proxy, bounds, read_rest};

const SHORT: Duration = Duration::from_millis(600);

/// An origin, a proxy that allows its address alone, and a tunnel to it in which nothing was said yet.
async fn begun(bounds: Bounds) -> (Origin, Proxy, TcpStream) {
    let origin = Origin::patient("").await;
    let authority = format!("127.0.0.1:{}", origin.port());
    let proxy = Proxy::start(std::slice::from_ref(&authority), &[], bounds).await;
    let tunnel = proxy.tunnel(&authority).await;
    (origin, proxy, tunnel)
}

/// Bounds of which one is short.
fn short_hello() -> Bounds {
    Bounds {
        hello: SHORT,
        ..bounds()
    }
}

fn short_idle() -> Bounds {
    Bounds {
        idle: SHORT,
        ..bounds()
    }
}

#[tokio::test]
async fn a_tunnel_that_begins_with_nothing_is_ended() {
    let (_, mut proxy, mut tunnel) = begun(short_hello()).await;
    assert_eq!(read_rest(&mut tunnel).await, b"");
    assert_eq!(proxy.denial().await, Denial::Silent);
}

#[tokio::test]
async fn a_hello_that_drips_is_ended() {
    let (origin, mut proxy, mut tunnel) = begun(short_hello()).await;
    for byte in client_hello("tools.example").iter().cycle() {
        if tunnel.write_all(&[*byte]).await.is_err() {
            break;
        }
        sleep(SHORT / 10).await;
    }
    assert_eq!(proxy.denial().await, Denial::Silent);
    assert_eq!(origin.received(), b"");
}

#[tokio::test]
async fn a_tunnel_in_which_nothing_moves_is_ended() {
    let (origin, _proxy, mut tunnel) = begun(short_idle()).await;
    let since = tokio::time::Instant::now();
    for _ in 0..6 {
        tunnel.write_all(b"still here").await.unwrap();
        sleep(SHORT / 3).await;
    }
    assert!(since.elapsed() > SHORT);
    tunnel.write_all(b".").await.expect("it moved all the time");
    assert_eq!(read_rest(&mut tunnel).await, b"");
    assert_eq!(origin.received().len(), 61);
}

#[tokio::test]
async fn a_forwarded_answer_that_never_comes_is_ended() {
    let (origin, proxy, _) = begun(short_idle()).await;
    let host = format!("127.0.0.1:{}", origin.port());
    let head = format!("GET http://{host}/ HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    let mut stream = proxy.send(head.as_bytes()).await;
    assert!(read_rest(&mut stream).await.starts_with(b"HTTP/1.1 502"));
}

#[tokio::test]
async fn there_are_no_more_tunnels_than_there_may_be() {
    let bounds = Bounds {
        connections: 2,
        ..bounds()
    };
    let (origin, proxy, mut first) = begun(bounds).await;
    let authority = format!("127.0.0.1:{}", origin.port());
    let _second = proxy.tunnel(&authority).await;
    assert_eq!(proxy.connect(&authority).await.1, 503);
    first.write_all(b"x").await.unwrap();
    first.shutdown().await.unwrap();
    read_rest(&mut first).await;
    // Its place is given back a moment after its last byte.
    let again = async { while proxy.connect(&authority).await.1 == 503 {} };
    let given_back = tokio::time::timeout(Duration::from_secs(20), again).await;
    given_back.expect("a place is given back");
}

#[tokio::test]
async fn tunnels_end_with_their_egress() {
    let (_, proxy, mut tunnel) = begun(bounds()).await;
    tunnel.write_all(b"begun").await.unwrap();
    proxy.stop();
    assert_eq!(read_rest(&mut tunnel).await, b"");
}

#[tokio::test]
async fn a_closed_egress_carries_nothing() {
    let (origin, proxy, mut before) = begun(bounds()).await;
    before.write_all(b"begun").await.unwrap();
    proxy.egress.close();
    assert_eq!(read_rest(&mut before).await, b"");
    assert_eq!(proxy.connect(&format!("127.0.0.1:{}", origin.port())).await.1, 503);
}

#[tokio::test]
async fn a_flood_of_denials_is_counted_and_not_told() {
    let mut proxy = Proxy::start(&[], &[], bounds()).await;
    for number in 0..150 {
        let (_, status) = proxy.connect(&format!("h{number}.example:443")).await;
        assert_eq!(status, 403);
        assert_eq!(proxy.connect("same.example:443").await.1, 403);
    }
    assert_eq!((proxy.pending().len(), proxy.egress.counts().denied), (100, 300));
}
