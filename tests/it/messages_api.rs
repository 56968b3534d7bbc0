//! The scripted Messages API, by hand; the real client meets it in `real_client`.

use std::net::TcpStream;
use std::os::unix::net::UnixStream;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::messages_api::{Conversation, Listen, MessagesApi, Served, Step};

/// Sends one request and returns the status line's code and the body.
fn exchange(mut stream: impl std::io::Read + std::io::Write, head: &str, body: &Value) -> (u16, String) {
    let body = body.to_string();
    let length = body.len();
    write!(
        stream,
        "{head} HTTP/1.1\r\nhost: api\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

fn request(mark: &str, results: usize, stream: bool) -> Value {
    let result = json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "ok"}]});
    let mut messages = vec![json!({"role": "user", "content": [{"type": "text", "text": mark}]})];
    messages.extend(std::iter::repeat_n(result, results));
    json!({"model": "m", "stream": stream, "tools": [{"name": "Read"}, {"name": "Write"}], "messages": messages})
}

fn script() -> Vec<Conversation> {
    vec![
        Conversation::about("first task", vec![Step::read("/a"), Step::write("/b", "text")]),
        Conversation::about("second task", vec![Step::bash("ls")]),
    ]
}

#[test]
fn the_model_follows_the_script_of_its_conversation() {
    let api = MessagesApi::start(Listen::everywhere(), script());
    let post = |body: &Value| {
        let stream = TcpStream::connect(("127.0.0.1", api.port())).unwrap();
        exchange(stream, "POST /v1/messages", body)
    };
    let block = |body: &Value| {
        let (status, answer) = post(body);
        let answer: Value = serde_json::from_str(&answer).unwrap();
        (status, answer["content"][0].clone())
    };
    let (status, first) = block(&request("the first task", 0, false));
    assert_eq!((status, &first["name"]), (200, &json!("Read")));
    let (_, second) = block(&request("the first task", 1, false));
    assert_eq!(second["input"], json!({"file_path": "/b", "content": "text"}));
    let (_, last) = block(&request("the first task", 2, false));
    assert_eq!(last, json!({"type": "text", "text": "Done."}));
    let (_, events) = post(&request("the first task", 0, true));
    let kinds: Vec<&str> = events.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
    let expect =
        "message_start content_block_start ping content_block_delta content_block_stop message_delta message_stop";
    assert_eq!(kinds.join(" "), expect);
    assert!(
        events.contains(r#""partial_json":"{\"file_path\":\"/a\"}""#),
        "{events}"
    );
    let served = Served {
        messages: 4,
        input: 4200,
        output: 160,
    };
    assert_eq!((api.served(), api.surprises()), (served, Vec::new()));
}

#[test]
fn what_no_script_foresees_is_refused_and_kept() {
    let folder = TempDir::new().unwrap();
    let socket = folder.path().join("api.sock");
    let api = MessagesApi::start(Listen::Unix(socket.clone()), script());
    let send = |head: &str, body: &Value| exchange(UnixStream::connect(&socket).unwrap(), head, body).0;
    assert_eq!(send("HEAD /", &Value::Null), 200);
    assert_eq!(send("POST /v1/messages/count_tokens", &json!({})), 200);
    assert_eq!(send("GET /v1/models", &Value::Null), 404);
    assert_eq!(send("POST /v1/messages", &request("another task", 0, true)), 400);
    assert_eq!(send("POST /v1/messages", &request("the second task", 0, true)), 400);
    let surprises = [
        "GET /v1/models is not part of the script",
        "no conversation of the script is meant by this prompt",
        "the script uses `Bash`, but offered are [\"Read\", \"Write\"]",
    ];
    assert_eq!(api.surprises(), surprises);
    assert_eq!(api.served(), Served::default());
}
