//! The consuming repositories of `examples/`, and the one that `cordwainer init --scaffold` makes, built and used as
//! their people would.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::support::cargo::{Done, cargo, checkout};
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::{Project, configuration};
use crate::support::repository::TestRepository;
use crate::support::scripts::{last_word, proposal, scripted, user_prompt};

engine_tests! {
    podman: an_example_that_adds_a_gate_and_an_observer, an_example_whose_fault_is_fixed;
}

/// Where this checkout is, as `examples/*/xtask/Cargo.toml` says it.
const DEPENDENCY: &str = "path = \"../../..\"";

/// A consuming repository in a temporary folder.
struct Consumer {
    repository: TestRepository,
}

impl Consumer {
    /// Copies an example and commits it.
    fn example(name: &str) -> Self {
        let repository = TestRepository::empty();
        let root = checkout().join("examples").join(name);
        for path in files_below(&root) {
            let text = fs::read_to_string(root.join(&path)).unwrap();
            let here = format!("path = \"{}\"", checkout().display());
            repository.write(&path, text.replace(DEPENDENCY, &here));
        }
        repository.commit("begin");
        fs::copy(checkout().join("Cargo.lock"), repository.path().join("Cargo.lock")).unwrap();
        Self { repository }
    }

    /// Runs `cargo xtask …` in the repository.
    fn xtask(&self, arguments: &[&str]) -> Done {
        let target = self.repository.outside().join("target");
        let mut command = cargo(&self.repository.path(), &target);
        Done::of(&command.arg("xtask").args(arguments).output().unwrap())
    }

    /// Runs `cargo xtask …` and returns what it wrote to stdout.
    fn succeed(&self, arguments: &[&str]) -> String {
        let done = self.xtask(arguments);
        assert_eq!(done.code, Some(0), "{arguments:?}: {}", done.stderr);
        done.stdout
    }

    /// Runs `cargo xtask … --json` and returns the document.
    fn json(&self, arguments: &[&str]) -> Value {
        let text = self.succeed(&[arguments, &["--json"]].concat());
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {text}"))
    }

    /// Takes a generation from `start` to `reset`, with commands at the top level or below `generator`, and checks that
    /// the checkout and its branch stay as they are.
    fn live_through_a_generation(&self, below: &[&str]) {
        let json = |words: &[&str]| self.json(&[below, words].concat());
        // The first call lets cargo bring Cargo.lock up to date.
        assert_eq!(json(&["list"])["open"], Value::Array(Vec::new()));
        let before = self.repository.snapshot_of_everything();
        let main = self.repository.oid("main");
        let started = json(&["start", "--name", "first"]);
        assert_eq!(started["generation"], "generation-first");
        let listing = json(&["list"]);
        assert_eq!(listing["open"][0]["generation"], "generation-first");
        let status = json(&["status"]);
        assert_eq!(status["phase"], "open");
        assert_eq!(status["base"], main.to_string());
        assert_eq!(status["tasks"]["open"], 0);
        json(&["reset"]);
        let listing = json(&["list"]);
        assert_eq!(listing["open"], Value::Array(Vec::new()));
        assert_eq!(listing["ended"][0]["generation"], "generation-first");
        assert_eq!(self.repository.oid("main"), main);
        assert_eq!(self.repository.snapshot_of_everything(), before);
    }
}

/// The files below a folder that git would commit, relative to it.
fn files_below(root: &Path) -> Vec<PathBuf> {
    let walk = walkdir::WalkDir::new(root).into_iter();
    let walk = walk.filter_entry(|entry| entry.file_name() != "target" && entry.file_name() != "Cargo.lock");
    let files = walk.map(Result::unwrap).filter(|entry| entry.file_type().is_file());
    files
        .map(|entry| entry.path().strip_prefix(root).unwrap().to_owned())
        .collect()
}

