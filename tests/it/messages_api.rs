//! The scripted Messages API, by hand; the real client meets it in `real_client`.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::messages_api::{Listen, MessagesApi, Script, Served};

/// Sends one request and returns the answer's head and body, as far as they came.
fn exchange(mut stream: impl Read + Write, head: &str, body: &Value) -> (String, String) {
    let body = body.to_string();
    let length = body.len();
    write!(
        stream,
        "{head} HTTP/1.1\r\nhost: api\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = Vec::new();
    // A connection that is torn down is an end like another: what came is what is looked at.
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    (head.to_ascii_lowercase(), body.to_owned())
}

fn status(head: &str) -> u16 {
    head.split(' ').nth(1).unwrap().parse().unwrap()
}

fn request(mark: &str, results: usize, stream: bool) -> Value {
    let result = json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "ok"}]});
    let mut messages = vec![json!({"role": "user", "content": [{"type": "text", "text": mark}]})];
    messages.extend(std::iter::repeat_n(result, results));
    json!({"model": "m", "stream": stream, "tools": [{"name": "Read"}, {"name": "Write"}], "messages": messages})
}

/// Asks for an answer and returns its head and body.
fn post(api: &MessagesApi, body: &Value) -> (String, String) {
    let stream = TcpStream::connect(("127.0.0.1", api.port())).unwrap();
    exchange(stream, "POST /v1/messages", body)
}

const SCRIPT: &str = r#"
about "first task"
  read /a
  write /b "a text" # and a comment
    tokens 1 20 300 4000
    model another
    unified status allowed_warning
about "second task"
  bash ls
"#;

