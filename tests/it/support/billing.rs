//! A Messages API that bills all that it was asked for, whatever becomes of its answer.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

/// What becomes of answers. All but those that the API itself refuses are billed.
pub(crate) const MODES: [&str; 15] = [
    "document",
    "events",
    "drop",
    "half-head",
    "bad-head",
    "cut",
    "cut-document",
    "nothing-told",
    "garbage",
    "encoded",
    "page",
    "redirect",
    "page-502",
    "timeout-504",
    "refused-529",
];

/// What was billed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bill {
    pub(crate) requests: u64,
    pub(crate) input: u64,
    pub(crate) output: u64,
    pub(crate) modes: BTreeSet<String>,
}

/// The API; it ends with the tests' process.
pub(crate) struct Billing {
    pub(crate) port: u16,
    bill: Arc<Mutex<Bill>>,
}

impl Billing {
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let bill = Arc::<Mutex<Bill>>::default();
        let billed = Arc::clone(&bill);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, billed) = (stream.unwrap(), Arc::clone(&billed));
                std::thread::spawn(move || serve(stream, &billed));
            }
        });
        Self { port, bill }
    }

    pub(crate) fn billed(&self) -> Bill {
        self.bill.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Answers one request, and closes the connection.
fn serve(mut stream: TcpStream, bill: &Mutex<Bill>) {
    let Some((head, body)) = read(&mut stream) else {
        return;
    };
    let asked: Value = serde_json::from_slice(&body).unwrap();
    let text = asked["messages"][0]["content"].as_str().unwrap();
    let mut words = text.split(' ');
    let mode = words.next().unwrap().to_owned();
    let density: u64 = words.next().unwrap().parse().unwrap();
    let input = body.len() as u64 * density / 100;
    let answer = if head.starts_with("POST /v1/messages/count_tokens") {
        whole(
            "200 OK",
            "application/json",
            &json!({"input_tokens": input}).to_string(),
        )
    } else {
        let output = asked["max_tokens"].as_u64().unwrap();
        let mut bill = bill.lock().unwrap_or_else(PoisonError::into_inner);
        bill.requests += 1;
        if mode != "refused-529" {
            bill.input += input;
            bill.output += output;
        }
        bill.modes.insert(mode.clone());
        answer(&mode, input, output)
    };
    // Whoever asked may be gone: it is billed all the same.
    let _ = stream.write_all(answer.as_bytes());
}

/// The head and the body of a request; `None` where it is cut short.
fn read(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).ok()?;
    Some((head, body))
}

fn answer(mode: &str, input: u64, output: u64) -> String {
    let usage = |output: u64| json!({"input_tokens": 0, "cache_creation_input_tokens": input, "output_tokens": output});
    let message = |output: u64| json!({"model": "claude-sonnet-5-5", "content": [], "usage": usage(output)});
    let start = format!("data: {}\n\n", json!({"type": "message_start", "message": message(1)}));
    let end = json!({"type": "message_delta", "usage": {"output_tokens": output}});
    let document = message(output).to_string();
    let (json, events) = ("application/json", "text/event-stream");
    match mode {
        "document" => whole("200 OK", json, &document),
        "events" => whole("200 OK", events, &format!("{start}data: {end}\n\n")),
        "drop" => String::new(),
        "half-head" => "HTTP/1.1 200 OK\r\ncontent-ty".to_owned(),
        "bad-head" => "HTTP/1.1 2000 OK\r\n\r\n".to_owned(),
        "cut" => format!("HTTP/1.1 200 OK\r\ncontent-type: {events}\r\ncontent-length: 100000\r\n\r\n{start}"),
        "cut-document" => {
            format!("HTTP/1.1 200 OK\r\ncontent-type: {json}\r\ncontent-length: 100000\r\n\r\n{document}")
        }
        "nothing-told" => whole("200 OK", json, r#"{"content":[]}"#),
        "garbage" => whole("200 OK", events, "data: {\"type\":\"message_start\"\n\ndata: [1,2\n\n"),
        "encoded" => whole("200 OK\r\ncontent-encoding: gzip", json, &document),
        "page" => whole("200 OK", "text/html", &document),
        "redirect" => whole("302 Found\r\nlocation: /elsewhere", json, &document),
        "page-502" => whole("502 Bad Gateway", "text/html", "<h1>Bad gateway</h1>"),
        "timeout-504" => whole(
            "504 Gateway Timeout",
            json,
            r#"{"type":"error","error":{"type":"timeout_error"}}"#,
        ),
        "refused-529" => whole(
            "529 Overloaded",
            json,
            r#"{"type":"error","error":{"type":"overloaded_error"}}"#,
        ),
        _ => unreachable!("{mode}"),
    }
}

fn whole(status: &str, kind: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
}
