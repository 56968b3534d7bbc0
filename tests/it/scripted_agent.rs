//! The scripted agent: its stream is read by the library as the real client's is.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;
use std::process::{Command, Output};

use cordwainer::agent::{CallOutcome, CallReport, Ending, StopCause, Transcript};
use cordwainer::config::ModeKind;
use cordwainer::issue::Issue;
use cordwainer::prompt::{MeasureContext, StitchContext, measure_template, render_measure, render_stitch};
use cordwainer::proposal::{self, BatchLimits};
use serde_json::json;
use tempfile::TempDir;

use crate::support::client::{read, start};
use crate::support::scripted_agent::program;

mod sessions;
mod words;

fn prompt(script: &str) -> String {
    format!("You do one task.\n\nAttempt 1\n\n~~~script\n{script}\n~~~\nThe end.\n")
}

fn agent(folder: &Path) -> Command {
    let mut agent = Command::new(program());
    agent.current_dir(folder).env("HOME", folder.join(".home"));
    agent
}

fn call(folder: &Path, arguments: &[&str], prompt: &str) -> Output {
    start(&mut agent(folder), arguments, prompt).wait_with_output().unwrap()
}

fn follow(folder: &Path, script: &str) -> CallReport {
    read(&call(folder, &[], &prompt(script)))
}

#[test]
fn it_gives_a_version() {
    let output = Command::new(program()).arg("--version").output().unwrap();
    assert!(output.status.success());
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "2.1.329 (Claude Code, scripted)\n"
    );
}

/// Script, arguments, and what the call amounts to.
type Row = (&'static str, &'static [&'static str], CallOutcome, &'static str);

const ENDINGS: [Row; 17] = [
    ("", &[], CallOutcome::Success, ""),
    ("say hello", &["--model", "opus"], CallOutcome::Success, ""),
    ("fail no table", &[], CallOutcome::Failed, "no table"),
    (
        "fail-first 1",
        &[],
        CallOutcome::Failed,
        "attempt 1 fails, as the script says",
    ),
    (
        "limit 1795257035",
        &[],
        CallOutcome::Limited,
        "You've hit your 5-hour limit",
    ),
    ("overage", &[], CallOutcome::Overage, "paid overage is being used"),
    ("api-error 529 Overloaded", &[], CallOutcome::Transient, "Overloaded"),
    ("api-error 401 Expired", &[], CallOutcome::Permanent, "Expired"),
    (
        "say a\nsay b\nsay c",
        &["--max-turns", "2"],
        CallOutcome::MaxTurns,
        "Reached maximum number of turns (2)",
    ),
    (
        "tokens 10 20 0.5",
        &["--max-budget-usd=0.25"],
        CallOutcome::Budget,
        "Reached maximum budget ($0.25)",
    ),
    (
        "no-result",
        &[],
        CallOutcome::Crashed,
        "no result line: it exited with 0",
    ),
    ("nothing", &[], CallOutcome::Crashed, "no result line: it exited with 0"),
    (
        "say a\nexit 7",
        &[],
        CallOutcome::Crashed,
        "no result line: it exited with 7",
    ),
    (
        "stderr killed\nsignal 9",
        &[],
        CallOutcome::Crashed,
        "no result line: it ended by signal 9; stderr ends: killed",
    ),
    ("on 2 exit 7", &[], CallOutcome::Success, ""),
    (
        "",
        &["--no-such-option", "x"],
        CallOutcome::Permanent,
        "no result line: it exited with 1; stderr ends: error: unknown option '--no-such-option'",
    ),
    ("try write /dev/null/x y\nsay went on", &[], CallOutcome::Success, ""),
];

#[test]
fn every_ending_amounts_to_what_the_script_says() {
    let folder = TempDir::new().unwrap();
    for (script, arguments, outcome, reason) in ENDINGS {
        let report = read(&call(folder.path(), arguments, &prompt(script)));
        assert_eq!(report.outcome, outcome, "{script}: {}", report.reason);
        assert_eq!(report.reason, reason, "{script}");
    }
}

#[test]
fn its_usage_is_counted() {
    let folder = TempDir::new().unwrap();
    let report = follow(folder.path(), "say a\ntokens 1000 50 0.25");
    assert_eq!((report.turns, report.usage.calls), (2, 1));
    assert_eq!((report.usage.input, report.usage.output), (1120, 90));
    assert!((report.usage.cost_usd - 0.250_805).abs() < 1e-9);
    let spent = read(&call(
        folder.path(),
        &["--max-budget-usd", "0.1"],
        &prompt("tokens 1000 50 0.25"),
    ));
    assert_eq!((spent.usage.input, spent.usage.output), (1000, 50));
}

#[test]
fn garbage_is_passed_over() {
    let folder = TempDir::new().unwrap();
    let report = follow(folder.path(), "garbage Segmentation fault\nsay still here");
    assert_eq!((report.outcome, report.skipped_lines), (CallOutcome::Success, 2));
}

#[test]
fn files_are_as_the_script_says() {
    let folder = TempDir::new().unwrap();
    let at = |path: &str| folder.path().join(path);
    fs::write(at("old.txt"), "old").unwrap();
    let script = "# a comment\nwrite src/a.txt one line\nwrite src/b.txt <<END\n\n  two\n```\nEND\nappend src/b.txt three\n\
        delete old.txt\nsymlink link /etc/passwd\nfifo pipe\nsocket plug\nmkrepo inner\nbigfile big 200000000";
    let report = follow(folder.path(), script);
    assert_eq!(report.outcome, CallOutcome::Success, "{}", report.reason);
    assert_eq!(fs::read_to_string(at("src/a.txt")).unwrap(), "one line\n");
    assert_eq!(fs::read_to_string(at("src/b.txt")).unwrap(), "\n  two\n```\nthree\n");
    assert!(!at("old.txt").exists());
    assert_eq!(fs::read_link(at("link")).unwrap(), Path::new("/etc/passwd"));
    assert!(fs::metadata(at("pipe")).unwrap().file_type().is_fifo());
    assert!(fs::metadata(at("plug")).unwrap().file_type().is_socket());
    assert!(at("inner/.git/HEAD").is_file());
    assert_eq!(fs::metadata(at("big")).unwrap().len(), 200_000_000);
}

#[test]
fn it_forges_what_it_can() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join(".git"), "gitdir: elsewhere\n").unwrap();
    let report = follow(folder.path(), "forge-git");
    assert_eq!(report.outcome, CallOutcome::Success, "{}", report.reason);
    let config = fs::read_to_string(folder.path().join(".git/config")).unwrap();
    assert!(config.contains("fsmonitor"));
}

