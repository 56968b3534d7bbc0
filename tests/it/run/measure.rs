//! Measure's answers, good and bad.

use std::os::unix::process::ExitStatusExt as _;

use serde_json::{Value, json};

use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;
use crate::support::scripts::{proposal, scripted, user_prompt};

engine_tests! {
    podman: a_bad_answer_is_told_and_mended, the_good_are_filed_from_among_the_bad, what_was_filed_in_part_outlives_a_kill, what_is_known_is_not_filed_again, paths_of_agents_do_no_harm;
    docker: answers_that_never_become_valid_end_the_run, a_run_to_confirm_files_what_waits_for_a_person, what_would_change_a_protected_file_waits_for_consent;
}

fn proposing(proposals: &[Value]) -> String {
    format!("propose {}", json!({ "proposals": proposals }))
}

fn a_bad_answer_is_told_and_mended(engine: TestEngine) {
    let bad = proposing(&[proposal("a", "One", &["nobody"], "say x")]);
    let good = proposing(&[proposal("a", "One", &[], "say x")]);
    let script = format!("tokens 100 10 0.5\non 1 {bad}\non 2 {good}");
    let project = Project::new(engine, &user_prompt(&script));
    let ran = project.run(&["generator", "measure"]).expect(0);
    ran.says("The answer has 1 problem; asking once more:")
        .says("1 task filed");
    let prompt = std::fs::read_to_string(project.records("measure-1-2")[0].join("prompt.md")).unwrap();
    assert!(
        prompt.contains("depends on `nobody`, which is neither a key"),
        "{prompt}"
    );
    let usage = project.status()["usage"].clone();
    assert_eq!(usage["calls"], 2, "{usage}");
    assert!(usage["cost_usd"].as_f64().unwrap() >= 1.0, "{usage}");
    project.expect_tidy();
}

fn the_good_are_filed_from_among_the_bad(engine: TestEngine) {
    let mut unread = proposal("d", "Four", &[], "say x");
    unread["priority"] = json!("soon");
    let first = [
        proposal("a", "One", &[], "say x"),
        proposal("b", "Two", &["nobody"], "say x"),
        proposal("c", "Three", &["b"], "say x"),
        unread,
    ];
    // One that was filed comes again, one is mended and depends on it by its key, and one stays as it is.
    let second = [
        proposal("a", "One", &[], "say x"),
        proposal("b", "Two", &["a"], "say x"),
        proposal("c", "Three", &["nobody"], "say x"),
    ];
    let script = format!(
        "tokens 100 10 0.5\non 1 {}\non 2 {}",
        proposing(&first),
        proposing(&second)
    );
    let project = Project::new(engine, &user_prompt(&script));
    let ran = project.run(&["generator", "measure"]).expect(0);
    let ran = ran
        .says("1 task filed. The answer has 3 problems; asking once more:")
        .says("2 tasks filed")
        .says("Not filed:")
        .says("`c` depends on `nobody`");
    assert!(!ran.stdout.contains("repeats"), "{}", ran.stdout);
    let prompt = std::fs::read_to_string(project.records("measure-1-2")[0].join("prompt.md")).unwrap();
    assert!(prompt.contains("`a` is cw-1."), "{prompt}");
    assert_eq!(project.issue("cw-2")["dependencies"][0]["depends_on_id"], "cw-1");
    let status = project.status();
    assert_eq!(
        (&status["tasks"]["open"], &status["cycles"]),
        (&json!(2), &json!(1)),
        "{status}"
    );
    assert_eq!(status["usage"]["calls"], 2, "{status}");
    project.expect_tidy();
}

fn what_was_filed_in_part_outlives_a_kill(engine: TestEngine) {
    let first = [
        proposal("a", "One", &[], "write src/a.txt one"),
        proposal("b", "Two", &["nobody"], "say x"),
    ];
    let script = format!("tokens 100 10 0.5\n{}", proposing(&first));
    let project = Project::new(engine, &user_prompt(&script));
    let mut command = project.command(&["generator", "measure"]);
    let output = command
        .env("CORDWAINER_CRASH_AT", "measure.filed_in_part")
        .output()
        .unwrap();
    assert_eq!(output.status.signal(), Some(9));
    project.run(&["generator", "stitch"]).expect(0);
    assert_eq!(project.issue("cw-1")["status"], "closed");
    assert_eq!(project.status()["usage"]["calls"], 2);
    project.expect_tidy();
}

/// Script, exit code, and what is said. Whatever comes, nothing is filed, and what was used is noted.
const NEVER_VALID: [(&str, i32, &str); 6] = [
    ("propose {\"proposals\": []}", 4, "0 tasks filed"),
    ("answer I would rather talk about it.", 7, "no valid answer in 2 rounds"),
    ("answer ```json\nanswer x", 7, "no valid answer in 2 rounds"),
    ("garbage <<<\nno-result", 7, "measure's call ended as crashed"),
    ("signal 6", 7, "it ended by signal 6"),
    ("api-error 401 Invalid API key", 7, "log in again"),
];

