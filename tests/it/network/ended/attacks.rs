//! What an agent may try to have the credential, or to have it sent elsewhere.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use cordwainer::network::{Denial, PathError};
use rustls::pki_types::ServerName;

use super::super::proxy::read_rest;
use super::{NARROW, PLACEHOLDER, SECRET, Scene, Setting, connector};

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

#[tokio::test]
async fn no_path_or_method_goes_around_those_of_a_credential() {
    let paths = || Setting {
        methods: &["GET"],
        paths: &["/own/**"],
        ..Setting::default()
    };
    for request in [
        "GET /other",
        "GET /own",
        "GET /Own/a",
        "GET //own/a",
        "GET /own/../other",
        "GET /own/%2e%2e/other",
        "GET /own%2f..%2fother",
        "GET /own/..%2fother",
        "GET /own/..;/other",
        "GET /own/%252e%252e/other",
        "GET /own/a\\..\\..\\other",
        "GET /other?x=/own/",
        "POST /own/a",
        "DELETE /own/a",
    ] {
        let mut scene = Scene::with(paths()).await;
        let (method, path) = request.split_once(' ').unwrap();
        let answer = scene.ask(method, path, "").await;
        scene.check_refused(&answer, Denial::NotCovered).await;
        // With the placeholder it would have been meant for the credential.
        let answer = scene
            .ask(method, path, &format!("Authorization: {PLACEHOLDER}\r\n"))
            .await;
        scene.check_refused(&answer, Denial::Placeholder).await;
    }
    // The control: what is meant gets it, and another method cannot be asked for beside the request line.
    let scene = Scene::with(paths()).await;
    for path in ["/own/a", "/own/a%20b?x=/../y", "/own/"] {
        let answer = scene
            .ask(
                "GET",
                path,
                "X-HTTP-Method-Override: DELETE\r\nX-Original-URL: /other\r\n",
            )
            .await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    for asked in scene.asked() {
        assert!(
            asked.contains(SECRET) && !asked.contains("override") && !asked.contains("x-original"),
            "{asked}"
        );
    }
}

#[tokio::test]
async fn a_host_that_is_allowed_anyway_gets_the_credential_for_its_own_requests_alone() {
    let setting = Setting {
        paths: &["/own/**"],
        is_allowed: true,
        ..Setting::default()
    };
    let scene = Scene::with(setting).await;
    for path in ["/own/a", "/other", "/own/../other"] {
        let answer = scene.ask("GET", path, "").await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    let had: Vec<bool> = scene.asked().iter().map(|asked| asked.contains(SECRET)).collect();
    assert_eq!(had, [true, false, false]);
}

#[tokio::test]
async fn rules_of_a_host_without_a_credential_hold_inside_tls() {
    let mut scene = Scene::new().await;
    let ask = |line: &str| format!("{line} HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n");
    let answer = scene.raw_to(NARROW, &ask("GET /private")).await;
    scene.check_refused(&answer, Denial::RequestNotAllowed).await;
    let answer = scene.raw_to(NARROW, &ask("GET /public/../private")).await;
    scene.check_refused(&answer, Denial::Path(PathError::DotSegment)).await;
    let answer = scene.raw_to(NARROW, &ask(&format!("GET /public/{PLACEHOLDER}"))).await;
    scene.check_refused(&answer, Denial::Placeholder).await;
    let answer = scene.raw_to(NARROW, &ask("GET /public/a")).await;
    assert!(answer.ends_with("got 0"), "{answer}");
    let asked = scene.asked();
    assert!(asked.len() == 1 && !asked[0].contains("authorization"), "{asked:?}");
}
