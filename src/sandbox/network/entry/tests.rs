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
    let hint = |host: &str| format!("write `{host}`: a host is allowed as a whole");
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
