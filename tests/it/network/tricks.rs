//! Targets that two programs read in two ways: none leads anywhere.

use std::collections::BTreeSet;

use super::origin::Origin;
use super::proxy::{Names, Proxy, bounds, read_rest, status};

/// Whatever is asked for leads to the origin, were it let through.
const NAMES: Names<'static> = &[
    ("tools.example", &[&["127.0.0.1"]]),
    ("eviltools.example", &[&["127.0.0.1"]]),
    ("tools.example.evil.example", &[&["127.0.0.1"]]),
    ("below.example", &[&["127.0.0.1"]]),
    ("evilbelow.example", &[&["127.0.0.1"]]),
    ("localhost", &[&["127.0.0.1"]]),
];

/// Sends request lines in which `P` in braces stands for the origin's port; all must be answered with one of `expect`
/// and reach nobody.
async fn check(lines: &[&str], expect: &[u16]) {
    let origin = Origin::http("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", 0).await;
    let port = origin.port().to_string();
    let allow = ["tools.example", "*.below.example", "127.0.0.1"].map(|host| format!("{host}:{port}"));
    let proxy = Proxy::start(&allow, NAMES, bounds()).await;
    let mut wrong = BTreeSet::new();
    for line in lines {
        let line = line.replace("{P}", &port);
        let head = format!("{line}\r\nHost: tools.example:{port}\r\nConnection: close\r\n\r\n");
        let mut stream = proxy.send(head.as_bytes()).await;
        let answer = read_rest(&mut stream).await;
        let found = status(&String::from_utf8_lossy(&answer));
        if !expect.contains(&found) {
            wrong.insert(format!("{line:?} was answered with {found}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(origin.visits(), 0);
    assert_eq!(proxy.egress.counts().permitted, 0);
}

/// Asks for each as a tunnel and as plain HTTP: it is refused, or no request at all.
async fn check_authorities(authorities: impl IntoIterator<Item = String>) {
    let both = |authority: String| {
        let plain = format!("GET http://{authority}/ HTTP/1.1");
        [format!("CONNECT {authority} HTTP/1.1"), plain]
    };
    let lines: Vec<String> = authorities.into_iter().flat_map(both).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    check(&lines, &[400, 403]).await;
}

#[tokio::test]
async fn what_the_tricks_would_reach_is_there() {
    let origin = Origin::http("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", 0).await;
    let port = origin.port();
    let proxy = Proxy::start(
        &[format!("tools.example:{port}"), format!("127.0.0.1:{port}")],
        NAMES,
        bounds(),
    )
    .await;
    drop(proxy.tunnel(&format!("tools.example:{port}")).await);
    drop(proxy.tunnel(&format!("127.0.0.1:{port}")).await);
    assert_eq!(proxy.egress.counts().permitted, 2);
}

#[tokio::test]
async fn look_alikes() {
    let lines = [
        "CONNECT eviltools.example:{P} HTTP/1.1",
        "CONNECT tools.example.evil.example:{P} HTTP/1.1",
        "CONNECT below.example:{P} HTTP/1.1",
        "CONNECT evilbelow.example:{P} HTTP/1.1",
        "CONNECT localhost:{P} HTTP/1.1",
        "CONNECT tools.example:22 HTTP/1.1",
        "CONNECT tools.example:443 HTTP/1.1",
        "GET http://eviltools.example:{P}/ HTTP/1.1",
        "GET http://tools.example.evil.example:{P}/ HTTP/1.1",
        "GET http://tools.example/ HTTP/1.1",
        "GET http://below.example:{P}/ HTTP/1.1",
    ];
    check(&lines, &[403]).await;
}

#[tokio::test]
async fn addresses_in_odd_notations() {
    let hosts = [
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f.1",
        "0x7f000001",
        "0X7F.0.0.1",
        "0177.0.0.1",
        "017700000001",
        "127.0.0.1.",
        "127.0.0.01",
        "127.000.000.001",
        "127.0.0.2",
        "0.0.0.0",
        "0",
        "[::]",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[fe80::1%25lo]",
        "[::1%lo]",
        "[127.0.0.1]",
        "169.254.169.254",
        "127.0.0.1.tools.example",
    ];
    check_authorities(hosts.map(|host| format!("{host}:{{P}}"))).await;
}

#[tokio::test]
async fn characters_that_no_host_has() {
    let hosts = [
        "user@tools.example",
        "user:word@tools.example",
        "@tools.example",
        "tools.example@evil.example",
        "tools.example%00",
        "tools.example%2eevil.example",
        "tools.example\0.evil.example",
        "tools.example\0",
        "tools.example\\.evil.example",
        "tools.example\\@evil.example",
        "tools.example#.evil.example",
        "tools.example?.evil.example",
        "tools.example;evil.example",
        "tools.example,evil.example",
        "tools_example",
        "tools..example",
        ".tools.example",
        "tools.example..",
        "tools.ex\u{430}mple",
        "tools\u{3002}example",
        "\u{ff54}ools.example",
        "tools.example\t",
        "tools.example\u{b}",
        "*.tools.example",
        "*",
        "",
    ];
    check_authorities(hosts.map(|host| format!("{host}:{{P}}"))).await;
}

#[tokio::test]
async fn ports_that_are_none() {
    let ports = [
        "",
        ":",
        ":0",
        ":00",
        ":0{P}",
        ":+{P}",
        ":-{P}",
        ":65536",
        ":4294967739",
        ":{P}:{P}",
        ":0x1bb",
        ":https",
    ];
    check_authorities(ports.map(|port| format!("tools.example{port}"))).await;
}

#[tokio::test]
async fn targets_of_the_wrong_form() {
    let lines = [
        "CONNECT http://tools.example:{P}/ HTTP/1.1",
        "CONNECT https://tools.example:{P} HTTP/1.1",
        "CONNECT /tools.example:{P} HTTP/1.1",
        "CONNECT //tools.example:{P} HTTP/1.1",
        "CONNECT tools.example:{P}/ HTTP/1.1",
        "CONNECT * HTTP/1.1",
        "CONNECT tools.example:{P} evil.example:{P} HTTP/1.1",
        "CONNECT  tools.example:{P} HTTP/1.1",
        "CONNECT\ttools.example:{P} HTTP/1.1",
        "connect tools.example:{P} HTTP/1.1",
        "Connect tools.example:{P} HTTP/1.1",
        "CONNECT tools.example:{P} HTTP/2.0",
        "CONNECT tools.example:{P}",
        "GET https://tools.example:{P}/ HTTP/1.1",
        "GET HTTPS://tools.example:{P}/ HTTP/1.1",
        "GET ftp://tools.example:{P}/ HTTP/1.1",
        "GET file:///etc/passwd HTTP/1.1",
        "GET http:tools.example:{P}/ HTTP/1.1",
        "GET http:/tools.example:{P}/ HTTP/1.1",
        "GET http:///tools.example:{P}/ HTTP/1.1",
        "GET http://evil.example\\@tools.example:{P}/ HTTP/1.1",
        "GET //tools.example:{P}/ HTTP/1.1",
        "GET tools.example:{P} HTTP/1.1",
        "GET * HTTP/1.1",
        "GET http://tools.example:{P}/\0 HTTP/1.1",
        "GET http://tools.example:{P}/ x HTTP/1.1",
    ];
    check(&lines, &[400, 403, 404, 505]).await;
}
