//! Audits and reviews: files are read, findings reported, and nothing is left behind unless they become tasks.

use std::fs;

use cordwainer::event::{AuditStep, EventKind};
use cordwainer::findings::FindingsReport;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::run::adoption::adoptable;
use crate::run::budgets::by_the_client;
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;
use crate::support::project::waiting::{signal, wait_until};
use crate::support::repository::TestRepository;
use crate::support::scripts::{scripted, user_prompt};

mod looks;
mod tasks;
engine_tests! {
    docker first: an_audit_reports_what_it_finds_and_leaves_nothing_behind,
        what_was_read_is_not_paid_for_twice_after_a_death;
    podman: findings_become_tasks_once,
        a_review_reads_what_has_changed,
        what_is_not_read_is_said_with_its_reason,
        a_report_of_which_a_part_failed_is_whole_after_a_death,
        an_interrupted_report_is_about_the_commit_that_it_read,
        a_report_needs_no_base_branch,
        a_part_that_is_refused_is_sent_once,
        files_and_what_has_changed_in_them_fill_a_part_together,
        what_is_asked_wrongly_is_told_before_a_call;
}

fn finding(severity: &str, path: &str, line: i64, title: &str, problem: &str) -> Value {
    json!({
        "severity": severity, "category": "security", "path": path, "line": line, "title": title, "problem": problem,
        "suggestion": "Check it.",
    })
}

fn finds(findings: &[Value]) -> String {
    format!("propose {}", json!({ "findings": findings }))
}

fn repository() -> TestRepository {
    let repository = TestRepository::empty();
    repository.write("README.md", "# A project\n");
    repository.write("src/a.txt", "one\ntwo\n");
    repository.write("src/b.txt", "three\n");
    repository
}

/// A repository without a generation, whose reviewers follow this script.
fn project(engine: TestEngine, repository: TestRepository, script: &str) -> Project {
    Project::with_socket(engine, repository, &engine.socket(), &user_prompt(script))
}

/// Files of which two do not fit into one part.
fn three_parts() -> TestRepository {
    let repository = repository();
    for name in ["x", "y", "z"] {
        repository.write(format!("{name}.txt"), "some words of a long file\n".repeat(5000));
    }
    repository
}

/// The prompts that were sent, over all runs.
fn prompts(project: &Project) -> Vec<String> {
    let mut found = Vec::new();
    for entry in walkdir::WalkDir::new(project.state().join("runs")).sort_by_file_name() {
        let entry = entry.unwrap();
        if entry.file_name() == "prompt.md" {
            found.push(fs::read_to_string(entry.path()).unwrap());
        }
    }
    found
}

fn report(project: &Project) -> FindingsReport {
    let shown = project.run(&["report", "show", "--format", "json"]).expect(0).stdout;
    FindingsReport::read(&shown).unwrap()
}

fn generations(project: &Project) -> Value {
    serde_json::from_str(&project.run(&["list", "--json"]).expect(0).stdout).unwrap()
}

fn branches(project: &Project) -> String {
    project
        .repository
        .git(&["for-each-ref", "--format=%(refname)", "refs/heads"])
}

