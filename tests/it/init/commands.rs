//! `init` and `config detect` as commands: the base branch, the steps that are printed, and what is looked at.

use serde_json::Value;

use crate::support::command::cordwainer;
use crate::support::repository::TestRepository;

/// Calls `init --json`, and returns its report.
fn init(repository: &TestRepository, arguments: &[&str]) -> Value {
    let words = [&["generator", "init", "--json"], arguments].concat();
    serde_json::from_str(&cordwainer(repository, &words).run().done()).unwrap()
}

/// A repository on `main` with a remote, whose default branch is `default`.
fn with_origin(default: &str) -> TestRepository {
    let repository = TestRepository::new();
    repository.git(&["remote", "add", "origin", "../origin"]);
    repository.git(&["update-ref", &format!("refs/remotes/origin/{default}"), "HEAD"]);
    repository.git(&[
        "symbolic-ref",
        "refs/remotes/origin/HEAD",
        &format!("refs/remotes/origin/{default}"),
    ]);
    repository
}

fn base(report: &Value) -> (&str, &str) {
    let base = &report["base_branch"];
    (base["name"].as_str().unwrap(), base["reason"].as_str().unwrap())
}

#[test]
fn the_base_branch_is_the_default_branch_of_the_remote() {
    let repository = with_origin("main");
    repository.git(&["switch", "--quiet", "--create", "feature"]);
    let report = init(&repository, &[]);
    assert_eq!(base(&report), ("main", "the default branch of `origin`"));
    let text = std::fs::read_to_string(repository.path().join("configuration.yaml")).unwrap();
    assert!(text.contains("\nbase_branch: main\n"), "{text}");
}

#[test]
fn a_default_branch_that_is_not_here_is_to_be_created() {
    let report = init(&with_origin("trunk"), &[]);
    assert_eq!(base(&report), ("trunk", "the default branch of `origin`"));
    let note = "There is no local branch `trunk` yet: `git branch trunk origin/trunk` creates it.";
    assert!(
        report["notes"].as_array().unwrap().contains(&Value::from(note)),
        "{report}"
    );
}

#[test]
fn without_a_remote_the_branch_that_is_checked_out_is_the_base() {
    let repository = TestRepository::new();
    repository.git(&["switch", "--quiet", "--create", "feature"]);
    let reason = "the branch that is checked out";
    assert_eq!(base(&init(&repository, &[])), ("feature", reason));
    repository.git(&["switch", "--quiet", "--detach"]);
    let reason = "the default, since no branch is checked out";
    let report = init(&repository, &[]);
    assert_eq!(base(&report), ("main", reason));
    assert_eq!(report["notes"], Value::Array(Vec::new()));
    repository.git(&["branch", "--quiet", "--delete", "--force", "main"]);
    let note = "There is no branch `main`: write the name of yours into `base_branch`.";
    assert_eq!(init(&repository, &[])["notes"][0], note);
}

#[test]
fn what_was_chosen_and_the_next_steps_are_printed() {
    let repository = TestRepository::new();
    repository.write("Cargo.toml", "[package]\nname = \"shoe\"\n");
    repository.write("src/main.rs", "fn main() {}\n");
    repository.write("build.zig", "");
    repository.commit("begin");
    let called = cordwainer(&repository, &["generator", "init"]).run();
    assert_eq!(called.code, 0, "{}", called.stderr);
    let mut rest = called.stderr.as_str();
    for part in [
        "Found: Rust.\n",
        "Not recognized: Zig (build.zig).\n",
        "Base branch: main (the branch that is checked out)",
        "Source folders, kept when a generation starts: src.\n",
        "Reachable package hosts: cargo.\n",
        "Tools of the image: rust.\n",
        "Gates: `cargo test --no-fail-fast`.\n",
        "Wrote: .gitignore, configuration.yaml.\n",
        "Next:\n  1. `cordwainer image build`\n",
        "builds the image with the client and rust\n",
        "  2. `export CLAUDE_CODE_OAUTH_TOKEN=...`\n",
        "  3. `cordwainer doctor`\n",
        "  4. `git add configuration.yaml .gitignore && git commit --message \"Configure cordwainer\"`\n",
        "  5. `cordwainer start && cordwainer run`\n",
    ] {
        let Some((_, after)) = rest.split_once(part) else {
            panic!("{part:?} is not in {rest:?} of {}", called.stderr);
        };
        rest = after;
    }
    let checked = cordwainer(&repository, &["config", "check"]).run();
    assert_eq!(checked.code, 0, "{}", checked.stderr);
    assert!(!checked.stderr.contains("Warning"), "{}", checked.stderr);
}

#[test]
fn folders_that_git_ignores_are_not_part_of_the_project() {
    let repository = TestRepository::new();
    repository.write(".gitignore", "/generated/\n");
    repository.write("generated/go.mod", "module example.com/x\n");
    repository.write("app/package.json", r#"{"name": "app", "scripts": {"test": "x"}}"#);
    let printed = cordwainer(&repository, &["config", "detect", "--json"]).run().done();
    let found: Value = serde_json::from_str(&printed).unwrap();
    let projects = found["projects"].as_array().unwrap();
    assert_eq!(projects.len(), 1, "{found}");
    assert_eq!(projects[0]["ecosystem"], "node");
    assert_eq!(projects[0]["folder"], "app");
    assert_eq!(projects[0]["commands"]["test"][0], "npm test");
    assert_eq!(projects[0]["hosts"][0], "npm");
}

#[test]
fn the_file_has_another_name_where_the_usual_one_is_taken_or_one_is_named() {
    let repository = TestRepository::new();
    let theirs = "homeassistant:\n  name: Home\nimage: !include images.yaml\n";
    repository.write("configuration.yaml", theirs);
    let report = init(&repository, &[]);
    assert_eq!(report["configuration"], "cordwainer.yaml");
    let read = |name: &str| std::fs::read_to_string(repository.path().join(name)).unwrap();
    assert_eq!(read("configuration.yaml"), theirs);
    let checked = cordwainer(&repository, &["config", "check"]).run();
    assert_eq!(checked.code, 0, "{checked:?}");
    assert!(
        checked.stderr.contains("cordwainer.yaml is valid."),
        "{}",
        checked.stderr
    );
    let add = report["next"][3]["command"].as_str().unwrap();
    assert!(add.starts_with("git add cordwainer.yaml "), "{add}");
    // It is ours now, and is left as it is: nothing is told as chosen that it may not have.
    let again = cordwainer(&repository, &["init"]).run();
    assert!(
        again.stderr.contains("cordwainer.yaml was there and stays as it is"),
        "{}",
        again.stderr
    );
    assert!(!again.stderr.contains("Base branch"), "{}", again.stderr);
    // The folder for tokens is that of the file, or of what is set beside it.
    init(&repository, &["--set", "secrets_dir=keys"]);
    assert!(read(".gitignore").ends_with("/keys/\n"), "{}", read(".gitignore"));

    let report = init(&repository, &["--config", "ci/night.yaml"]);
    assert_eq!(report["configuration"], "ci/night.yaml");
    assert!(read("ci/night.yaml").contains("preserve_sources: true"));
    for outside in ["/nowhere/else.yaml", "../else.yaml", ".git/else.yaml"] {
        let refused = cordwainer(&repository, &["init", "--config", outside]).run();
        assert_eq!(refused.code, 2, "{refused:?}");
        assert!(
            refused.stderr.contains("is outside of the repository"),
            "{}",
            refused.stderr
        );
    }
}
