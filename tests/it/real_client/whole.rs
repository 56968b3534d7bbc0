//! The real Claude Code client in a real container, on the source of a real crate, against the scripted Messages API.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use walkdir::WalkDir;

use super::live::{ClaudeEngine, IMAGE};
use crate::support::command::cordwainer;
use crate::support::engines::{TestEngine, engine_tests, limits_that_hold};
use crate::support::messages_api::{Listen, MessagesApi};
use crate::support::repository::TestRepository;

engine_tests! {
    docker first: a_real_crate_is_changed_by_the_real_client;
}

/// What the scripted model changes in `semver`'s own source.
const BEFORE: &str = "#![deny(unsafe_op_in_unsafe_fn)]";
const AFTER: &str = "#![deny(unsafe_op_in_unsafe_fn)]\n#![deny(missing_debug_implementations)]";
const NOTES: &str = "# Notes\n\nEvery public type can be debugged: see `src/lib.rs`.\n";
/// What it writes first, which the review refuses.
const DRAFT: &str = "# Notes\n";

fn a_real_crate_is_changed_by_the_real_client(engine: TestEngine) {
    let Some(ClaudeEngine(engine)) = ClaudeEngine::find(engine.kind()) else {
        return;
    };
    let socket = engine.socket();
    let repository = semver_repository();
    let source = fs::read_to_string(repository.path().join("src/lib.rs")).unwrap();
    assert_eq!(
        source.matches(BEFORE).count(),
        1,
        "the crate's source is not what the script expects"
    );
    let api = MessagesApi::start(Listen::loopback(), &script());
    repository.write(
        "configuration.yaml",
        configuration(IMAGE, &api.base_url()) + limits_that_hold(&socket),
    );
    repository.write("prompts/docs.md", "Describe in DOCS.md what was changed.\n");
    repository.commit("configure");

    let host = format!("unix://{}", socket.display());
    let generator = |arguments: &[&str]| {
        let mut all = vec!["generator"];
        all.extend(arguments);
        let called = cordwainer(&repository, &all)
            .env("DOCKER_HOST", host.clone())
            .env("CLAUDE_CODE_OAUTH_TOKEN", "sk-ant-oat01-dummy-of-the-host")
            .run();
        assert_eq!(called.code, 0, "{arguments:?}: {}{}", called.stdout, called.stderr);
        called
    };
    let _ = generator(&["start", "--name", "real"]);
    // The stage changes what it may not: nothing of it lands, and what it used is paid for.
    let ran = generator(&["run"]);
    let says = "stage `docs` failed: it changed `NOTES.md`, which `may_change` does not allow; the work goes on without its changes.";
    assert!(ran.stdout.contains(says), "{}", ran.stdout);
    let status: Value = serde_json::from_str(&generator(&["status", "--json"]).stdout).unwrap();
    let task = cordwainer(&repository, &["issues", "show", "cw-1", "--json"]).run();
    let _ = generator(&["stop"]);

    assert_eq!(api.surprises(), Vec::<String>::new());
    assert_eq!(status["tasks"]["closed"], 1, "{status}");
    let served = api.served();
    let usage = &status["usage"];
    let told = ["input", "cache_write", "cache_read", "output"].map(|name| usage[name].as_u64().unwrap());
    let counted = [served.input, served.cache_write, served.cache_read, served.output];
    assert_eq!(told, counted, "the ledger and the API differ");
    // The stage is called for each work, the review sent it back once, and the same session went on.
    let calls = ["stitch", "docs", "review"].map(|role| status["roles"][role]["calls"].clone());
    assert_eq!(calls, [2, 2, 2], "{status}");
    let task: Value = serde_json::from_str(&task.stdout).unwrap();
    let attempt = &task["attempts"][0];
    assert_eq!(
        attempt["rounds"][0]["call"]["session_id"], attempt["call"]["session_id"],
        "{task:#}"
    );
    assert_eq!(attempt["rounds"][0]["red"]["by"], "review", "{task:#}");
    assert_landed(&repository, &source);
}

