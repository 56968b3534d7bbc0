//! What a container may take of a gateway, and that another one's does not notice.

use cordwainer::gateway::GatewayEvent;
use http_body_util::BodyExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::sync::mpsc;

use super::scene::{END, START, Scene, TOKEN, ask, message, request, serve, stream, used};

/// As many connections as a gateway has room for.
const CONNECTIONS: usize = 64;

#[tokio::test]
async fn further_connections_wait_and_other_gateways_do_not() {
    let (flooded, other) = (Scene::new(), Scene::new());
    let (to_test, mut senders) = mpsc::unbounded_channel();
    let url = serve(move |_| {
        let (sender, answer) = stream();
        to_test.send(sender).unwrap();
        async move { answer }
    })
    .await;
    let (gateway, gateway_of_other) = (flooded.open(&url), other.open(&url));
    let mut answer = other.send(message(&ask(10))).await.into_body();
    let mut sender = senders.recv().await.unwrap();

    let mut held = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut stream = UnixStream::connect(flooded.socket()).await.unwrap();
        stream.write_all(b"HEAD / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let mut first = [0; 15];
        stream.read_exact(&mut first).await.unwrap();
        assert_eq!(&first, b"HTTP/1.1 200 OK");
        held.push(stream);
    }
    let mut waiting = Box::pin(flooded.send(request("HEAD", "/", None, "")));
    let mut beyond = Vec::new();
    for _ in 0..100 {
        let mut stream = UnixStream::connect(flooded.socket()).await.unwrap();
        stream.write_all(&[b'x'; 1000]).await.unwrap();
        beyond.push(stream);
    }
    for part in [START, END] {
        sender.send_data(part.into()).await.unwrap();
        let frame = answer.frame().await.unwrap().unwrap();
        assert_eq!(frame.data_ref().unwrap(), part);
        assert!(futures_util::poll!(waiting.as_mut()).is_pending());
    }
    // Those that wait are served in turn, and none is dropped.
    drop((held, beyond));
    assert_eq!(waiting.await.status(), 200);
    gateway.close().await;
    gateway_of_other.close().await;
}

#[tokio::test]
async fn long_heads_and_long_bodies_are_refused() {
    let scene = Scene::new();
    let url = serve(|_| async { used(1, 1) }).await;
    let gateway = scene.open(&url);
    let mut long = request("HEAD", "/", None, "");
    long.headers_mut()
        .insert("x-long", "x".repeat(65 << 10).parse().unwrap());
    assert_eq!(scene.send(long).await.status(), 431);
    // What says how long it is, is refused before it comes.
    let mut stream = UnixStream::connect(scene.socket()).await.unwrap();
    let head = format!(
        "POST /v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: {TOKEN}\r\ncontent-length: {}\r\n\r\n",
        (64 << 20) + 1
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 413");
    assert_eq!(scene.ask(&ask(1)).await.0, 200);
    gateway.close().await;
}

#[tokio::test]
async fn a_flood_of_refusals_is_told_in_short_and_counted() {
    let scene = Scene::new();
    let mut gateway = scene.open("http://127.0.0.1:1");
    for number in 0..200 {
        let path = format!("/number-{number}");
        assert_eq!(scene.send(request("GET", &path, None, "")).await.status(), 404);
    }
    let first = gateway.next_event().await;
    assert!(
        matches!(&first, GatewayEvent::Refused { what } if what.starts_with("GET /number-0: ")),
        "{first:?}"
    );
    let closed = gateway.close().await;
    assert_eq!(closed.refused, 200);
    assert!((1..100).contains(&closed.events.len()), "{}", closed.events.len());
}
