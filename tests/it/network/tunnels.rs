//! `CONNECT`: what gets through arrives as it was sent, and TLS asks for the host that the tunnel is for.

use cordwainer::network::{AddressClass, Denial};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::origin::{Origin, TlsOrigin, client_hello};
use super::proxy::{Proxy, bounds, permitted, read_rest};

const NAMES: super::proxy::Names<'static> = &[
    ("tools.example", &[&["127.0.0.1"]]),
    ("private.example", &[&["10.0.0.1", "169.254.169.254"]]),
    ("mixed.example", &[&["10.0.0.1", "127.0.0.1", "fe80::1"]]),
    ("mapped.example", &[&["::ffff:127.0.0.1"]]),
];

/// Allows some names at a port, and the loopback address that they have.
fn allowed(port: u16) -> Vec<String> {
    [
        "tools.example",
        "private.example",
        "mixed.example",
        "mapped.example",
        "gone.example",
        "127.0.0.1",
    ]
    .map(|host| format!("{host}:{port}"))
    .to_vec()
}

#[tokio::test]
async fn tls_passes_by_name_and_by_address() {
    let origin = TlsOrigin::start(&["tools.example", "127.0.0.1"]).await;
    let mut proxy = Proxy::start(&allowed(origin.port()), NAMES, bounds()).await;
    for (asked, name, told) in [
        ("tools.example", "tools.example", "tools.example"),
        ("TOOLS.example.", "tools.example", "tools.example"),
        ("127.0.0.1", "127.0.0.1", "127.0.0.1"),
    ] {
        let tunnel = proxy.tunnel(&format!("{asked}:{}", origin.port())).await;
        let mut stream = origin.shake(tunnel, name).await.unwrap();
        stream.write_all(b"hello").await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer, "hello", "{asked}");
        if asked != "TOOLS.example." {
            assert_eq!(proxy.event().await, permitted(told, origin.port()));
        }
    }
    assert_eq!((proxy.pending(), proxy.egress.counts().permitted), (vec![], 3));
}

#[tokio::test]
async fn ten_megabytes_pass_both_ways() {
    const LENGTH: usize = 10 << 20;
    let origin = TlsOrigin::start(&["tools.example"]).await;
    let proxy = Proxy::start(&allowed(origin.port()), NAMES, bounds()).await;
    let tunnel = proxy.tunnel(&format!("tools.example:{}", origin.port())).await;
    let stream = origin.shake(tunnel, "tools.example").await.unwrap();
    let (mut reader, mut writer) = tokio::io::split(stream);
    let sent: Vec<u8> = (0..LENGTH)
        .map(|index| (index.wrapping_mul(index) >> 7).to_le_bytes()[0])
        .collect();
    let copy = sent.clone();
    let writing = tokio::spawn(async move {
        writer.write_all(&copy).await.unwrap();
        writer.shutdown().await.unwrap();
    });
    let mut received = Vec::new();
    reader.read_to_end(&mut received).await.unwrap();
    writing.await.unwrap();
    assert!(sent == received, "{} bytes came back", received.len());
}

#[tokio::test]
async fn tls_that_asks_for_another_host_is_cut_off() {
    let origin = TlsOrigin::start(&["tools.example", "other.example", "127.0.0.1"]).await;
    for (asked, name, why) in [
        ("tools.example", "other.example", Denial::ServerName),
        ("tools.example", "127.0.0.1", Denial::NoServerName),
        ("127.0.0.1", "tools.example", Denial::ServerName),
    ] {
        let mut proxy = Proxy::start(&allowed(origin.port()), NAMES, bounds()).await;
        let tunnel = proxy.tunnel(&format!("{asked}:{}", origin.port())).await;
        origin.shake(tunnel, name).await.expect_err("the tunnel is cut off");
        assert_eq!(proxy.denial().await, why, "{asked} {name}");
    }
}

/// Cuts a hello into records of `size` bytes.
fn in_records(hello: &[u8], size: usize) -> Vec<u8> {
    let (header, message) = hello.split_at(5);
    let records = message.chunks(size);
    records
        .flat_map(|content| {
            let length = u16::try_from(content.len()).unwrap().to_be_bytes();
            [&header[..3], &length, content].concat()
        })
        .collect()
}