#[test]
fn a_repository_that_takes_the_command_line_whole() {
    let consumer = Consumer::example("whole");
    let help = consumer.succeed(&["--help"]);
    for command in ["run", "status", "issues", "transcript", "image", "config", "stats"] {
        assert!(help.contains(&format!("\n  {command} ")), "{help}");
    }
    assert_eq!(consumer.json(&["config", "check"]), Value::Array(Vec::new()));
    assert!(consumer.succeed(&["stats"]).starts_with("requirements: 2 files"));
    consumer.live_through_a_generation(&[]);

    let started = consumer.json(&["start", "--name", "seeded"]);
    assert_eq!(started["cleared"][0], "tally/src");
    let done = consumer.xtask(&["start", "--name", "seeded"]);
    let hint = "continue this one with `cargo xtask run`";
    assert!(done.stderr.contains(hint), "{}", done.stderr);
    let seeded = consumer
        .repository
        .git(&["show", "generation-seeded:tally/src/main.rs"]);
    assert!(seeded.contains("println!(\"tally seeded\");"), "{seeded}");
}

#[test]
fn a_repository_with_tasks_of_its_own_beside() {
    let consumer = Consumer::example("beside");
    let help = consumer.succeed(&["--help"]);
    for command in ["requirements", "generator", "issues"] {
        assert!(help.contains(&format!("\n  {command} ")), "{help}");
    }
    let requirements = consumer.succeed(&["requirements"]);
    assert!(requirements.starts_with("F1 One book a line"), "{requirements}");
    assert_eq!(requirements.lines().count(), 6);
    assert_eq!(consumer.json(&["config", "check"]), Value::Array(Vec::new()));
    consumer.live_through_a_generation(&["generator"]);

    let done = consumer.xtask(&["issues", "list"]);
    let hint = "`cargo xtask generator start` creates another one";
    assert!(done.stderr.contains(hint), "{}", done.stderr);
    let done = consumer.xtask(&["--generation", "nope", "generator", "status"]);
    assert_eq!(done.code, Some(9), "{}", done.stderr);
    assert!(
        done.stderr.contains("error: no generation `nope` is open"),
        "{}",
        done.stderr
    );
}

/// The gate and the observer that the example adds, in a run.
fn an_example_that_adds_a_gate_and_an_observer(engine: TestEngine) {
    let consumer = Consumer::example("beside");
    let repository = &consumer.repository;
    let text = configuration(engine, &engine.socket(), "stitch: {max_attempts: 1, fix_rounds: off}\n");
    repository.write("configuration.yaml", text);
    repository.commit("configure");
    let xtask = |arguments: &[&str]| {
        let target = repository.path().join("target");
        let mut command = cargo(&repository.path(), &target);
        command.env("CLAUDE_CODE_OAUTH_TOKEN", "sk-ant-oat01-dummy-of-the-host");
        Done::of(&command.arg("xtask").args(arguments).output().unwrap())
    };
    // The first call lets cargo bring Cargo.lock up to date.
    xtask(&["generator", "list"]);
    let started = xtask(&["generator", "start", "--name", "first"]);
    assert_eq!(started.code, Some(0), "{}", started.stderr);
    let add = |script: &str| xtask(&["issues", "add", "a task", "--description", &scripted(script)]);
    assert_eq!(add("write docs/requirements/lending.md none").code, Some(0));
    let ran = xtask(&["generator", "stitch"]);
    assert_eq!(ran.code, Some(7), "{}\n{}", ran.stdout, ran.stderr);
    let says = "gate failed: the gate `requirements kept` misses L1, L2, L3";
    assert!(ran.stdout.contains(says), "{}\n{}", ran.stdout, ran.stderr);
    assert_eq!(add("write docs/more.md x").code, Some(0));
    let ran = xtask(&["generator", "stitch"]);
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.stdout, ran.stderr);
    assert!(
        ran.stdout.contains("gate `requirements kept` passed."),
        "{}",
        ran.stdout
    );
    let log = fs::read_to_string(repository.path().join("target/attempts.log")).unwrap();
    let outcomes: Vec<_> = log.lines().map(|line| line.splitn(3, ' ').nth(2).unwrap()).collect();
    assert_eq!(outcomes, ["gate failed", "merged"]);
}

