//! What an agent says at the end of its work, and what comes of it: messages of commits, and of the merge of its generation.

use serde_json::{Value, json};

use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;

engine_tests! {
    podman: commits_say_what_the_agent_says_where_that_keeps_to_the_form;
    docker: what_an_agent_said_outlives_the_run_that_heard_it;
}

/// The step by which an agent ends with a last word.
pub(super) fn last_word(word: &Value) -> String {
    format!("answer <<END\nAll is done.\n\n```json\n{word}\n```\nEND")
}

fn summary() -> Value {
    json!({
        "type": "fix", "scope": "files", "subject": "write what was missing",
        "body": ["Nobody had written it.", "So nobody could read it."], "breaking": true,
        "cause": "it was forgotten", "place": "src/a.txt:1", "test": "tests/a.sh",
    })
}

/// Returns the message of the commit of a task, without its trailers.
fn message(project: &Project, task: &str) -> String {
    let issue = project.issue(task);
    let commit = issue["commit"].as_str().unwrap().to_owned();
    let text = project.repository.git(&["log", "-1", "--format=%B", &commit]);
    let (words, trailers) = text.split_once("Cordwainer-Generation:").unwrap();
    assert!(!trailers.contains("Co-authored-by"), "{text}");
    // Git itself finds the trailers behind it.
    let format = "--format=%(trailers:key=Cordwainer-Task,valueonly)";
    let told = project.repository.git(&["log", "-1", format, &commit]);
    assert_eq!(told.trim(), task, "{text}");
    words.trim_end().to_owned()
}

fn commits_say_what_the_agent_says_where_that_keeps_to_the_form(engine: TestEngine) {
    let mut project = Project::new(engine, "commits: {style: conventional}\nstitch: {fix_rounds: 2}\n");
    let said = last_word(&json!({"summary": summary()}));
    project.add("Write a", &format!("write src/a.txt a\n{said}"));
    let mut forged = summary();
    forged["body"] = json!(["Co-authored-by: Mallory <m@example.org>"]);
    let said = last_word(&json!({"summary": forged}));
    project.add("Write b", &format!("write src/b.txt b\n{said}"));
    project.add("Write c", "write src/c.txt c\nanswer ```json no JSON");
    project.run(&["run", "--tasks-only"]).expect(0);
    assert_eq!(
        message(&project, "cw-1"),
        "fix(files)!: write what was missing\n\nNobody had written it.\nSo nobody could read it.\n\n\
         BREAKING CHANGE: write what was missing"
    );
    assert_eq!(message(&project, "cw-2"), "chore: Write b");
    assert_eq!(message(&project, "cw-3"), "chore: Write c");
    assert_eq!(project.issue("cw-1")["attempts"][0]["summary"], summary());
    assert_eq!(project.issue("cw-2")["attempts"][0].get("summary"), None);
    let _ = project
        .run(&["issues", "show", "cw-1"])
        .expect(0)
        .says("  summary fix(files)!: write what was missing\n")
        .says("cause it was forgotten\n");
    // What the last round says is of all the work; where it says nothing, what was said before holds.
    project.reconfigure(
        None,
        "gates: [{command: cat=src/d.txt, compare: strict}]\nstitch: {fix_rounds: 2}\n",
    );
    let said = last_word(&json!({"summary": summary()}));
    project.add(
        "Write d",
        &format!("write src/e.txt e\n{said}\ndone\nwrite src/d.txt d"),
    );
    project.run(&["run", "--tasks-only"]).expect(0);
    assert_eq!(
        message(&project, "cw-4"),
        "Write d\n\nNobody had written it.\nSo nobody could read it."
    );
}

fn what_an_agent_said_outlives_the_run_that_heard_it(engine: TestEngine) {
    let project = Project::new(
        engine,
        "commits: {style: conventional}\ntag: v{n}\nchangelog: README.md\n",
    );
    let said = last_word(&json!({"summary": summary()}));
    project.add("Write a", &format!("write src/a.txt a\n{said}"));
    let died = project
        .command(&["run", "--tasks-only"])
        .env("CORDWAINER_CRASH_AT", "stitch.done:1")
        .output()
        .unwrap();
    assert_eq!(
        std::os::unix::process::ExitStatusExt::signal(&died.status),
        Some(9),
        "{died:?}"
    );
    project.run(&["resume", "--tasks-only"]).expect(0);
    assert_eq!(project.outcomes("cw-1"), ["cancelled", "merged"]);
    let issue = project.issue("cw-1");
    assert_eq!(issue["attempts"][0]["summary"], summary());
    assert_eq!(issue["attempts"][1]["summary"], summary());
    assert!(message(&project, "cw-1").starts_with("fix(files)!: write what was missing\n"));
    project.run(&["issues", "add", "Left behind"]).expect(0);
    let ran = project.run(&["stop", "--json"]).expect(0);
    let done: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        (&done["tag"], &done["tasks"][0]["title"]),
        (&json!("v1"), &json!("Write a"))
    );
    assert_eq!(
        (&done["totals"]["attempts"], &done["undone"][0]["title"]),
        (&json!(2), &json!("Left behind"))
    );
    let text = project.repository.git(&["log", "-1", "--format=%B", "v1"]);
    let begin = "Merge generation-one: 1 task\n\n- cw-1: Write a\n\nLeft behind:\n\n- cw-2: Left behind\n\n";
    assert!(text.starts_with(begin), "{text}");
    let entry = project.repository.git(&["show", "main:README.md"]);
    assert!(
        entry.contains("\n\n## v1 - 2") && entry.ends_with("\n\n- Write a (cw-1)"),
        "{entry}"
    );
}
