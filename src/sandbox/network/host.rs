//! The host of a request or an entry, in the one form in which hosts are compared.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The longest name, without a dot at its end (RFC 1035, 2.3.4, in the form that people write).
const LONGEST_NAME: usize = 253;
const LONGEST_LABEL: usize = 63;

/// A host: a name in lower case without a dot at its end, or an address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Host {
    /// A name of DNS.
    Name(String),
    /// A literal address.
    Address(IpAddr),
}

/// What is wrong with a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// Nothing, or nothing but a dot.
    #[error("it is empty")]
    Empty,
    /// More than 253 characters.
    #[error("it is longer than {LONGEST_NAME} characters")]
    TooLong,
    /// A character that is not ASCII: a name may look like another one.
    #[error("it is not ASCII (write it in punycode, `xn--…`)")]
    NotAscii,
    /// A character that no name has: space, control characters, `%`, `\`, `@`, `_`, …
    #[error("it has the character {0:?}")]
    Character(char),
    /// Two dots side by side, or one at the beginning.
    #[error("a part between its dots is empty")]
    EmptyLabel,
    /// A label of more than 63 characters.
    #[error("a part between its dots is longer than {LONGEST_LABEL} characters")]
    LongLabel,
    /// A label that begins or ends with a hyphen.
    #[error("a part between its dots begins or ends with `-`")]
    Hyphen,
    /// A number that only some programs read as an address, such as `0x7f.1`, `127.1` or `2130706433`.
    #[error("it is an address in an odd notation")]
    OddAddress,
    /// Brackets that hold no IPv6 address, or one with a zone.
    #[error("its brackets hold no IPv6 address")]
    Brackets,
}

impl Host {
    /// Reads a host. Letter case and one dot at the end of a name do not matter; an IPv6 address is in brackets.
    ///
    /// # Errors
    /// Fails on everything that two programs could read in two ways.
    pub fn parse(text: &str) -> Result<Self, HostError> {
        if let Some(inside) = text.strip_prefix('[') {
            let address = inside
                .strip_suffix(']')
                .and_then(|inside| inside.parse::<Ipv6Addr>().ok());
            return address
                .map(|address| Self::Address(address.into()))
                .ok_or(HostError::Brackets);
        }
        if let Ok(address) = text.parse::<Ipv4Addr>() {
            return Ok(Self::Address(address.into()));
        }
        read_name(text).map(Self::Name)
    }

    /// Returns the name, unless it is an address.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Name(name) => Some(name),
            Self::Address(_) => None,
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => formatter.write_str(name),
            Self::Address(IpAddr::V4(address)) => write!(formatter, "{address}"),
            Self::Address(IpAddr::V6(address)) => write!(formatter, "[{address}]"),
        }
    }
}

