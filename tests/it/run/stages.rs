//! Stages of a project's own: another session goes on from the work, and what it may not change is thrown away.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;

use cordwainer::engine::EngineKind;
use cordwainer::event::{EventKind, StageEnded};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::run::budgets::by_the_client;
use crate::run::prepare::COMMAND;
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;
use crate::support::project::waiting::{signal, wait_until};
use crate::support::repository::TestRepository;
use crate::support::scripts::scripted;

engine_tests! {
    podman: the_example_has_three_models_at_work_on_a_task, what_a_stage_may_not_change_is_thrown_away, a_stage_that_must_pass_holds_its_task_and_is_called_again,
        what_a_review_finds_goes_to_a_session_that_sees_what_stages_made,
        a_stage_keeps_to_its_model_and_finds_what_was_prepared;
    docker: a_run_that_died_in_a_stage_goes_on_there, a_stage_without_a_prompt_that_can_be_used_stops_the_run_before_a_call,
        a_limit_and_a_budget_in_a_stage_leave_the_work_waiting, a_stage_that_needs_nothing_of_a_task_is_left_out;
}

/// The stages of most tests here.
pub(super) fn configured(more: &str) -> String {
    format!("stages: [stitch, {{name: docs, prompt: docs.md, may_change: [\"docs/**\"]{more}}}]\n")
}

pub(super) fn project(engine: TestEngine, configuration: &str) -> Project {
    let repository = TestRepository::empty();
    repository.write("README.md", "# A project\n");
    repository.write("docs.md", "Write documents about {{ title | fenced(\"title\") }}\n");
    repository.write("src/old.txt", "old\n");
    repository.write("deps.lock", "one\n");
    repository.write(".gitignore", "target/\n");
    Project::on(engine, repository, configuration)
}

/// A task with a script for the work, and one for each of these stages.
pub(super) fn add(project: &Project, work: &str, stages: &[(&str, &str)]) {
    let description = described(work, stages);
    let arguments = ["issues", "add", "writes a file", "--description", &description];
    project.run(&arguments).expect(0);
}

pub(super) fn described(work: &str, stages: &[(&str, &str)]) -> String {
    let blocks = stages
        .iter()
        .map(|(name, script)| format!("\n\n~~~{name}\n{script}\n~~~"));
    format!("{}{}", scripted(work), blocks.collect::<String>())
}

fn approves(score: u32) -> String {
    let answer = json!({"score": score, "approved": true, "summary": "Read it.", "findings": []});
    format!("propose {answer}")
}

fn prompt(project: &Project, call: &str) -> String {
    fs::read_to_string(project.records(call).pop().unwrap().join("prompt.md")).unwrap()
}

/// The last attempt at the task.
pub(super) fn last(project: &Project) -> Value {
    let attempts = project.issue("cw-1")["attempts"].clone();
    attempts.as_array().unwrap().last().unwrap().clone()
}

