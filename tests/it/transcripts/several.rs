//! `transcript FILE...`: several recordings, each session counted once, whatever the client sums up.

use serde_json::{Value, json};

use super::recording;
use crate::support::command::{Called, cordwainer};
use crate::support::repository::TestRepository;

/// How a client tells what a call used.
#[derive(Clone, Copy, Debug)]
enum Client {
    /// As 2.1.329 does: sums over the session, and what is new.
    Both,
    /// Sums over the session alone.
    Sums,
    /// As 2.1.220 does: each call's own.
    Own,
}

/// A recording as another client would have written it.
fn rewritten(name: &str, client: Client) -> String {
    let text = String::from_utf8(recording(name)).expect("recordings are UTF-8");
    let lines = text.lines().map(|line| {
        let mut line: Value = serde_json::from_str(line).expect("recordings are JSON");
        if line["type"] == "result" {
            rewrite(&mut line, client);
        }
        line.to_string() + "\n"
    });
    lines.collect()
}

fn rewrite(line: &mut Value, client: Client) {
    let new = line["model_usage_since_last_result"].clone();
    if matches!(client, Client::Own) {
        line["total_cost_usd"] = new["claude-opus-5-5"]["costUSD"].clone();
        line["modelUsage"] = new;
    }
    if !matches!(client, Client::Both) {
        let fields = line.as_object_mut().expect("an event is an object");
        fields.remove("model_usage_since_last_result");
    }
}

fn repository(client: Client) -> TestRepository {
    let repository = TestRepository::empty();
    for name in ["session", "resume", "rate_limited"] {
        repository.write(format!("{name}.jsonl"), rewritten(name, client));
    }
    repository
}

fn transcript(repository: &TestRepository, arguments: &[&str]) -> Called {
    cordwainer(repository, &[&["transcript"], arguments].concat()).run()
}

fn micros(cost: &Value) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "a few dollars")]
    let micros = (cost.as_f64().expect("a cost") * 1e6).round() as i64;
    micros
}

/// Tokens in the order of their kinds, and the cost in millionths of a dollar.
fn figures(document: &Value) -> ([i64; 5], i64) {
    let count = |name: &str| document["usage"][name].as_i64().expect("a count");
    let kinds = ["input", "cache_write", "cache_read", "output", "calls"];
    (kinds.map(count), micros(&document["cost_usd"]))
}

const SESSION: ([i64; 5], i64) = ([240, 60, 1800, 80, 1], 3220);
const RESUME: ([i64; 5], i64) = ([120, 30, 900, 40, 1], 1610);
const BOTH: ([i64; 5], i64) = ([360, 90, 2700, 120, 2], 4830);

#[test]
fn a_resumed_session_is_counted_once_whatever_the_client_sums_up() {
    for client in [Client::Both, Client::Sums, Client::Own] {
        let repository = repository(client);
        for files in [["session.jsonl", "resume.jsonl"], ["resume.jsonl", "session.jsonl"]] {
            let document = transcript(&repository, &[files[0], files[1], "--json"]).json();
            assert_eq!(figures(&document), BOTH, "{client:?}: {files:?}");
            assert_eq!(document["turns"], 3);
            assert_eq!(document["outcome"], "success");
            assert_eq!(document["client_version"], "2.1.329");
            for (call, file) in document["calls"].as_array().expect("calls").iter().zip(files) {
                let expect = if file == "session.jsonl" { SESSION } else { RESUME };
                assert_eq!(call["file"], file);
                assert_eq!(figures(call), expect, "{client:?}: {file} of {files:?}");
            }
        }
    }
}

#[test]
fn the_last_file_says_how_it_ended() {
    let repository = repository(Client::Sums);
    let files = ["session.jsonl", "rate_limited.jsonl", "--json"];
    let document = transcript(&repository, &files).json();
    assert_eq!(document["outcome"], "limited");
    assert_eq!(document["model"], "claude-sonnet-5-5");
    assert_eq!(document["resets_at"], "2026-11-21T10:30:35Z");
    assert_eq!(document["calls"][0]["outcome"], "success");
    assert_eq!(document["calls"][0]["resets_at"], json!(null));
    assert_eq!(micros(&document["cost_usd"]), 3220);
}

