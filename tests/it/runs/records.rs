//! Records by hand: whole, torn, huge, of a newer version, deleted in part. None needs an engine.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::command::{Called, cordwainer};
use crate::support::repository::TestRepository;

/// A repository with a configuration and no generation.
pub(crate) fn project() -> TestRepository {
    let repository = TestRepository::new();
    repository.write("configuration.yaml", "");
    repository.commit("a project");
    repository
}

pub(crate) fn call(repository: &TestRepository, arguments: &[&str]) -> Called {
    cordwainer(repository, arguments).run()
}

/// The folder of a run's records, which is made.
pub(crate) fn records(repository: &TestRepository, run: &str) -> PathBuf {
    let folder = repository.path().join(".git/cordwainer/runs").join(run);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn line(second: u32, event: &Value) -> String {
    format!("{{\"at\":\"2026-11-30T12:00:{second:02}Z\",\"event\":{event}}}\n")
}

pub(crate) fn started(run: &str, generation: &str) -> Value {
    json!({"type": "run_started", "run": run, "generation": generation, "mode": "feature", "engine": "podman 4.3.1", "image": "i"})
}

pub(crate) fn claimed(task: &str) -> Value {
    json!({"type": "task_claimed", "task": task, "title": format!("title of {task}"), "attempt": 1})
}

fn call_of(task: &str) -> Value {
    json!({"role": "stitch", "task": task, "attempt": 1})
}

pub(crate) fn attempt(task: &str, outcome: &str) -> Value {
    json!({"type": "attempt_ended", "task": task, "title": format!("title of {task}"), "attempt": 1, "outcome": outcome,
        "reason": "", "commit": null, "changed": {"files": 1, "insertions": 3, "deletions": 0}, "usage": {}, "seconds": 2.0})
}

pub(crate) fn run_ended(reason: &str) -> Value {
    json!({"type": "run_ended", "reason": reason, "merged": 1, "blocked": 0, "open": 0, "usage": {"input": 1000, "cost_usd": 0.5, "calls": 1}})
}

/// Writes the events of a run, one a second; whatever follows is `rest`.
pub(crate) fn write(repository: &TestRepository, run: &str, events: &[Value], rest: &[u8]) -> PathBuf {
    let folder = records(repository, run);
    let mut bytes = b"{\"format\":10}\n".to_vec();
    for (second, event) in (0..).zip(events) {
        bytes.extend(line(second, event).as_bytes());
    }
    bytes.extend(rest);
    fs::write(folder.join("events.jsonl"), bytes).unwrap();
    folder
}

pub(crate) const WHOLE: &str = "20261130-120000000-1";

/// A run that came to its end, with one task and what its agent said.
pub(crate) fn whole(repository: &TestRepository) -> PathBuf {
    let used = json!({"type": "tool_used", "call": call_of("cw-k7qd"), "tool": "Bash", "summary": "cargo test"});
    let events = [
        started(WHOLE, "generation-one"),
        claimed("cw-k7qd"),
        used,
        attempt("cw-k7qd", "merged"),
        run_ended("nothing is left to do"),
    ];
    let folder = write(repository, WHOLE, &events, b"");
    let transcript = folder.join("cw-k7qd-1");
    fs::create_dir(&transcript).unwrap();
    let said = |kind: &str, block: Value| json!({"type": kind, "message": {"content": [block]}}).to_string() + "\n";
    let text = [
        said("assistant", json!({"type": "text", "text": "I run the tests."})),
        said(
            "assistant",
            json!({"type": "tool_use", "name": "Bash", "input": {"command": "cargo test"}}),
        ),
        said(
            "user",
            json!({"type": "tool_result", "content": "\u{1b}[31mtest result: ok\u{1b}[0m\n\u{202e}\u{1b}]0;x\u{7}"}),
        ),
    ];
    let path = transcript.join("transcript.jsonl");
    fs::write(&path, text.concat()).unwrap();
    let written: jiff::Timestamp = "2026-11-30T12:00:03Z".parse().unwrap();
    fs::File::open(path).unwrap().set_modified(written.into()).unwrap();
    folder
}

#[test]
fn nothing_is_recorded_yet() {
    let repository = project();
    assert_eq!(call(&repository, &["runs", "list", "--json"]).json(), json!([]));
    call(&repository, &["runs", "list"]).done();
    let wrong = call(&repository, &["runs", "logs", "--since", "soon"]);
    assert_eq!(
        wrong.code, 2,
        "what is typed wrong is told before anything is looked for: {wrong:?}"
    );
    for command in ["show", "logs"] {
        let hint = "error: no run is recorded in this repository\n\nhint: `cordwainer run` begins one\n";
        call(&repository, &["runs", command]).refused(4, hint);
    }
    assert_eq!(call(&repository, &["watch"]).code, 4);
    assert_eq!(call(&repository, &["status", "--watch"]).code, 4);
}

#[test]
fn each_broken_record_is_told_and_hides_no_other() {
    let repository = project();
    whole(&repository);
    write(
        &repository,
        "20261130-120100000-2",
        &[started("x", "generation-two"), claimed("cw-1")],
        b"{\"at\":\"2026-11-",
    );
    fs::write(
        records(&repository, "20261130-120200000-3").join("events.jsonl"),
        "{\"format\":99}\n{\"new\":1}\n",
    )
    .unwrap();
    records(&repository, "20261130-120300000-4");
    let broken = [
        b"\xff\xfe broken\n".to_vec(),
        vec![b'x'; 5 << 20],
        b"\n".to_vec(),
        line(9, &claimed("cw-2")).into_bytes(),
    ]
    .concat();
    write(
        &repository,
        "20261130-120400000-5",
        &[started("x", "generation-two")],
        &broken,
    );
    write(
        &repository,
        "20261130-120500000-6",
        &[json!({"type": "warned", "what": "no engine"})],
        b"",
    );
    fs::write(records(&repository, "20261130-120600000-7").join("events.jsonl"), "").unwrap();
    // What `gc` is removing, and what is nobody's.
    records(&repository, "20261130-120700000-8.removed");
    fs::write(repository.path().join(".git/cordwainer/runs/file"), "x").unwrap();

    let rows = call(&repository, &["runs", "list", "--all", "--json"]).json();
    let seen: Vec<(&str, &str, u64)> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let text = |name: &str| row[name].as_str().unwrap();
            (text("run"), text("outcome"), row["unreadable_lines"].as_u64().unwrap())
        })
        .collect();
    let expect = [
        ("20261130-120600000-7", "not_begun", 0),
        ("20261130-120500000-6", "not_begun", 0),
        ("20261130-120400000-5", "died", 2),
        ("20261130-120300000-4", "unreadable", 0),
        ("20261130-120200000-3", "unreadable", 0),
        ("20261130-120100000-2", "died", 0),
        (WHOLE, "ended", 0),
    ];
    assert_eq!(seen, expect);
    // A second time, from what was kept of the first; and without that.
    for _ in 0..2 {
        assert_eq!(call(&repository, &["runs", "list", "--all", "--json"]).json(), rows);
        fs::remove_dir_all(repository.path().join(".git/cordwainer/cache")).unwrap();
    }
    let text = call(&repository, &["runs", "list"]).done();
    assert!(
        text.contains("its events are gone") && text.contains("a newer version of cordwainer wrote"),
        "{text}"
    );
    assert!(!text.contains("-6 "), "what never began is left out: {text}");

    let newer = call(&repository, &["runs", "show", "20261130-1202"]);
    assert_eq!(newer.code, 9, "{newer:?}");
    assert!(newer.stderr.contains("use that version"), "{newer:?}");
    let gone = call(&repository, &["runs", "logs", "20261130-1203"]);
    assert_eq!((gone.code, gone.stdout.as_str()), (0, ""), "{gone:?}");
    let logs = call(&repository, &["runs", "logs", "20261130-1204"]).done();
    for told in [
        "line 3 of the events is not an event",
        "line 4 of the events has more than 4 MiB",
        "title of cw-2",
    ] {
        assert!(logs.contains(told), "{logs}");
    }
    let torn = call(&repository, &["runs", "show", "20261130-1201"]).done();
    assert!(
        torn.contains("died: it recorded no end") && torn.contains("At work when it died"),
        "{torn}"
    );
}

