//! No credential is recorded or shown, whatever way it comes in; and nothing that is recorded steers a terminal.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use cordwainer::agent::{CallReport, Ending, Transcript};
use cordwainer::git::NewCommit;
use cordwainer::redact::Redactor;
use secrecy::SecretString;

use crate::support::command::{Called, cordwainer};
use crate::support::repository::TestRepository;

/// A credential of no known form, and a token of one.
const SECRET: &str = "correct-horse-battery";
const TOKEN: &str = "glpat-0a1B2c3D4e5F6g7H8i9J";

fn started() -> TestRepository {
    let repository = TestRepository::new();
    repository.write("configuration.yaml", "");
    repository.commit("a project");
    call(&repository, &["generator", "start", "--name", "a"]).done();
    repository
}

/// Calls with a credential in the environment, and sees that neither it nor the token is shown.
#[track_caller]
fn call(repository: &TestRepository, arguments: &[&str]) -> Called {
    let called = cordwainer(repository, arguments).env("ANTHROPIC_API_KEY", SECRET).run();
    for shown in [&called.stdout, &called.stderr] {
        assert!(!shown.contains(SECRET) && !shown.contains(TOKEN), "{called:#?}");
    }
    called
}

/// Everything in the repository's folders and in all objects of git.
fn everything(repository: &TestRepository) -> Vec<u8> {
    let objects = Command::new("git")
        .args(["cat-file", "--batch-all-objects", "--batch"])
        .current_dir(repository.path())
        .output()
        .unwrap();
    let mut all = objects.stdout;
    for entry in walkdir::WalkDir::new(repository.path()) {
        let entry = entry.unwrap();
        all.extend_from_slice(entry.path().as_os_str().as_encoded_bytes());
        if entry.file_type().is_file() {
            all.extend_from_slice(&fs::read(entry.path()).unwrap());
        }
    }
    all
}

#[test]
fn what_is_filed_and_said_of_a_task_is_kept_without_credentials() {
    let repository = started();
    let title = format!("Use {SECRET} to log in");
    let description = format!("The token is {TOKEN}.");
    call(&repository, &["issues", "add", &title, "--description", &description]).done();
    call(&repository, &["issues", "comment", "cw-1", &format!("or {SECRET}")]).done();
    call(
        &repository,
        &["issues", "hold", "cw-1", "--reason", &format!("wait for {TOKEN}")],
    )
    .done();
    let issue = call(&repository, &["issues", "show", "cw-1", "--json"]).json();
    assert_eq!(issue["title"], "Use [redacted credential] to log in");
    assert_eq!(issue["description"], "The token is [redacted GitLab token].");
    assert_eq!(issue["comments"][0]["text"], "or [redacted credential]");
    assert_eq!(issue["hold"], "wait for [redacted GitLab token]");
    let all = everything(&repository);
    for text in [SECRET, TOKEN] {
        assert!(memchr::memmem::find(&all, text.as_bytes()).is_none(), "{text}");
    }
    // The control: it would be found.
    assert!(memchr::memmem::find(&all, b"[redacted credential]").is_some());
}

#[test]
fn errors_show_no_credential() {
    let repository = started();
    let called = call(&repository, &["issues", "list", "--generation", SECRET]);
    assert_eq!(called.code, 9, "{called:#?}");
    assert!(called.stderr.contains("[redacted credential]"), "{called:#?}");
    repository.write("configuration.yaml", format!("container: {{memory: {TOKEN}}}\n"));
    let called = call(&repository, &["config", "check"]);
    assert_eq!(called.code, 3, "{called:#?}");
    // The control: without the variable nobody knows that it is one.
    let repository = started();
    let called = cordwainer(&repository, &["issues", "list", "--generation", SECRET]).run();
    assert!(called.stderr.contains(SECRET), "{called:#?}");
}