const PROPOSE: &str = r#"propose <<JSON
{"proposals": [{"key": "a", "title": "Build it", "description": "All.", "required_reading": [],
 "files": [{"path": "a.txt", "action": "create"}], "requirements": ["r"], "acceptance_criteria": ["c"],
 "estimated_lines": 300, "priority": 2, "depends_on": []}]}
JSON"#;

fn keys(report: &CallReport) -> Vec<String> {
    let proposals = proposal::extract(report).unwrap();
    let limits = BatchLimits {
        max_issues: 1,
        lines_min: 250,
        lines_max: 350,
        most_lines: None,
        needs_proof: false,
    };
    let validated = proposal::validate(proposals, &[], &limits);
    assert_eq!(validated.problems, Vec::<String>::new());
    validated.accepted.into_iter().map(|one| one.key).collect()
}

#[test]
fn it_measures_by_schema_and_in_words() {
    let folder = TempDir::new().unwrap();
    let schema = proposal::json_schema(false).to_string();
    let by_schema = |script| read(&call(folder.path(), &["--json-schema", &schema], &prompt(script)));
    assert_eq!(keys(&by_schema(PROPOSE)), ["a"]);
    assert_eq!(keys(&by_schema("")), Vec::<String>::new());
    let answer = PROPOSE
        .replacen("propose <<JSON", "answer <<JSON\n```json", 1)
        .replace("]}\nJSON", "]}\n```\nJSON");
    let in_words = by_schema(&answer);
    assert_eq!(in_words.structured_output, None);
    assert_eq!(keys(&in_words), ["a"]);
    let asked = format!("## What to propose\n{}", prompt(PROPOSE));
    let without_schema = read(&call(folder.path(), &[], &asked));
    assert_eq!(without_schema.structured_output, None);
    assert_eq!(keys(&without_schema), ["a"]);
}

