//! The kind of address that a name resolved to: the gateway lets containers reach only public ones.
//!
//! The ranges are those of IANA's special-purpose address registries for IPv4 and IPv6 (RFC 6890 and its successors).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The kind of an address. Only an address that is certainly public is `Public`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressClass {
    /// Reachable for everybody.
    Public,
    /// `0.0.0.0/8` and `::`: many systems read them as this machine.
    Unspecified,
    /// `127.0.0.0/8` and `::1`.
    Loopback,
    /// Private networks: `10.0.0.0/8`, `172.16.0.0/12`, `192.168.0.0/16`, `fc00::/7` and the older `fec0::/10`.
    Private,
    /// Shared by the customers of a carrier: `100.64.0.0/10`.
    Shared,
    /// `169.254.0.0/16`, where clouds have their metadata, and `fe80::/10`.
    LinkLocal,
    /// `224.0.0.0/4` and `ff00::/8`.
    Multicast,
    /// `255.255.255.255`.
    Broadcast,
    /// For examples in documents.
    Documentation,
    /// For measuring devices: `198.18.0.0/15`.
    Benchmarking,
    /// Reserved, or no longer used.
    Reserved,
}

impl fmt::Display for AddressClass {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Public => "public",
            Self::Unspecified => "unspecified",
            Self::Loopback => "loopback",
            Self::Private => "private",
            Self::Shared => "carrier's shared",
            Self::LinkLocal => "link-local",
            Self::Multicast => "multicast",
            Self::Broadcast => "broadcast",
            Self::Documentation => "documentation",
            Self::Benchmarking => "benchmarking",
            Self::Reserved => "reserved",
        })
    }
}

/// Returns the kind of an address. An IPv6 address that represents an IPv4 one has the kind of that one.
pub fn classify(address: IpAddr) -> AddressClass {
    match address {
        IpAddr::V4(address) => classify_v4(address),
        IpAddr::V6(address) => classify_v6(address),
    }
}

fn classify_v4(address: Ipv4Addr) -> AddressClass {
    match address.octets() {
        [0, ..] => AddressClass::Unspecified,
        [127, ..] => AddressClass::Loopback,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => AddressClass::Private,
        [100, 64..=127, ..] => AddressClass::Shared,
        [169, 254, ..] => AddressClass::LinkLocal,
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => AddressClass::Documentation,
        [198, 18..=19, ..] => AddressClass::Benchmarking,
        [224..=239, ..] => AddressClass::Multicast,
        [255, 255, 255, 255] => AddressClass::Broadcast,
        // Protocol assignments, the relays of 6to4, and what was class E.
        [192, 0, 0, _] | [192, 88, 99, _] | [240..=255, ..] => AddressClass::Reserved,
        _ => AddressClass::Public,
    }
}

fn classify_v6(address: Ipv6Addr) -> AddressClass {
    if let Some(embedded) = embedded_v4(address) {
        return classify_v4(embedded);
    }
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => AddressClass::Unspecified,
        [0, 0, 0, 0, 0, 0, 0, 1] => AddressClass::Loopback,
        [0xfc00..=0xfdff | 0xfec0..=0xfeff, ..] | [0x64, 0xff9b, 1, ..] => AddressClass::Private,
        [0xfe80..=0xfebf, ..] => AddressClass::LinkLocal,
        [0xff00..=0xffff, ..] => AddressClass::Multicast,
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => AddressClass::Documentation,
        // Protocol assignments (Teredo, benchmarking and ORCHID among them), and 6to4, which is no longer used.
        [0x2001, 0..=0x1ff, ..] | [0x2002, ..] => AddressClass::Reserved,
        [0x2000..=0x3fff, ..] => AddressClass::Public,
        // All of global unicast lies above: the compatible, discarded and unassigned ranges are left.
        _ => AddressClass::Reserved,
    }
}

/// Returns the IPv4 address of the actual connection: IPv4-mapped, or translated by NAT64 (RFC 6052).
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    match address.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low))),
        _ => address.to_ipv4_mapped(),
    }
}