/// From the report of a person to the merge, with one command.
fn an_example_whose_fault_is_fixed(engine: TestEngine) {
    let summary = json!({"summary": {
        "type": "fix", "subject": "round sizes to the nearest half", "cause": "the exact size was cut off to a whole one",
        "place": "sizes.py:8", "test": "tests/test_half.py: test_half_sizes_are_kept",
    }});
    let task = "write sizes.py <<END\ndef size(millimetres):\n    return round((millimetres * 0.15 + 2.7) * 2) / 2\nEND\n\
                write tests/test_half.py <<END\ndef test_half_sizes_are_kept():\n    assert size(265) == 42.5\nEND\n";
    let mut asked = proposal(
        "half",
        "Keep half sizes",
        &[],
        &format!("{task}{}", last_word(&summary)),
    );
    asked["proof"] = "has=tests/test_half.py,42.5".into();
    asked["required_reading"] = json!(["docs/sizes.md"]);
    let more = user_prompt(&format!("propose {}", json!({"proposals": [asked]})));
    let gate = ("python3 -m unittest discover tests", "cat=sizes.py");
    let project = Project::example(engine, "fix", gate, &more);
    let inspected = project.run(&["spec", "inspect", "report.md"]).expect(0);
    inspected
        .says("bug report")
        .says("`cordwainer fix --request-file report.md` does it");
    let fix = ["fix", "--request-file", "report.md", "--attach", "report.log", "--stop"];
    let ran = project.run(&fix).expect(0);
    let ran = ran
        .says("Started generation-fix-half-sizes-are-lost")
        .says("cw-1: gate `proof` passed");
    let ran = ran.says(
        "Fixed:\n  cw-1 Keep half sizes\n    cause      the exact size was cut off to a whole one\n    where      sizes.py:8\n    \
         guarded by tests/test_half.py: test_half_sizes_are_kept; its proof `has=tests/test_half.py,42.5`, which failed before",
    );
    ran.says("Merged generation-fix-half-sizes-are-lost into main");
    assert!(project.repository.git(&["show", "main:sizes.py"]).contains("round("));
    let prompt = fs::read_to_string(project.records("measure-1-1").pop().unwrap().join("prompt.md")).unwrap();
    assert!(
        prompt.contains("Half sizes are lost") && prompt.contains("$ python3 sizes.py 268"),
        "{prompt}"
    );
}

#[test]
fn a_scaffolded_xtask_builds_and_answers() {
    let repository = TestRepository::empty();
    repository.write("Cargo.toml", "[package]\nname = \"fresh\"\nedition = \"2024\"\n");
    repository.write("src/main.rs", "fn main() {}\n");
    repository.commit("begin");
    let output = Command::new(env!("CARGO_BIN_EXE_cordwainer"))
        .args(["init", "--scaffold"])
        .current_dir(repository.path())
        .output()
        .unwrap();
    let done = Done::of(&output);
    assert_eq!(done.code, Some(0), "{}", done.stderr);

    // It refers to the checkout that the program was built from, which is this one, and builds as it is.
    let manifest = fs::read_to_string(repository.path().join("xtask/Cargo.toml")).unwrap();
    let dependency = format!("cordwainer = {{ path = \"{}\" }}\n", checkout().display());
    assert!(manifest.contains(&dependency), "{manifest}");
    let alias = fs::read_to_string(repository.path().join(".cargo/config.toml")).unwrap();
    assert!(!alias.contains("--quiet"), "{alias}");
    fs::copy(
        checkout().join("Cargo.lock"),
        repository.path().join("xtask/Cargo.lock"),
    )
    .unwrap();
    let consumer = Consumer { repository };
    let help = consumer.succeed(&["--help"]);
    assert!(help.contains("\n  status "), "{help}");
    assert_eq!(consumer.json(&["config", "check"]), Value::Array(Vec::new()));
}