fn an_audit_reports_what_it_finds_and_leaves_nothing_behind(engine: TestEngine) {
    let repository = repository();
    repository.write("data.bin", b"\0\x01\xff");
    repository.write("Cargo.lock", "version = 4\n");
    let script = format!(
        "tokens 100 10 0.5\ntry write src/a.txt mine\ntry write new.txt mine\n{}",
        finds(&[
            finding("high", "src/a.txt", 2, "Trusts the name", "Anybody can give one."),
            finding("medium", "src/a.txt", 1, "Trusts the name.", "The same, elsewhere."),
            finding("low", "src/b.txt", 0, "Is short", "It has one line."),
            finding("critical", "src/a.txt", 99, "Is behind the end", "x"),
            finding("critical", "src/gone.txt", 1, "Is not there", "x"),
        ])
    );
    let project = project(engine, repository, &script);
    let before = branches(&project);
    let ran = project
        .run(&["audit", "--type", "security", "--fail-on", "high"])
        .expect(7);
    let ran = ran
        .says("Reading the whole tree (security): 4 files in 1 part; 2 files cannot be read.")
        .says("Found 2 findings (1 high, 1 low), and 2 about places that are not there; 4 files read, 2 not")
        .says("high src/a.txt:2: Trusts the name (security)")
        .says("all files are read, and the report is written");
    assert!(ran.stdout.contains("report.sarif"), "{}", ran.stdout);
    // Nothing is left but the records and the ledger.
    assert_eq!(branches(&project), before);
    let listed = generations(&project);
    assert_eq!(listed["open"], json!([]), "{listed:#}");
    assert_eq!(listed["ended"].as_array().unwrap().len(), 1, "{listed:#}");
    assert_eq!(project.containers(), Vec::<String>::new());
    project.expect_untouched();
    let transcript = fs::read_to_string(project.records("measure-1-review-1")[0].join("transcript.jsonl")).unwrap();
    assert_eq!(
        transcript.matches("\"content\":\"Read-only file system").count(),
        2,
        "{transcript}"
    );
    let report = report(&project);
    assert_eq!(
        (report.summary.findings, report.summary.joined, report.summary.dropped),
        (2, 1, 2)
    );
    assert_eq!(report.findings[0].other_lines, [1]);
    assert_eq!(
        report.examined.revision.as_ref().unwrap().as_str(),
        project.oid("main").to_string()
    );
    let cost = report.examined.cost;
    assert!(cost.calls == 1 && cost.cost_usd >= 0.5, "{cost:?}");
    let not_read: Vec<_> = report.examined.not_read.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(not_read, ["Cargo.lock", "data.bin"]);
    let shown = |format: &str| project.run(&["report", "show", "--format", format]).expect(0).stdout;
    assert!(shown("markdown").starts_with("# Audit of the whole tree (security)\n"));
    let sarif: Value = serde_json::from_str(&shown("sarif")).unwrap();
    assert_eq!(sarif["runs"][0]["results"].as_array().unwrap().len(), 2, "{sarif:#}");
    // Another time, with words and without a severity that fails.
    let again = project.run(&[
        "audit",
        "src",
        "--request",
        "Who can give names?",
        "--severity",
        "high",
        "--json",
    ]);
    let again = again.expect(0).stdout;
    let told: Value = serde_json::from_str(again.lines().last().unwrap()).unwrap();
    assert_eq!(told["summary"]["findings"], 1, "{told:#}");
    let prompt = prompts(&project).pop().unwrap();
    assert!(
        prompt.contains("Who can give names?") && !prompt.contains("README.md\n"),
        "{prompt}"
    );
    assert_eq!(generations(&project)["open"], json!([]));
}

fn what_was_read_is_not_paid_for_twice_after_a_death(engine: TestEngine) {
    let one = |number: u32, path: &str| {
        let title = format!("Is wrong {number}");
        format!("on {number} {}", finds(&[finding("low", path, 1, &title, "It is.")]))
    };
    let script = format!(
        "tokens 100 10 0.25\non 2 sleep 2000\n{}\n{}\n{}",
        one(1, "x.txt"),
        one(2, "y.txt"),
        one(3, "z.txt")
    );
    let project = project(engine, three_parts(), &script);
    let mut run = project.spawn(&["audit"]);
    project.wait_for_event(|event| matches!(event, EventKind::Audit(AuditStep::PartRead { part: 1, .. })));
    wait_until(|| adoptable(&project).len() == 1);
    // What becomes of its findings is not changed meanwhile.
    let stores = || {
        let listed = project.repository.git(&["for-each-ref", "refs/cordwainer"]);
        let stores: Vec<_> = listed
            .lines()
            .filter(|line| line.ends_with("/issues"))
            .map(str::to_owned)
            .collect();
        stores
    };
    let before = stores();
    project.run(&["audit", "--file-issues"]).expect(6);
    assert!(!before.is_empty() && stores() == before, "{before:?}");
    signal(&run, Signal::KILL);
    run.wait().unwrap();
    // It dies once more, where the second part is noted.
    let mut died = project.command(&["audit"]);
    let died = died.env("CORDWAINER_CRASH_AT", "audit.noted:1").output().unwrap();
    assert!(!died.status.success());
    let ran = project.run(&["resume"]).expect(0);
    let ran = ran.says("in 3 parts, 2 of them read before");
    let _ = ran.says("Found 3 findings (3 low)");
    let asked = |part: u32| {
        let beginning = format!("Review {part}, of the files in 3 parts");
        let all = prompts(&project);
        all.iter()
            .filter(|prompt| prompt.lines().any(|line| line == beginning))
            .count()
    };
    // The one that was under way goes on.
    assert_eq!((asked(1), asked(2), asked(3)), (1, 1, 1));
    let report = report(&project);
    assert_eq!((report.findings.len(), report.examined.not_read.len()), (3, 0));
    assert!(report.examined.cost.cost_usd >= 0.75, "{:?}", report.examined.cost);
    assert_eq!(generations(&project)["open"], json!([]));
    assert_eq!(project.containers(), Vec::<String>::new());
}

