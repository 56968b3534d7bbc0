//! Modes: kinds of work that begin with what a person asks for.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;

use serde_json::{Value, json};

use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;
use crate::support::repository::TestRepository;
use crate::support::scripts::{last_word, proposal, scripted};

engine_tests! {
    docker first: a_fix_proves_itself_and_is_merged_by_one_command;
    podman: a_feature_is_one_measure_and_goes_on_where_it_stopped,
        a_refactoring_may_not_touch_a_test_and_says_which_interfaces_it_changed,
        interfaces_are_kept_of_a_task_whose_run_died_when_it_had_landed,
        a_plan_is_looked_at_before_it_is_paid_for,
        a_mode_of_the_projects_own_is_what_the_configuration_says,
        what_a_mode_needs_is_asked_for_before_a_call;
}

/// A gate that wants the table of sizes. The image's `sh` is the probe, see its source.
const GATED: &str = "gates: [cat=src/sizes.txt]\nsource_dirs: [src]\n";

fn project(engine: TestEngine, more: &str) -> Project {
    let repository = TestRepository::empty();
    repository.write("README.md", "# Sizes\n");
    repository.write("src/sizes.txt", "41 7\n42 8\n");
    repository.write("src/size.rs", "pub fn size(cm: u32) -> u32 {\n    cm\n}\n");
    repository.write(
        "src/table.test.js",
        "test('first', () => { expect(table()[0]).toBe(41); });\n",
    );
    repository.write("docs/specification.md", "There shall be sizes.\n");
    Project::with_socket(engine, repository, &engine.socket(), &format!("{GATED}{more}"))
}

/// What a person asks for, whose measure proposes this.
fn request(words: &str, proposals: &[Value]) -> String {
    let script = scripted(&format!("propose {}", json!({ "proposals": proposals })));
    format!("{words}\n\n{script}")
}

fn with_proof(mut proposal: Value, proof: &str) -> Value {
    proposal["proof"] = proof.into();
    proposal
}

/// A request for two tasks, the second of which waits for the first.
fn count_to_two() -> String {
    let tasks = [
        proposal("one", "One", &[], "write src/one.txt one"),
        proposal("two", "Two", &["one"], "write src/two.txt two"),
    ];
    request("Count to two", &tasks)
}

/// The prompt of the measure that was made last.
fn measured_with(project: &Project) -> String {
    fs::read_to_string(project.records("measure-1-1").pop().unwrap().join("prompt.md")).unwrap()
}

fn a_fix_proves_itself_and_is_merged_by_one_command(engine: TestEngine) {
    let project = project(engine, "");
    let said = json!({"summary": {
        "type": "fix", "subject": "keep half sizes", "cause": "the table had whole sizes alone", "place": "src/sizes.txt:2",
        "test": "tests/half.txt: 42.5",
    }});
    let asked = with_proof(
        proposal(
            "half",
            "Keep half sizes",
            &[],
            &format!(
                "append src/sizes.txt 42.5 8.5\nwrite tests/half.txt 42.5 8.5\n{}",
                last_word(&said)
            ),
        ),
        "cat=tests/half.txt",
    );
    let request = request("Half sizes are lost", &[asked]);
    let log = project.repository.outside().join("test.log");
    fs::write(&log, "half failed: 42.5\n").unwrap();
    let ran = project.run(&["generator", "fix", &request, "--attach", log.to_str().unwrap()]);
    let ran = ran
        .expect(0)
        .says("Started generation-fix-half-sizes-are-lost from main");
    let ran = ran.says("cw-1: merged").says("all that was asked for is done");
    assert!(!ran.stdout.contains("asks for more tasks"), "{}", ran.stdout);
    let fixed = "Fixed:\n  cw-1 Keep half sizes\n    cause      the table had whole sizes alone\n    where      src/sizes.txt:2\n    \
                 guarded by tests/half.txt: 42.5; its proof `cat=tests/half.txt`, which failed before\n";
    assert!(ran.stdout.ends_with(fixed), "{}", ran.stdout);
    let told = project.run(&["generator", "fix", "--json"]).expect(4).stdout;
    let told: Value = serde_json::from_str(told.lines().last().unwrap()).unwrap();
    assert_eq!(
        told["fixed"][0]["place"],
        json!({"text": "src/sizes.txt:2", "is_there": true})
    );
    let issue = project.issue("cw-1");
    assert_eq!(issue["issue_type"], "bug");
    assert_eq!(issue["plan"]["proof"], "cat=tests/half.txt");
    let ran = project.run(&["generator", "fix", "--stop"]).expect(0);
    ran.says("The gates passed on the merge.")
        .says("Merged generation-fix-half-sizes-are-lost into main");
    let sizes = project.repository.git(&["show", "main:src/sizes.txt"]);
    assert!(sizes.contains("42.5 8.5"), "{sizes}");
    // The sources that were there are kept, whatever `preserve_sources` is for generations from documents.
    assert!(sizes.contains("41 7"), "{sizes}");
    let prompt = measured_with(&project);
    for part in [
        "You look for the cause of a fault",
        "Half sizes are lost",
        "half failed: 42.5",
        "- `proof`: one command line",
    ] {
        assert!(prompt.contains(part), "{part} is not in {prompt}");
    }
}

