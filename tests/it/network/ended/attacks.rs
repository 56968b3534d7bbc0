//! What an agent may try to have the credential, or to have it sent elsewhere.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use cordwainer::network::Denial;
use rustls::pki_types::ServerName;

use super::super::proxy::read_rest;
use super::{PLACEHOLDER, SECRET, Scene, Setting, connector};

#[tokio::test]
async fn a_redirect_goes_to_the_client_and_the_credential_nowhere_else() {
    let scene = Scene::new().await;
    let answer = scene.ask("GET", "/redirect", "").await;
    assert!(answer.starts_with("HTTP/1.1 302 "), "{answer}");
    assert!(
        answer.contains("location: https://other.example/elsewhere\r\n"),
        "{answer}"
    );
    assert_eq!(scene.asked().len(), 1);
    // The other host is reached, and TLS with it does not end here: the gateway's certificate is not shown.
    let other = format!("other.example:{}", scene.server.port());
    let tunnel = scene.proxy.tunnel(&other).await;
    let name = ServerName::try_from("other.example").unwrap();
    let refused = connector(&scene.certificate).connect(name, tunnel).await.unwrap_err();
    assert!(refused.to_string().contains("UnknownIssuer"), "{refused}");
}

#[tokio::test]
async fn a_placeholder_in_plain_http_is_refused() {
    let mut scene = Scene::new().await;
    let other = format!("other.example:{}", scene.server.port());
    let basic = BASE64_STANDARD.encode(format!("agent:{PLACEHOLDER}"));
    for (path, header) in [
        (format!("/?token={PLACEHOLDER}"), String::new()),
        ("/".to_owned(), format!("Authorization: Basic {basic}\r\n")),
        ("/".to_owned(), format!("X-Token: {PLACEHOLDER}\r\n")),
    ] {
        let head = format!("GET http://{other}{path} HTTP/1.1\r\nHost: {other}\r\n{header}Connection: close\r\n\r\n");
        let mut stream = scene.proxy.send(head.as_bytes()).await;
        let answer = String::from_utf8(read_rest(&mut stream).await).unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 403 ") && answer.contains("the placeholder of a credential"),
            "{answer}"
        );
    }
    // The reason is reported once.
    assert_eq!(
        (scene.proxy.denial().await, scene.asked()),
        (Denial::Placeholder, vec![])
    );
    assert_eq!(scene.proxy.egress.counts().denied, 3);
}

#[tokio::test]
async fn requests_that_can_be_read_in_two_ways_are_refused() {
    for (request, why) in [
        (
            "GET https://HOST/echo HTTP/1.1\r\nHost: HOST\r\n\r\n",
            Denial::InnerForm,
        ),
        (
            "GET http://other.example/ HTTP/1.1\r\nHost: other.example\r\n\r\n",
            Denial::InnerForm,
        ),
        ("CONNECT HOST HTTP/1.1\r\nHost: HOST\r\n\r\n", Denial::InnerForm),
        ("GET /echo HTTP/1.1\r\nHost: other.example\r\n\r\n", Denial::HostHeader),
        (
            "GET /echo HTTP/1.1\r\nHost: HOST\r\nHost: other.example\r\n\r\n",
            Denial::HostHeader,
        ),
        ("GET /echo HTTP/1.1\r\nAccept: */*\r\n\r\n", Denial::HostHeader),
        (
            "GET /echo HTTP/1.1\r\nHost: registry.example\r\n\r\n",
            Denial::HostHeader,
        ),
        ("TRACE /echo HTTP/1.1\r\nHost: HOST\r\n\r\n", Denial::Trace),
        (
            "GET /echo HTTP/1.1\r\nHost: HOST\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
            Denial::Upgrade,
        ),
    ] {
        let mut scene = Scene::new().await;
        let request = request.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
        let answer = scene.raw(&request).await;
        scene.check_refused(&answer, why).await;
    }
}

#[tokio::test]
async fn no_request_is_smuggled_behind_another() {
    let hidden = "GET /hidden HTTP/1.1\r\nHost: other.example\r\n\r\n";
    for framing in [
        format!(
            "Content-Length: {}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            5 + hidden.len()
        ),
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n".to_owned(),
        "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n".to_owned(),
        "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n".to_owned(),
        "Content-Length: 0\r\nContent-Length: 5\r\n\r\n".to_owned(),
        "Content-Length: +5\r\n\r\nhello".to_owned(),
        "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n".to_owned(),
        "X: y\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(),
    ] {
        let scene = Scene::new().await;
        let answer = scene
            .raw(&format!("POST /upload HTTP/1.1\r\nHost: HOST\r\n{framing}{hidden}"))
            .await;
        let asked = scene.asked();
        assert!(
            !asked.iter().any(|asked| asked.contains("/hidden")),
            "{framing:?}: {asked:?}"
        );
        // What was passed on had one framing alone.
        for asked in &asked {
            let framings = ["transfer-encoding", "content-length"].map(|name| asked.contains(name));
            assert_ne!(framings, [true, true], "{asked}");
        }
        assert!(!answer.contains(SECRET), "{answer}");
    }
}

#[tokio::test]
async fn tls_asks_for_the_host_of_the_tunnel() {
    for (name, why) in [
        ("other.example", Denial::ServerName),
        ("127.0.0.1", Denial::NoServerName),
    ] {
        let mut scene = Scene::new().await;
        assert!(scene.shake(name).await.is_err());
        assert_eq!(scene.proxy.denial().await, why);
        assert_eq!(scene.server.connections(), 0);
    }
    let mut scene = Scene::new().await;
    let head = format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", scene.authority());
    let mut tunnel = scene.proxy.tunnel(&scene.authority()).await;
    tokio::io::AsyncWriteExt::write_all(&mut tunnel, head.as_bytes())
        .await
        .unwrap();
    let answer = read_rest(&mut tunnel).await;
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    assert_eq!(scene.proxy.denial().await, Denial::NotTls);
}

#[tokio::test]
async fn a_host_that_this_machine_does_not_trust_gets_nothing() {
    let setting = Setting {
        is_trusted: false,
        ..Setting::default()
    };
    let scene = Scene::with(setting).await;
    let answer = scene.ask("GET", "/echo", "").await;
    assert!(
        answer.starts_with("HTTP/1.1 502 ") && answer.contains("does not trust its certificate"),
        "{answer}"
    );
    assert_eq!((scene.asked(), scene.server.connections()), (vec![], 0));
}
