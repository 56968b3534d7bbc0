//! What passes: requests in any number and framing, bodies as they come, and the credential in each form.

use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use cordwainer::gateway::egress::Bounds;
use cordwainer::network::Authentication;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::{Request, Response};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::super::proxy::{permitted, read_head, read_rest};
use super::{HOST, PLACEHOLDER, SECRET, Scene, Setting, bounds};

/// Returns the whole body of an answer.
async fn body_of(answer: Response<Incoming>) -> Bytes {
    answer.into_body().collect().await.unwrap().to_bytes()
}

/// Checks which header the host gets, whatever the client sends.
async fn check(authentication: Authentication, sent: &str, expect: &str) {
    let setting = Setting {
        authentication,
        ..Setting::default()
    };
    let scene = Scene::with(setting).await;
    let answer = scene.ask("GET", "/index?a=b%20c", sent).await;
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("got 0"),
        "{answer}"
    );
    let asked = scene.asked();
    let expect = format!(
        "GET /index?a=b%20c\nhost: {}\n{expect}\naccept-encoding: identity\n",
        scene.authority()
    );
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(asked.len(), 1);
    assert_eq!(sorted(&asked[0]), sorted(&expect));
}

#[tokio::test]
async fn the_credential_is_added_in_each_form() {
    let bearer = format!("authorization: Bearer {SECRET}");
    let basic = format!(
        "authorization: Basic {}",
        BASE64_STANDARD.encode(format!("agent:{SECRET}"))
    );
    let placeholder = format!("Authorization: Bearer {PLACEHOLDER}\r\n");
    check(Authentication::Bearer, "", &bearer).await;
    check(Authentication::Bearer, &placeholder, &bearer).await;
    let between = "Connection: authorization, accept-encoding, host\r\n";
    check(Authentication::Bearer, between, &bearer).await;
    check(
        Authentication::Npm,
        "Authorization: Basic mine\r\nCookie: a=b\r\n",
        &bearer,
    )
    .await;
    check(Authentication::Basic("agent".to_owned()), "", &basic).await;
    let shown = BASE64_STANDARD.encode(format!("agent:{PLACEHOLDER}"));
    check(
        Authentication::Pip("agent".to_owned()),
        &format!("Authorization: Basic {shown}\r\nAccept-Encoding: gzip\r\nRange: bytes=0-3\r\n"),
        &basic,
    )
    .await;
    check(
        Authentication::Cargo("own".to_owned()),
        &format!("Authorization: {PLACEHOLDER}\r\n"),
        &format!("authorization: {SECRET}"),
    )
    .await;
    check(
        Authentication::Header("Private-Token".to_owned()),
        "private-token: mine\r\n",
        &format!("private-token: {SECRET}"),
    )
    .await;
}

#[tokio::test]
async fn many_requests_pass_on_one_tunnel_and_one_connection() {
    let mut scene = Scene::new().await;
    let mut client = scene.client().await;
    for turn in 0..50 {
        let body = Bytes::from(vec![b'x'; turn * 1000]);
        let request = Request::put("/upload")
            .header("host", scene.authority())
            .body(Full::new(body))
            .unwrap();
        let response = client.send_request(request).await.unwrap();
        assert_eq!(response.status(), 200);
        let answer = body_of(response).await;
        assert_eq!(answer, format!("got {}", turn * 1000));
        client.ready().await.unwrap();
    }
    assert_eq!((scene.asked().len(), scene.server.connections()), (50, 1));
    assert_eq!(scene.proxy.event().await, permitted(HOST, scene.server.port()));
    // A host that closes its connection is connected to again, on the same tunnel.
    for expect in ["closed", "got 0"] {
        let path = if expect == "closed" { "/close" } else { "/next" };
        let request = Request::get(path)
            .header("host", scene.authority())
            .body(Full::default())
            .unwrap();
        let response = client.send_request(request).await.unwrap();
        let answer = body_of(response).await;
        assert_eq!(answer, expect);
        client.ready().await.unwrap();
    }
    assert_eq!(scene.server.connections(), 2);
}

#[tokio::test]
async fn bodies_pass_whole_however_they_are_framed() {
    let scene = Scene::new().await;
    let head = "POST /upload HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n";
    for (framing, expect) in [
        ("Content-Length: 4\r\n\r\nbody", "got 4"),
        (
            "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n3\r\nand\r\n0\r\n\r\n",
            "got 7",
        ),
        ("Content-Length: 0\r\n\r\n", "got 0"),
    ] {
        let answer = scene.raw(&format!("{head}{framing}")).await;
        assert!(answer.contains(expect), "{answer}");
    }
    let head = scene.ask("HEAD", "/large", "").await;
    assert!(head.contains(&format!("content-length: {}\r\n", 32 << 20)), "{head}");
}

#[tokio::test]
async fn a_client_that_waits_to_be_asked_for_its_body_is_asked() {
    let scene = Scene::new().await;
    let mut stream = scene.shake(HOST).await.unwrap();
    let head = format!(
        "PUT /upload HTTP/1.1\r\nHost: {}\r\nExpect: 100-continue\r\nContent-Length: 4\r\nConnection: close\r\n\r\n",
        scene.authority()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(read_head(&mut stream).await, "HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"body").await.unwrap();
    let answer = String::from_utf8(read_rest(&mut stream).await).unwrap();
    assert!(answer.contains("got 4"), "{answer}");
    assert!(!scene.asked()[0].contains("expect"), "{:?}", scene.asked());
}

#[tokio::test]
async fn large_bodies_pass_both_ways_and_nobody_holds_them() {
    let scene = Scene::new().await;
    let mut client = scene.client().await;
    let body = Full::new(Bytes::from(vec![b'x'; 32 << 20]));
    let request = Request::put("/upload")
        .header("host", scene.authority())
        .body(body)
        .unwrap();
    let answer = body_of(client.send_request(request).await.unwrap()).await;
    assert_eq!(answer, format!("got {}", 32 << 20));
    client.ready().await.unwrap();
    let request = Request::get("/large")
        .header("host", scene.authority())
        .body(Full::default())
        .unwrap();
    let answer = body_of(client.send_request(request).await.unwrap()).await;
    assert_eq!(answer.len(), 32 << 20);
    // An answer before the body has been read comes at once.
    let mut stream = scene.shake(HOST).await.unwrap();
    let head = format!(
        "PUT /early HTTP/1.1\r\nHost: {}\r\nContent-Length: 1000000\r\n\r\nfirst",
        scene.authority()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let head = read_head(&mut stream).await;
    assert!(head.starts_with("HTTP/1.1 413 "), "{head}");
}

#[tokio::test]
async fn a_tunnel_without_a_byte_ends() {
    let setting = Setting {
        bounds: Bounds {
            idle: Duration::from_millis(300),
            ..bounds()
        },
        ..Setting::default()
    };
    let scene = Scene::with(setting).await;
    let mut stream = scene.shake(HOST).await.unwrap();
    let mut byte = [0];
    assert_eq!(stream.read(&mut byte).await.unwrap_or(0), 0);
    let tunnel = &mut scene.proxy.tunnel(&scene.authority()).await;
    scene.proxy.egress.close();
    assert_eq!(read_rest(tunnel).await, b"");
}
