//! Reviews: another session judges what passed the gates, and only what it passes is merged.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;

use cordwainer::engine::EngineKind;
use cordwainer::event::EventKind;
use cordwainer::guarantee::Item;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::run::budgets::by_the_client;
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;
use crate::support::project::waiting::{signal, wait_until};
use crate::support::scripts::scripted;

engine_tests! {
    podman: what_a_review_refuses_goes_back_to_the_session_that_wrote_it, without_an_answer_there_is_no_pass, what_no_round_mends_is_held_with_the_findings;
    docker: a_run_that_died_in_a_review_goes_on_there, a_review_keeps_to_its_budgets, a_review_writes_nothing_of_the_work;
}

const REVIEWED: &str = "stages: [stitch, review]\n";

/// The script of a task, and that of the reviews of it.
pub(crate) fn described(work: &str, review: &str) -> String {
    format!("{}\n\n~~~review\n{}\n~~~", scripted(work), review.trim_end())
}

/// Files a task with the scripts of its work and of its reviews.
pub(super) fn add(project: &Project, work: &str, review: &str) {
    let description = described(work, review);
    let arguments = ["issues", "add", "writes a file", "--description", &description];
    project.run(&arguments).expect(0);
}

/// The step by which a reviewer answers.
pub(crate) fn answers(score: u32, approved: bool, findings: &[Value]) -> String {
    let answer = json!({"score": score, "approved": approved, "summary": "Read it.", "findings": findings});
    format!("propose {answer}")
}

fn finding(severity: &str, path: &str, line: i64) -> Value {
    json!({
        "severity": severity, "category": "correctness", "path": path, "line": line, "title": "It is not two",
        "problem": "Two were asked for.", "suggestion": "Write two.",
    })
}

fn prompt(project: &Project, call: &str) -> String {
    fs::read_to_string(project.records(call).pop().unwrap().join("prompt.md")).unwrap()
}

/// The last attempt at the task.
fn last(project: &Project) -> Value {
    project.issue("cw-1")["attempts"]
        .as_array()
        .unwrap()
        .last()
        .unwrap()
        .clone()
}

fn what_a_review_refuses_goes_back_to_the_session_that_wrote_it(engine: TestEngine) {
    let project = Project::new(
        engine,
        &format!("{REVIEWED}gates: [{{command: cat=src/a.txt, name: reads, compare: strict}}]\n"),
    );
    let refuses = answers(
        5,
        false,
        &[
            finding("low", "src/a.txt", 1),
            finding("critical", "src/nowhere.txt", 1),
            finding("high", "src/a.txt", 1),
        ],
    );
    add(
        &project,
        "tokens 100 10 0.25\nwrite src/a.txt one\ndone\ntokens 200 20 0.5\nwrite src/a.txt two",
        &format!("tokens 50 5 0.125\non 1 {refuses}\non 2 {}", answers(9, true, &[])),
    );
    let _ = project
        .run(&["generator", "run", "--tasks-only"])
        .expect(0)
        .says("cw-1: review 1 did not pass: it scored it 5 of 10 and did not approve it, with 2 findings (1 high, 1 low), 1 about places that are not there.\n    high src/a.txt:1: It is not two (correctness)\n    low src/a.txt:1")
        .says("cw-1: fix round 1 of 2: the review scored it 5 of 10")
        .says("cw-1: review 2 passed: it scored it 9 of 10 and approved it, with no findings.")
        .says(" 2 reviews used ");
    assert_eq!(project.outcomes("cw-1"), ["merged"]);
    assert_eq!(project.content("src/a.txt"), "two");
    let attempt = last(&project);
    let (rounds, stages) = (
        attempt["rounds"].as_array().unwrap(),
        attempt["stages"].as_array().unwrap(),
    );
    assert_eq!((rounds.len(), stages.len()), (1, 2), "{attempt:#}");
    // The same session goes on, and each review is a session of its own.
    assert_eq!(rounds[0]["call"]["session_id"], attempt["call"]["session_id"]);
    let sessions = [&attempt["call"], &stages[0]["call"], &stages[1]["call"]].map(|call| call["session_id"].clone());
    assert!(sessions[0] != sessions[1] && sessions[1] != sessions[2], "{sessions:?}");
    let kept = &stages[0]["review"];
    assert_eq!(
        (&kept["dropped"], &kept["passed"]),
        (&json!(1), &json!(false)),
        "{kept:#}"
    );
    assert_eq!(kept["findings"][0]["fingerprint"].as_str().unwrap().len(), 16);
    // What it was asked: the changes and the gates; and what its findings became.
    let asked = prompt(&project, "cw-1-1-review-1");
    assert!(asked.contains("+++ b/src/a.txt\n@@ -0,0 +1,1 @@\n+one\n"), "{asked}");
    assert!(asked.contains("- the gate `reads` passed\n"), "{asked}");
    let asked = prompt(&project, "cw-1-1-fix-1");
    assert!(
        asked.contains("high src/a.txt:1: It is not two (correctness)\n  Two were asked for.\n"),
        "{asked}"
    );
    assert!(!asked.contains("nowhere"), "{asked}");
    // The gates ran again, before the second review.
    let gates = project.events().into_iter();
    assert_eq!(
        gates
            .filter(|event| matches!(event, EventKind::GateEnded { .. }))
            .count(),
        2
    );
    assert!((project.cost("review") - 0.25).abs() < 0.01 && (project.cost("stitch") - 0.75).abs() < 0.01);
    let format = "--format=%(trailers:only)";
    let trailers = project.repository.git(&["log", "-1", format, "generation-one"]);
    for trailer in [
        "Cordwainer-Score: 9",
        "Cordwainer-Reviewed-By: ",
        "Cordwainer-Rounds: 1",
    ] {
        assert!(trailers.contains(trailer), "{trailers}");
    }
    let _ = project
        .run(&["issues", "show", "cw-1"])
        .expect(0)
        .says("review 1 did not pass: it scored it 5 of 10")
        .says("    high src/a.txt:1: It is not two (correctness)")
        .says("review 2 after fix round 1 passed: it scored it 9 of 10")
        .says("fix round 1: the review scored it 5 of 10");
    project.expect_tidy();
}

