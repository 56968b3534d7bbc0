//! `report`: runs and generations as a page and as Markdown, from records by hand and from real runs.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use cordwainer::event::EventKind;
use serde_json::{Value, json};

use super::records::{WHOLE, attempt, call, claimed, project, records, run_ended, started, whole, write};
use crate::run::adoption::kill;
use crate::run::parallel::ended;
use crate::run::reviews::{answers, described};
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;
use crate::support::project::waiting::wait_until;
use crate::support::repository::TestRepository;
use crate::support::scripts::WAIT;

engine_tests! {
    podman first: a_run_and_its_generation_have_reports_while_they_last_and_afterwards,
        an_attempt_that_another_run_goes_on_with_is_one_attempt;
}

/// The page of a run or a generation.
fn page(repository: &TestRepository, of: &[&str]) -> String {
    call(repository, &[&["report", "--html", "-"], of].concat()).done()
}

#[test]
fn a_page_is_written_whole_in_place_of_what_was_there() {
    let repository = project();
    whole(&repository);
    let file = repository.path().join("report.html");
    let written = call(&repository, &["report", "--html", "report.html"]);
    assert_eq!((written.code, written.stdout.as_str()), (0, ""), "{written:?}");
    let folder = repository.path();
    let name = folder.file_name().unwrap().to_str().unwrap();
    assert_eq!(written.stderr, format!("Wrote `[T]/{name}/report.html`.\n"));
    let text = fs::read_to_string(&file).unwrap();
    assert!(
        text.starts_with("<!doctype html>") && text.ends_with("</html>"),
        "{text}"
    );
    for part in [WHOLE, "title of cw-k7qd", "nothing is left to do", "merged", "$0.50"] {
        assert!(text.contains(part), "`{part}` is not in {text}");
    }
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    // A link stays one, and what it leads to is replaced.
    fs::write(repository.outside().join("elsewhere.html"), "old").unwrap();
    let link = repository.path().join("link.html");
    symlink(repository.outside().join("elsewhere.html"), &link).unwrap();
    assert_eq!(call(&repository, &["report", WHOLE, "--html", "link.html"]).code, 0);
    assert!(link.symlink_metadata().unwrap().is_symlink());
    let changed = |text: String| text.split("Made at").next().unwrap().to_owned();
    assert_eq!(changed(fs::read_to_string(&link).unwrap()), changed(text.clone()));
    assert_eq!(changed(page(&repository, &[])), changed(text), "`-` is stdout");
    // With `-C`, the name is below that folder, as everywhere.
    fs::create_dir(repository.path().join("inner")).unwrap();
    let named = ["-C", "inner", "report", "--html", "other.html"];
    assert_eq!(call(&repository, &named).code, 0);
    assert!(repository.path().join("inner/other.html").is_file());
}

#[test]
fn a_report_in_markdown_and_in_json() {
    let repository = project();
    whole(&repository);
    let text = call(&repository, &["report", "--markdown"]).done();
    assert!(
        text.starts_with(&format!("# Run {WHOLE}\n\nnothing is left to do\n")),
        "{text}"
    );
    assert!(text.contains("- cw-k7qd title of cw-k7qd: merged"), "{text}");
    let report = call(&repository, &["report", "2026", "--json"]).json();
    assert_eq!(
        (
            &report["summary"]["kind"],
            &report["summary"]["name"],
            &report["tasks"][0]["attempts"][0]["outcome"]
        ),
        (&json!("run"), &json!(WHOLE), &json!("merged")),
        "{report:#}"
    );
}

#[test]
fn what_is_asked_for_wrongly_is_refused_with_what_would_be_right() {
    let repository = project();
    let nothing = "error: no run is recorded in this repository\n\nhint: `cordwainer run` begins one\n";
    call(&repository, &["report", "--markdown"]).refused(4, nothing);
    whole(&repository);
    fs::create_dir(repository.path().join("folder")).unwrap();
    let pipe = repository.path().join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RWXU).unwrap();
    for (arguments, code, told) in [
        (&["report"][..], 2, "the form of the report is not named"),
        (&["report", WHOLE], 2, "`--html FILE` writes a page"),
        (&["report", "--html", "x", "--markdown"], 2, "cannot be used with"),
        (&["report", "--html", "-", "--json"], 2, "cannot both go to stdout"),
        (&["report", "--html", ""], 2, "a value is required"),
        (&["report", "--html", "folder"], 2, "is not a file that can be replaced"),
        (&["report", "--html", "pipe"], 2, "name a file, or `-` for stdout"),
        (&["report", "--html", "nowhere/report.html"], 1, "cannot write `[T]"),
        (
            &["report", "one", "two", "--markdown"],
            2,
            "cannot be used with '[RUN|GENERATION]'",
        ),
        (
            &["report", "nowhere", "--markdown"],
            9,
            "there is no run `nowhere`, and no generation `nowhere`",
        ),
        (&["report", "\u{1b}[2J", "--markdown"], 9, "there is no run"),
        (
            &["report", "--generation", "one", "--markdown"],
            2,
            "name the generation without the option",
        ),
        (&["report", "show", "--generation", "one"], 2, "leave it out"),
    ] {
        let called = call(&repository, arguments);
        assert_eq!(called.code, code, "{arguments:?}: {called:?}");
        assert!(
            called.stderr.contains(told),
            "`{told}` is not told by {arguments:?}: {called:?}"
        );
        assert!(
            called.stdout.is_empty() && !called.stderr.contains('\u{1b}'),
            "{called:?}"
        );
    }
    assert!(pipe.exists(), "what is no file stays");
}