fn findings_become_tasks_once(engine: TestEngine) {
    let script = finds(&[
        finding("high", "src/a.txt", 2, "Trusts the name", "Anybody can give one."),
        finding("low", "src/b.txt", 1, "Is short", "It has one line."),
    ]);
    let project = project(engine, repository(), &script);
    let files = |code: i32| project.run(&["audit", "--file-issues"]).expect(code);
    let _ = files(0)
        .says("+ cw-1: Trusts the name")
        .says("+ cw-2: Is short")
        .says("2 proposals wait for you");
    let issue = project.issue("cw-1");
    assert_eq!((&issue["status"], &issue["priority"]), (&json!("blocked"), &json!(1)));
    assert_eq!(issue["labels"], json!(["audit", "security"]));
    assert!(
        issue["description"].as_str().unwrap().contains("High in `src/a.txt:2`"),
        "{issue:#}"
    );
    let count = || {
        project
            .run(&["issues", "list", "--json"])
            .expect(0)
            .stdout
            .matches("\"cw-")
            .count()
    };
    let tasks = count();
    // They are not done while they are held, and read again they are not filed again.
    let _ = files(0).says("Continuing generation-audit-");
    assert_eq!(count(), tasks);
    // A pass that dies goes on, though one before it was complete.
    let mut died = project.command(&["audit", "--file-issues"]);
    let died = died.env("CORDWAINER_CRASH_AT", "audit.noted:1").output().unwrap();
    assert!(!died.status.success());
    let passes = prompts(&project).len();
    let _ = files(0)
        .says("in 1 part, 1 of them read before")
        .says("Found 2 findings");
    assert_eq!((count(), prompts(&project).len()), (tasks, passes));
    for command in [&["audit", "--fix", "--dry-run"][..], &["audit", "--fix"]] {
        let refused = project.run(command).expect(9);
        let refused = refused.says("cannot go on by itself: 2 tasks are held for you");
        let _ = refused.says("issues release --proposed");
    }
    project
        .run(&["issues", "close", "cw-1", "cw-2", "--reason", "as it should be"])
        .expect(0);
    let _ = files(0).says("all files are read, and the report is written");
    assert_eq!(count(), tasks);
    // Nor in another generation, where nothing is left then.
    project.run(&["reset"]).expect(0);
    let ran = files(0).says("Started generation-audit-");
    assert!(!ran.stdout.contains("+ cw-"), "{}", ran.stdout);
    let _ = ran.says("2 findings were filed as tasks before");
    assert_eq!(generations(&project)["open"], json!([]));
    assert_eq!(report(&project).findings.len(), 2);
}

fn a_review_reads_what_has_changed(engine: TestEngine) {
    let repository = repository();
    repository.write("old.txt", "old\n");
    let project = project(engine, repository, &finds(&[]));
    let git = |arguments: &[&str]| project.repository.git(arguments);
    git(&["checkout", "-q", "-b", "work"]);
    project.repository.write("src/b.txt", "three\nfour\n");
    fs::remove_file(project.repository.path().join("old.txt")).unwrap();
    project.repository.commit("more");
    // Another generation is the current one, and stays it.
    project.run(&["start", "--name", "other"]).expect(0);
    project.run(&["start", "--name", "current"]).expect(0);
    let ran = project.run(&["review", "--since", "main"]).expect(0);
    let _ = ran
        .says("Reading the whole tree, changed since main: 1 file in 1 part; 1 file cannot be read.")
        .says("Found no findings");
    let prompt = prompts(&project).pop().unwrap();
    for part in [
        "You review files",
        "src/b.txt\n1| three\n2| four\n",
        "+four",
        "changed since `main`",
    ] {
        assert!(prompt.contains(part), "{part} is not in {prompt}");
    }
    let report = report(&project);
    assert_eq!(report.examined.read, ["src/b.txt"]);
    assert_eq!(report.examined.not_read[0].path, "old.txt");
    assert_eq!(
        report.examined.revision.unwrap().as_str(),
        project.oid("work").to_string()
    );
    assert_eq!(report.examined.since.unwrap().as_str(), project.oid("main").to_string());
    assert_eq!(project.status()["generation"], "generation-current");
    // What has not changed is no reason for a call.
    let _ = project
        .run(&["review", "--since", "work"])
        .expect(0)
        .says("0 files in 0 parts");
    assert_eq!(prompts(&project).len(), 1);
}

