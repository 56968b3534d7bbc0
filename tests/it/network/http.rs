//! Absolute-form HTTP: passed on as a request to that host, and to no other.

use cordwainer::gateway::egress::Outcome;
use cordwainer::network::{Denial, Entry, Limits, PathError};

use super::origin::Origin;
use super::proxy::{Proxy, bounds, permitted, read_rest};

const NAMES: super::proxy::Names<'static> = &[("tools.example", &[&["127.0.0.1"]])];
const ANSWER: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nx-own: 1\r\nconnection: x-between\r\nx-between: 1\r\n\
                      keep-alive: timeout=5\r\nproxy-authenticate: Basic\r\n\r\nhello";

/// The plainest request.
const GET: &str = "GET http://HOST/ HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n";

async fn proxy(origin: &Origin) -> Proxy {
    let port = origin.port();
    Proxy::start(
        &[format!("tools.example:{port}"), format!("127.0.0.1:{port}")],
        NAMES,
        bounds(),
    )
    .await
}

/// Sends a request in which `HOST` stands for the origin's, and gives the whole answer.
async fn ask(proxy: &Proxy, origin: &Origin, request: &str) -> String {
    let host = format!("tools.example:{}", origin.port());
    let mut stream = proxy.send(request.replace("HOST", &host).as_bytes()).await;
    String::from_utf8(read_rest(&mut stream).await).unwrap()
}

#[tokio::test]
async fn a_request_is_passed_on_and_its_answer_comes_back() {
    let origin = Origin::http(ANSWER, 0).await;
    let mut proxy = proxy(&origin).await;
    let request = "GET http://HOST/index?a=b%20c HTTP/1.1\r\nHost: HOST\r\nAccept: */*\r\nProxy-Connection: close\r\n\
                   Proxy-Authorization: Basic eDp5\r\nTE: trailers\r\nUpgrade: websocket\r\nX-Listed: 1\r\n\
                   Keep-Alive: 5\r\nConnection: close, x-listed, upgrade\r\n\r\n";
    let answer = ask(&proxy, &origin, request).await;
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nhello"),
        "{answer}"
    );
    assert!(answer.contains("x-own: 1\r\n"), "{answer}");
    for header in ["x-between", "keep-alive", "proxy-"] {
        assert!(!answer.contains(header), "{header}: {answer}");
    }
    let expect = format!(
        "GET /index?a=b%20c HTTP/1.1\r\nhost: tools.example:{}\r\naccept: */*\r\n\r\n",
        origin.port()
    );
    assert_eq!(origin.text(), expect);
    assert_eq!(proxy.event().await, permitted("tools.example", origin.port()));
}

#[tokio::test]
async fn bodies_pass_whole_however_they_are_framed() {
    let head = "POST http://HOST HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n";
    for (framing, more, arrived) in [
        ("Content-Length: 4\r\n\r\nbody", 4, "content-length: 4\r\n\r\nbody"),
        ("Content-Length: 0\r\n\r\n", 0, "content-length: 0\r\n\r\n"),
        (
            "Transfer-Encoding: chunked\r\n\r\n2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n",
            5,
            "transfer-encoding: chunked\r\n\r\n",
        ),
    ] {
        let origin = Origin::http(ANSWER, more).await;
        let proxy = proxy(&origin).await;
        let answer = ask(&proxy, &origin, &format!("{head}{framing}")).await;
        assert!(answer.ends_with("hello"), "{answer}");
        let text = origin.text();
        assert!(
            text.starts_with("POST / HTTP/1.1\r\n") && text.contains(arrived),
            "{text}"
        );
    }
}

#[tokio::test]
async fn two_lengths_are_no_second_request() {
    let origin = Origin::http(ANSWER, 0).await;
    let proxy = proxy(&origin).await;
    let request = "POST http://HOST/ HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\nContent-Length: 40\r\n\
                   Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
    let _ = ask(&proxy, &origin, request).await;
    assert!(!origin.text().contains("smuggled"), "{}", origin.text());
    assert!(!origin.text().contains("content-length: 40"), "{}", origin.text());
}

#[tokio::test]
async fn a_redirect_is_the_clients_to_follow() {
    let redirect = "HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n";
    let origin = Origin::http(redirect, 0).await;
    let proxy = proxy(&origin).await;
    let answer = ask(&proxy, &origin, GET).await;
    assert!(
        answer.starts_with("HTTP/1.1 302") && answer.contains("location: http://169.254.169.254/"),
        "{answer}"
    );
    assert_eq!(origin.visits(), 1);
}

