use super::*;

fn check(written: &str, message: &str, hint: &str) {
    let error = written.parse::<Entry>().expect_err(written);
    assert_eq!(
        (error.to_string().as_str(), error.hint_text().unwrap_or_default()),
        (message, hint),
        "{written:?}"
    );
}

#[test]
fn entries_are_kept_as_they_were_written() {
    for written in [
        "example.org",
        "Example.ORG.",
        "example.org:8443",
        "*.example.org",
        "*.example.org:8443",
        "127.0.0.1:8443",
        "169.254.169.254:80",
        "[::1]:8443",
        "cargo",
        "npm",
        "pip",
        "go",
        "debian",
        "maven",
    ] {
        assert_eq!(
            written.parse::<Entry>().map(|entry| entry.as_str().to_owned()),
            Ok(written.to_owned())
        );
    }
}

#[test]
fn words_are_presets() {
    let expected = "expected a host with a dot, `*.suffix`, an address with its port, or one of `cargo`, `npm`, `pip`, \
                    `go`, `debian`, `maven`, `gradle`, `yarn`, `deno`, `gem`, `composer`, `nuget`, `hex`, `swift`, found";
    check("carg", &format!("{expected} `carg`"), "did you mean `cargo`?");
    check("registry", &format!("{expected} `registry`"), "");
    check(
        "localhost:80",
        &format!("{expected} `localhost`"),
        "write the address and its port: `127.0.0.1:8080`",
    );
    check("npm:443", "a preset has no port", "write `npm`");
}

#[test]
fn stars_stand_at_the_beginning() {
    let hint = "write a `*` at the beginning, followed by a dot: `*.example.org`";
    let star = |text: &str| format!("expected a host, found `{text}`: it has the character '*'");
    for written in ["*", "**.example.org", "*example.org", "a.*.example.org", "example.*"] {
        check(written, &star(written), hint);
    }
    let suffix = "expected a suffix of two parts or more after `*.`, such as `*.example.org`";
    check("*.org", suffix, "");
    check("*.127.0.0.1", suffix, "");
    check("*.", &format!("{suffix}: it is empty"), "");
    check("*.*.example.org", &format!("{suffix}: it has the character '*'"), "");
    check(
        "*..example.org",
        &format!("{suffix}: a part between its dots is empty"),
        "",
    );
}

#[test]
fn ports_and_addresses() {
    let port = |found: &str| format!("expected a port from 1 to 65535 after the colon, found `{found}`");
    for found in ["", "0", "65536", "+443", "0443", "https", "443 "] {
        check(&format!("example.org:{found}"), &port(found.trim_end()), "");
    }
    check(
        "127.0.0.1",
        "an address needs a port",
        "write `127.0.0.1:443`, or another port",
    );
    check("[::1]", "an address needs a port", "write `[::1]:443`, or another port");
    check(
        "0.0.0.0:80",
        "`0.0.0.0` is not the address of a single machine (unspecified)",
        "",
    );
    check(
        "[ff02::1]:80",
        "`[ff02::1]` is not the address of a single machine (multicast)",
        "",
    );
    check(
        "255.255.255.255:80",
        "`255.255.255.255` is not the address of a single machine (broadcast)",
        "",
    );
    check(
        "[::ffff:127.0.0.1]:80",
        "an IPv4 address is written as an IPv6 one",
        "write `127.0.0.1` and its port",
    );
    check(
        "127.1:80",
        "expected a host, found `127.1`: it is an address in an odd notation",
        "",
    );
    check(
        "fe80::1%lo:80",
        "expected a host, found `fe80::1%lo`: it has the character ':'",
        "",
    );
    check(
        "fe80::1:80",
        "expected a host, found `fe80::1`: it has the character ':'",
        "write `[fe80::1]` and its port",
    );
}

#[test]
fn addresses_of_the_web_are_too_much() {
    let message = "expected a host name, found a URL";
    let hint = |host: &str| format!("write `{host}`, or a mapping of `host` and `paths` to allow only some paths");
    check("https://example.org", message, &hint("example.org"));
    check("https://example.org:8443/index/", message, &hint("example.org:8443"));
    check("example.org/index", message, &hint("example.org"));
    check("https://user@example.org/", message, "");
    check("/", message, "");
}

#[test]
fn names_are_ascii() {
    check(
        "ex\u{e4}mple.org",
        "expected a host, found `ex\u{e4}mple.org`: it is not ASCII (write it in punycode, `xn--…`)",
        "",
    );
    check("", "expected a host, found ``: it is empty", "");
    check(
        " example.org",
        "expected a host, found `example.org`: it has the character ' '",
        "",
    );
}

fn narrow(host: &str, methods: &[&str], paths: &[&str], roles: &[Caller]) -> Entry {
    host.parse::<Entry>().unwrap().limited(Limits {
        methods: methods.iter().map(|method| method.parse().unwrap()).collect(),
        paths: paths.iter().map(|path| path.parse().unwrap()).collect(),
        roles: roles.to_vec(),
    })
}

#[test]
fn a_narrow_entry_contradicts_one_that_allows_everything_of_the_same_host() {
    let check = |one: Entry, other: &str, expect: bool| {
        let other: Entry = other.parse().unwrap();
        assert_eq!(one.contradicts(&other), expect, "{one:?} {other:?}");
        assert_eq!(other.contradicts(&one), expect, "{other:?} {one:?}");
    };
    let paths = |host: &str| narrow(host, &[], &["/a/*"], &[]);
    check(paths("example.org"), "example.org", true);
    check(paths("example.org"), "EXAMPLE.org:443", true);
    check(paths("example.org"), "example.org:80", true);
    check(paths("example.org"), "example.org:8443", false);
    check(paths("example.org:8443"), "example.org", false);
    check(paths("example.org"), "*.example.org", false);
    check(paths("a.example.org"), "*.example.org", true);
    check(paths("*.example.org"), "a.b.example.org", true);
    check(paths("*.example.org"), "*.b.example.org", true);
    check(paths("*.a.example.org"), "*.b.example.org", false);
    check(paths("crates.io"), "cargo", true);
    check(paths("npm"), "cargo", false);
    check(narrow("example.org", &["GET"], &[], &[]), "example.org", true);
    check(narrow("example.org", &[], &[], &[Caller::Gates]), "example.org", false);

    let gates = narrow("example.org", &[], &[], &[Caller::Gates]);
    let stitch = narrow(
        "example.org",
        &["GET"],
        &[],
        &[Caller::Agent(crate::model::Role::Stitch)],
    );
    assert!(!gates.contradicts(&stitch));
    assert!(!paths("example.org").contradicts(&stitch));
    assert!(paths("example.org").contradicts(&gates));
}

#[test]
fn entries_are_serialized_as_they_are_written() {
    let roles = Caller::NAMED.map(|(_, caller)| caller);
    let full = narrow("npm", &["GET", "PURGE"], &["/a/*", "/b/**"], &roles);
    let expect = serde_json::json!({
        "host": "npm",
        "methods": ["GET", "PURGE"],
        "paths": ["/a/*", "/b/**"],
        "roles": ["measure", "stitch", "review", "gates"],
    });
    assert_eq!(serde_json::to_value(full).unwrap(), expect);
    let paths = narrow("example.org", &[], &["/"], &[]);
    let expect = serde_json::json!({"host": "example.org", "paths": ["/"]});
    assert_eq!(serde_json::to_value(paths).unwrap(), expect);
    let plain = narrow("example.org", &[], &[], &[]);
    assert_eq!(serde_json::to_value(plain).unwrap(), serde_json::json!("example.org"));
}