#[test]
fn messages_of_commits_hold_no_credential() {
    let repository = started();
    let secret = SecretString::from(SECRET);
    let git = repository.handle().with_redactor(Redactor::new([&secret]));
    let commit = NewCommit {
        tree: git.tree_of(repository.oid("main")).unwrap(),
        parents: Vec::new(),
        message: format!("Add {SECRET}\n\n{TOKEN}\n"),
        author: None,
        committer: None,
        time: "2026-01-02T03:04:05Z".parse().unwrap(),
    };
    let commit = git.commit_info(git.commit(&commit).unwrap()).unwrap();
    assert_eq!(commit.message, "Add [redacted credential]\n\n[redacted GitLab token]\n");
}

#[test]
fn what_an_agent_wrote_steers_no_terminal_and_json_says_it_all() {
    let repository = started();
    let said = "a\u{9b}2J\u{202e}b\u{e0041}";
    cordwainer(&repository, &["issues", "add", "Do it"]).run().done();
    cordwainer(&repository, &["issues", "comment", "cw-1", said])
        .run()
        .done();
    cordwainer(&repository, &["issues", "hold", "cw-1", "--reason", said])
        .run()
        .done();
    for arguments in [
        &["issues", "show", "cw-1"][..],
        &["issues", "list"],
        &["issues", "list", "--json"],
    ] {
        let called = cordwainer(&repository, arguments).run();
        let bad = |c: char| (c.is_control() && c != '\n') || ['\u{202e}', '\u{e0041}'].contains(&c);
        assert!(
            !called.stdout.contains(bad) && !called.stderr.contains(bad),
            "{called:#?}"
        );
        assert!(called.stdout.contains("202e"), "{called:#?}");
    }
    let issue = cordwainer(&repository, &["issues", "show", "cw-1", "--json"])
        .run()
        .json();
    assert_eq!(
        (&issue["comments"][0]["text"], &issue["hold"]),
        (&said.into(), &said.into())
    );
}

fn report(lines: &[Vec<u8>]) -> CallReport {
    let mut transcript = Transcript::new();
    for line in lines {
        transcript.push_line(line);
    }
    transcript.finish(&Ending::default())
}

/// Recovery replays what was recorded: it must tell the same of a call, but for the credentials in its words.
#[test]
fn a_redacted_recording_tells_the_same_story() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/transcripts");
    let mut redacted_lines = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "jsonl") {
            continue;
        }
        let text = fs::read(&path).unwrap();
        let lines: Vec<Vec<u8>> = text.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        // Words that the recordings hold in texts, beside a token in each of them.
        let secrets = ["scripted", "assistant", "message\":{\"", "content\":"].map(SecretString::from);
        let redactor = Redactor::new(&secrets);
        let redacted: Vec<Vec<u8>> = lines.iter().map(|line| redactor.line(line).into_owned()).collect();
        for (line, redacted) in lines.iter().zip(&redacted) {
            redacted_lines += u32::from(line != redacted);
            let was_json = serde_json::from_slice::<serde_json::Value>(line).is_ok();
            assert_eq!(
                serde_json::from_slice::<serde_json::Value>(redacted).is_ok(),
                was_json,
                "{}",
                path.display()
            );
        }
        // What a real credential is: in words, and nowhere in the form.
        let token = SecretString::from(TOKEN);
        let spoken: Vec<Vec<u8>> = lines.iter().map(|line| say(line)).collect();
        let heard: Vec<Vec<u8>> = spoken
            .iter()
            .map(|line| Redactor::new([&token]).line(line).into_owned())
            .collect();
        let (mut told, mut replayed) = (report(&spoken), report(&heard));
        assert!(
            told.usage == replayed.usage && told.session_id == replayed.session_id,
            "{}",
            path.display()
        );
        (told.result, replayed.result) = (None, None);
        (told.reason, replayed.reason) = (String::new(), String::new());
        assert_eq!(told, replayed, "{}", path.display());
    }
    assert!(redacted_lines > 10, "{redacted_lines}");
}

/// Puts a token into every text of the agent's in a line.
fn say(line: &[u8]) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(line) else {
        return line.to_vec();
    };
    text.replace("\"text\":\"", &format!("\"text\":\"{TOKEN} "))
        .into_bytes()
}