#[tokio::test]
async fn an_answer_that_changes_the_protocol_is_none() {
    let origin = Origin::http(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
        0,
    )
    .await;
    let proxy = proxy(&origin).await;
    let answer = ask(&proxy, &origin, GET).await;
    assert!(answer.starts_with("HTTP/1.1 502"), "{answer}");
}

#[tokio::test]
async fn the_host_header_is_the_host_of_the_request_line() {
    let origin = Origin::http(ANSWER, 0).await;
    for headers in [
        "Host: evil.example\r\n",
        "Host: tools.example\r\n",
        "Host: HOST\r\nHost: HOST\r\n",
        "Host: HOST\r\nHost: evil.example\r\n",
        "Host: HOST, evil.example\r\n",
        "Host: user@HOST\r\n",
        "Host: \r\n",
        "",
    ] {
        let mut proxy = proxy(&origin).await;
        let request = format!("GET http://HOST/ HTTP/1.1\r\n{headers}Connection: close\r\n\r\n");
        let answer = ask(&proxy, &origin, &request).await;
        assert!(answer.starts_with("HTTP/1.1 403"), "{headers:?}: {answer}");
        assert_eq!(proxy.denial().await, Denial::HostHeader, "{headers:?}");
    }
    assert_eq!(origin.visits(), 0);
    let mut upper =
        "GET http://TOOLS.example.:PORT/ HTTP/1.1\r\nHost: tools.EXAMPLE:PORT\r\nConnection: close\r\n\r\n".to_owned();
    upper = upper.replace("PORT", &origin.port().to_string());
    let answer = ask(&proxy(&origin).await, &origin, &upper).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

/// A proxy that allows only `GET` and `/public` of the origin.
async fn narrow(origin: &Origin) -> Proxy {
    let limits = Limits {
        methods: vec![hyper::Method::GET],
        paths: vec!["/public/**".parse().unwrap()],
        roles: Vec::new(),
    };
    let limited = |host: &str| {
        let entry: Entry = format!("{host}:{}", origin.port()).parse().unwrap();
        entry.limited(limits.clone())
    };
    let policy = ["tools.example", "127.0.0.1"].map(limited).into_iter().collect();
    Proxy::with(policy, NAMES, bounds(), None).await
}

#[tokio::test]
async fn only_methods_and_paths_of_an_entry_pass() {
    let origin = Origin::http(ANSWER, 0).await;
    let mut proxy = narrow(&origin).await;
    for (line, expect) in [
        ("GET http://HOST/private", Denial::RequestNotAllowed),
        ("POST http://HOST/public/a", Denial::RequestNotAllowed),
        ("GET http://HOST/public/../private", Denial::Path(PathError::DotSegment)),
        (
            "GET http://HOST/public/%2e%2e/private",
            Denial::Path(PathError::DotSegment),
        ),
        (
            "GET http://HOST/public/..%2fprivate",
            Denial::Path(PathError::DotSegment),
        ),
        (
            "GET http://HOST/public%2f..%2fprivate",
            Denial::Path(PathError::DotSegment),
        ),
        ("GET http://HOST/public%2fprivate", Denial::RequestNotAllowed),
        (
            "GET http://HOST/public/%252e%252e/private",
            Denial::Path(PathError::Encoding),
        ),
        ("GET http://HOST/PUBLIC/a", Denial::RequestNotAllowed),
        ("GET http://HOST", Denial::RequestNotAllowed),
    ] {
        let request = format!("{line} HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n");
        let answer = ask(&proxy, &origin, &request).await;
        assert!(answer.starts_with("HTTP/1.1 403"), "{line}: {answer}");
        assert_eq!(proxy.ended().await.outcome, Outcome::Refused(expect), "{line}");
    }
    assert_eq!(origin.visits(), 0);
    let request = "GET http://HOST/public/a?b=/private HTTP/1.1\r\nHost: HOST\r\nX-HTTP-Method-Override: DELETE\r\n\
                   X-Original-URL: /private\r\nX-Own: 1\r\nConnection: close\r\n\r\n";
    let answer = ask(&proxy, &origin, request).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let expect = format!(
        "GET /public/a?b=/private HTTP/1.1\r\nhost: tools.example:{}\r\nx-own: 1\r\n\r\n",
        origin.port()
    );
    assert_eq!(origin.text(), expect);
}

/// What is inside a tunnel is not seen.
#[tokio::test]
async fn a_host_of_which_only_some_requests_are_allowed_gets_no_tunnel() {
    let origin = Origin::patient("").await;
    let mut proxy = narrow(&origin).await;
    for host in ["tools.example", "127.0.0.1"] {
        let (_, status) = proxy.connect(&format!("{host}:{}", origin.port())).await;
        assert_eq!((status, origin.visits()), (403, 0), "{host}");
        assert_eq!(proxy.denial().await, Denial::Unseen);
    }
}