#[tokio::test]
async fn a_hello_in_pieces_is_read_whole_and_passed_on_untouched() {
    for (record, segment) in [(1, 1000), (50, 1), (50, 77), (9000, 1), (9000, 9000)] {
        let origin = Origin::patient("").await;
        let mut proxy = Proxy::start(&allowed(origin.port()), NAMES, bounds()).await;
        for name in ["tools.example", "other.example"] {
            let mut tunnel = proxy.tunnel(&format!("tools.example:{}", origin.port())).await;
            tunnel.set_nodelay(true).unwrap();
            let hello = in_records(&client_hello(name), record);
            for piece in hello.chunks(segment) {
                // The other side may have seen enough.
                if tunnel.write_all(piece).await.is_err() {
                    break;
                }
                tokio::task::yield_now().await;
            }
            let _ = tunnel.shutdown().await;
            assert_eq!(read_rest(&mut tunnel).await, b"");
            if name == "tools.example" {
                assert_eq!(origin.received(), hello, "{record} {segment}");
            } else {
                assert_eq!(proxy.denial().await, Denial::ServerName, "{record} {segment}");
            }
        }
        let whole = in_records(&client_hello("tools.example"), record).len();
        assert_eq!(origin.received().len(), whole, "nothing of the other hello arrived");
    }
}

#[tokio::test]
async fn each_side_may_end_before_the_other() {
    let origin = Origin::patient("and the answer after the end").await;
    let proxy = Proxy::start(&allowed(origin.port()), NAMES, bounds()).await;
    let mut tunnel = proxy.tunnel(&format!("127.0.0.1:{}", origin.port())).await;
    tunnel.write_all(b"a question of some other protocol").await.unwrap();
    tunnel.shutdown().await.unwrap();
    assert_eq!(read_rest(&mut tunnel).await, b"and the answer after the end");
    assert_eq!(origin.text(), "a question of some other protocol");
}

#[tokio::test]
async fn a_server_may_speak_first_on_a_port_of_its_own() {
    let origin = Origin::greeting("220 welcome\r\n").await;
    let proxy = Proxy::start(&allowed(origin.port()), NAMES, bounds()).await;
    let mut tunnel = proxy.tunnel(&format!("tools.example:{}", origin.port())).await;
    let mut greeting = [0; 13];
    tunnel.read_exact(&mut greeting).await.unwrap();
    assert_eq!(&greeting, b"220 welcome\r\n");
    tunnel.write_all(b"QUIT").await.unwrap();
    tunnel.shutdown().await.unwrap();
    assert_eq!(read_rest(&mut tunnel).await, b"");
    assert_eq!(origin.text(), "QUIT");
}

#[tokio::test]
async fn bytes_that_come_with_the_request_are_judged_like_others() {
    let origin = Origin::patient("").await;
    let mut proxy = Proxy::start(&allowed(origin.port()), NAMES, bounds()).await;
    let authority = format!("tools.example:{}", origin.port());
    let head = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n");
    let mut stream = proxy
        .send(&[head.as_bytes(), &client_hello("other.example")].concat())
        .await;
    assert!(read_rest(&mut stream).await.starts_with(b"HTTP/1.1 200"));
    assert_eq!(proxy.denial().await, Denial::ServerName);
    assert_eq!(origin.text(), "");
}

#[tokio::test]
async fn names_that_lead_inside_are_refused() {
    let origin = Origin::patient("").await;
    let mut proxy = Proxy::start(&allowed(origin.port()), NAMES, bounds()).await;
    for (host, status, denial) in [
        ("private.example", 403, Denial::Address(AddressClass::LinkLocal)),
        ("mapped.example", 403, Denial::Address(AddressClass::Loopback)),
        ("gone.example", 502, Denial::Unresolved),
    ] {
        let (_, found) = proxy.connect(&format!("{host}:{}", origin.port())).await;
        assert_eq!(found, status, "{host}");
        assert_eq!(proxy.denial().await, denial, "{host}");
    }
    assert_eq!((proxy.pending(), origin.visits()), (vec![], 0));
    let tunnel = proxy.tunnel(&format!("mixed.example:{}", origin.port())).await;
    drop(tunnel);
    assert_eq!(proxy.event().await, permitted("mixed.example", origin.port()));
}

#[tokio::test]
async fn an_answer_of_dns_that_changes_changes_nothing() {
    let admitted = Origin::patient("").await;
    let inside = admitted.neighbour("127.0.0.2").await;
    let names: super::proxy::Names<'_> = &[("tools.example", &[&["127.0.0.1"], &["127.0.0.2"]])];
    let mut proxy = Proxy::start(&allowed(admitted.port()), names, bounds()).await;
    let authority = format!("tools.example:{}", admitted.port());
    let mut tunnel = proxy.tunnel(&authority).await;
    tunnel.write_all(b"first").await.unwrap();
    tunnel.shutdown().await.unwrap();
    assert_eq!(read_rest(&mut tunnel).await, b"");
    assert_eq!(
        admitted.text(),
        "first",
        "the address that was judged is the one that was dialled"
    );
    assert_eq!(proxy.connect(&authority).await.1, 403);
    assert_eq!(proxy.denial().await, Denial::Address(AddressClass::Loopback));
    assert_eq!(inside.visits(), 0);
}
