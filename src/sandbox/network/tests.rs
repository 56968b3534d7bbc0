use proptest::prelude::*;

use super::Scheme::{Http, Tunnel};
use super::*;

fn policy(entries: &[&str]) -> Policy {
    entries.iter().map(|entry| entry.parse::<Entry>().unwrap()).collect()
}

const ENTRIES: &[&str] = &[
    "example.org",
    "tools.example.net:8443",
    "*.below.example",
    "*.ports.example:9000",
    "127.0.0.1:7000",
    "[::1]:7000",
    "cargo",
];

fn check(host: &str, port: u16, scheme: Scheme, expect: Result<&str, Denial>) {
    let found = policy(ENTRIES).permits(host, port, scheme);
    let found = found.map(|target| (target.host.to_string(), target.port));
    assert_eq!(
        found,
        expect.map(|host| (host.to_owned(), port)),
        "{host:?}:{port} {scheme:?}"
    );
}

#[test]
fn what_an_entry_says_is_permitted() {
    for (host, port, scheme, expect) in [
        ("example.org", 443, Tunnel, "example.org"),
        ("example.org", 80, Http, "example.org"),
        ("EXAMPLE.ORG.", 443, Tunnel, "example.org"),
        ("tools.example.net", 8443, Tunnel, "tools.example.net"),
        ("tools.example.net", 8443, Http, "tools.example.net"),
        ("a.below.example", 443, Tunnel, "a.below.example"),
        ("a.b.below.example.", 80, Http, "a.b.below.example"),
        ("a.ports.example", 9000, Tunnel, "a.ports.example"),
        ("127.0.0.1", 7000, Tunnel, "127.0.0.1"),
        ("[::1]", 7000, Http, "[::1]"),
        ("[0::0:1]", 7000, Http, "[::1]"),
        ("CRATES.io", 443, Tunnel, "crates.io"),
    ] {
        check(host, port, scheme, Ok(expect));
    }
}

#[test]
fn look_alikes_are_not_permitted() {
    for host in [
        "evilexample.org",
        "example.org.evil.net",
        "www.example.org",
        "example.orgs",
        "example",
        "org",
        "below.example",
        "evilbelow.example",
        "below.example.evil.net",
        "a.below.example.evil",
        "evilcrates.io",
        "crates.io.evil.net",
        "127.0.0.2",
        "[::2]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "localhost",
        "xn--exmple-4nf.org",
    ] {
        check(host, 443, Tunnel, Err(Denial::NotAllowed));
    }
}

#[test]
fn ports_are_part_of_an_entry() {
    for (host, port, scheme) in [
        ("example.org", 80, Tunnel),
        ("example.org", 443, Http),
        ("example.org", 22, Tunnel),
        ("tools.example.net", 443, Tunnel),
        ("a.ports.example", 443, Tunnel),
        ("127.0.0.1", 443, Tunnel),
        ("crates.io", 8443, Tunnel),
    ] {
        check(host, port, scheme, Err(Denial::PortNotAllowed));
    }
    check("example.org", 0, Tunnel, Err(Denial::Port));
}

#[test]
fn without_entries_nothing_is_permitted() {
    let policy = Policy::default();
    assert!(policy.is_empty());
    assert_eq!(policy.permits("example.org", 443, Tunnel), Err(Denial::NotAllowed));
}

#[test]
fn a_name_leads_to_public_addresses_or_to_those_spelled_out() {
    let policy = policy(&["example.org", "example.org:7000", "127.0.0.1:7000"]);
    let admits = |port: u16, address: &str| {
        let target = policy.permits("example.org", port, Tunnel).unwrap();
        policy.admits(&target, address.parse().unwrap())
    };
    assert_eq!(admits(443, "8.8.4.4"), Ok(()));
    assert_eq!(admits(443, "2606:4700::1"), Ok(()));
    assert_eq!(admits(443, "127.0.0.1"), Err(Denial::Address(AddressClass::Loopback)));
    assert_eq!(admits(7000, "127.0.0.1"), Ok(()));
    assert_eq!(admits(7000, "127.0.0.2"), Err(Denial::Address(AddressClass::Loopback)));
    assert_eq!(
        admits(7000, "::ffff:127.0.0.1"),
        Err(Denial::Address(AddressClass::Loopback))
    );
    assert_eq!(admits(7000, "10.0.0.1"), Err(Denial::Address(AddressClass::Private)));
}

#[test]
fn tls_asks_for_the_host_of_the_target() {
    let policy = policy(ENTRIES);
    let check = |host: &str, port: u16, name: Option<&str>, expect: Result<(), Denial>| {
        let target = policy.permits(host, port, Tunnel).unwrap();
        assert_eq!(target.accepts_server_name(name), expect, "{host} {name:?}");
    };
    check("example.org", 443, Some("example.org"), Ok(()));
    check("example.org.", 443, Some("EXAMPLE.org"), Ok(()));
    check("example.org", 443, None, Err(Denial::NoServerName));
    for other in [
        "evil.example",
        "www.example.org",
        "example.org.",
        "example.org\0",
        "example.org:443",
        "",
        "127.0.0.1",
    ] {
        check("example.org", 443, Some(other), Err(Denial::ServerName));
        check("127.0.0.1", 7000, Some(&format!("x{other}")), Err(Denial::ServerName));
    }
    check("127.0.0.1", 7000, None, Ok(()));
    check("127.0.0.1", 7000, Some("127.0.0.1"), Ok(()));
    check("127.0.0.1", 7000, Some("127.0.0.2"), Err(Denial::ServerName));
}

