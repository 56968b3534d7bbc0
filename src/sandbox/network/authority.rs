//! `host:port`, as the target of a `CONNECT` and the `Host` header have it.

use super::{Denial, Host};

/// A host and a port, both well-formed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    /// The host, normalised.
    pub host: Host,
    /// The port.
    pub port: u16,
}

impl Authority {
    /// Reads `host:port`; without a port it is `default`, if there is one.
    ///
    /// # Errors
    /// Fails with what is malformed.
    pub fn parse(text: &str, default: Option<u16>) -> Result<Self, Denial> {
        let (host, port) = split(text);
        let port = match port {
            Some(digits) => port_number(digits),
            None => default,
        };
        Ok(Self {
            host: Host::parse(host)?,
            port: port.ok_or(Denial::Port)?,
        })
    }
}

/// Splits at the colon before the port. In brackets, colons are the address's own.
pub(super) fn split(text: &str) -> (&str, Option<&str>) {
    let host_end = text.rfind(']').map_or(0, |end| end + 1);
    match text[host_end..].rfind(':') {
        Some(colon) => (&text[..host_end + colon], Some(&text[host_end + colon + 1..])),
        None => (text, None),
    }
}

/// Reads a port from 1 in plain decimal digits: no sign, no zeros in front.
pub(super) fn port_number(digits: &str) -> Option<u16> {
    let plain = digits.bytes().all(|digit| digit.is_ascii_digit()) && !digits.starts_with('0');
    digits.parse().ok().filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::network::HostError;

    fn check(text: &str, expect: Result<(&str, u16), Denial>) {
        let found = Authority::parse(text, None).map(|found| (found.host.to_string(), found.port));
        assert_eq!(found, expect.map(|(host, port)| (host.to_owned(), port)), "{text:?}");
    }

    #[test]
    fn host_and_port() {
        check("example.org:443", Ok(("example.org", 443)));
        check("EXAMPLE.org.:1", Ok(("example.org", 1)));
        check("127.0.0.1:65535", Ok(("127.0.0.1", 65535)));
        check("[::1]:8443", Ok(("[::1]", 8443)));
        let without = Authority::parse("example.org", Some(80)).map(|found| found.port);
        assert_eq!(without, Ok(80));
    }

    #[test]
    fn ports_are_plain_numbers() {
        for port in [
            "",
            ":",
            ":0",
            ":00",
            ":0443",
            ":+443",
            ":-1",
            ":443 ",
            ": 443",
            ":65536",
            ":99999999999",
            ":0x1bb",
            ":4.43",
            ":https",
            ":\u{664}\u{664}\u{663}",
        ] {
            check(&format!("example.org{port}"), Err(Denial::Port));
            check(&format!("[::1]{port}"), Err(Denial::Port));
        }
    }

    #[test]
    fn hosts_are_no_more_than_hosts() {
        let character = |letter| Err(Denial::Host(HostError::Character(letter)));
        check("user@example.org:443", character('@'));
        check("example.org:443@evil.org:443", character(':'));
        check("example.org:443:443", character(':'));
        check("::1:443", character(':'));
        check("http://example.org:443", character(':'));
        check(":443", Err(Denial::Host(HostError::Empty)));
        check("[::1%lo]:443", Err(Denial::Host(HostError::Brackets)));
        check("x[::1]:443", character('['));
    }
}
