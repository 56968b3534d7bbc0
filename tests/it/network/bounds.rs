//! What a container cannot take more of, and how long it cannot hold it.

use std::time::Duration;

use cordwainer::gateway::egress::{Bounds, EgressEvent, Outcome};
use cordwainer::network::Denial;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::origin::{Origin, client_hello};
use super::proxy::{Proxy, bounds, permitted, read_head, read_rest, status};

const SHORT: Duration = Duration::from_millis(600);

/// An origin, a proxy that allows its address alone, and a tunnel to it in which nothing was said yet.
async fn begun(bounds: Bounds) -> (Origin, Proxy, TcpStream) {
    let origin = Origin::patient("").await;
    let authority = format!("127.0.0.1:{}", origin.port());
    let proxy = Proxy::start(std::slice::from_ref(&authority), &[], bounds).await;
    let tunnel = proxy.tunnel(&authority).await;
    (origin, proxy, tunnel)
}

/// Requests a tunnel beyond those that there may be, until it is told that it waits; returns its authority and connection.
async fn one_waits(origin: &Origin, proxy: &mut Proxy) -> (String, TcpStream) {
    let authority = format!("127.0.0.1:{}", origin.port());
    let head = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n");
    let waiting = proxy.send(head.as_bytes()).await;
    assert_eq!(proxy.event().await, permitted("127.0.0.1", origin.port()));
    assert_eq!(proxy.event().await, EgressEvent::Waited);
    (authority, waiting)
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
async fn a_tunnel_waits_for_a_place_and_that_is_told_once() {
    let bounds = Bounds {
        connections: 2,
        ..bounds()
    };
    let (origin, mut proxy, mut first) = begun(bounds).await;
    let authority = format!("127.0.0.1:{}", origin.port());
    let mut second = proxy.tunnel(&authority).await;
    let head = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n");
    let (mut third, mut fourth) = (proxy.send(head.as_bytes()).await, proxy.send(head.as_bytes()).await);
    assert_eq!(proxy.event().await, permitted("127.0.0.1", origin.port()));
    assert_eq!(proxy.event().await, EgressEvent::Waited);
    assert_eq!(origin.visits(), 2);
    for ending in [&mut first, &mut second] {
        ending.shutdown().await.unwrap();
    }
    for waiting in [&mut third, &mut fourth] {
        assert_eq!(status(&read_head(waiting).await), 200);
    }
    assert_eq!(proxy.pending(), []);
}

/// npm opens more tunnels than there may be, and uses each of them in turn.
#[tokio::test]
async fn two_hundred_tunnels_all_get_through() {
    let origin = Origin::patient("done").await;
    let authority = format!("127.0.0.1:{}", origin.port());
    let proxy = Proxy::start(std::slice::from_ref(&authority), &[], bounds()).await;
    let use_one = async || {
        let mut tunnel = proxy.tunnel(&authority).await;
        tunnel.write_all(b"x").await.unwrap();
        tunnel.shutdown().await.unwrap();
        read_rest(&mut tunnel).await
    };
    let answers = futures_util::future::join_all((0..200).map(|_| use_one())).await;
    assert!(answers.iter().all(|answer| answer == b"done"));
    assert_eq!((origin.visits(), origin.received().len()), (200, 200));
}

#[tokio::test]
async fn the_queue_has_an_end_and_the_wait_too() {
    let bounds = Bounds {
        connections: 1,
        waiting: 1,
        wait: SHORT,
        ..bounds()
    };
    let (origin, mut proxy, _first) = begun(bounds).await;
    let (authority, mut waiting) = one_waits(&origin, &mut proxy).await;
    assert_eq!(proxy.connect(&authority).await.1, 503, "the queue is full");
    assert_eq!(proxy.denial().await, Denial::Busy);
    assert_eq!(status(&read_head(&mut waiting).await), 503, "the wait has an end");
    assert_eq!(origin.visits(), 1);
}

#[tokio::test]
async fn who_waits_is_let_go_with_the_egress() {
    let bounds = Bounds {
        connections: 1,
        ..bounds()
    };
    let (origin, mut proxy, _first) = begun(bounds).await;
    let (_, mut waiting) = one_waits(&origin, &mut proxy).await;
    proxy.egress.close();
    assert_eq!(status(&read_head(&mut waiting).await), 503);
}

/// Clients keep connections for later: those in which nothing moves make room for others.
#[tokio::test]
async fn a_tunnel_in_which_nothing_moves_makes_room_for_who_waits() {
    let bounds = Bounds {
        connections: 1,
        idle_when_wanted: SHORT,
        ..bounds()
    };
    let (origin, proxy, mut first) = begun(bounds).await;
    let authority = format!("127.0.0.1:{}", origin.port());
    first.write_all(b"kept for later").await.unwrap();
    assert_eq!(proxy.connect(&authority).await.1, 200);
    assert_eq!(read_rest(&mut first).await, b"");
}

#[tokio::test]
async fn each_connection_is_told_with_its_bytes_when_it_has_ended() {
    let origin = Origin::patient("four").await;
    let authority = format!("127.0.0.1:{}", origin.port());
    let mut proxy = Proxy::start(std::slice::from_ref(&authority), &[], bounds()).await;
    let mut tunnel = proxy.tunnel(&authority).await;
    tunnel.write_all(b"seven b").await.unwrap();
    tunnel.shutdown().await.unwrap();
    read_rest(&mut tunnel).await;
    let ended = proxy.ended().await;
    assert_eq!((ended.host.as_str(), ended.port), ("127.0.0.1", Some(origin.port())));
    assert_eq!((ended.sent, ended.received, ended.outcome), (7, 4, Outcome::Allowed));

    let head = "GET http://evil.example/a%20b?token=x HTTP/1.1\r\nHost: evil.example\r\n\r\n";
    read_head(&mut proxy.send(head.as_bytes()).await).await;
    let ended = proxy.ended().await;
    assert_eq!(ended.outcome, Outcome::Refused(Denial::NotAllowed));
    let request = (ended.method.as_deref(), ended.path.as_deref());
    assert_eq!(request, (Some("GET"), Some("/a%20b")));
    let head = "GET http://user@evil.example/?token=x HTTP/1.1\r\nHost: evil.example\r\n\r\n";
    read_head(&mut proxy.send(head.as_bytes()).await).await;
    let ended = proxy.ended().await;
    assert!(!ended.host.contains("token"), "{}", ended.host);
}

#[tokio::test]
async fn no_more_than_a_thousand_ends_are_told_one_by_one() {
    let proxy = Proxy::start(&[], &[], bounds()).await;
    for _ in 0..1010 {
        assert_eq!(proxy.connect("evil.example:443").await.1, 403);
    }
    let told = proxy.end().await;
    let ends = told.iter().filter(|event| matches!(event, EgressEvent::Ended(_)));
    assert_eq!(ends.count(), 1000);
    assert_eq!(told.last(), Some(&EgressEvent::NotTold(10)));
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