#[test]
fn runs_are_found_by_name_by_its_beginning_and_by_generation() {
    let repository = project();
    whole(&repository);
    let again = [started("x", "generation-one"), run_ended("interrupted")];
    write(&repository, "20261201-120000000-2", &again, b"");
    let shown = |name: &str| call(&repository, &["runs", "show", name, "--json"]).json()["run"]["run"].clone();
    assert_eq!(shown(WHOLE), WHOLE);
    assert_eq!(shown("202611"), WHOLE);
    assert_eq!(shown("one"), "20261201-120000000-2");
    assert_eq!(shown("generation-one"), "20261201-120000000-2");
    // Gates outside of a run have records, too.
    let gate = json!({"type": "gate_ended", "task": "cw-k7qd", "gate": "test", "passed": true});
    let gates = write(&repository, "20261202-120000000-3", &[gate], b"");
    let last = call(&repository, &["runs", "show", "--json"]).json();
    fs::remove_dir_all(gates).unwrap();
    assert_eq!(
        (&last["run"]["run"], &last["run"]["reason"]),
        (&json!("20261201-120000000-2"), &json!("interrupted"))
    );
    for (name, told) in [
        ("2026", "2 runs begin with `2026`"),
        ("../x", "there is no run `../x`"),
        ("\u{1b}[2J", "there is no run"),
    ] {
        let called = call(&repository, &["runs", "show", name]);
        assert_eq!(called.code, 9, "{called:?}");
        assert!(
            called.stderr.contains(told) && !called.stderr.contains('\u{1b}'),
            "{called:?}"
        );
    }
    let named = |arguments: &[&str]| {
        let rows = call(&repository, &[&["runs", "list", "--json"], arguments].concat()).json();
        rows.as_array()
            .unwrap()
            .iter()
            .map(|row| row["run"].as_str().unwrap()[..8].to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(named(&[]), ["20261201", "20261130"]);
    assert_eq!(named(&["--limit", "1"]), ["20261201"]);
    assert_eq!(named(&["--limit", "0", "--of", "one"]), ["20261201", "20261130"]);
    assert_eq!(named(&["--of", "two"]), [""; 0]);
    assert_eq!(named(&["--mode", "fix"]), [""; 0]);
    assert_eq!(named(&["--outcome", "died,unreadable"]), [""; 0]);
    let limited = call(&repository, &["runs", "list", "-L", "1"]).done();
    assert!(limited.ends_with("1 older run; `--limit` shows more.\n"), "{limited}");
}

#[test]
fn a_log_has_what_agents_said_and_did_and_nothing_that_harms() {
    let repository = project();
    let folder = whole(&repository);
    let log = call(&repository, &["runs", "logs"]).done();
    let expect = "2026-11-30:\n\
        12:00:00  Run 20261130-120000000-1 on generation-one: podman 4.3.1, image i.\n\
        12:00:01  cw-k7qd: title of cw-k7qd.\n\
        12:00:02    cw-k7qd: I run the tests.\n\
        12:00:02    cw-k7qd > Bash cargo test\n";
    assert!(log.starts_with(expect), "{log}");
    let answer = "12:00:03      | test result: ok\n";
    assert!(
        log.contains(answer),
        "no event tells when it came, its file does: {log}"
    );
    assert!(!log.contains(['\u{1b}', '\u{202e}', '\u{7}']), "{log:?}");
    // The task may stand alone, and a level and a moment choose.
    let of = |arguments: &[&str]| call(&repository, &[&["runs", "logs"], arguments].concat()).done();
    assert_eq!(of(&[WHOLE, "cw-k7qd"]), of(&["k7"]));
    assert!(!of(&["k7"]).contains("Run ended"), "{}", of(&["k7"]));
    let steps = of(&["--level", "step"]);
    assert!(steps.contains("merged") && !steps.contains("cargo test"), "{steps}");
    assert_eq!(of(&["--level", "error"]), "");
    let late = of(&["--since", "2026-11-30 12:00:04"]);
    assert!(late.starts_with("2026-11-30:\n12:00:04  Run ended"), "{late}");
    for wrong in [&["cw-zzzz"][..], &[WHOLE, "cw-zzzz"], &["--since", "soon"]] {
        let called = call(&repository, &[&["runs", "logs"], wrong].concat());
        assert!(
            [2, 9].contains(&called.code) && called.stderr.contains("hint: "),
            "{called:?}"
        );
    }
    // Each line of the JSON is the event.
    let json = of(&["--json"]);
    let types: Vec<Value> = json
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["event"]["type"].clone())
        .collect();
    assert_eq!(
        types,
        ["run_started", "task_claimed", "tool_used", "attempt_ended", "run_ended"]
    );
    // Without the call's records, the events say what they have.
    fs::remove_dir_all(folder.join("cw-k7qd-1")).unwrap();
    let without = of(&[]);
    assert!(
        without.contains("cw-k7qd > Bash cargo test") && !without.contains("I run the tests"),
        "{without}"
    );
}

#[test]
fn lines_of_ten_megabytes_are_shown_in_little_memory() {
    let repository = project();
    let folder = whole(&repository);
    let long =
        json!({"type": "user", "message": {"content": [{"type": "tool_result", "content": "y".repeat(10 << 20)}]}});
    let large =
        json!({"type": "user", "message": {"content": [{"type": "tool_result", "content": "z".repeat(3 << 20)}]}});
    let mut transcript = File::options()
        .append(true)
        .open(folder.join("cw-k7qd-1/transcript.jsonl"))
        .unwrap();
    writeln!(transcript, "{long}\n{large}").unwrap();
    let mut events = File::options().append(true).open(folder.join("events.jsonl")).unwrap();
    let said = json!({"type": "agent_said", "call": call_of("cw-k7qd"), "text": "x".repeat(3 << 20)});
    for second in 10..20 {
        events.write_all(line(second, &said).as_bytes()).unwrap();
    }
    let program = env!("CARGO_BIN_EXE_cordwainer");
    let command = format!("ulimit -d 65536 && exec {program} runs logs");
    let output = std::process::Command::new("sh")
        .args(["-c", &command])
        .current_dir(repository.path())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("a line of more than 4 MiB is left out"), "{text}");
    assert!(
        text.len() < 200_000 && text.lines().all(|line| line.chars().count() <= 100),
        "{}",
        text.len()
    );
}

