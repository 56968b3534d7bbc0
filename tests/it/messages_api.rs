//! The scripted Messages API, first by hand, then with the real client where there is one.

use std::fs;
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use cordwainer::agent::{CallOutcome, CallReport};
use cordwainer::proposal;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::client::{read, start};
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

/// The real client's program, where the test command has one and names it in `CORDWAINER_TEST_CLIENT`.
#[expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "how the test command tells the tests where the client is, and hears that there is none"
)]
fn client() -> Option<PathBuf> {
    let named = std::env::var_os("CORDWAINER_TEST_CLIENT").filter(|path| !path.is_empty());
    if named.is_none() {
        eprintln!("skipped: no real client (`CORDWAINER_TEST_CLIENT` is not set)");
    }
    named.map(PathBuf::from)
}

/// Runs the real client in `folder` with a home of its own and nothing else of this environment.
fn call(client: &Path, folder: &Path, api: &MessagesApi, arguments: &[&str], prompt: &str) -> CallReport {
    let home = TempDir::new().unwrap();
    let mut command = Command::new(client);
    command
        .env_clear()
        .env("HOME", home.path())
        .env("PATH", "/usr/bin:/bin")
        // The client refuses to skip permissions as root unless it is told that it is confined.
        .env("IS_SANDBOX", "1")
        .env("ANTHROPIC_BASE_URL", api.base_url())
        .env("CLAUDE_CODE_OAUTH_TOKEN", "sk-ant-oat01-dummy")
        .env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1")
        .current_dir(folder);
    read(&start(&mut command, arguments, prompt).wait_with_output().unwrap())
}

#[test]
fn the_real_client_works_with_its_own_tools() {
    let Some(client) = client() else { return };
    let folder = TempDir::new().unwrap();
    let sizes = folder.path().join("sizes.txt");
    fs::write(&sizes, "42 is 8\n").unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let steps = vec![
        Step::read(&at("sizes.txt")),
        Step::edit(&at("sizes.txt"), "42 is 8", "42 is 8.5"),
        Step::write(&at("notes.txt"), "mended\n"),
        Step::bash("cp notes.txt copy.txt"),
    ];
    let api = MessagesApi::start(Listen::loopback(), vec![Conversation::about("Mend the sizes", steps)]);
    let report = call(&client, folder.path(), &api, &[], "Mend the sizes.");
    assert_eq!(
        report.outcome,
        CallOutcome::Success,
        "{} {:?}",
        report.reason,
        api.surprises()
    );
    assert_eq!(api.surprises(), Vec::<String>::new());
    assert_eq!(fs::read_to_string(&sizes).unwrap(), "42 is 8.5\n");
    assert_eq!(fs::read_to_string(folder.path().join("copy.txt")).unwrap(), "mended\n");
    assert_eq!((report.turns, report.skipped_lines), (5, 0));
    let served = api.served();
    assert_eq!(report.usage.tokens(), served.input + served.output);
}

#[test]
fn the_real_client_answers_by_schema() {
    let Some(client) = client() else { return };
    let folder = TempDir::new().unwrap();
    let limits = proposal::Limits {
        max_issues: 2,
        lines_min: 250,
        lines_max: 350,
    };
    let answer: Value = serde_json::from_str(&proposal::example(&limits).unwrap()).unwrap();
    let steps = vec![Step::structured(answer.clone())];
    let api = MessagesApi::start(Listen::loopback(), vec![Conversation::about("What to propose", steps)]);
    let schema = proposal::json_schema().to_string();
    let arguments = ["--json-schema", schema.as_str(), "--tools", "Read,Grep,Glob"];
    let report = call(&client, folder.path(), &api, &arguments, "## What to propose");
    assert_eq!(
        report.outcome,
        CallOutcome::Success,
        "{} {:?}",
        report.reason,
        api.surprises()
    );
    assert_eq!(report.structured_output, Some(answer));
    assert_eq!(proposal::extract(&report).unwrap().len(), 2);
}
