//! Who is let in, where to, and when.

use std::sync::{Arc, Mutex};

use cordwainer::budget::Allowance;
use cordwainer::gateway::{Gateway, GatewayEvent};
use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;

use super::scene::{self, Scene, TOKEN, ask, error, message, read, request, secret, serve, used};

/// An API that notes what it is asked for.
async fn noting() -> (String, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&asked);
    let url = serve(move |request| {
        noted
            .lock()
            .unwrap()
            .push(format!("{} {}", request.method(), request.uri()));
        async { used(1, 1) }
    })
    .await;
    (url, asked)
}

#[tokio::test]
async fn only_the_token_of_the_call_is_let_through() {
    let (one, other) = (Scene::new(), Scene::new());
    let (url, asked) = noting().await;
    let gateway = one.open(&url);
    let mut options = other.options(&url, Allowance::default());
    options.token = secret("sk-ant-oat01-cordwainer-of-another-call");
    let gateway_of_other = Gateway::open(options).unwrap();
    let with_key = |key: &str| {
        let mut request = request("POST", "/v1/messages", None, &ask(1).to_string());
        request.headers_mut().insert("x-api-key", key.parse().unwrap());
        request
    };
    for refused in [
        request("POST", "/v1/messages", None, "{}"),
        request("POST", "/v1/messages", Some(""), "{}"),
        request(
            "POST",
            "/v1/messages",
            Some("sk-ant-oat01-cordwainer-of-another-call"),
            "{}",
        ),
        with_key(scene::REAL),
    ] {
        let (status, text) = read(one.send(refused).await).await;
        assert_eq!(
            (status, error(&text).0.as_str()),
            (401, "authentication_error"),
            "{text}"
        );
        assert!(!text.contains(TOKEN), "{text}");
    }
    let (status, _) = read(other.send(message(&ask(1))).await).await;
    assert_eq!(status, 401);
    assert_eq!(*asked.lock().unwrap(), Vec::<String>::new());
    assert_eq!(read(one.send(with_key(TOKEN)).await).await.0, 200);
    assert_eq!(one.ask(&ask(1)).await.0, 200);
    assert_eq!(gateway.close().await.refused, 4);
    assert_eq!(gateway_of_other.close().await.refused, 1);
}

#[tokio::test]
async fn only_what_is_metered_or_free_is_reached() {
    let scene = Scene::new();
    let (url, asked) = noting().await;
    // An API with a path in front.
    let gateway = scene.open(&format!("{url}/prefix/"));
    for (method, path) in [
        ("POST", "/v1/messages?beta=true"),
        ("POST", "/v1/messages/count_tokens?beta=true"),
        ("GET", "/v1/models"),
        ("GET", "/v1/models/claude-opus-5-5"),
    ] {
        let answered = scene
            .send(request(method, path, Some(TOKEN), &ask(1).to_string()))
            .await;
        assert_eq!(answered.status(), 200, "{method} {path}");
    }
    let expect = [
        "POST /prefix/v1/messages?beta=true",
        "POST /prefix/v1/messages/count_tokens?beta=true",
        "GET /prefix/v1/models",
        "GET /prefix/v1/models/claude-opus-5-5",
    ];
    assert_eq!(*asked.lock().unwrap(), expect);
    for (method, path) in [
        ("GET", "/"),
        ("POST", "/v1/messages/batches"),
        ("GET", "/v1/files"),
        ("POST", "/v1/../admin"),
        ("GET", "/v1/models/../files"),
        ("GET", "/v1/models/%2e%2e/files"),
        ("GET", "/v1/models/..%2ffiles"),
        ("GET", "/v1/models/a%5c..%5cfiles"),
        ("POST", "/v1/messages%00"),
        ("POST", "//v1/messages"),
        ("POST", "/prefix/v1/messages"),
        ("DELETE", "/v1/models/claude-opus-5-5"),
        ("GET", "/cordwainer/seal"),
        ("OPTIONS", "*"),
    ] {
        let (status, text) = read(scene.send(request(method, path, Some(TOKEN), "")).await).await;
        assert_eq!(
            (status, error(&text).0.as_str()),
            (404, "not_found_error"),
            "{method} {path}"
        );
    }
    for refused in [
        request("CONNECT", "api.anthropic.com:443", Some(TOKEN), ""),
        request("GET", &format!("{url}/v1/models"), Some(TOKEN), ""),
        request("POST", &format!("{url}/cordwainer/seal"), Some(TOKEN), ""),
    ] {
        let asked = format!("{} {}", refused.method(), refused.uri());
        assert_eq!(scene.send(refused).await.status(), 403, "{asked}");
    }
    assert_eq!(scene.send(request("HEAD", "/", None, "")).await.status(), 200);
    assert_eq!(asked.lock().unwrap().len(), expect.len());
    gateway.close().await;
}