fn read_name(text: &str) -> Result<String, HostError> {
    if !text.is_ascii() {
        return Err(HostError::NotAscii);
    }
    let foreign = |letter: &char| !(letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.'));
    if let Some(letter) = text.chars().find(foreign) {
        return Err(HostError::Character(letter));
    }
    let name = text.strip_suffix('.').unwrap_or(text);
    if name.is_empty() {
        return Err(HostError::Empty);
    }
    if name.len() > LONGEST_NAME {
        return Err(HostError::TooLong);
    }
    name.split('.').try_for_each(check_label)?;
    if name.rsplit('.').next().is_some_and(is_number) {
        return Err(HostError::OddAddress);
    }
    Ok(name.to_ascii_lowercase())
}

fn check_label(label: &str) -> Result<(), HostError> {
    match label {
        "" => Err(HostError::EmptyLabel),
        _ if label.len() > LONGEST_LABEL => Err(HostError::LongLabel),
        _ if label.starts_with('-') || label.ends_with('-') => Err(HostError::Hyphen),
        _ => Ok(()),
    }
}

/// Returns whether a last label makes programs read the whole as an IPv4 address (the URL standard of the WHATWG, "ends
/// in a number").
fn is_number(label: &str) -> bool {
    let hexadecimal = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
    hexadecimal.is_some_and(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
        || label.bytes().all(|digit| digit.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::HostError::{Brackets, Character, Empty, EmptyLabel, Hyphen, LongLabel, NotAscii, OddAddress, TooLong};
    use super::*;

    fn check(text: &str, expect: Result<&str, HostError>) {
        let found = Host::parse(text).map(|host| host.to_string());
        assert_eq!(found, expect.map(str::to_owned), "{text:?}");
    }

    #[test]
    fn hosts_have_one_form() {
        for (text, expect) in [
            ("example.org", "example.org"),
            ("EXAMPLE.Org", "example.org"),
            ("example.org.", "example.org"),
            ("a-b.example.org", "a-b.example.org"),
            ("3.example.org", "3.example.org"),
            ("xn--exmple-cua.org", "xn--exmple-cua.org"),
            ("localhost", "localhost"),
            ("0xyz", "0xyz"),
            ("127.0.0.1", "127.0.0.1"),
            ("[::1]", "[::1]"),
            ("[0:0:0:0:0:0:0:1]", "[::1]"),
            ("[::ffff:127.0.0.1]", "[::ffff:127.0.0.1]"),
        ] {
            check(text, Ok(expect));
        }
        let longest = [
            &"a".repeat(63),
            ".",
            &"b".repeat(63),
            ".",
            &"c".repeat(63),
            ".",
            &"d".repeat(61),
        ]
        .concat();
        check(&longest, Ok(&longest));
        check(&format!("{longest}d"), Err(TooLong));
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_no_host() {
        let cases = [
            ("", Empty),
            (".", Empty),
            ("..", EmptyLabel),
            ("example.org..", EmptyLabel),
            (".example.org", EmptyLabel),
            ("a..example.org", EmptyLabel),
            ("-a.example.org", Hyphen),
            ("a-.example.org", Hyphen),
            ("user@example.org", Character('@')),
            ("user:word@example.org", Character(':')),
            ("example.org\0", Character('\0')),
            ("example.org\0.evil.org", Character('\0')),
            ("example.org\r\n", Character('\r')),
            ("example.org\t", Character('\t')),
            (" example.org", Character(' ')),
            ("example%2eorg", Character('%')),
            ("example.org\\.evil.org", Character('\\')),
            ("example.org/", Character('/')),
            ("example.org?", Character('?')),
            ("example.org#", Character('#')),
            ("a_b.example.org", Character('_')),
            ("*.example.org", Character('*')),
            ("ex\u{e4}mple.org", NotAscii),
            ("ex\u{430}mple.org", NotAscii),
            ("example\u{3002}org", NotAscii),
            ("\u{ff45}xample.org", NotAscii),
            ("example.org\u{200b}", NotAscii),
            ("127.1", OddAddress),
            ("0x7f.1", OddAddress),
            ("0x7f000001", OddAddress),
            ("0X7F000001", OddAddress),
            ("0x", OddAddress),
            ("2130706433", OddAddress),
            ("0177.0.0.1", OddAddress),
            ("127.0.0.01", OddAddress),
            ("127.0.0.1.", OddAddress),
            ("256.0.0.1", OddAddress),
            ("1.2.3.4.5", OddAddress),
            ("example.0x7f", OddAddress),
            ("::1", Character(':')),
            ("[::1", Brackets),
            ("[]", Brackets),
            ("[127.0.0.1]", Brackets),
            ("[fe80::1%eth0]", Brackets),
            ("[fe80::1%25eth0]", Brackets),
            ("[::1].example.org", Brackets),
            ("[::1]]", Brackets),
        ];
        for (text, why) in cases {
            check(text, Err(why));
        }
        check(&format!("{}.org", "a".repeat(64)), Err(LongLabel));
    }
}
