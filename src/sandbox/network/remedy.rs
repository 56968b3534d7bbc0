//! What a person can do about a denial: the narrowest entry that would have let the request through, or what to check.

use hyper::Method;

use super::path::RequestPath;
use super::{AddressClass, Denial, Entry, Host, Limits, classify};

/// Returns what to do about a denial, as a lowercase fragment; `None` where nothing of the configuration would help.
/// `request` is the method and path, where they are known.
pub fn remedy(why: &Denial, host: &str, port: Option<u16>, request: Option<(&Method, &str)>) -> Option<String> {
    match why {
        Denial::NotAllowed | Denial::PortNotAllowed | Denial::RequestNotAllowed => {
            let host = Host::parse(host).ok()?;
            let entry = narrowest(&host, port?, request)?;
            let rule = format!("`network.allow: [{}]` would allow it", entry.to_yaml());
            let inside = matches!(host, Host::Address(address) if classify(address) != AddressClass::Public);
            Some(if inside {
                format!("{rule}, but it is not a public address")
            } else {
                rule
            })
        }
        Denial::NotCovered => {
            let entry = narrowest(&Host::parse(host).ok()?, port?, request)?;
            Some(format!(
                "to send the credential with it, add it to `methods` or `paths` of the host in `network.credentials`; \
                 `network.allow: [{}]` would allow it without the credential",
                entry.to_yaml()
            ))
        }
        Denial::Unseen => Some("leave out `methods` and `paths` to allow all of the host".to_owned()),
        Denial::Unresolved => Some("check the name, and this machine's resolver".to_owned()),
        Denial::Address(class) => Some(of_address(*class).to_owned()),
        _ => None,
    }
}

fn of_address(class: AddressClass) -> &'static str {
    match class {
        AddressClass::Private | AddressClass::Loopback | AddressClass::Shared | AddressClass::LinkLocal => {
            "if agents are to reach this machine, list its address with the port in `network.allow`, too"
        }
        AddressClass::Unspecified
        | AddressClass::Multicast
        | AddressClass::Broadcast
        | AddressClass::Documentation
        | AddressClass::Benchmarking
        | AddressClass::Reserved
        | AddressClass::Public => {
            "no server has such an address: check the name, and whether this machine's resolver blocks it"
        }
    }
}

/// Returns the entry that allows this and as little else as can be; `None` where no entry can name the host.
pub fn narrowest(host: &Host, port: u16, request: Option<(&Method, &str)>) -> Option<Entry> {
    let is_default = port == 443 && host.name().is_some();
    let written = if is_default {
        host.to_string()
    } else {
        format!("{host}:{port}")
    };
    let entry: Entry = written.parse().ok()?;
    let Some((method, path)) = request else {
        return Some(entry);
    };
    Some(
        entry.limited(Limits {
            methods: vec![method.clone()],
            paths: RequestPath::read(path)
                .ok()
                .and_then(|path| path.exactly())
                .into_iter()
                .collect(),
            roles: Vec::new(),
        }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(why: &Denial, host: &str, port: u16, request: Option<(&str, &str)>, expect: &str) {
        let method = request.map(|(method, path)| (method.parse::<Method>().unwrap(), path));
        let request = method.as_ref().map(|(method, path)| (method, *path));
        let found = remedy(why, host, Some(port), request);
        assert_eq!(found.as_deref().unwrap_or_default(), expect, "{why} {host}:{port}");
    }

    #[test]
    fn the_narrowest_entry_is_named() {
        let allows = |rule: &str| format!("`network.allow: [{rule}]` would allow it");
        let no = Denial::NotAllowed;
        check(&no, "docs.example.org", 443, None, &allows("docs.example.org"));
        check(&no, "docs.example.org", 80, None, &allows("\"docs.example.org:80\""));
        check(
            &Denial::PortNotAllowed,
            "a.example.org",
            22,
            None,
            &allows("\"a.example.org:22\""),
        );
        check(
            &Denial::RequestNotAllowed,
            "a.example.org",
            80,
            Some(("GET", "/a%20b/c?d=e")),
            &allows("{host: \"a.example.org:80\", methods: [GET], paths: [\"/a b/c\"]}"),
        );
        // A star would allow more than the request, and so would either reading of an encoded slash.
        for path in ["/a/*", "/a%2fb", "/a/../b", "/\u{202e}x"] {
            let expect = allows("{host: a.example.org, methods: [GET]}");
            check(&no, "a.example.org", 443, Some(("GET", path)), &expect);
        }
        let without = "to send the credential with it, add it to `methods` or `paths` of the host in `network.credentials`; \
                       `network.allow: [{host: a.example.org, methods: [PUT], paths: [/a]}]` would allow it without the \
                       credential";
        check(&Denial::NotCovered, "a.example.org", 443, Some(("PUT", "/a")), without);
        let inside = format!("{}, but it is not a public address", allows("\"10.0.0.1:443\""));
        check(&no, "10.0.0.1", 443, None, &inside);
        for host in ["localhost", "0.0.0.0", "\u{1b}[2J", "a b"] {
            check(&no, host, 443, None, "");
        }
        check(&Denial::Form, "a.example.org", 443, None, "");
    }

    #[test]
    fn an_entry_that_is_named_allows_the_request() {
        for (host, port, path) in [
            ("a.example.org", 443, "/a"),
            ("8.8.4.4", 80, "/"),
            ("[2606:4700::1]", 8443, "/a b"),
        ] {
            let host = Host::parse(host).unwrap();
            let policy: super::super::Policy = narrowest(&host, port, Some((&Method::GET, path))).into_iter().collect();
            let target = super::super::Target { host, port };
            assert_eq!(policy.permits_request(&target, &Method::GET, path), Ok(()), "{path}");
            assert!(policy.permits_request(&target, &Method::PUT, path).is_err());
            assert!(policy.permits_request(&target, &Method::GET, "/other").is_err());
        }
    }
}
