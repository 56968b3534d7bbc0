//! Connections to the API are used again, as long as they can be.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::scene::{END, START, Scene, ask};

/// What the API answers: with a length, in chunks, and in chunks with the connection's end announced.
fn answers() -> [String; 3] {
    let (document, events) = (
        r#"{"model":"m","usage":{"input_tokens":1,"output_tokens":1}}"#,
        format!("{START}{END}"),
    );
    let chunked = format!(
        "transfer-encoding: chunked\r\n\r\n{:x}\r\n{events}\r\n0\r\n\r\n",
        events.len()
    );
    let stream = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n";
    let length = document.len();
    [
        format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{document}"),
        format!("{stream}{chunked}"),
        format!("{stream}connection: close\r\n{chunked}"),
    ]
}

/// An API of one answer, which closes each connection after so many; its base URL, how many connections it had, and
/// word of each that it closed.
async fn api(answer: String, each: usize) -> (String, Arc<AtomicUsize>, UnboundedReceiver<()>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    let (tell, closed) = unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let (answer, tell) = (answer.clone(), tell.clone());
            tokio::spawn(async move {
                serve(stream, answer, each).await;
                // The test may have ended.
                let _ = tell.send(());
            });
        }
    });
    (url, connections, closed)
}

async fn serve(mut stream: TcpStream, answer: String, each: usize) {
    for _ in 0..each {
        let mut request = Vec::new();
        while !request.ends_with(b"}") {
            if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
                return;
            }
        }
        let text = String::from_utf8(request).unwrap();
        assert!(text.starts_with("POST /v1/messages?beta=true HTTP/1.1\r\n"), "{text}");
        assert_eq!(text.matches("\r\nhost: 127.0.0.1:").count(), 1, "{text}");
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}

/// How many connections the API sees for three requests, one after the other.
async fn check(answer: &str, each: usize, expect: usize) {
    let scene = Scene::new();
    let (url, connections, mut closed) = api(answer.to_owned(), each).await;
    let mut gateway = scene.open(&url);
    for number in 1..=3 {
        assert_eq!(scene.ask(&ask(100)).await.0, 200, "{answer}");
        // It is told when the answer, and with it the connection, is done with.
        while !matches!(
            gateway.next_event().await,
            cordwainer::gateway::GatewayEvent::Answered(_)
        ) {}
        if number % each == 0 {
            closed.recv().await.unwrap();
        }
    }
    assert_eq!(connections.load(Ordering::SeqCst), expect, "{answer}");
    assert_eq!(gateway.close().await.metered.answers, 3);
}

#[tokio::test]
async fn a_connection_is_used_again_until_the_api_closes_it() {
    let [document, stream, last] = answers();
    for answer in [document, stream] {
        check(&answer, usize::MAX, 1).await;
        check(&answer, 2, 2).await;
        check(&answer, 1, 3).await;
    }
    check(&last, usize::MAX, 3).await;
}
