//! Fuzzes what decides on hosts: the reader of TLS's first message, and the form and match of hosts.
//!
//! The input is what a client sends first through a tunnel, and also what it asks for as the tunnel's target.

#![no_main]

use std::io::Cursor;

use cordwainer::network::client_hello::{self, Beginning, LONGEST};
use cordwainer::network::{Authority, Entry, HelloError, Host, Policy, Scheme};
use rustls::server::{Accepted, Acceptor};

const ENTRIES: [&str; 4] = ["example.org", "*.below.example", "127.0.0.1:7000", "[::1]:7000"];

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    if input.len() < LONGEST {
        check_hello(input);
    }
    if let Ok(text) = std::str::from_utf8(input) {
        check_target(text.trim_end_matches('\n'));
        effort::check(input, |long| {
            let _ = Authority::parse(&String::from_utf8_lossy(long), Some(443));
        });
    }
});

/// A hello is read as a server of TLS reads it, and the same however much of it has come.
fn check_hello(input: &[u8]) {
    let read = client_hello::read(input);
    for end in 0..input.len() {
        let early = client_hello::read(&input[..end]);
        assert!(
            early == Ok(Beginning::Incomplete) || early == read,
            "{early:?} after {end} bytes, then {read:?}"
        );
    }
    check_against_server(input, &read);
}

fn check_against_server(input: &[u8], read: &Result<Beginning, HelloError>) {
    let Some(accepted) = accepted_by_server(input) else {
        return;
    };
    let hello = accepted.client_hello();
    let agrees = match (read, hello.server_name()) {
        (Ok(Beginning::Hello(Some(found))), Some(name)) => found.eq_ignore_ascii_case(name),
        // A server may disregard a name; nobody was let through on its account who asked for another.
        (Ok(Beginning::Hello(_)), None) | (Err(_), _) => true,
        _ => false,
    };
    assert!(agrees, "{read:?}, but a server takes it for a hello");
}

/// What a server makes of the bytes; `None` where it takes them for no whole hello.
fn accepted_by_server(input: &[u8]) -> Option<Accepted> {
    let mut acceptor = Acceptor::default();
    let mut bytes = Cursor::new(input);
    while let Ok(1..) = acceptor.read_tls(&mut bytes) {
        match acceptor.accept() {
            Ok(Some(accepted)) => return Some(accepted),
            Ok(None) => {}
            Err(_) => return None,
        }
    }
    None
}

/// What is permitted is what an entry says, and reads as it is written.
fn check_target(text: &str) {
    let Ok(Authority { host, port }) = Authority::parse(text, Some(443)) else {
        return;
    };
    let shown = host.to_string();
    assert_eq!(Host::parse(&shown).as_ref(), Ok(&host), "{text:?}");
    let entries = ENTRIES.iter().map(|entry| entry.parse::<Entry>().expect("it is one"));
    let policy: Policy = entries.collect();
    if policy.permits(&shown, port, Scheme::Tunnel).is_err() {
        return;
    }
    let written = text
        .strip_suffix(&format!(":{port}"))
        .unwrap_or(text)
        .to_ascii_lowercase();
    let expected = match &host {
        Host::Name(name) => {
            let sub = name.strip_suffix(".below.example");
            let permitted = name == "example.org" || sub.is_some_and(|sub| !sub.is_empty());
            permitted && port == 443 && written.strip_suffix('.').unwrap_or(&written) == name
        }
        Host::Address(address) => address.is_loopback() && port == 7000,
    };
    assert!(expected, "{text:?} was let through");
}