fn a_feature_is_one_measure_and_goes_on_where_it_stopped(engine: TestEngine) {
    let project = project(engine, "");
    let request = count_to_two();
    let asked = |more: &[&str]| project.run(&[&["generator", "feature", &request], more].concat());
    asked(&["--max-tasks", "1"])
        .expect(0)
        .says("Started generation-feature-count-to-two");
    let status = project.status();
    assert_eq!((&status["mode"], &status["cycles"]), (&json!("feature"), &json!(1)));
    assert!(status["request"]["text"].as_str().unwrap().starts_with("Count to two"));
    asked(&[])
        .expect(0)
        .says("Continuing generation-feature-count-to-two.")
        .says("all that was asked for is done");
    assert_eq!(project.status()["cycles"], 1);
    // Nothing is asked again, and no other request takes its place.
    asked(&[]).expect(4);
    let other = format!("{request} and more");
    project
        .run(&["generator", "feature", &other])
        .expect(9)
        .says("is open already, with another mode or request")
        .says("`--name`");
    // Without a request it goes on with what is open.
    project
        .run(&["generator", "feature", "--stop"])
        .expect(0)
        .says("Merged generation-feature-count-to-two");
    assert_eq!(project.repository.git(&["show", "main:src/two.txt"]), "two");
}

fn a_refactoring_may_not_touch_a_test_and_says_which_interfaces_it_changed(engine: TestEngine) {
    let project = project(engine, "tampering: off\n");
    let tasks = [
        proposal(
            "test",
            "Ask less",
            &[],
            "write src/table.test.js test('first', () => { expect(table()[0]).toBe(table()[0]); });\n\
             write src/width.rs pub fn width() {}",
        ),
        proposal(
            "form",
            "Sort the table",
            &[],
            "write src/sizes.txt sorted\nwrite src/size.rs pub fn size(mm: u64) -> u32 { 1 }",
        ),
    ];
    let ran = project
        .run(&["generator", "refactor", &request("Tidy up", &tasks), "--stop"])
        .expect(7);
    let ran = ran.says("weakens tests").says("is not as it was");
    let ran = ran.says("Not merged, because not everything is done");
    assert_eq!(project.status()["tasks"]["blocked"], 1);
    assert_eq!(project.outcomes("cw-2"), ["merged"]);
    // Which public interfaces changed is told by the run, kept, and told when it is merged.
    let changed = "src/size.rs: `pub fn size(cm: u32) -> u32` is `pub fn size(mm: u64) -> u32` now";
    let told = format!("cw-2: public interfaces changed:\n    {changed}\n");
    assert!(ran.stdout.contains(&told), "{}", ran.stdout);
    let shown = project.run(&["issues", "show", "cw-2"]).expect(0);
    let _ = shown.says(&format!("public interfaces changed:\n      {changed}"));
    // Of a result that a person accepts, too.
    project.run(&["issues", "release", "cw-1", "--accept"]).expect(0);
    let accepted = &project.issue("cw-1")["attempts"][0]["interfaces"]["changes"];
    assert_eq!(*accepted, json!([{"path": "src/width.rs", "after": "pub fn width()"}]));
    let stopped = project.run(&["generator", "stop"]).expect(0);
    stopped.says(&format!(
        "Public interfaces that changed:\n  cw-1 src/width.rs: `pub fn width()` is new\n  cw-2 {changed}"
    ));
}