fn the_example_has_three_models_at_work_on_a_task(engine: TestEngine) {
    let Some(project) = Project::example(engine, "pipeline", "") else {
        return;
    };
    project.run(&["generator", "start", "--name", "one"]).expect(0);
    add(
        &project,
        "tokens 100 10 0.25\nappend src/words.py # most",
        &[
            (
                "docs",
                "tokens 10 1 0.0625\nwrite docs/usage.md It counts.\nappend CHANGELOG.md - More.",
            ),
            ("review", &format!("tokens 50 5 0.125\n{}", approves(9))),
        ],
    );
    let _ = project
        .run(&["run", "--tasks-only"])
        .expect(0)
        .says("cw-1: stage `docs` changed 2 files, +2 -3.")
        .says("cw-1: review 1 passed: it scored it 9 of 10");
    assert_eq!(project.outcomes("cw-1"), ["merged"]);
    assert_eq!(project.content("docs/usage.md"), "It counts.");
    assert!(project.content("src/words.py").ends_with("# most"));
    let attempt = last(&project);
    let (docs, review) = (&attempt["stages"][0], &attempt["stages"][1]);
    let models = [&attempt, docs, review].map(|one| one["call"]["model"].as_str().unwrap().to_owned());
    assert_eq!(models, ["sonnet", "haiku", "opus"]);
    let sessions = [&attempt, docs, review].map(|one| one["call"]["session_id"].clone());
    assert!(sessions[0] != sessions[1] && sessions[1] != sessions[2], "{sessions:?}");
    assert_eq!(
        (&docs["stage"], &docs["call"]["role"]),
        (&json!("docs"), &json!("docs"))
    );
    assert_eq!(review["commit"], docs["left"], "{attempt:#}");
    // Without Bash, and held to its files: both are told.
    let asked = prompt(&project, "cw-1-1-docs-1");
    for text in [
        "Bring the documents of this project up to date",
        "# most",
        "- the gate `tests` passed",
        "`docs/**`, `README.md`, `CHANGELOG.md`. If any other file differs",
    ] {
        assert!(asked.contains(text), "`{text}` is not in:\n{asked}");
    }
    let calls = project.events().into_iter().filter_map(|event| match event {
        EventKind::GateEnded { .. } => Some("gate".to_owned()),
        EventKind::StageEnded(StageEnded { stage, passed, .. }) => Some(format!("{stage} {passed}")),
        EventKind::ReviewEnded { .. } => Some("review".to_owned()),
        _ => None,
    });
    assert_eq!(calls.collect::<Vec<_>>(), ["gate", "gate", "docs true", "review"]);
    assert!(prompt(&project, "cw-1-1-review-1").contains("+It counts."));
    for (role, expect) in [("stitch", 0.25), ("docs", 0.0625), ("review", 0.125)] {
        assert!((project.cost(role) - expect).abs() < 0.01, "{role}");
    }
    let _ = project.run(&["status"]).expect(0).says("docs");
    let _ = project
        .run(&["issues", "show", "cw-1"])
        .expect(0)
        .says("  docs 1 changed 2 files, +2 -3")
        .says("-docs-1");
    project.expect_tidy();
}

fn what_a_stage_may_not_change_is_thrown_away(engine: TestEngine) {
    let mut project = project(engine, &configured(", required: false"));
    let strays = [
        (
            "write docs/a.md x\nwrite src/b.txt y",
            "failed: it changed `src/b.txt`, which `may_change` does not allow",
        ),
        ("write docs/a.md x\ndelete README.md", "it changed `README.md`"),
        ("write docs/a.md x\nsymlink docs/link ../../../etc/passwd", "docs/link"),
        (
            "write docs/a.md x\nfail It will not do",
            "failed: its call ended as failed: It will not do",
        ),
        ("write docs/a.md x\nwrite docs/.mcp.json {}", "it touches"),
    ];
    for (index, (docs, says)) in strays.into_iter().enumerate() {
        let (id, path) = (format!("cw-{}", index + 1), format!("src/{index}.txt"));
        add(&project, &format!("write {path} x"), &[("docs", docs)]);
        let _ = project
            .run(&["stitch", &id])
            .expect(0)
            .says(says)
            .says("; the work goes on without its changes.");
        assert_eq!(project.outcomes(&id), ["merged"], "{docs}");
        let files = project.files("generation-one");
        assert!(
            files.contains_key(&path) && !files.contains_key("docs/a.md"),
            "{docs}: {files:?}"
        );
        assert!(
            files.contains_key("README.md") && !files.contains_key("src/b.txt"),
            "{docs}"
        );
    }
    // A gate that does not pass with it.
    let gates = "gates: [{name: reads, command: 'cat=src/5.txt cat=docs/a.md', compare: strict, when: {paths: [\"docs/**\"]}}]\n";
    project.reconfigure(
        None,
        &format!(
            "{}{}",
            configured(", required: false"),
            gates.replace("docs/a.md", "docs/b.md")
        ),
    );
    add(&project, "write src/5.txt x", &[("docs", "write docs/a.md x")]);
    let _ = project
        .run(&["stitch", "cw-6"])
        .expect(0)
        .says("stage `docs` failed: with it, the gate `reads`");
    assert!(!project.files("generation-one").contains_key("docs/a.md"));
    project.expect_tidy();
}