fn what_is_not_read_is_said_with_its_reason(engine: TestEngine) {
    let found = finds(&[]);
    let script = format!("on 1 answer What a nice file.\non 2 {found}\non 3 tokens 100 10 5\non 3 {found}");
    let more = by_the_client(&user_prompt(&script));
    let project = Project::with_socket(engine, three_parts(), &engine.socket(), &more);
    // A part of which no answer can be used is asked about twice, and the next one is read; then the money is spent.
    let ran = project.run(&["audit", "--budget-usd", "1"]).expect(8);
    let _ = ran
        .says("Part 1 of 3 came to nothing")
        .says("Part 2 of 3: 0 findings.")
        .says("Found until then, no findings");
    let first = report(&project);
    let reason = |path: &str| {
        let found = first.examined.not_read.iter().find(|file| file.path == path);
        found.map(|file| file.reason.clone()).unwrap_or_default()
    };
    assert!(reason("x.txt").contains("no answer about it can be used"), "{first:#?}");
    assert!(
        reason("z.txt").contains("the calls ended before there was an answer about it"),
        "{first:#?}"
    );
    assert_eq!(
        (first.examined.complete, &first.examined.read[..]),
        (false, &["y.txt".to_owned()][..])
    );
    // What was read stays read, and the next run asks about the rest, that of which there was no answer too.
    assert_eq!(generations(&project)["open"].as_array().unwrap().len(), 1);
    let next = project.run(&["resume", "--budget-usd", "4"]).expect(8);
    let _ = next
        .says("in 3 parts, 1 of them read before")
        .says("Part 2 of 3: 0 findings.");
    let second = report(&project);
    let not_read: Vec<_> = second.examined.not_read.iter().map(|file| file.path.as_str()).collect();
    assert_eq!((second.examined.read.len(), not_read), (6, vec!["z.txt"]));
}

fn a_report_of_which_a_part_failed_is_whole_after_a_death(engine: TestEngine) {
    let found = |number: u32, path: &str| {
        let finding = finding("low", path, 1, &format!("Is wrong {number}"), "It is.");
        format!("on {number} {}", finds(&[finding]))
    };
    let (second, third) = (found(2, "y.txt"), found(3, "z.txt"));
    let script = format!("on 1 answer What a nice file.\n{second}\n{third}");
    let project = project(engine, three_parts(), &script);
    // All parts are read and that is noted; its report is there, and its generation not ended.
    let mut died = project.command(&["audit"]);
    let died = died.env("CORDWAINER_CRASH_AT", "audit.filed:1").output().unwrap();
    assert!(!died.status.success());
    let (before, calls) = (report(&project), prompts(&project).len());
    let _ = project.run(&["audit"]).expect(0).says("Found 2 findings (2 low)");
    let after = report(&project);
    assert_eq!(after.findings, before.findings);
    assert_eq!(after.examined.read, before.examined.read);
    assert_eq!(after.examined.not_read, before.examined.not_read);
    // Once, with the reason.
    let not_read: Vec<_> = after.examined.not_read.iter().map(|file| file.path.as_str()).collect();
    assert!(
        not_read.contains(&"x.txt") && !not_read.contains(&"y.txt"),
        "{not_read:?}"
    );
    assert_eq!(prompts(&project).len(), calls);
    assert_eq!(generations(&project)["open"], json!([]));
}

