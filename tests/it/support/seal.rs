//! What a gateway does with a container's facts, and nothing else of a gateway.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};

use cordwainer::guarantee::{Facts, GuaranteeReport, RequestedContainer, compare};
use tempfile::TempDir;

/// A socket `gateway.sock` in a folder of its own, at which one container's facts are judged. Whatever else is asked gets
/// the answer `hello`.
pub(crate) struct SealListener {
    folder: TempDir,
    reports: Receiver<GuaranteeReport>,
}

impl SealListener {
    /// Listens for a container that is to have what was asked.
    pub(crate) fn new(asked: RequestedContainer, engine: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // A container's user need not be this one.
        set_mode(folder.path(), 0o755);
        let socket = folder.path().join("gateway.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        set_mode(&socket, 0o666);
        let (told, reports) = channel();
        let engine = engine.to_owned();
        // Ends with the process: it is one socket of a test.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let Some((head, body)) = request(&mut stream) else {
                    continue;
                };
                let answer = if head.starts_with("POST /cordwainer/seal ") {
                    let report = compare(&asked, &Facts::parse(&body));
                    let refusal = report.refusal(&engine);
                    if told.send(report).is_err() {
                        return;
                    }
                    answer(refusal)
                } else {
                    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello".to_owned()
                };
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        Self { folder, reports }
    }

    /// The folder with the socket, on the host.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The verdict on the container, which must have reported by now.
    pub(crate) fn report(&self) -> GuaranteeReport {
        self.reports.try_recv().expect("the container reported")
    }
}

fn answer(refusal: Option<String>) -> String {
    match refusal {
        None => "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n".to_owned(),
        Some(why) => {
            let length = why.len();
            format!("HTTP/1.1 403 Forbidden\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{why}")
        }
    }
}

/// Reads one request: its head, and a body of the length that the head tells.
fn request(stream: &mut UnixStream) -> Option<(String, String)> {
    let mut bytes = Vec::new();
    let mut buffer = vec![0; 65_536];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return Some((head.to_owned(), body.to_owned()));
            }
        }
        match stream.read(&mut buffer).ok()? {
            0 => return None,
            count => bytes.extend_from_slice(&buffer[..count]),
        }
    }
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}
