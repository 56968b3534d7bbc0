//! What an agent says at the end of its work, and what comes of it: messages of commits, of the merge of its generation, and questions to a person.

use cordwainer::event::EventKind;
use serde_json::{Value, json};

use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;
use crate::support::scripts::last_word;

engine_tests! {
    podman: commits_say_what_the_agent_says_where_that_keeps_to_the_form,
        a_question_holds_its_task_alone_and_the_answer_has_its_work_go_on;
    docker: what_an_agent_said_outlives_the_run_that_heard_it,
        a_question_outlives_a_death_and_may_stay_without_an_answer;
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

/// A last word that asks a person something.
pub(crate) fn asks(question: &str) -> String {
    last_word(&json!({"summary": null, "question": question}))
}

/// The session of each attempt's first call.
fn sessions(project: &Project, task: &str) -> Vec<String> {
    let issue = project.issue(task);
    let attempts = issue["attempts"].as_array().unwrap().iter();
    attempts
        .map(|attempt| attempt["call"]["session_id"].as_str().unwrap().to_owned())
        .collect()
}

fn a_question_holds_its_task_alone_and_the_answer_has_its_work_go_on(engine: TestEngine) {
    let project = Project::new(engine, "max_questions: 1\nstitch: {max_attempts: 1}\n");
    let said = last_word(&json!({"summary": summary()}));
    let first = asks("Which table, the old\u{1b} or the new one?\nI would take the new one.");
    let afresh = format!("on 1 write src/a.txt a\non 1 {first}\non 2 write src/afresh.txt a\non 2 {said}");
    project.add("Ask first", &afresh);
    let second = asks("Which way to round?");
    let resumed = format!("write src/b.txt b\n{second}\ndone\nwrite src/resumed.txt b\n{said}");
    project.add("Ask next", &resumed);
    project.add("Ask nothing", "write src/c.txt c");
    let _ = project
        .run(&["run", "--tasks-only"])
        .expect(7)
        .says("cw-1: asked: Which table, the old or the new one? I would take the new one (")
        .says("cw-1: held for you: it asks.\n  cw-1: `cordwainer issues answer cw-1 TEXT` answers it")
        .says("`cordwainer issues answer cw-1 TEXT` answers one; then `cordwainer run` goes on with that");
    assert_eq!(project.issue("cw-3")["status"], "closed");
    let issue = project.issue("cw-1");
    assert_eq!(
        (&issue["status"], &issue["hold_kind"]),
        (&json!("blocked"), &json!("question"))
    );
    assert_eq!(
        issue["question"],
        "Which table, the old or the new one?\nI would take the new one."
    );
    assert!(
        issue["hold"].as_str().unwrap().starts_with("it asks: Which table"),
        "{issue}"
    );
    assert_eq!(project.outcomes("cw-1"), ["asked"]);
    let is_question = |event: &EventKind| matches!(event, EventKind::QuestionAsked(_));
    assert_eq!(project.events().iter().filter(|event| is_question(event)).count(), 2);
    let status = project.status();
    assert_eq!(
        status["questions"][1],
        json!({"task": "cw-2", "question": "Which way to round?"})
    );
    let _ = project
        .run(&["status"])
        .expect(0)
        .says("cw-2 asks: Which way to round?");
    let _ = project
        .run(&["issues", "list"])
        .expect(0)
        .says("asks: Which way to round?");
    // The older question has lost its slot, the newer one has it.
    let hazards = status["hazards"].to_string();
    assert!(
        hazards.contains("the session of cw-2 is suspended in slot"),
        "{hazards}"
    );
    assert!(
        hazards.contains("it waits for your answer") && !hazards.contains("cw-1"),
        "{hazards}"
    );
    // Nothing goes on without an answer, and what asks nothing has none.
    project.run(&["run", "--tasks-only"]).expect(7);
    let refused = project.run(&["issues", "answer", "cw-3", "Yes."]).expect(9);
    let _ = refused.says("cw-3 cannot be answered: it asks nothing, and is closed (merged)");
    project.run(&["issues", "answer", "cw-1", "  "]).expect(2);
    project.run(&["issues", "answer", "cw-1", "The new one."]).expect(0);
    let mut answering = project.command(&["issues", "answer", "cw-2", "-"]);
    let mut answering = answering.stdin(std::process::Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut answering.stdin.take().unwrap(), b"Half up.\n").unwrap();
    assert!(answering.wait().unwrap().success());
    let issue = project.issue("cw-2");
    assert_eq!(
        (&issue["status"], &issue["hold"], issue.get("question")),
        (&json!("open"), &json!(null), None)
    );
    assert_eq!(
        issue["comments"][0]["text"],
        "The question: Which way to round?\n\nThe answer: Half up."
    );
    project.run(&["run", "--tasks-only"]).expect(0);
    for task in ["cw-1", "cw-2"] {
        assert_eq!(project.outcomes(task), ["asked", "merged"]);
    }
    let (first, second) = (sessions(&project, "cw-1"), sessions(&project, "cw-2"));
    assert_ne!(first[0], first[1]);
    assert_eq!(second[0], second[1]);
    let files = project
        .repository
        .git(&["ls-tree", "-r", "--name-only", "generation-one", "src"]);
    assert_eq!(
        files,
        "src/afresh.txt\nsrc/b.txt\nsrc/c.txt\nsrc/old.txt\nsrc/resumed.txt"
    );
    expect_prompts(&project);
    project.expect_tidy();
}

/// The second attempt was told the answer: a fresh session with its question, one that goes on by itself.
fn expect_prompts(project: &Project) {
    let prompt = |task: &str| {
        let records = project.issue(task)["attempts"][1]["records"]
            .as_str()
            .unwrap()
            .to_owned();
        let folder = project.state().join(records);
        std::fs::read_to_string(folder.join("prompt.md")).unwrap()
    };
    let afresh = prompt("cw-1");
    assert!(
        afresh.contains("The question: Which table") && afresh.contains("The answer: The new one."),
        "{afresh}"
    );
    let resumed = prompt("cw-2");
    assert!(
        resumed.starts_with("Attempt 2\n\nYou ended with a question to a person."),
        "{resumed}"
    );
    assert!(resumed.contains("The answer: Half up."), "{resumed}");
}

fn a_question_outlives_a_death_and_may_stay_without_an_answer(engine: TestEngine) {
    let project = Project::new(engine, "");
    let said = last_word(&json!({"summary": summary()}));
    let asks = asks("Which way?");
    project.add(
        "Ask",
        &format!("write src/a.txt a\n{asks}\ndone\nwrite src/b.txt b\n{asks}\ndone\nwrite src/c.txt c\n{said}"),
    );
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
    // What it asks is told by the next run, and not asked for again.
    let ran = project.run(&["resume", "--tasks-only"]).expect(7);
    ran.says("held cw-1 for you: it asks, and its run ended before it told you");
    assert_eq!(project.outcomes("cw-1"), ["asked"]);
    assert_eq!(project.issue("cw-1")["question"], "Which way?");
    assert_eq!(project.calls("cw-1").len(), 1);
    // With the answer its session goes on, asks again, and is let go on without an answer.
    project.run(&["issues", "answer", "cw-1", "That way."]).expect(0);
    project.run(&["run", "--tasks-only"]).expect(7);
    assert_eq!(project.outcomes("cw-1"), ["asked", "asked"]);
    let _ = project
        .run(&["issues", "release", "cw-1"])
        .expect(0)
        .says("Released cw-1");
    project.run(&["run", "--tasks-only"]).expect(0);
    assert_eq!(project.outcomes("cw-1"), ["asked", "asked", "merged"]);
    let sessions = sessions(&project, "cw-1");
    assert!(sessions.iter().all(|session| *session == sessions[0]), "{sessions:?}");
    let files = project
        .repository
        .git(&["ls-tree", "-r", "--name-only", "generation-one", "src"]);
    assert_eq!(files, "src/a.txt\nsrc/b.txt\nsrc/c.txt\nsrc/old.txt");
    project.expect_tidy();
}