/// Sees that exactly the scripted change is on the base branch, in the person's checkout too.
fn assert_landed(repository: &TestRepository, before: &str) {
    let edited = fs::read_to_string(repository.path().join("src/lib.rs")).unwrap();
    assert_eq!(edited, before.replace(BEFORE, AFTER));
    assert_eq!(fs::read_to_string(repository.path().join("NOTES.md")).unwrap(), NOTES);
    assert_eq!(repository.git(&["status", "--porcelain"]), "");
    let changed = repository.git(&["diff", "--name-status", "main^1", "main"]);
    assert_eq!(changed, "A\tNOTES.md\nM\tsrc/lib.rs");
    let message = repository.git(&["log", "-1", "--format=%B", "main^2"]);
    for trailer in [
        "Cordwainer-Task: cw-1",
        "Cordwainer-Attempt: 1",
        "Cordwainer-Model: claude-",
        "Cordwainer-Score: 9",
        "Cordwainer-Reviewed-By: claude-",
    ] {
        assert!(message.contains(trailer), "no `{trailer}` in {message}");
    }
}

/// The configuration, which ends in the section of the container.
fn configuration(image: &str, base_url: &str) -> String {
    format!(
        "image: {image}\n\
         estimated_lines_min: 1\n\
         estimated_lines_max: 20\n\
         context_files: [README.md]\n\
         protected_paths: []\n\
         stages:\n\
         - stitch\n\
         - {{name: docs, prompt: prompts/docs.md, may_change: [DOCS.md], required: false, tools: [Read, Edit, Write]}}\n\
         - review\n\
         agent:\n  base_url: {base_url}\n\
         container:\n"
    )
}

/// What the scripted model says: one task in measure, the task through the client's own tools, a stage that changes more than
/// it may, a review that refuses it, what the session changes then, and a review that passes it.
fn script() -> String {
    let proposal = json!({
        "key": "debug",
        "title": "Make every public type debuggable",
        "description": "Deny types that cannot be debugged, and note it.",
        "required_reading": ["src/lib.rs"],
        "files": [{"path": "src/lib.rs", "action": "modify"}, {"path": "NOTES.md", "action": "create"}],
        "requirements": ["The lint is denied for the whole crate."],
        "acceptance_criteria": ["src/lib.rs names the lint."],
        "estimated_lines": 5,
        "priority": 2,
        "depends_on": [],
    });
    let answer = json!({"proposals": [proposal]});
    let finding = json!({
        "severity": "low", "category": "style", "path": "src/lib.rs", "line": 1, "title": "Say why",
        "problem": "The lint has no reason.", "suggestion": "Give one.",
    });
    let refusal = json!({
        "severity": "high", "category": "documents", "path": "NOTES.md", "line": 1, "title": "Say what was done",
        "problem": "The note is empty.", "suggestion": "Name the file.",
    });
    let refuses = json!({"score": 4, "approved": false, "summary": "Not yet.", "findings": [refusal]});
    let review = json!({"score": 9, "approved": true, "summary": "Fine.", "findings": [finding]});
    let [before, after, draft, notes] = [BEFORE, AFTER, DRAFT, NOTES].map(|text| json!(text));
    format!(
        r#"
about "What to propose"
  answer {answer}
about "stage docs"
  write /workspace/DOCS.md "It is described."
  read /workspace/NOTES.md
  edit /workspace/NOTES.md "Notes" "Nothing"
about "Review 1"
  read /workspace/NOTES.md
  answer {refuses}
about "What to judge"
  read /workspace/src/lib.rs
  answer {review}
later "did not pass it"
  read /workspace/NOTES.md
  edit /workspace/NOTES.md {draft} {notes}
about "The task: cw-1"
  read /workspace/src/lib.rs
  edit /workspace/src/lib.rs {before} {after}
  write /workspace/NOTES.md {draft}
  bash "git -C /workspace status --short && git -C /workspace log --oneline | head -3"
"#
    )
}

/// A repository with the source of the `semver` crate, as the package registry has it.
fn semver_repository() -> TestRepository {
    let repository = TestRepository::new();
    let source = semver_source();
    for entry in WalkDir::new(&source) {
        let entry = entry.unwrap();
        if entry.file_type().is_file() && entry.file_name() != ".cargo-ok" {
            let path = entry.path().strip_prefix(&source).unwrap();
            repository.write(path, fs::read(entry.path()).unwrap());
        }
    }
    repository.commit("semver, as published");
    repository
}

/// Where cargo keeps the source of `semver`, which is among this crate's dependencies for tests.
fn semver_source() -> PathBuf {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--manifest-path"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"))
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata answers with JSON");
    let packages = metadata["packages"].as_array().unwrap();
    let semver = packages.iter().find(|package| package["name"] == "semver").unwrap();
    Path::new(semver["manifest_path"].as_str().unwrap())
        .parent()
        .unwrap()
        .to_owned()
}