fn interfaces_are_kept_of_a_task_whose_run_died_when_it_had_landed(engine: TestEngine) {
    let project = project(engine, "");
    let task = proposal("form", "Sort", &[], "write src/size.rs pub fn size() {}");
    let mut command = project.command(&["generator", "refactor", &request("Tidy up", &[task])]);
    let output = command.env("CORDWAINER_CRASH_AT", "stitch.merged").output().unwrap();
    assert_eq!(output.status.signal(), Some(9));
    project.run(&["generator", "resume"]).expect(4);
    assert_eq!(project.outcomes("cw-1"), ["merged"]);
    let kept = &project.issue("cw-1")["attempts"][0]["interfaces"];
    let change = json!({"path": "src/size.rs", "before": "pub fn size(cm: u32) -> u32", "after": "pub fn size()"});
    assert_eq!(kept["changes"], json!([change]));
}

fn a_mode_of_the_projects_own_is_what_the_configuration_says(engine: TestEngine) {
    let more = "modes: {hotfix: {extends: exec, type: bug, prompt: prompts/hotfix.md, gates: []}}\n";
    let project = project(engine, more);
    let template = "{% extends \"measure.md.j2\" %}\n{% block opening %}\nBe quick.\n{% endblock %}\n";
    project.repository.write("prompts/hotfix.md", template);
    let tasks = [proposal(
        "one",
        "One",
        &[],
        "delete src/sizes.txt\nwrite src/one.txt one",
    )];
    let request = request("Quickly", &tasks);
    let started = project.run(&["generator", "start", "--mode", "hotfix", "--request", &request]);
    started.expect(0).says("Started generation-hotfix-quickly from main");
    // The gate of all other modes would be red.
    project.run(&["generator", "run"]).expect(0).says("cw-1: merged");
    assert_eq!(project.issue("cw-1")["issue_type"], "bug");
    let prompt = measured_with(&project);
    assert!(
        prompt.starts_with("Be quick.\n") && prompt.contains("Quickly"),
        "{prompt}"
    );
    let shown = project.run(&["config", "show", "--mode", "hotfix"]).expect(0);
    assert!(
        shown.stdout.contains("gates: []") && shown.stdout.contains("preserve_sources: true"),
        "{}",
        shown.stdout
    );
}

fn what_a_mode_needs_is_asked_for_before_a_call(engine: TestEngine) {
    let mut project = project(engine, "");
    let refused = |project: &Project, arguments: &[&str], code: i32, says: &str| {
        project
            .run(&[&["generator"], arguments].concat())
            .expect(code)
            .says(says);
    };
    refused(&project, &["fix"], 2, "the mode `fix` needs a request");
    refused(&project, &["fix", " "], 2, "the request is empty");
    refused(
        &project,
        &["exec", &"x".repeat(100_000)],
        2,
        "the request has 100000 bytes, and at most 65536 are read",
    );
    refused(
        &project,
        &["generate", "this"],
        2,
        "works from the documents of the repository",
    );
    refused(
        &project,
        &["start", "--mode", "fixx", "--request", "x"],
        2,
        "did you mean `fix`?",
    );
    let wide = project.repository.outside().join("wide.txt");
    fs::write(&wide, b"\xff\xfeH\0i\0").unwrap();
    refused(
        &project,
        &["fix", "--request-file", wide.to_str().unwrap()],
        2,
        "is UTF-16",
    );
    refused(&project, &["fix", "--request-file", "nowhere"], 2, "cannot read");
    refused(&project, &["fix", "it", "--from", "v9"], 2, "v9");
    project.reconfigure(None, "gates: []\n");
    refused(&project, &["fix", "it"], 9, "the mode `fix` needs a gate");
    expect_nothing_begun(&project);
    assert_eq!(project.containers(), Vec::<String>::new());
}