#[test]
fn the_model_follows_the_script_of_its_conversation() {
    let api = MessagesApi::start(Listen::everywhere(), SCRIPT);
    let message = |body: &Value| {
        let (head, answer) = post(&api, body);
        assert_eq!(status(&head), 200);
        (head, serde_json::from_str::<Value>(&answer).unwrap())
    };
    let (_, first) = message(&request("the first task", 0, false));
    assert_eq!(
        (&first["content"][0]["name"], &first["model"]),
        (&json!("Read"), &json!("m"))
    );
    let (head, second) = message(&request("the first task", 1, false));
    assert_eq!(
        second["content"][0]["input"],
        json!({"file_path": "/b", "content": "a text"})
    );
    assert_eq!(second["model"], "another");
    assert!(
        head.contains("anthropic-ratelimit-unified-status: allowed_warning"),
        "{head}"
    );
    let (_, last) = message(&request("the first task", 2, false));
    assert_eq!(last["content"][0], json!({"type": "text", "text": "Done."}));
    let (_, events) = post(&api, &request("the first task", 0, true));
    let kinds: Vec<&str> = events.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
    let expect =
        "message_start content_block_start ping content_block_delta content_block_stop message_delta message_stop";
    assert_eq!(kinds.join(" "), expect);
    assert!(
        events.contains(r#""partial_json":"{\"file_path\":\"/a\"}""#),
        "{events}"
    );
    let served = Served {
        requests: 4,
        messages: 4,
        input: 3 * 120 + 1,
        cache_write: 3 * 30 + 20,
        cache_read: 3 * 900 + 300,
        output: 3 * 40 + 4000,
    };
    assert_eq!((api.served(), api.surprises()), (served, Vec::new()));
    assert_eq!(api.served_about("first task"), served);
    assert_eq!(api.served_about("second task"), Served::default());
    assert_eq!(api.results_brought("first task"), [0, 1, 2, 0]);
}

#[test]
fn what_no_script_foresees_is_refused_and_kept() {
    let folder = TempDir::new().unwrap();
    let socket = folder.path().join("api.sock");
    let api = MessagesApi::start(Listen::Unix(socket.clone()), SCRIPT);
    let send = |head: &str, body: &Value| status(&exchange(UnixStream::connect(&socket).unwrap(), head, body).0);
    assert_eq!(send("HEAD /", &Value::Null), 200);
    assert_eq!(send("POST /v1/messages/count_tokens", &json!({})), 200);
    assert_eq!(send("GET /v1/models", &Value::Null), 404);
    assert_eq!(send("POST /v1/messages", &request("another task", 0, true)), 400);
    assert_eq!(send("POST /v1/messages", &request("the second task", 0, true)), 400);
    assert_eq!(send("POST /v1/messages", &request("the second task", 2, true)), 400);
    let surprises = [
        "GET /v1/models is not part of the script",
        "no conversation of the script is meant by this prompt",
        "the script uses `Bash`, but offered are [\"Read\", \"Write\"]",
        "the script of this conversation ends before 2 tool results",
    ];
    assert_eq!(api.surprises(), surprises);
    let served = Served {
        requests: 2,
        ..Served::default()
    };
    assert_eq!(api.served(), served);
}

#[test]
fn troubles_come_before_the_answer_as_often_as_the_script_says() {
    let script = "
about task
  refuse 429 rate_limit_error twice
    header retry-after 1
  limit five_hour in 5h
  reset
  cut 2 times
  read /a
";
    let api = MessagesApi::start(Listen::loopback(), script);
    let send = || post(&api, &request("the task", 0, true));
    for _ in 0..2 {
        let (head, body) = send();
        assert_eq!(status(&head), 429);
        assert!(
            head.contains("retry-after: 1") && body.contains("rate_limit_error"),
            "{head}{body}"
        );
    }
    let (head, _) = send();
    for header in ["status: rejected", "representative-claim: five_hour", "reset: "] {
        assert!(
            head.contains(&format!("anthropic-ratelimit-unified-{header}")),
            "{head}"
        );
    }
    assert_eq!(send(), (String::new(), String::new()));
    for _ in 0..2 {
        let (head, body) = send();
        assert!(
            status(&head) == 200 && body.contains("content_block_delta"),
            "{head}{body}"
        );
        assert!(!body.contains("content_block_stop"), "{body}");
    }
    assert!(send().1.contains("message_stop"));
    let served = Served {
        requests: 7,
        messages: 1,
        input: 3 * 120,
        cache_write: 3 * 30,
        cache_read: 3 * 900,
        output: 40,
    };
    assert_eq!((api.served(), api.surprises()), (served, Vec::new()));
}

#[test]
fn nobody_listens_at_the_refusing_address() {
    let api = MessagesApi::start(Listen::loopback(), "");
    let address = api.refusing_url().replace("http://", "");
    let refused = TcpStream::connect(address).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
}

#[test]
fn a_wrong_script_is_told_line_by_line() {
    let cases = [
        ("  say hi", "line 1: expected `about …` before it"),
        (
            "about",
            "line 1: expected what the conversation is about, found nothing more",
        ),
        ("abuot x", "line 1: expected `about` or `later`, found `abuot`"),
        (
            "about x\n   say hi",
            "line 2: expected 0, 2 or 4 spaces before it, found 3",
        ),
        ("about x\n  say hi there", "line 2: `there` is too much"),
        (
            "about x\n  say hi\n  read /a",
            "line 3: nothing follows what the model says",
        ),
        ("about x\n  sing hi", "line 2: `sing` is no reply"),
        (
            "about x\n  write /a \"open",
            "line 2: no JSON: EOF while parsing a string at line 1 column 5",
        ),
        ("about x\n  answer yes", "line 2: expected JSON, found `yes`"),
        (
            "about x\n  refuse many",
            "line 2: expected an HTTP status, found `many`",
        ),
        ("about x\n  hang some times", "line 2: `some times`"),
        (
            "about x\n  limit five_hour in 5",
            "line 2: expected a time such as `200ms`, `3s` or `5h`, found `5`",
        ),
        ("about x\n    pause 1s", "line 2: expected a reply before it"),
        (
            "about x\n  hang\n    pause 1s",
            "line 3: `pause` is no setting of this trouble",
        ),
        (
            "about x\n  read /a\n    speed 1",
            "line 3: `speed` is no setting of an answer",
        ),
        (
            "about x\n  read\nread",
            "line 2: expected a path, found nothing more\nline 3: expected `about` or `later`, found `read`",
        ),
    ];
    for (script, expect) in cases {
        assert_eq!(Script::parse(script).unwrap_err(), expect, "{script}");
    }
}