fn what_no_round_mends_is_held_with_the_findings(engine: TestEngine) {
    let project = Project::new(engine, &format!("{REVIEWED}stitch: {{fix_rounds: 1}}\n"));
    let refuses = |path: &str| answers(9, true, &[finding("high", path, 1)]);
    let work = "write src/a.txt one\nwrite src/b.txt x\ndone\nwrite src/a.txt three";
    let review = format!("on 1 {}\non 2 {}", refuses("src/a.txt"), refuses("src/b.txt"));
    add(&project, work, &review);
    project
        .run(&["generator", "stitch"])
        .expect(7)
        .says("not passed by its review: the review scored it 9 of 10 and approved it, with 1 finding (1 high); after 1 fix round");
    assert_eq!(project.outcomes("cw-1"), ["review_refused"]);
    let issue = project.issue("cw-1");
    assert_eq!(issue["status"], "blocked", "{issue:#}");
    assert!(
        last(&project)["red"]["output"]
            .as_str()
            .unwrap()
            .contains("high src/b.txt:1: It is not two")
    );
    assert_eq!(project.suspended(), 0);
    // Released, it begins afresh, and is told what was found; or a person takes it as it is.
    project.run(&["issues", "release", "cw-1"]).expect(0);
    project.run(&["generator", "stitch"]).expect(7);
    let asked = prompt(&project, "cw-1-2");
    assert!(asked.contains("high src/b.txt:1: It is not two"), "{asked}");
    project.run(&["issues", "release", "cw-1", "--accept"]).expect(0);
    assert_eq!(project.content("src/a.txt"), "three");
    let trailers = project
        .repository
        .git(&["log", "-1", "--format=%(trailers:only)", "generation-one"]);
    assert!(
        trailers.contains("Cordwainer-Score: 9") && trailers.contains("Cordwainer-Accepted-By: "),
        "{trailers}"
    );
    project.expect_tidy();
}