fn answers_that_never_become_valid_end_the_run(engine: TestEngine) {
    let circle = [
        proposal("a", "One", &["b"], "say x"),
        proposal("b", "Two", &["a"], "say x"),
    ];
    let circle = proposing(&circle);
    let mut project = Project::new(engine, "");
    let cases = NEVER_VALID
        .iter()
        .copied()
        .chain([(circle.as_str(), 7, "go in a circle")]);
    for (script, code, says) in cases {
        project.reconfigure(None, &user_prompt(&format!("tokens 100 10 0.5\n{script}")));
        project.run(&["generator", "measure"]).expect(code).says(says);
        let status = project.status();
        // The first has an answer, if an empty one; a measure without any begins no cycle.
        assert_eq!(status["cycles"], 1, "{script}");
        assert_eq!(status["tasks"]["open"], 0, "{script}");
        project.expect_tidy();
    }
    assert!(project.status()["usage"]["cost_usd"].as_f64().unwrap() >= 3.5);
    // The answer is kept, for a person to see.
    let last = project.records("measure-1-2").pop().unwrap();
    assert!(
        std::fs::read_to_string(last.join("transcript.jsonl"))
            .unwrap()
            .contains("depends_on")
    );
}

fn what_is_known_is_not_filed_again(engine: TestEngine) {
    let again = [
        proposal("a", "write the TABLE!", &[], "say x"),
        proposal("b", "Paint it", &[], "say x"),
        proposal("c", "Something new", &["a"], "say x"),
    ];
    let project = Project::new(engine, &user_prompt(&proposing(&again)));
    project.add("Write the table", "say x");
    project.add("Paint it", "say x");
    project
        .run(&["issues", "close", "cw-2", "--reason", "done by hand"])
        .expect(0);
    let ran = project.run(&["generator", "measure"]).expect(0);
    ran.says("1 task filed").says("it repeats cw-1").says("it repeats cw-2");
    assert_eq!(project.issue("cw-3")["dependencies"][0]["depends_on_id"], "cw-1");
}

fn paths_of_agents_do_no_harm(engine: TestEngine) {
    let project = Project::new(engine, "");
    let paths = [
        "../../../etc/passwd",
        "/etc/passwd",
        "nowhere.md",
        ".git/config",
        "",
        "src",
        "a\u{0}b",
        "README.md/x",
        "src//old.txt",
    ];
    let issue = json!([{"title": "reads what it should not", "description": scripted("write src/a.txt x"), "plan": {
        "required_reading": paths,
        "files": [{"path": "../outside", "action": "delete"}, {"path": "/", "action": "modify"}],
        "requirements": [], "acceptance_criteria": [], "estimated_lines": 1}}]);
    let file = project.repository.outside().join("issues.json");
    std::fs::write(&file, issue.to_string()).unwrap();
    project.run(&["issues", "import", file.to_str().unwrap()]).expect(0);
    project.run(&["generator", "stitch"]).expect(0);
    let prompt = std::fs::read_to_string(project.records("cw-1-1")[0].join("prompt.md")).unwrap();
    assert!(!prompt.contains("root:") && !prompt.contains("[core]"), "{prompt}");
    project.expect_tidy();
}

fn a_run_to_confirm_files_what_waits_for_a_person(engine: TestEngine) {
    let proposals = [
        proposal("a", "One", &[], "write src/a.txt x"),
        proposal("b", "Two", &["a"], "write src/b.txt x"),
    ];
    let project = Project::new(engine, &format!("cycles: off\n{}", user_prompt(&proposing(&proposals))));
    project.add("there already", "write src/c.txt x");
    let ran = project.run(&["generator", "run", "--confirm"]).expect(0);
    let _ = ran.says("2 proposals wait for you").says("issues release --proposed");
    assert_eq!(project.outcomes("cw-1"), ["merged"]);
    for id in ["cw-2", "cw-3"] {
        assert_eq!(project.issue(id)["status"], "blocked");
        assert_eq!(project.outcomes(id), [""; 0]);
    }
    assert_eq!(project.status()["cycles"], 1);
    project.run(&["issues", "release", "--proposed"]).expect(0);
    project.run(&["generator", "run", "--tasks-only"]).expect(0);
    assert_eq!(
        (project.outcomes("cw-2"), project.outcomes("cw-3")),
        (vec!["merged".into()], vec!["merged".into()])
    );
    project.expect_tidy();
}

fn what_would_change_a_protected_file_waits_for_consent(engine: TestEngine) {
    let mut protected = proposal("a", "One", &[], "write .github/workflows/ci.yml x");
    protected["files"] = json!([{"path": ".github/workflows/ci.yml", "action": "create"}]);
    let plain = proposal("b", "Two", &[], "write src/b.txt x");
    let project = Project::new(engine, &user_prompt(&proposing(&[protected, plain])));
    let ran = project.run(&["run"]).expect(7);
    let _ = ran.says("cw-1: held for you: it is to change `.github/workflows/ci.yml`, which needs your consent;");
    // Nothing was paid for it.
    assert_eq!(project.outcomes("cw-1"), [""; 0]);
    assert_eq!(project.outcomes("cw-2"), ["merged"]);
    project.run(&["issues", "release", "cw-1"]).expect(0);
    project.run(&["run", "--tasks-only"]).expect(7);
    assert_eq!(project.outcomes("cw-1"), ["protected_path"]);
    project.expect_tidy();
}
