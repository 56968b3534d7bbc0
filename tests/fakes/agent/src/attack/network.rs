//! Attacks on the way out.

use std::io::{self, Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::time::Duration;

use super::{Arguments, Outcome};

/// Until somebody must have answered.
const PATIENCE: Duration = Duration::from_secs(2);
/// Until more of an answer must have come, where the peer does not say that this was all.
const MORE: Duration = Duration::from_millis(200);
/// Of an answer, this much is told.
const TOLD: usize = 400;

/// Tries it; `None` where it is none of these.
pub(super) fn attempt(name: &str, given: &Arguments<'_>, text: &str) -> Option<Outcome> {
    Some(match name {
        "connect" => given.word(0).and_then(|address| tcp(address).map(|_| String::new())),
        "connect-unix" => given
            .word(0)
            .and_then(|path| UnixStream::connect(path).map(|_| String::new())),
        "connect-abstract" => given.word(0).and_then(connect_abstract),
        "engine" => given.word(0).and_then(engine),
        "datagram" => given.word(0).and_then(|to| datagram(to, given.word(1)?.as_bytes())),
        "lookup" => given.word(0).and_then(|to| datagram(to, &question(given.word(1)?))),
        "route" => given
            .word(0)
            .and_then(|address| connected(address).map(|_| String::new())),
        "interfaces" => interfaces(),
        "request" => given
            .word(0)
            .and_then(|to| request(to, &unescaped(&text.replace("{token}", &token()).replace("{-}", "-")))),
        _ => return None,
    })
}

fn tcp(address: &str) -> io::Result<TcpStream> {
    let address = address.parse().map_err(io::Error::other)?;
    TcpStream::connect_timeout(&address, PATIENCE)
}

fn connect_abstract(name: &str) -> Outcome {
    let address = SocketAddr::from_abstract_name(name)?;
    UnixStream::connect_addr(&address).map(|_| String::new())
}

fn engine(path: &str) -> Outcome {
    request(path, b"GET /_ping HTTP/1.0\r\nHost: engine\r\n\r\n")
}

/// A socket that would send there; it has an address of its own only where a route leads there.
fn connected(address: &str) -> io::Result<UdpSocket> {
    let any = if address.starts_with('[') {
        "[::]:0"
    } else {
        "0.0.0.0:0"
    };
    let socket = UdpSocket::bind(any)?;
    socket.connect(address)?;
    Ok(socket)
}

fn datagram(to: &str, bytes: &[u8]) -> Outcome {
    let sent = connected(to)?.send(bytes)?;
    Ok(format!("{sent} bytes"))
}

/// A question for the address of a name, in the form of RFC 1035.
fn question(name: &str) -> Vec<u8> {
    let mut bytes = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        bytes.push(u8::try_from(label.len()).unwrap_or(63));
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.extend_from_slice(&[0, 0, 1, 0, 1]);
    bytes
}

fn interfaces() -> Outcome {
    let table = std::fs::read_to_string("/proc/net/dev")?;
    let names = table.lines().filter_map(|line| Some(line.split_once(':')?.0.trim()));
    let others: Vec<&str> = names.filter(|name| *name != "lo").collect();
    if others.is_empty() {
        return Err(io::Error::other("loopback alone"));
    }
    Ok(others.join(" "))
}

/// What the container has in place of a credential.
#[expect(clippy::disallowed_methods, reason = "what the container was given is what is asked")]
fn token() -> String {
    let names = ["CLAUDE_CODE_OAUTH_TOKEN", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"];
    names
        .iter()
        .find_map(|name| std::env::var(name).ok())
        .unwrap_or_default()
}

/// Writes bytes as they are to a unix socket or an address, and tells how the answer begins.
fn request(to: &str, bytes: &[u8]) -> Outcome {
    if to.starts_with('/') {
        exchange(UnixStream::connect(to)?, bytes, UnixStream::set_read_timeout)
    } else {
        exchange(tcp(to)?, bytes, TcpStream::set_read_timeout)
    }
}

fn exchange<S: Read + Write>(
    mut stream: S,
    bytes: &[u8],
    patience: impl Fn(&S, Option<Duration>) -> io::Result<()>,
) -> Outcome {
    patience(&stream, Some(PATIENCE))?;
    stream.write_all(bytes)?;
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    while answer.len() < TOLD {
        match stream.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => answer.extend_from_slice(&piece[..count]),
            // A peer that keeps the connection open has said what it had to say.
            Err(_) if !answer.is_empty() => break,
            Err(error) => return Err(error),
        }
        patience(&stream, Some(MORE))?;
    }
    if answer.is_empty() {
        return Err(io::Error::other("no answer"));
    }
    answer.truncate(TOLD);
    Ok(String::from_utf8_lossy(&answer).escape_debug().to_string())
}

/// The bytes that a text means: `\r`, `\n`, `\0`, `\t` and `\\`; line ends are for the reader of the script.
fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut letters = text.chars().filter(|letter| *letter != '\n');
    while let Some(letter) = letters.next() {
        let meant = match (letter, letter == '\\') {
            (_, true) => match letters.next() {
                Some('r') => '\r',
                Some('n') => '\n',
                Some('0') => '\0',
                Some('t') => '\t',
                Some(other) => other,
                None => '\\',
            },
            (letter, false) => letter,
        };
        bytes.extend_from_slice(meant.encode_utf8(&mut [0; 4]).as_bytes());
    }
    bytes
}