#[test]
fn a_reader_that_goes_away_ends_a_log_quietly() {
    let repository = project();
    whole(&repository);
    let mut events = File::options()
        .append(true)
        .open(
            repository
                .path()
                .join(".git/cordwainer/runs")
                .join(WHOLE)
                .join("events.jsonl"),
        )
        .unwrap();
    let warned = json!({"type": "warned", "what": "odd ".repeat(50)});
    for _ in 0..20_000 {
        events.write_all(line(9, &warned).as_bytes()).unwrap();
    }
    let mut child = cordwainer(&repository, &["runs", "logs"])
        .stdout(Stdio::piped())
        .spawn();
    let mut first = [0; 100];
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut first).unwrap();
    drop(stdout);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}

#[test]
fn runs_are_compared() {
    let repository = project();
    whole(&repository);
    let died = [
        started("x", "generation-two"),
        claimed("cw-1"),
        attempt("cw-1", "gate_failed"),
        claimed("cw-1"),
    ];
    write(&repository, "20261201-120000000-2", &died, b"");
    let compared = call(&repository, &["runs", "compare", "20261130", "20261201", "--json"]).json();
    let figures = |index: usize| {
        let one = &compared[index];
        (
            one["kind"].clone(),
            one["tasks"]["merged"].clone(),
            one["outcomes"].clone(),
            one["usage"]["cost_usd"].clone(),
        )
    };
    assert_eq!(figures(0), (json!("run"), json!(1), json!({"merged": 1}), json!(0.5)));
    assert_eq!(
        figures(1),
        (json!("run"), json!(0), json!({"gate_failed": 1}), json!(0.0))
    );
    let text = call(&repository, &["runs", "compare", "20261130", "20261201"]).done();
    assert!(text.contains("+3 -0"), "{text}");
    let unknown = call(&repository, &["runs", "compare", "20261130", "three"]);
    assert_eq!(unknown.code, 9, "{unknown:?}");
    assert!(
        unknown
            .stderr
            .contains("there is no run `three`, and no generation `three`"),
        "{unknown:?}"
    );
    assert_eq!(call(&repository, &["runs", "compare", "20261130"]).code, 2);
}