#[test]
fn one_file_is_one_document_without_parts() {
    let repository = repository(Client::Sums);
    let document = transcript(&repository, &["resume.jsonl", "--json"]).json();
    assert_eq!(document.get("calls"), None);
    // Nobody says what came before.
    assert_eq!(micros(&document["cost_usd"]), 4830);
}

#[test]
fn people_see_a_block_for_each_and_the_sum() {
    let repository = repository(Client::Both);
    let text = transcript(&repository, &["session.jsonl", "resume.jsonl"]).done();
    insta::assert_snapshot!(text, @r"
    file     session.jsonl
    outcome  success
    session  1515c310-bda5-448e-967b-9199df415116
    model    claude-opus-5-5
    client   2.1.329
    turns    2
    tokens   2180 (input 240, cache write 60, cache read 1800, output 80)
    cost     $0.0032
    result   Done.

    file     resume.jsonl
    outcome  success
    session  1515c310-bda5-448e-967b-9199df415116
    model    claude-opus-5-5
    client   2.1.329
    turns    1
    tokens   1090 (input 120, cache write 30, cache read 900, output 40)
    cost     $0.0016
    result   Done.

    total    2 calls
    turns    3
    tokens   3270 (input 360, cache write 90, cache read 2700, output 120)
    cost     $0.0048
    ");
}

#[test]
fn what_is_no_recording_is_said_so() {
    let repository = repository(Client::Both);
    repository.write("notes.txt", "hello\n");
    let text = transcript(&repository, &["notes.txt"]).done();
    assert!(
        text.starts_with("outcome  crashed (it holds no event: is it a stream-json recording?)\n"),
        "{text}"
    );
    let missing = "error: cannot read the transcript `none.jsonl`\n  No such file or directory (os error 2)\n";
    transcript(&repository, &["session.jsonl", "none.jsonl"]).refused(2, missing);
    transcript(&repository, &["none.jsonl"]).refused(2, missing);
    let called = transcript(&repository, &["."]);
    assert_eq!(called.code, 2);
    assert!(
        called.stderr.starts_with("error: cannot read the transcript `.`\n"),
        "{}",
        called.stderr
    );
}

#[test]
fn a_file_is_not_counted_twice() {
    let repository = repository(Client::Both);
    repository.write("folder/kept", "");
    for (files, named) in [
        (["session.jsonl", "session.jsonl"], "session.jsonl"),
        (["session.jsonl", "folder/../session.jsonl"], "folder/../session.jsonl"),
        (["-", "-"], "-"),
    ] {
        let expect = format!("error: the transcript `{named}` is named twice\n\nhint: name each recording once\n");
        transcript(&repository, &files).refused(2, &expect);
    }
}

#[test]
fn what_helps_is_told_of_each_call_and_of_the_last() {
    let repository = repository(Client::Both);
    repository.write("auth.jsonl", recording("auth_failed"));
    repository.write("cut.jsonl", "nonsense\n{\"type\": \"system\", \"subtype\": \"init\"}\n");
    let document = transcript(&repository, &["cut.jsonl", "session.jsonl", "auth.jsonl", "--json"]).json();
    assert_eq!(
        (&document["estimated"], &document["skipped"]),
        (&json!(true), &json!(1))
    );
    assert_eq!(document["calls"][0]["estimated"], true);
    assert_eq!(document["calls"][0]["skipped"], 1);
    assert_eq!(document["calls"][1]["reason"], json!(null));
    assert_eq!(document["calls"][1]["estimated"], false);
    assert_eq!(document["mend"], document["calls"][2]["mend"]);
    assert!(
        document["mend"]
            .as_str()
            .is_some_and(|fix| fix.contains("log in again")),
        "{document}"
    );
    assert!(
        document["reason"].as_str().is_some_and(|reason| reason.contains("401")),
        "{document}"
    );
}