/// Panics unless nothing has begun.
#[track_caller]
fn expect_nothing_begun(project: &Project) {
    let listed = project.run(&["generator", "list", "--json"]).stdout;
    assert_eq!(listed.matches("generation-").count(), 0, "{listed}");
}

/// Looks at what a command would ask and take: its prompt, which begins so, and its estimate, which says this. Nothing begins.
/// Returns the prompt.
#[track_caller]
pub(super) fn look_without_a_call(project: &Project, command: &[&str], begins: &str, says: &[&str]) -> String {
    let prompt = project.run(&[command, &["--prompt"]].concat()).expect(0).stdout;
    assert!(prompt.starts_with(begins), "{prompt}");
    let mut estimated = project.run(&[command, &["--estimate"]].concat()).expect(0);
    for text in says {
        estimated = estimated.says(text);
    }
    expect_nothing_begun(project);
    prompt
}

fn a_plan_is_looked_at_before_it_is_paid_for(engine: TestEngine) {
    let project = project(engine, "context_files: [docs/specification.md]\n");
    let request = count_to_two();
    let feature = ["generator", "feature", &request];
    let look = |more: &[&str]| project.run(&[&feature, more].concat());
    let says = ["the table of docs/modes.md", "3 tasks: a guess"];
    let prompt = look_without_a_call(&project, &feature, "You plan a feature", &says);
    assert!(prompt.contains("There shall be sizes."), "{prompt}");
    let parts = look(&["--prompt", "--parts", "--json"]).expect(0).stdout;
    let parts: Vec<Value> = serde_json::from_str(&parts).unwrap();
    let bytes: u64 = parts.iter().map(|part| part["bytes"].as_u64().unwrap()).sum();
    assert_eq!(bytes, prompt.len() as u64, "{parts:?}");
    assert!(
        parts.iter().any(|part| part["text"] == "docs/specification.md"),
        "{parts:?}"
    );

    let file = project.repository.outside().join("tasks.json");
    let planned = look(&["--dry-run", "--output", file.to_str().unwrap(), "--json"])
        .expect(0)
        .stdout;
    let planned: Value = serde_json::from_str(planned.lines().last().unwrap()).unwrap();
    assert_eq!(planned["tasks"].as_array().unwrap().len(), 2, "{planned}");
    assert_eq!(
        (&planned["estimate"]["tasks"], &planned["gates"]),
        (&json!(2), &json!(["cat=src/sizes.txt"]))
    );
    assert_eq!(project.status()["tasks"]["open"], 0);
    // The measure is paid for, and counts.
    assert_eq!(project.status()["usage"]["calls"], 1);
    let again = look(&["--dry-run"]).expect(0);
    let again = again
        .says("The measure will cost about $")
        .says("2 tasks planned for generation-feature-count-to-two");
    let again = again.says("  one\n→ two (after one)").says("Gates: cat=src/sizes.txt.");
    let _ = again.says("Next: `cordwainer run --plan ");

    let run = planned["run"].as_str().unwrap();
    let done = project.run(&["generator", "run", "--plan", run]).expect(0);
    done.says("2 tasks filed").says("all that was asked for is done");
    // Two measures that planned, and none for the run.
    assert_eq!(project.status()["usage"]["calls"], 4);
    project
        .run(&["generator", "run", "--plan", run])
        .expect(9)
        .says("is filed already");
    project
        .run(&["generator", "run", "--plan", "nothing"])
        .expect(2)
        .says("has no plan");
    // What was written for another place can be imported there.
    project.run(&["generator", "reset"]).expect(0);
    project.run(&["generator", "start", "--name", "other"]).expect(0);
    project.run(&["issues", "import", file.to_str().unwrap()]).expect(0);
    assert_eq!(project.issue("cw-2")["dependencies"].as_array().unwrap().len(), 1);
    // What was made here is what the next estimate is made of.
    project
        .run(&["generator", "exec", "more", "--estimate"])
        .expect(0)
        .says("2 tasks: the median of 1 measure here.")
        .says("2 measures here");
}