#[test]
fn the_attempt_is_read_from_the_prompt() {
    let folder = TempDir::new().unwrap();
    let second = prompt("fail-first 1\non 2 write done.txt yes").replace("Attempt 1", "Attempt 2");
    let report = read(&call(folder.path(), &[], &second));
    assert_eq!(report.outcome, CallOutcome::Success, "{}", report.reason);
    assert!(folder.path().join("done.txt").is_file());
}

#[test]
fn it_finds_its_script_in_the_prompts_of_the_library() {
    let folder = TempDir::new().unwrap();
    let limits = BatchLimits {
        max_issues: 1,
        lines_min: 250,
        lines_max: 350,
        most_lines: None,
        needs_proof: false,
    };
    let script = format!("Small tasks, please.\n\n~~~script\non 1 propose []\non 2 {PROPOSE}\n~~~");
    let context = MeasureContext::new(Vec::new(), Vec::new(), [], limits, Some(script));
    let measured = |context: &MeasureContext| {
        read(&call(
            folder.path(),
            &[],
            &render_measure(measure_template(ModeKind::Generate), context).unwrap(),
        ))
    };
    assert_eq!(keys(&measured(&context)), Vec::<String>::new());
    let again = context.again(Vec::new(), vec!["Something was wrong.".into()], None);
    assert_eq!(keys(&measured(&again)), ["a"]);

    let issue: Issue = serde_json::from_value(json!({
        "id": "cw-3", "title": "Write it", "status": "open", "priority": 2, "issue_type": "task",
        "description": "It is missing.\n\n~~~script\nfail-first 1\nwrite a.txt done\n~~~\n",
        "created_at": "2026-11-21T09:30:00Z", "updated_at": "2026-11-21T09:30:00Z",
    }))
    .unwrap();
    let mut context = StitchContext::new(&issue, &[], |_| None);
    let stitched =
        |context: &StitchContext| read(&call(folder.path(), &[], &render_stitch(None, context).unwrap())).outcome;
    assert_eq!(stitched(&context), CallOutcome::Failed);
    context.attempt = 2;
    assert_eq!(stitched(&context), CallOutcome::Success);
    assert_eq!(fs::read_to_string(folder.path().join("a.txt")).unwrap(), "done\n");
}

#[test]
fn it_hangs_before_and_after_its_result() {
    let folder = TempDir::new().unwrap();
    let cases = [
        ("say a\nhang", "text", CallOutcome::Crashed),
        ("say a\nhang-after-result", "finished", CallOutcome::Success),
    ];
    for (script, last, outcome) in cases {
        let mut child = start(&mut agent(folder.path()), &[], &prompt(script));
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut transcript = Transcript::new();
        let mut seen = serde_json::Value::Null;
        while seen["type"] != last {
            let event = transcript.push_line(lines.next().unwrap().unwrap().as_bytes());
            seen = serde_json::to_value(event).unwrap();
        }
        assert_eq!(child.try_wait().unwrap(), None, "{script}");
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(lines.next().is_none(), "{script}");
        let report = transcript.finish(&Ending {
            exit_code: Some(137),
            cut: Some(StopCause::AfterResult),
            ..Ending::default()
        });
        assert_eq!(report.outcome, outcome, "{script}: {}", report.reason);
    }
}

#[test]
fn mistakes_in_a_script_are_loud() {
    let folder = TempDir::new().unwrap();
    let cases = [
        ("say x\ndance", 64, "line 2 of the script: there is no step `dance`"),
        ("write", 64, "line 1 of the script: a path is missing"),
        (
            "sleep long",
            64,
            "line 1 of the script: `long` is not a number of milliseconds",
        ),
        ("hang on", 64, "line 1 of the script: `on` is too much"),
        (
            "write a <<END\nx",
            64,
            "line 1 of the script: the text that `<<END` begins has no end",
        ),
        ("propose {", 64, "line 1 of the script: `propose` needs JSON: "),
        (
            "delete missing",
            65,
            "line 1 of the script: No such file or directory (os error 2)",
        ),
    ];
    for (script, code, message) in cases {
        let output = call(folder.path(), &[], &prompt(script));
        assert_eq!(output.status.code(), Some(code), "{script}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            said.starts_with(&format!("scripted agent: {message}")),
            "{script}: {said}"
        );
    }
}