#[tokio::test]
async fn without_an_api_there_is_none() {
    let scene = Scene::new();
    let mut options = scene.options("http://127.0.0.1:1", Allowance::default());
    options.api = None;
    let gateway = Gateway::open(options).unwrap();
    let (status, text) = scene.ask(&ask(1)).await;
    assert_eq!((status, error(&text).0.as_str()), (403, "permission_error"));
    gateway.close().await;
}

fn seal(facts: &str) -> Request<Full<Bytes>> {
    request("POST", "/cordwainer/seal", None, facts)
}

/// A gateway that seals a container which says so.
fn sealing(scene: &Scene, url: &str) -> (Gateway, Arc<Mutex<Vec<String>>>) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&heard);
    let mut options = scene.options(url, Allowance::default());
    options.seal = Some(Box::new(move |facts| {
        noted.lock().unwrap().push(facts.to_owned());
        if facts.starts_with("== good") {
            Ok(())
        } else {
            Err("the network has more than loopback".to_owned())
        }
    }));
    (Gateway::open(options).unwrap(), heard)
}

#[tokio::test]
async fn nothing_is_answered_before_the_seal() {
    let scene = Scene::new();
    let (url, asked) = noting().await;
    let (mut gateway, heard) = sealing(&scene, &url);
    for early in [
        message(&ask(1)),
        request("HEAD", "/", None, ""),
        request("CONNECT", "api.anthropic.com:443", None, ""),
        request("GET", "/cordwainer/seal", None, ""),
    ] {
        assert_eq!(scene.send(early).await.status(), 403);
    }
    let facts = format!("== good\nCapEff: 0\n{}", "x".repeat(100_000));
    let (status, text) = read(scene.send(seal(&facts)).await).await;
    assert_eq!((status, text.as_str()), (204, ""));
    assert_eq!(*heard.lock().unwrap(), [facts]);
    assert_eq!(scene.ask(&ask(1)).await.0, 200);
    assert_eq!(scene.send(seal("== good")).await.status(), 409);
    assert_eq!(scene.ask(&ask(1)).await.0, 200);
    assert_eq!((heard.lock().unwrap().len(), asked.lock().unwrap().len()), (1, 2));
    let mut events = Vec::new();
    for _ in 0..5 {
        events.push(gateway.next_event().await);
    }
    assert_eq!(events[4], GatewayEvent::Sealed, "{events:?}");
    gateway.close().await;
}

#[tokio::test]
async fn a_container_that_is_refused_stays_so() {
    let scene = Scene::new();
    let (url, asked) = noting().await;
    let (mut gateway, heard) = sealing(&scene, &url);
    let (status, text) = read(scene.send(seal("== bad")).await).await;
    assert_eq!((status, text.as_str()), (403, "the network has more than loopback"));
    assert_eq!(gateway.next_event().await, GatewayEvent::SealRefused(text));
    assert_eq!(scene.send(seal("== good")).await.status(), 409);
    assert_eq!(scene.ask(&ask(1)).await.0, 403);
    assert_eq!((heard.lock().unwrap().len(), asked.lock().unwrap().len()), (1, 0));
    gateway.close().await;
}

#[tokio::test]
async fn an_accepted_container_waits_for_what_it_needs_and_a_refused_one_does_not() {
    let (waiting, refused) = (Scene::new(), Scene::new());
    let (mut gateway, _) = sealing(&waiting, "http://127.0.0.1:1");
    gateway.hold_seal();
    let mut answer = Box::pin(waiting.send(seal("== good")));
    tokio::select! {
        answer = &mut answer => panic!("{}", answer.status()),
        event = gateway.next_event() => panic!("{event:?}"),
        () = tokio::time::sleep(std::time::Duration::from_millis(300)) => {}
    }
    gateway.release_seal();
    assert_eq!(answer.await.status(), 204);
    assert_eq!(gateway.next_event().await, GatewayEvent::Sealed);
    gateway.close().await;
    let (gateway, _) = sealing(&refused, "http://127.0.0.1:1");
    gateway.hold_seal();
    assert_eq!(refused.send(seal("== bad")).await.status(), 403);
    gateway.close().await;
}

#[tokio::test]
async fn facts_are_bounded() {
    let scene = Scene::new();
    let (gateway, heard) = sealing(&scene, "http://127.0.0.1:1");
    let (status, text) = read(scene.send(seal(&"x".repeat((1 << 20) + 1))).await).await;
    assert_eq!((status, error(&text).0.as_str()), (413, "request_too_large"));
    assert_eq!(heard.lock().unwrap().len(), 0);
    assert_eq!(scene.send(seal("== good")).await.status(), 204);
    gateway.close().await;
}

#[tokio::test]
async fn an_end_of_input_before_the_answer_is_no_end() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let scene = Scene::new();
    let (gateway, _) = sealing(&scene, "http://127.0.0.1:1");
    let mut stream = tokio::net::UnixStream::connect(scene.socket()).await.unwrap();
    let head = "POST /cordwainer/seal HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 7\r\n\r\n== good";
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
    gateway.close().await;
}
