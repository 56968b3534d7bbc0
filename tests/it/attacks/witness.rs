//! A server of the host that writes down who comes, and a proxy as one might write it in an hour.

use std::io::{Read, Write as _};
use std::net::{TcpListener, TcpStream, ToSocketAddrs as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(2);

/// A server on loopback that answers everybody, and knows what they asked.
pub(crate) struct Witness {
    pub(crate) port: u16,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Witness {
    pub(crate) fn new() -> Self {
        let seen = Arc::<Mutex<Vec<String>>>::default();
        let noted = Arc::clone(&seen);
        let port = serve(move |mut stream| {
            let asked = head(&mut stream);
            noted.lock().unwrap_or_else(PoisonError::into_inner).push(asked);
            // Whoever asked may be gone already; that somebody came is what counts.
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}");
        });
        Self { port, seen }
    }

    /// What was asked since the last time.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Starts a server on loopback; it ends with the tests' process.
fn serve(answer: impl Fn(TcpStream) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, answer) = (stream.unwrap(), Arc::clone(&answer));
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            std::thread::spawn(move || answer(stream));
        }
    });
    port
}

/// The head of a request, or as much of one as came.
fn head(stream: &mut impl Read) -> String {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|count| count > 0) {
        bytes.push(byte[0]);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A proxy that lets everybody pass who seems to name an allowed host, whom it then takes apart more generously than
/// it checked; and that passes on whatever seems to be a path of the API.
pub(crate) fn naive_proxy(upstream: u16) -> u16 {
    serve(move |mut stream| {
        // Requests may follow each other on one connection.
        loop {
            let head = head(&mut stream);
            let Some(target) = target(&head, upstream) else { return };
            let told = target
                .to_socket_addrs()
                .ok()
                .and_then(|mut found| found.find_map(|address| TcpStream::connect(address).ok()))
                .map(|mut far| pass(&mut far, &head));
            let answer = match told {
                Some(()) => "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
                None => "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n",
            };
            if stream.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    })
}

fn pass(far: &mut TcpStream, head: &str) {
    far.set_read_timeout(Some(PATIENCE)).unwrap();
    // Whether the far side listens is its own business.
    let _ = far.write_all(head.as_bytes());
    let _ = self::head(far);
}

/// Where a request goes, as `host:port`.
fn target(head: &str, upstream: u16) -> Option<String> {
    let mut words = head.split(' ');
    let (method, asked) = (words.next()?, words.next()?);
    let authority = if method.eq_ignore_ascii_case("CONNECT") {
        asked
    } else if let Some((_, rest)) = asked.split_once("://") {
        rest.split('/').next()?
    } else {
        return Some(format!("127.0.0.1:{upstream}"));
    };
    let authority = authority.rsplit('@').next()?;
    let (host, port) = authority.rsplit_once(':')?;
    let host = host.split(['\0', '#', '?']).next()?.trim_end_matches('.');
    let host = host.trim_matches(['[', ']']).trim_start_matches("::ffff:");
    Some(format!("{host}:{port}"))
}