#[cfg(test)]
mod tests {
    use super::AddressClass::{
        Benchmarking, Broadcast, Documentation, LinkLocal, Loopback, Multicast, Private, Public, Reserved, Shared,
        Unspecified,
    };
    use super::*;

    fn check(addresses: &[&str], expect: AddressClass) {
        for text in addresses {
            assert_eq!(classify(text.parse().unwrap()), expect, "{text}");
        }
    }

    #[test]
    fn addresses_of_version_4() {
        check(&["0.0.0.0", "0.255.255.255"], Unspecified);
        check(&["127.0.0.1", "127.255.255.255"], Loopback);
        check(&["10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255"], Private);
        check(&["192.168.0.0", "192.168.255.255"], Private);
        check(&["100.64.0.0", "100.127.255.255"], Shared);
        check(&["169.254.0.0", "169.254.169.254", "169.254.255.255"], LinkLocal);
        check(&["192.0.2.1", "198.51.100.1", "203.0.113.255"], Documentation);
        check(&["198.18.0.0", "198.19.255.255"], Benchmarking);
        check(&["224.0.0.0", "239.255.255.255"], Multicast);
        check(&["255.255.255.255"], Broadcast);
        check(
            &[
                "192.0.0.0",
                "192.0.0.255",
                "192.88.99.1",
                "240.0.0.0",
                "255.255.255.254",
            ],
            Reserved,
        );
    }

    #[test]
    fn neighbours_of_special_ranges_are_public() {
        check(
            &["1.0.0.0", "9.255.255.255", "11.0.0.0", "126.255.255.255", "128.0.0.0"],
            Public,
        );
        check(
            &["100.63.255.255", "100.128.0.0", "169.253.255.255", "169.255.0.0"],
            Public,
        );
        check(
            &[
                "172.15.255.255",
                "172.32.0.0",
                "192.167.255.255",
                "192.169.0.0",
                "192.0.1.0",
            ],
            Public,
        );
        check(
            &[
                "192.0.3.0",
                "198.17.255.255",
                "198.20.0.0",
                "203.0.112.255",
                "223.255.255.255",
            ],
            Public,
        );
        check(
            &[
                "2000::",
                "2001:200::",
                "2001:db7:ffff::",
                "2001:db9::",
                "2003::1",
                "3fff:1000::",
            ],
            Public,
        );
    }

    #[test]
    fn addresses_of_version_6() {
        check(&["::"], Unspecified);
        check(&["::1"], Loopback);
        check(
            &["fc00::", "fdff:ffff::1", "fec0::1", "feff::1", "64:ff9b:1::a00:1"],
            Private,
        );
        check(&["fe80::1", "febf::1"], LinkLocal);
        check(&["ff00::", "ff02::1", "ffff::1"], Multicast);
        check(
            &["2001:db8::1", "2001:db8:ffff::1", "3fff::1", "3fff:fff::1"],
            Documentation,
        );
        check(
            &["2001::1", "2001:0:c000:204::1", "2001:2::1", "2001:10::1", "2001:1ff::"],
            Reserved,
        );
        check(
            &[
                "::7f00:1",
                "::2",
                "100::1",
                "100:0:0:1::1",
                "5f00::1",
                "4000::",
                "fbff::1",
                "fe00::1",
            ],
            Reserved,
        );
    }

    #[test]
    fn an_address_within_an_address_is_what_counts() {
        check(&["::ffff:127.0.0.1", "64:ff9b::127.0.0.1"], Loopback);
        check(&["::ffff:10.0.0.1", "64:ff9b::192.168.1.1"], Private);
        check(&["::ffff:169.254.169.254", "64:ff9b::169.254.169.254"], LinkLocal);
        check(&["::ffff:0.0.0.0", "64:ff9b::"], Unspecified);
        check(&["::ffff:100.64.0.1"], Shared);
        check(&["::ffff:8.8.4.4", "64:ff9b::8.8.4.4"], Public);
        check(&["2002:7f00:1::1", "2002:a00:1::1", "2002:808:404::1"], Reserved);
        check(&["::127.0.0.1", "::10.0.0.1", "::8.8.4.4", "::ffff:0:7f00:1"], Reserved);
    }
}