#[test]
fn records_that_are_torn_huge_newer_or_gone_are_shown_as_what_they_are() {
    let repository = project();
    let torn = [started("x", "generation-two"), claimed("cw-1")];
    write(&repository, "20261130-120100000-2", &torn, b"{\"at\":\"2026-11-");
    let text = page(&repository, &["202611"]);
    assert!(
        text.contains("died: it recorded no end") && text.contains("no end recorded"),
        "{text}"
    );
    assert!(
        text.contains("title of cw-1") && text.contains("At work when it died"),
        "{text}"
    );
    let huge = [
        started("x", "generation-two"),
        claimed("cw-1"),
        attempt("cw-1", "merged"),
        run_ended("done"),
    ];
    let rest = [b"\xff\xfe broken\n".to_vec(), vec![b'x'; 5 << 20], b"\n".to_vec()].concat();
    write(&repository, "20261201-120100000-3", &huge, &rest);
    let text = page(&repository, &["202612"]);
    assert!(
        text.contains("2 lines of its events cannot be read") && text.len() < 100_000,
        "{text}"
    );
    let newer = records(&repository, "20270101-120200000-4").join("events.jsonl");
    fs::write(newer, "{\"format\":99}\n{\"new\":1}\n").unwrap();
    records(&repository, "20270201-120300000-5");
    for (name, told) in [("202701", "newer version"), ("202702", "are gone")] {
        let called = call(&repository, &["report", name, "--markdown"]);
        assert_eq!(called.code, 9, "{called:?}");
        assert!(called.stderr.contains(told), "{called:?}");
    }
    let empty = records(&repository, "20270301-120400000-6").join("events.jsonl");
    fs::write(empty, "").unwrap();
    assert!(page(&repository, &["202703"]).contains("failed before it began"));
}

/// What a finding says of the work.
fn finding(title: &str) -> Value {
    json!({"severity": "high", "category": "correctness", "path": "src/a.txt", "line": 1, "title": title,
        "problem": "Two were asked for.", "suggestion": "Write two."})
}