/// Returns a policy of entries that allow only some methods and paths, and of such as allow everything.
fn narrow(narrow: &[(&str, &[&str], &[&str])], plain: &[&str]) -> Policy {
    let limited = narrow.iter().map(|(host, methods, paths)| {
        host.parse::<Entry>().unwrap().limited(Limits {
            methods: methods.iter().map(|method| method.parse().unwrap()).collect(),
            paths: paths.iter().map(|path| path.parse().unwrap()).collect(),
            roles: Vec::new(),
        })
    });
    limited.chain(policy(plain).entries).collect()
}

#[test]
fn requests_are_permitted_by_method_and_path() {
    let policy = narrow(
        &[
            ("api.example.org", &["GET"], &["/public/**", "/status"]),
            ("api.example.org:443", &["POST"], &["/upload"]),
            ("npm", &["GET"], &[]),
            ("files.example.org:8443", &[], &["/a/*"]),
        ],
        &["plain.example.org"],
    );
    let check = |host: &str, port: u16, request: &str, expect: Result<(), Denial>| {
        let target = policy
            .permits(host, port, if port == 80 { Http } else { Tunnel })
            .unwrap();
        let (method, path) = request.split_once(' ').unwrap();
        let found = policy.permits_request(&target, &method.parse().unwrap(), path);
        assert_eq!(found, expect, "{host}:{port} {request}");
        assert_eq!(policy.ends_tls(&target), host != "plain.example.org", "{host}");
    };
    let no = || Err(Denial::RequestNotAllowed);
    check("api.example.org", 443, "GET /public/a/b?c", Ok(()));
    check("api.example.org", 80, "HEAD /status", Ok(()));
    check("api.example.org", 443, "POST /upload?x=/public/", Ok(()));
    check("api.example.org", 80, "POST /upload", no());
    check("api.example.org", 443, "GET /upload", no());
    check("api.example.org", 443, "POST /public/a", no());
    check("api.example.org", 443, "GET /", no());
    check(
        "api.example.org",
        443,
        "GET /public/../private",
        Err(Denial::Path(PathError::DotSegment)),
    );
    check("API.example.org.", 443, "GET /status/", no());
    check(Preset::named("npm").unwrap().hosts[0], 443, "GET /@a%2fb", Ok(()));
    check(Preset::named("npm").unwrap().hosts[0], 443, "PUT /a", no());
    check("files.example.org", 8443, "DELETE /a/b", Ok(()));
    check("files.example.org", 8443, "GET /b", no());
    check("plain.example.org", 443, "DELETE /a/../b", Ok(()));

    let elsewhere = Target {
        host: Host::Name("other.example.org".to_owned()),
        port: 443,
    };
    assert_eq!(
        policy.permits_request(&elsewhere, &Method::GET, "/"),
        Err(Denial::NotAllowed)
    );
    assert!(!policy.ends_tls(&elsewhere));
}

#[test]
fn an_address_with_paths_is_no_way_around_them() {
    let address = "127.0.0.1".parse().unwrap();
    let policy = narrow(
        &[
            ("127.0.0.1:7000", &[], &["/a"]),
            ("narrow.example.org:7000", &[], &["/a"]),
        ],
        &["wide.example.org:7000"],
    );
    let admits = |host: &str| policy.admits(&policy.permits(host, 7000, Tunnel).unwrap(), address);
    assert_eq!(admits("127.0.0.1"), Ok(()));
    assert_eq!(admits("narrow.example.org"), Ok(()));
    assert_eq!(admits("wide.example.org"), Err(Denial::Address(AddressClass::Loopback)));
}

#[test]
fn entries_are_there_for_some() {
    use crate::model::Role::{Measure, Stitch};
    let limits = |roles: &[Caller]| Limits {
        roles: roles.to_vec(),
        ..Limits::default()
    };
    let policy: Policy = [
        ("all.example.org", limits(&[])),
        ("gates.example.org", limits(&[Caller::Gates])),
        ("both.example.org", limits(&[Caller::Agent(Stitch), Caller::Gates])),
    ]
    .into_iter()
    .map(|(host, limits)| host.parse::<Entry>().unwrap().limited(limits))
    .collect();
    let check = |caller: Caller, expect: &[&str]| {
        let found = policy.of(caller);
        let hosts: Vec<_> = found.entries().iter().map(Entry::as_str).collect();
        assert_eq!(hosts, expect, "{caller:?}");
    };
    check(Caller::Agent(Measure), &["all.example.org"]);
    check(Caller::Agent(Stitch), &["all.example.org", "both.example.org"]);
    check(
        Caller::Gates,
        &["all.example.org", "gates.example.org", "both.example.org"],
    );
}

proptest! {
    #[test]
    fn what_is_permitted_is_an_entry_or_below_one(host in "[a-zA-Z0-9.\\-@%\\[\\]:\u{e4}\0 ]{0,12}(example\\.org|below\\.example|crates\\.io)?[.a-z0-9]{0,4}", port in 0u16..9100) {
        if let Ok(target) = policy(ENTRIES).permits(&host, port, Tunnel) {
            let name = target.host.to_string();
            let cargo = Preset::named("cargo").unwrap().hosts;
            let known = name == "example.org" || cargo.contains(&name.as_str());
            prop_assert!(known || name.ends_with(".below.example"), "{name}");
            prop_assert_eq!(host.trim_end_matches('.').to_ascii_lowercase(), name);
            prop_assert_eq!(port, 443);
        }
    }

    #[test]
    fn hosts_read_back(host in "\\PC{0,40}") {
        if let Ok(parsed) = Host::parse(&host) {
            prop_assert_eq!(Host::parse(&parsed.to_string()), Ok(parsed));
        }
    }
}
