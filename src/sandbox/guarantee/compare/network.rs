//! Checks whether anything but the container's own loopback can be reached: the files of `/proc/net`.

use super::verdict::ItemVerdict;
use crate::sandbox::guarantee::Facts;

/// The only interface that is permitted.
const LOOPBACK: &str = "lo";

/// Checks the interfaces and routes, which must be visible. The tables of addresses are checked where the kernel has
/// them: one without IPv6 has none for it, and an address needs an interface.
pub(super) fn network(facts: &Facts) -> ItemVerdict {
    let asked = "loopback alone";
    let (Some(interfaces), Some(routes)) = (facts.section("net/dev"), facts.section("net/route")) else {
        return ItemVerdict::unseen(asked);
    };
    let interfaces: Vec<&str> = interfaces
        .lines()
        .filter_map(|line| Some(line.split_once(':')?.0.trim()))
        .collect();
    if interfaces.is_empty() {
        return ItemVerdict::new(false, asked, "no interface seen");
    }
    let mut offences: Vec<String> = Vec::new();
    let others = interfaces.iter().filter(|name| **name != LOOPBACK);
    offences.extend(others.map(|name| format!("interface {name}")));
    offences.extend(routes_of(routes, 0));
    offences.extend(facts.section("net/ipv6_route").into_iter().flat_map(ipv6_routes));
    offences.extend(facts.section("net/fib_trie").into_iter().flat_map(addresses));
    offences.extend(facts.section("net/if_inet6").into_iter().flat_map(ipv6_addresses));
    offences.dedup();
    ItemVerdict::without(&offences, asked, asked)
}

/// Returns the routes over another interface than loopback, whose name is in this column; the table has a heading.
fn routes_of(table: &str, column: usize) -> impl Iterator<Item = String> {
    let lines = table.lines().skip(1).filter(|line| !line.trim().is_empty());
    lines.filter_map(move |line| {
        let interface = line.split_whitespace().nth(column).unwrap_or("?");
        (interface != LOOPBACK).then(|| format!("a route over {interface}"))
    })
}

/// Returns the routes of IPv6 over another interface than loopback; the interface comes last and there is no heading.
fn ipv6_routes(table: &str) -> impl Iterator<Item = String> {
    let interfaces = table.lines().filter_map(|line| line.split_whitespace().last());
    let others = interfaces.filter(|interface| *interface != LOOPBACK);
    others.map(|interface| format!("an IPv6 route over {interface}"))
}

/// Returns the addresses of this machine that are not in 127/8: each is in the line above one with `host LOCAL`.
fn addresses(trie: &str) -> impl Iterator<Item = String> {
    let above = trie.lines().zip(trie.lines().skip(1));
    let local = above.filter(|(_, line)| line.contains("host LOCAL"));
    let addresses = local.map(|(line, _)| line.trim().trim_start_matches("|-- ").to_owned());
    let others = addresses.filter(|address| !address.starts_with("127."));
    others.map(|address| format!("the address {address}"))
}

/// Returns the IPv6 addresses other than that of loopback: the address in hexadecimal digits comes first, the interface
/// last.
fn ipv6_addresses(table: &str) -> impl Iterator<Item = String> {
    const OWN: &str = "00000000000000000000000000000001";
    let addresses = table.lines().filter_map(|line| line.split_whitespace().next());
    let others = addresses.filter(|address| *address != OWN);
    others.map(|address| format!("the IPv6 address {address}"))
}