/// What reviewers do who give no answer, what is said of it, and how many of them are asked.
fn no_answers() -> [(String, &'static str, usize); 5] {
    let answer = answers(9, true, &[finding("low", "src/old.txt", 1)]);
    let many = answer.replacen("propose", "propose-many 10000", 1);
    let says = |text: &str| text.to_owned();
    [
        (
            says("answer I like it."),
            "2 answers of it cannot be used: The answer is not valid JSON",
            2,
        ),
        (
            says("propose {\"score\": 12, \"approved\": true, \"summary\": \"\", \"findings\": []}"),
            "2 answers of it cannot be used: The score is 12",
            2,
        ),
        (
            many,
            "2 answers of it cannot be used: The answer is too large: it has 1.",
            2,
        ),
        (says("fail I cannot read it."), "The call ended as failed", 2),
        (says("api-error 413 Request too large"), "too large", 1),
    ]
}

fn without_an_answer_there_is_no_pass(engine: TestEngine) {
    let project = Project::new(engine, REVIEWED);
    let no_answers = no_answers();
    for (index, (review, reason, calls)) in no_answers.iter().enumerate() {
        let calls = *calls;
        let (id, path) = (format!("cw-{}", index + 1), format!("src/{index}.txt"));
        let description = described(&format!("write {path} x"), review);
        let arguments = ["issues", "add", reason, "--description", &description];
        project.run(&arguments).expect(0);
        project.run(&["generator", "stitch", &id]).expect(7).says(reason);
        assert_eq!(project.outcomes(&id), ["review_failed"], "{review}");
        let stages = project.issue(&id)["attempts"][0]["stages"].clone();
        assert_eq!(stages.as_array().unwrap().len(), calls, "{stages:#}");
        assert!(stages[calls - 1]["failed"].is_string(), "{stages:#}");
        let files = project.files("generation-one");
        assert!(!files.contains_key(&path), "{review}: {files:?}");
    }
    for (call, told) in [
        ("cw-2-1-review-2", "The score is 12, and must be"),
        ("cw-3-1-review-2", "MB, and may have 524 kB."),
    ] {
        let asked = prompt(&project, call);
        assert!(asked.contains(told), "{asked}");
    }
    // The work waits: released, it is reviewed again, and nobody is asked for it once more.
    assert_eq!(project.suspended(), no_answers.len());
    let approved = described("write src/0.txt x", &answers(8, true, &[]));
    project
        .run(&["issues", "edit", "cw-1", "--description", &approved])
        .expect(0);
    project.run(&["issues", "release", "cw-1"]).expect(0);
    project.run(&["generator", "stitch", "cw-1"]).expect(0);
    assert_eq!(project.outcomes("cw-1"), ["review_failed", "merged"]);
    assert_eq!(last(&project)["call"], Value::Null);
    assert_eq!(project.suspended(), no_answers.len() - 1);
}

const IN_THE_CALL: &str = "in the call";
/// Where a run dies; each engine has every second one.
const WHERE_IT_DIES: [&str; 5] = ["stitch.done", "stage.begun", "stage.called", IN_THE_CALL, "stage.noted"];

fn a_run_that_died_in_a_review_goes_on_there(engine: TestEngine) {
    let turn = usize::from(engine.kind() == EngineKind::Docker);
    for point in WHERE_IT_DIES.into_iter().skip(turn).step_by(2) {
        let project = Project::new(engine, REVIEWED);
        let work = "tokens 100 10 0.25\nwrite src/a.txt one";
        let approves = format!("tokens 50 5 0.125\n{}", answers(8, true, &[]));
        if point == IN_THE_CALL {
            add(&project, work, "tokens 50 5 0.125\nhang");
            let mut run = project.spawn(&["generator", "stitch", "cw-1"]);
            let has_spent = |folder: &PathBuf| {
                let transcript = fs::read_to_string(folder.join("transcript.jsonl"));
                transcript.is_ok_and(|text| text.contains("\"assistant\""))
            };
            wait_until(|| {
                project.state().join("runs").exists() && project.records("cw-1-1-review-1").iter().any(has_spent)
            });
            signal(&run, Signal::KILL);
            run.wait().unwrap();
            project.forget_adoptions();
            let description = described(work, &approves);
            project
                .run(&["issues", "edit", "cw-1", "--description", &description])
                .expect(0);
        } else {
            add(&project, work, &approves);
            let mut command = project.command(&["generator", "stitch", "cw-1"]);
            let output = command.env("CORDWAINER_CRASH_AT", point).output().unwrap();
            assert_eq!(output.status.signal(), Some(9), "{point}");
        }
        let ran = project.run(&["generator", "resume"]).expect(0);
        assert!(!ran.stdout.contains("fix round"), "{}", ran.stdout);
        assert_eq!(project.outcomes("cw-1"), ["cancelled", "merged"], "{point}");
        let attempts = project.issue("cw-1")["attempts"].clone();
        // The work was done and is not asked for again; what the first review cost is noted.
        assert_eq!(attempts[1]["call"], Value::Null, "{point}");
        let begun = attempts[0]["stages"].as_array().map_or(0, Vec::len);
        assert_eq!(begun, usize::from(point != "stitch.done"), "{point}: {attempts:#}");
        let called = !["stitch.done", "stage.begun"].contains(&point);
        assert_eq!(attempts[0]["stages"][0]["call"].is_object(), called, "{point}");
        let expect = if called { 0.25 } else { 0.125 };
        // A client that was killed has not told what it used.
        let paid = project.cost("review");
        assert!(
            point == IN_THE_CALL || (paid - expect).abs() < 0.01,
            "{point}: {attempts:#}"
        );
        assert!((project.cost("stitch") - 0.25).abs() < 0.01, "{point}: {attempts:#}");
        assert_eq!(attempts[1]["stages"][0]["review"]["passed"], true);
        assert_eq!(
            (project.content("src/a.txt").as_str(), project.merges_of("cw-1")),
            ("one", 1)
        );
        let trailers = project
            .repository
            .git(&["log", "-1", "--format=%(trailers:only)", "generation-one"]);
        assert!(
            trailers.contains("Cordwainer-Score: 8") && !trailers.contains("Model: unknown"),
            "{trailers}"
        );
        project.expect_tidy();
    }
}

fn a_review_keeps_to_its_budgets(engine: TestEngine) {
    let text = by_the_client(REVIEWED);
    let mut project = Project::new(engine, &format!("{text}budget: {{usd: 0.4}}\n"));
    let work = "tokens 100 10 0.35\nwrite src/a.txt one";
    let review = format!("tokens 100 10 0.2\ntokens 100 10 0.2\n{}", answers(8, true, &[]));
    add(&project, work, &review);
    // The generation's budget: the review is cut, and waits for more.
    project
        .run(&["generator", "run"])
        .expect(8)
        .says("the generation's budget is spent");
    assert_eq!(project.outcomes("cw-1"), ["budget_spent"]);
    assert_eq!(project.suspended(), 1);
    // Its own budget: the task is held, and its work waits.
    project.reconfigure(None, &format!("{text}review: {{budget_usd: 0.1}}\n"));
    project.run(&["generator", "resume"]).expect(7).says("its review: ");
    assert_eq!(project.outcomes("cw-1"), ["budget_spent", "budget_spent"]);
    assert_eq!(
        (project.issue("cw-1")["status"].clone(), project.suspended()),
        (json!("blocked"), 1)
    );
    project.reconfigure(None, &format!("{text}review: {{budget_usd: 1}}\n"));
    project.run(&["issues", "release", "cw-1"]).expect(0);
    project.run(&["generator", "resume", "--tasks-only"]).expect(0);
    assert_eq!(project.outcomes("cw-1"), ["budget_spent", "budget_spent", "merged"]);
    assert!((project.cost("stitch") - 0.35).abs() < 0.01);
    assert!(project.cost("review") >= 0.5);
    project.expect_tidy();
}

fn a_review_writes_nothing_of_the_work(engine: TestEngine) {
    let project = Project::new(engine, REVIEWED);
    let review = format!(
        "try write src/a.txt two\ntry delete src/old.txt\ntry write new.txt x\n{}",
        answers(8, true, &[])
    );
    add(&project, "write src/a.txt one", &review);
    project.run(&["generator", "stitch"]).expect(0);
    assert_eq!(project.content("src/a.txt"), "one");
    assert_eq!(project.content("src/old.txt"), "old");
    let written = fs::read_to_string(project.records("cw-1-1-review-1")[0].join("transcript.jsonl")).unwrap();
    assert_eq!(
        written.matches("\"content\":\"Read-only file system").count(),
        3,
        "{written}"
    );
    // Read back from inside, as that of every container.
    let sealed = project.events().into_iter().filter_map(|event| match event {
        EventKind::Sealed { call, report, .. } => Some((call.role.name(), report)),
        _ => None,
    });
    let sealed: Vec<_> = sealed.collect();
    let review = sealed
        .iter()
        .find(|(role, _)| *role == "review")
        .expect("it was sealed");
    let mounts = review.1.items.iter().find(|one| one.item == Item::Mounts).unwrap();
    assert!(mounts.held && review.1.holds(), "{mounts:?}");
    project.expect_tidy();
}