fn a_stage_that_must_pass_holds_its_task_and_is_called_again(engine: TestEngine) {
    let project = project(engine, &configured(""));
    let work = "tokens 100 10 0.25\nwrite src/a.txt one";
    add(&project, work, &[("docs", "write src/b.txt x")]);
    let _ = project
        .run(&["stitch"])
        .expect(7)
        .says("stage failed: the stage `docs` failed: it changed `src/b.txt`");
    assert_eq!(project.outcomes("cw-1"), ["stage_failed"]);
    assert_eq!(
        (project.issue("cw-1")["status"].clone(), project.suspended()),
        (json!("blocked"), 1)
    );
    // Released, the stage is called again for the same work; its own files are taken, and nobody does the work again.
    let description = described(work, &[("docs", "write docs/a.md x")]);
    project
        .run(&["issues", "edit", "cw-1", "--description", &description])
        .expect(0);
    project.run(&["issues", "release", "cw-1"]).expect(0);
    project.run(&["stitch"]).expect(0);
    assert_eq!(project.outcomes("cw-1"), ["stage_failed", "merged"]);
    assert_eq!(last(&project)["call"], Value::Null);
    assert_eq!(
        (project.content("src/a.txt"), project.content("docs/a.md")),
        ("one".to_owned(), "x".to_owned())
    );
    // Or a person takes the work as it is.
    let description = described("write src/c.txt x", &[("docs", "fail no")]);
    project
        .run(&["issues", "add", "another", "--description", &description])
        .expect(0);
    project.run(&["stitch", "cw-2"]).expect(7);
    project.run(&["issues", "release", "cw-2", "--accept"]).expect(0);
    assert_eq!(project.content("src/c.txt"), "x");
    project.expect_tidy();
}

fn what_a_review_finds_goes_to_a_session_that_sees_what_stages_made(engine: TestEngine) {
    let stages = configured("").replace("}]", "}, review]");
    let project = project(engine, &stages);
    let refuses = json!({"score": 4, "approved": false, "summary": "No.", "findings": [{
        "severity": "high", "category": "docs", "path": "docs/a.md", "line": 1, "title": "It is wrong",
        "problem": "It is.", "suggestion": "",
    }]});
    add(
        &project,
        "write src/a.txt one\nwrite src/.gitignore kept\nwrite src/kept made\ndone\nappend docs/a.md fixed\nrename src/kept src/was-kept",
        &[
            ("docs", "append docs/a.md x"),
            ("review", &format!("on 1 propose {refuses}\non 2 {}", approves(8))),
        ],
    );
    project.run(&["stitch"]).expect(0);
    assert_eq!(project.outcomes("cw-1"), ["merged"]);
    // The session saw what the stage had written, and kept what ignore rules leave out; then the stage was called again.
    assert_eq!(project.content("docs/a.md"), "x\nfixed\nx");
    let stages = last(&project)["stages"].clone();
    let names: Vec<_> = stages
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["stage"].clone())
        .collect();
    assert_eq!(names, ["docs", "review", "docs", "review"]);
    let rounds: Vec<_> = stages
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["round"].clone())
        .collect();
    assert_eq!(rounds, [0, 0, 1, 1]);
    assert_eq!(project.content("src/was-kept"), "made");
    project.expect_tidy();
}

