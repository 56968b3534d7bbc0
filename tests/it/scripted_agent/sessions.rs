//! The scripted agent's sessions: kept step by step, gone on with by `--resume`.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Output};

use cordwainer::agent::CallOutcome;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{agent, call, prompt};
use crate::support::client::{read, start};

const ID: &str = "5e551011-0000-4000-8000-000000000001";

fn begin(folder: &Path, script: &str) -> Output {
    call(folder, &["--session-id", ID], &prompt(script))
}

fn resume(folder: &Path, prompt: &str) -> Output {
    call(folder, &["--resume", ID], prompt)
}

/// The last line of the stream.
fn result(output: &Output) -> Value {
    let last = output.stdout.trim_ascii_end().rsplit(|byte| *byte == b'\n').next();
    serde_json::from_slice(last.unwrap()).unwrap()
}

fn near(value: &Value, expect: f64) {
    assert!(
        (value.as_f64().unwrap() - expect).abs() < 1e-9,
        "{value} is not {expect}"
    );
}

#[test]
fn a_limited_session_goes_on_behind_its_limit() {
    let folder = TempDir::new().unwrap();
    let limited = begin(
        folder.path(),
        "append a.txt 1\nlimit 1795257035\nappend a.txt 2\non 2 append a.txt 3",
    );
    assert_eq!(read(&limited).outcome, CallOutcome::Limited);
    let done = resume(folder.path(), "Continue.");
    assert_eq!(read(&done).outcome, CallOutcome::Success);
    assert_eq!(fs::read_to_string(folder.path().join("a.txt")).unwrap(), "1\n2\n");
    assert_eq!(read(&done).session_id.as_deref(), Some(ID));
    assert!(folder.path().join(".home/.claude/projects").is_dir());
}

#[test]
fn the_attempt_is_that_of_the_new_prompt() {
    let folder = TempDir::new().unwrap();
    begin(
        folder.path(),
        "limit 1795257035\non 1 append a.txt 1\non 2 append a.txt 2",
    );
    resume(folder.path(), "Attempt 2\n");
    assert_eq!(fs::read_to_string(folder.path().join("a.txt")).unwrap(), "2\n");
}

#[test]
fn what_was_answered_before_the_limit_is_the_answer() {
    let folder = TempDir::new().unwrap();
    begin(folder.path(), "answer Well.\nlimit 1795257035");
    assert_eq!(result(&resume(folder.path(), "Continue."))["result"], "Well.");
}

#[test]
fn cost_is_cumulative_as_in_2_1_329() {
    let folder = TempDir::new().unwrap();
    let first = result(&begin(
        folder.path(),
        "tokens 100 10 0.5\nlimit 1795257035\ntokens 200 20 0.25",
    ));
    near(&first["total_cost_usd"], 0.5);
    let second = result(&resume(folder.path(), "Continue."));
    near(&second["total_cost_usd"], 0.75);
    assert_eq!(second["modelUsage"]["scripted-model"]["inputTokens"], 300);
    let new = &second["model_usage_since_last_result"]["scripted-model"];
    assert_eq!(
        (&new["inputTokens"], &second["usage"]["input_tokens"]),
        (&json!(200), &json!(200))
    );
    near(&new["costUSD"], 0.25);
}

#[test]
fn cost_is_per_call_as_in_2_1_220() {
    let folder = TempDir::new().unwrap();
    begin(
        folder.path(),
        "per-call-cost\ntokens 100 10 0.5\nlimit 1795257035\ntokens 200 20 0.25",
    );
    let output = resume(folder.path(), "Continue.");
    let second = result(&output);
    near(&second["total_cost_usd"], 0.25);
    assert_eq!(second["modelUsage"]["scripted-model"]["inputTokens"], 200);
    assert_eq!(second["model_usage_since_last_result"], Value::Null);
    assert_eq!(read(&output).client_version.as_deref(), Some("2.1.220"));
}