fn a_run_and_its_generation_have_reports_while_they_last_and_afterwards(engine: TestEngine) {
    const HOSTILE: &str = "<img src=x onerror=alert(1)>";
    let configuration = "stages: [stitch, review]\ngates: [{name: test, command: 'absent=src/bad.txt'}]\n";
    let project = Project::new(engine, configuration);
    let review = answers(9, true, &[finding(HOSTILE)]).replace("\"high\"", "\"low\"");
    let work = format!("tokens 500 20 0.25\n{WAIT}write src/bad.txt x\ndone\ndelete src/bad.txt\nwrite src/a.txt x");
    let description = described(&work, &format!("tokens 50 5 0.125\n{review}"));
    project
        .run(&["issues", "add", HOSTILE, "--description", &description])
        .expect(0);
    let run = project.spawn(&["run", "--tasks-only"]);
    let pipe = project.state().join("slots/1/go");
    wait_until(|| pipe.exists());
    let page = |of: &[&str]| project.run(&[&["report", "--html", "-"], of].concat()).expect(0).stdout;
    let live = page(&[]);
    for part in [
        "<span>at work</span>",
        "<h2 id=\"at-work\">At work</h2>",
        "&lt;img src=x",
    ] {
        assert!(live.contains(part), "`{part}` is not in {live}");
    }
    let of_generation: Value = json_of(&project, "one");
    assert_eq!(of_generation["tasks"][0]["status"], "in_progress", "{of_generation:#}");
    assert_eq!(of_generation["at_work"][0]["task"], "cw-1", "{of_generation:#}");
    assert_eq!(fs::read_to_string(&pipe).unwrap(), "x\n");
    assert!(run.wait_with_output().unwrap().status.success());
    let ended = page(&[]);
    for part in [
        "gate `test` failed: exited with ",
        "fix round 1 of ",
        "gate `test` passed.",
        "review 1 passed: it scored it 9 of 10",
        "Two were asked for.",
        "score</dt><dd>9 of 10",
        "Money by role",
    ] {
        assert!(ended.contains(part), "`{part}` is not in {ended}");
    }
    assert!(!ended.contains("<img"), "{ended}");
    // A second run, in which nothing is merged.
    project.add("Fails", "fail the table is not found");
    let _ = project.run(&["run", "--tasks-only"]);
    let report = json_of(&project, "one");
    assert_eq!(report["runs"].as_array().unwrap().len(), 2, "{report:#}");
    let outcomes: Vec<&Value> = report["tasks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|task| &task["attempts"][0]["outcome"])
        .collect();
    assert_eq!(outcomes, ["merged", "agent_failed"], "{report:#}");
    let spent: f64 = report["spent"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["usage"]["cost_usd"].as_f64().unwrap())
        .sum();
    let paid = report["summary"]["usage"]["cost_usd"].as_f64().unwrap();
    assert!(spent > 0.3 && (spent - paid).abs() < 1e-9, "{spent} of {paid}");
    // An ended generation, and one whose records are gone: the store has its attempts and findings.
    project
        .run(&["issues", "close", "cw-2", "--reason", "not needed"])
        .expect(0);
    project.run(&["stop"]).expect(0);
    let whole = page(&["one"]);
    assert!(whole.contains("<h1>Generation generation-one</h1>"), "{whole}");
    assert!(
        whole.contains("A line across all rows stands where one run ended"),
        "{whole}"
    );
    fs::remove_dir_all(project.state().join("runs")).unwrap();
    let rest = page(&["one"]);
    for part in [
        "no run of it is recorded",
        "fix round 1 of 1",
        "review 1 passed",
        "Two were asked for.",
        "Money by role",
    ] {
        assert!(rest.contains(part), "`{part}` is not in {rest}");
    }
}

/// Its run dies in a fix round, after a call that has ended: what both runs recorded of it is one attempt, which used what the
/// store has of it.
fn an_attempt_that_another_run_goes_on_with_is_one_attempt(engine: TestEngine) {
    let project = Project::new(engine, "gates: [{name: test, command: 'absent=src/bad.txt'}]\n");
    let work = "tokens 500 20 0.25\nwrite src/bad.txt x\ndone\n";
    let round = format!("{WAIT}tokens 300 10 0.125\ndelete src/bad.txt\nwrite src/a.txt x");
    project.add("Goes on", &format!("{work}{round}"));
    let run = project.spawn(&["generator", "run", "--tasks-only"]);
    wait_until(|| !project.pipes().is_empty());
    kill(&project, run, 1);
    let run = project.spawn(&["generator", "resume", "--tasks-only"]);
    wait_until(|| {
        project
            .events()
            .iter()
            .any(|event| matches!(event, EventKind::Adopted(_)))
    });
    // While it lasts, too.
    let report = json_of(&project, "one");
    assert_eq!(
        report["tasks"][0]["attempts"].as_array().unwrap().len(),
        1,
        "{report:#}"
    );
    project.let_pipes_go();
    ended(run).expect(0);
    let report = json_of(&project, "one");
    let attempts = report["tasks"][0]["attempts"].as_array().unwrap();
    assert_eq!(attempts.len(), 1, "{report:#}");
    assert_eq!(attempts[0]["outcome"], "merged", "{report:#}");
    let steps = attempts[0]["steps"].as_array().unwrap();
    let steps: Vec<&str> = steps
        .iter()
        .map(|step| step["event"]["type"].as_str().unwrap())
        .collect();
    assert_eq!(steps, ["gate_ended", "round_started", "gate_ended"], "{report:#}");
    assert!(
        attempts[0]["began_at"].as_str() < report["runs"][1]["began_at"].as_str(),
        "it began in the run that died: {report:#}"
    );
    let of_calls = |calls: &Value| -> u64 {
        let calls = calls.as_array().unwrap();
        calls
            .iter()
            .map(|call| call["usage"]["input"].as_u64().unwrap() + call["usage"]["output"].as_u64().unwrap())
            .sum()
    };
    let used = [&attempts[0], &report["tasks"][0], &report["summary"]].map(|one| of_calls(&json!([one])));
    assert_eq!(used, [of_calls(&report["spent"]); 3], "{report:#}");
    assert_eq!(
        (used[0] >= 830, attempts[0]["usage"]["calls"].as_u64()),
        (true, Some(2)),
        "{report:#}"
    );
    // Whatever else counts attempts says the same.
    assert_eq!(project.outcomes("cw-1"), ["merged"]);
    let json =
        |arguments: &[&str]| -> Value { serde_json::from_str(&project.run(arguments).expect(0).stdout).unwrap() };
    assert_eq!(json(&["stats", "tasks", "--json"])["tasks"][0]["attempts"], 1);
    for run in report["runs"].as_array().unwrap() {
        let shown = json(&["runs", "show", run["run"].as_str().unwrap(), "--json"]);
        assert_eq!(shown["tasks"][0]["attempts"], 1, "{shown:#}");
    }
    let text = project.run(&["report", "one", "--markdown"]).expect(0).stdout;
    assert_eq!(text.matches("Attempt ").count(), 1, "{text}");
}

fn json_of(project: &Project, of: &str) -> Value {
    serde_json::from_str(&project.run(&["report", of, "--json"]).expect(0).stdout).unwrap()
}