fn a_stage_without_a_prompt_that_can_be_used_stops_the_run_before_a_call(engine: TestEngine) {
    let project = project(engine, &configured(""));
    add(&project, "write src/a.txt one", &[("docs", "write docs/a.md x")]);
    for (text, says, hint) in [
        (
            Some("Write {{ titel }}\n"),
            "cannot render the template `docs.md`, line 1: unknown variable `titel`",
            "did you mean `title`?",
        ),
        (
            Some("Write {% if %}\n"),
            "the stage `docs` has no prompt that can be used, `docs.md`",
            "in `stages`",
        ),
        (
            None,
            "No such file",
            "correct the file, or the `prompt` of `docs` in `stages`",
        ),
    ] {
        let path = project.repository.path().join("docs.md");
        match text {
            Some(text) => fs::write(&path, text).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        let _ = project.run(&["run", "--tasks-only"]).expect(3).says(says).says(hint);
        assert_eq!(project.issue("cw-1")["attempts"], json!([]), "{says}");
    }
}

fn a_limit_and_a_budget_in_a_stage_leave_the_work_waiting(engine: TestEngine) {
    let text = by_the_client(&configured(""));
    let mut project = project(engine, &format!("{text}budget: {{usd: 0.4}}\n"));
    let work = "tokens 100 10 0.35\nwrite src/a.txt one";
    let docs = "tokens 100 10 0.2\ntokens 100 10 0.2\nwrite docs/a.md x";
    add(&project, work, &[("docs", docs)]);
    // The generation's budget: the stage is cut, and waits for more.
    project
        .run(&["run", "--tasks-only"])
        .expect(8)
        .says("the generation's budget is spent");
    assert_eq!(
        (project.outcomes("cw-1"), project.suspended()),
        (vec!["budget_spent".to_owned()], 1)
    );
    // Its own: the stage has failed, and it must pass.
    let own = text.replace("may_change", "budget_usd: 0.1, may_change");
    project.reconfigure(None, &own);
    project
        .run(&["resume", "--tasks-only"])
        .expect(7)
        .says("stage failed: the stage `docs` failed: its call ended as budget");
    // A usage limit pauses the account, and nothing is lost.
    let description = described(work, &[("docs", "limit 1")]);
    project.reconfigure(None, &text);
    project
        .run(&["issues", "edit", "cw-1", "--description", &description])
        .expect(0);
    project.run(&["issues", "release", "cw-1"]).expect(0);
    project.run(&["stitch", "cw-1"]).expect(8);
    assert_eq!(project.outcomes("cw-1")[2], "limited");
    let description = described(work, &[("docs", "write docs/a.md x")]);
    project
        .run(&["issues", "edit", "cw-1", "--description", &description])
        .expect(0);
    project.run(&["resume", "--now", "--tasks-only"]).expect(0);
    assert_eq!(project.outcomes("cw-1")[3], "merged");
    assert_eq!(project.content("docs/a.md"), "x");
    assert!((project.cost("stitch") - 0.35).abs() < 0.01);
    project.expect_tidy();
}

fn a_stage_that_needs_nothing_of_a_task_is_left_out(engine: TestEngine) {
    let project = project(engine, &configured(", needs: [\"src/**\"]"));
    add(&project, "write notes.txt x", &[("docs", "write docs/a.md x")]);
    project.run(&["stitch"]).expect(0);
    assert_eq!(last(&project)["stages"], Value::Null);
    // One that finds nothing to do has passed, and gates are not asked again.
    let description = described("write src/a.txt x", &[("docs", "say It is right as it is.")]);
    project
        .run(&["issues", "add", "another", "--description", &description])
        .expect(0);
    let _ = project
        .run(&["stitch"])
        .expect(0)
        .says("cw-2: stage `docs` changed nothing.");
    assert_eq!(project.outcomes("cw-2"), ["merged"]);
    project.expect_tidy();
}

fn a_stage_keeps_to_its_model_and_finds_what_was_prepared(engine: TestEngine) {
    let stages = configured(", model: opus, strict_model: true");
    let prepare = format!("commands: {{prepare: {{command: {COMMAND}, inputs: [\"*.lock\"]}}}}\n");
    let project = project(engine, &format!("{stages}{prepare}"));
    let work = "tokens 100 10 0.25\nwrite src/a.txt one";
    add(
        &project,
        work,
        &[("docs", "model claude-haiku-4-5-20251001\nwrite docs/a.md x")],
    );
    // Another model than the one that is asked for is nobody's failure, and ends the run; the work waits.
    let _ = project
        .run(&["stitch"])
        .expect(7)
        .says("the model is `claude-haiku-4-5-20251001`, and `opus` was requested");
    assert_eq!(
        (project.outcomes("cw-1"), project.suspended()),
        (vec!["infrastructure_failed".to_owned()], 1)
    );
    let description = described(work, &[("docs", "attack read target/deps/a\nwrite docs/a.md x")]);
    project
        .run(&["issues", "edit", "cw-1", "--description", &description])
        .expect(0);
    project.run(&["stitch"]).expect(0);
    assert_eq!(project.outcomes("cw-1")[1], "merged");
    assert_eq!(last(&project)["call"], Value::Null);
    let told = fs::read_to_string(project.records("cw-1-2-docs-1")[0].join("transcript.jsonl")).unwrap();
    assert!(told.contains(r"read target/deps/a\ndone: 21 bytes"), "{told}");
    assert!((project.cost("stitch") - 0.25).abs() < 0.01);
    project.expect_tidy();
}

const IN_THE_CALL: &str = "in the call";
/// Where a run dies, whether the stage is called again then, and whether its first call is in the ledger with what it cost;
/// each engine has every second one.
const WHERE_IT_DIES: [(&str, bool, bool); 6] = [
    ("stage.begun", true, false),
    ("stage.called", true, true),
    (IN_THE_CALL, true, false),
    ("stage.kept", true, true),
    ("stage.noted", false, true),
    ("stage.brought", false, true),
];

fn a_run_that_died_in_a_stage_goes_on_there(engine: TestEngine) {
    let turn = usize::from(engine.kind() == EngineKind::Docker);
    for (point, is_called_again, is_paid) in WHERE_IT_DIES.into_iter().skip(turn).step_by(2) {
        let project = project(engine, &configured(""));
        let work = "tokens 100 10 0.25\nwrite src/a.txt one";
        let docs = "tokens 50 5 0.125\nwrite docs/a.md x";
        if point == IN_THE_CALL {
            add(&project, work, &[("docs", &format!("{docs}\nhang"))]);
            let mut run = project.spawn(&["stitch", "cw-1"]);
            let has_spent = |folder: &PathBuf| {
                let transcript = fs::read_to_string(folder.join("transcript.jsonl"));
                transcript.is_ok_and(|text| text.contains("docs/a.md"))
            };
            wait_until(|| {
                project.state().join("runs").exists() && project.records("cw-1-1-docs-1").iter().any(has_spent)
            });
            signal(&run, Signal::KILL);
            run.wait().unwrap();
            project.forget_adoptions();
            let description = described(work, &[("docs", docs)]);
            project
                .run(&["issues", "edit", "cw-1", "--description", &description])
                .expect(0);
        } else {
            add(&project, work, &[("docs", docs)]);
            let mut command = project.command(&["stitch", "cw-1"]);
            let output = command.env("CORDWAINER_CRASH_AT", point).output().unwrap();
            assert_eq!(output.status.signal(), Some(9), "{point}");
        }
        project.run(&["resume"]).expect(0);
        assert_eq!(project.outcomes("cw-1"), ["cancelled", "merged"], "{point}");
        let attempts = project.issue("cw-1")["attempts"].clone();
        // The work was done and is not asked for again; what the stage had cost is noted.
        assert_eq!(attempts[1]["call"], Value::Null, "{point}");
        assert_eq!(attempts[0]["stages"][0]["stage"], "docs", "{point}: {attempts:#}");
        let again = attempts[1]["stages"].as_array().into_iter().flatten();
        let again = again.filter(|stage| stage["call"].is_object()).count();
        assert_eq!(again, usize::from(is_called_again), "{point}: {attempts:#}");
        let calls = usize::from(is_called_again) + usize::from(is_paid);
        let paid = project.cost("docs");
        let expect = 0.125 * f64::from(u32::try_from(calls).unwrap());
        // A client that was killed has not told what it used.
        assert!(
            point == IN_THE_CALL || (paid - expect).abs() < 0.01,
            "{point}: {paid}, {attempts:#}"
        );
        assert!((project.cost("stitch") - 0.25).abs() < 0.01, "{point}: {attempts:#}");
        assert_eq!(
            [project.content("src/a.txt"), project.content("docs/a.md")],
            ["one", "x"],
            "{point}"
        );
        assert_eq!(project.merges_of("cw-1"), 1, "{point}");
        project.expect_tidy();
    }
}