/// As in a list, what cannot be read is told and hides no other.
#[test]
fn a_run_that_cannot_be_read_is_left_out_of_a_comparison() {
    let repository = project();
    whole(&repository);
    records(&repository, "20261201-120000000-2");
    let newer = records(&repository, "20261202-120000000-3");
    fs::write(newer.join("events.jsonl"), "{\"format\":99}\n").unwrap();
    let compare = |more: &[&str]| call(&repository, &[&["runs", "compare"], more].concat());
    let left_out = "Warning: run 20261202-120000000-3 is left out: a newer version of cordwainer wrote its events.\n\
                    Warning: run 20261201-120000000-2 is left out: its events are gone.\n";
    let shown = compare(&["20261202", "20261130", "20261201"]);
    assert_eq!((shown.code, shown.stderr.as_str()), (0, left_out), "{shown:?}");
    let names: Vec<&str> = shown.stdout.lines().next().unwrap().split_whitespace().collect();
    assert_eq!(names, [WHOLE]);
    let json = compare(&["20261202", "20261130", "20261201", "--json"]);
    assert_eq!((json.code, json.stderr.as_str()), (0, left_out), "{json:?}");
    let names: Vec<Value> = serde_json::from_str::<Vec<Value>>(&json.stdout).unwrap();
    assert_eq!(names.iter().map(|one| &one["name"]).collect::<Vec<_>>(), [WHOLE]);
    // Of none there is nothing to show, and a name that is not known is the person's mistake.
    compare(&["20261202", "20261201"]).refused(
        9,
        "error: the records of none of these runs can be read\n  20261202-120000000-3: a newer version of cordwainer wrote its \
         events\n  20261201-120000000-2: its events are gone\n\nhint: `cordwainer runs list` lists those that can\n",
    );
    assert_eq!(compare(&["20261130", "20261201", "three"]).code, 9);
}