fn an_interrupted_report_is_about_the_commit_that_it_read(engine: TestEngine) {
    let project = project(engine, repository(), &finds(&[]));
    project.repository.git(&["checkout", "-q", "-b", "work"]);
    project.repository.write("src/b.txt", "three\nfour\n");
    project.repository.commit("more");
    let mut died = project.command(&["audit"]);
    let died = died.env("CORDWAINER_CRASH_AT", "audit.noted:1").output().unwrap();
    assert!(!died.status.success());
    let short = |branch: &str| project.oid(branch).to_string()[..10].to_owned();
    let (main, work) = (short("main"), short("work"));
    let other = format!("reads {work}, and this asks for {main}");
    for arguments in [
        &["audit", "--from", "main"][..],
        &["audit", "--from", "main", "--prompt"],
        &["audit", "--file-issues"],
    ] {
        let _ = project
            .run(arguments)
            .expect(9)
            .says(&other)
            .says("goes on with what it reads");
    }
    let _ = project
        .run(&["audit", "--file-issues", "--from", "work"])
        .expect(9)
        .says("reads what main does not have");
    let _ = project
        .run(&["audit"])
        .expect(0)
        .says(&format!(", which reads {work}."))
        .says("1 of them read before");
    assert_eq!(generations(&project)["open"], json!([]));
}

fn a_report_needs_no_base_branch(engine: TestEngine) {
    let project = project(engine, repository(), &finds(&[]));
    project.repository.git(&["checkout", "-q", "--detach"]);
    project.repository.git(&["branch", "-D", "main"]);
    let _ = project.run(&["audit"]).expect(0).says("Found no findings");
    assert_eq!(generations(&project)["open"], json!([]));
    let _ = project
        .run(&["audit", "--file-issues", "--from", "HEAD"])
        .expect(9)
        .says("the base branch `main` does not exist");
}

fn a_part_that_is_refused_is_sent_once(engine: TestEngine) {
    let found = finds(&[]);
    let script =
        format!("on 1 api-error 400 prompt is too long: 208310 tokens > 200000 maximum\non 2 {found}\non 3 {found}");
    let project = project(engine, three_parts(), &script);
    let _ = project
        .run(&["audit"])
        .expect(0)
        .says("Part 1 of 3 came to nothing")
        .says("Part 3 of 3: 0 findings.");
    assert_eq!(prompts(&project).len(), 3);
}

fn files_and_what_has_changed_in_them_fill_a_part_together(engine: TestEngine) {
    let repository = repository();
    let project = project(engine, repository, &finds(&[]));
    project.repository.git(&["checkout", "-q", "-b", "work"]);
    // Each alone, with its changes, has about 120 kB.
    for name in ["x", "y"] {
        let text = "some words of a long file\n".repeat(2000);
        project.repository.write(format!("{name}.txt"), text);
    }
    project.repository.commit("more");
    let estimate =
        |arguments: &[&str]| -> Value { serde_json::from_str(&project.run(arguments).expect(0).stdout).unwrap() };
    let whole = estimate(&["review", "x.txt", "y.txt", "--estimate", "--json"]);
    let changed = estimate(&["review", "--since", "main", "--estimate", "--json"]);
    assert_eq!((&whole["parts"], &changed["parts"]), (&json!(1), &json!(2)));
}

fn what_is_asked_wrongly_is_told_before_a_call(engine: TestEngine) {
    let project = project(engine, repository(), &finds(&[]));
    let refused = |arguments: &[&str], code: i32, says: &str| {
        project.run(arguments).expect(code).says(says);
    };
    refused(
        &["audit", "--since", "v9"],
        2,
        "`v9` names no commit of this repository",
    );
    refused(&["audit", "nowhere"], 2, "the commit has no `nowhere`");
    refused(&["review", "../elsewhere"], 2, "is not in the repository");
    refused(&["audit", "--type", "taste"], 2, "accessibility");
    refused(
        &["audit", "--severity", "bad"],
        2,
        "`critical`, `high`, `medium`, `low`",
    );
    refused(&["audit", "--fix", "--fail-on", "low"], 2, "cannot be used with");
    refused(&["report", "show"], 2, "no run has a report");
    // Without a call, nothing begins.
    let prompt = project.run(&["audit", "--prompt", "src/a.txt"]).expect(0).stdout;
    assert!(
        prompt.starts_with("You audit a software project") && prompt.contains("src/a.txt\n1| one\n2| two\n"),
        "{prompt}"
    );
    let parts = project
        .run(&["audit", "--prompt", "--parts", "--json"])
        .expect(0)
        .stdout;
    assert!(parts.contains("src/b.txt"), "{parts}");
    let estimate = project.run(&["audit", "--estimate", "--json"]).expect(0).stdout;
    let estimate: Value = serde_json::from_str(&estimate).unwrap();
    assert_eq!(estimate["parts"], 1, "{estimate:#}");
    assert_eq!(generations(&project)["open"], json!([]));
    assert_eq!(project.containers(), Vec::<String>::new());
}