#[test]
fn message_ids_go_on() {
    let folder = TempDir::new().unwrap();
    let ids = |output: &Output| -> Vec<String> {
        let lines = output.stdout.split(|byte| *byte == b'\n');
        let values = lines.filter_map(|line| serde_json::from_slice::<Value>(line).ok());
        values
            .filter_map(|line| Some(line["message"]["id"].as_str()?.to_owned()))
            .collect()
    };
    let first = ids(&begin(folder.path(), "say a\nsay b\nexit 3\nsay c"));
    assert_eq!(first, ["msg_00000001", "msg_00000002"]);
    assert_eq!(ids(&resume(folder.path(), "Continue.")), ["msg_00000003"]);
}

#[test]
fn an_unknown_session_ends_as_recorded() {
    let folder = TempDir::new().unwrap();
    let recorded = fs::read("tests/data/transcripts/resume_unknown.jsonl").unwrap();
    let mut recorded: Value = serde_json::from_slice(&recorded).unwrap();
    let id = recorded["session_id"].as_str().unwrap().to_owned();
    let output = call(folder.path(), &["--resume", &id], &prompt("say a"));
    assert_eq!(output.status.code(), Some(1));
    let said = format!("No conversation found with session ID: {id}");
    assert_eq!(String::from_utf8_lossy(&output.stderr).trim_end(), said);
    let told = result(&output);
    let fields = recorded.as_object_mut().unwrap();
    // Unique in each call, and of a detail that nobody reads.
    for name in ["uuid", "usage"] {
        fields.remove(name);
    }
    for (name, value) in fields {
        assert_eq!(told[name.as_str()], *value, "{name}");
    }
}

#[test]
fn a_home_that_cannot_be_written_matters_to_a_resumed_session_only() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join(".home"), "no folder").unwrap();
    assert_eq!(read(&begin(folder.path(), "say a")).outcome, CallOutcome::Success);
    assert_eq!(resume(folder.path(), "Continue.").status.code(), Some(1));
}

/// Starts a call and reads its lines until one contains `text`.
fn started(folder: &Path, script: &str, text: &str) -> Child {
    let mut child = start(&mut agent(folder), &["--session-id", ID], &prompt(script));
    let stdout = child.stdout.as_mut().unwrap();
    let found = BufReader::with_capacity(1, stdout)
        .lines()
        .any(|line| line.unwrap().contains(text));
    assert!(found, "no line contains {text}");
    child
}

fn send(child: &Child, signal: Signal) {
    let id = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(id, signal).unwrap();
}

#[test]
fn sigterm_makes_it_write_what_it_used_and_a_resume_counts_on() {
    let folder = TempDir::new().unwrap();
    let script = "tokens 100 10 0.5\non 1 tool-silent 600000\nappend a.txt 1";
    let child = started(folder.path(), script, "tool_use\"");
    send(&child, Signal::TERM);
    let aborted = child.wait_with_output().unwrap();
    assert_eq!(aborted.status.code(), Some(143));
    let told = result(&aborted);
    assert_eq!(
        (&told["terminal_reason"], &told["is_error"]),
        (&json!("aborted_streaming"), &json!(true))
    );
    near(&told["total_cost_usd"], 0.500_805);
    let after = result(&resume(folder.path(), "Attempt 2\n"));
    near(&after["total_cost_usd"], 0.500_805 + 0.000_805);
    assert_eq!(fs::read_to_string(folder.path().join("a.txt")).unwrap(), "1\n");
}

#[test]
fn a_kill_keeps_the_steps_that_were_done() {
    let folder = TempDir::new().unwrap();
    let mut child = started(
        folder.path(),
        "append a.txt 1\nsay b\non 1 hang\nappend a.txt 2",
        "\"b\"",
    );
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(
        read(&resume(folder.path(), "Attempt 2\n")).outcome,
        CallOutcome::Success
    );
    assert_eq!(fs::read_to_string(folder.path().join("a.txt")).unwrap(), "1\n2\n");
}

#[test]
fn a_deaf_one_does_not_hear_sigterm() {
    let folder = TempDir::new().unwrap();
    let child = started(folder.path(), "deaf\nsay b\nsilent 300\nsay c", "\"b\"");
    send(&child, Signal::TERM);
    let output = child.wait_with_output().unwrap();
    assert_eq!(result(&output)["subtype"], "success");
    assert!(output.status.success());
}
