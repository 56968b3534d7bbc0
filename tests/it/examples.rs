//! The consuming repositories of `examples/`, and the one that `cordwainer init --scaffold` makes, built and used as
//! their people would.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::run::build::{group, planning};
use crate::support::cargo::{Done, cargo, checkout, features_of_the_tests};
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::{Project, configuration};
use crate::support::repository::TestRepository;
use crate::support::scripts::{last_word, proposal, scripted, user_prompt};

engine_tests! {
    podman: an_example_that_adds_a_gate_and_an_observer, an_example_whose_fault_is_fixed;
    docker: an_example_that_is_built_in_two_groups;
}

/// Where this checkout is, as `examples/*/xtask/Cargo.toml` says it.
const DEPENDENCY: &str = "path = \"../../..\"";

/// The manifest of an example's own tasks, at whose end its dependencies are.
const MANIFEST: &str = "xtask/Cargo.toml";

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
            let mut text = text.replace(DEPENDENCY, &here);
            if path == Path::new(MANIFEST) {
                text += &features_of_the_tests();
            }
            repository.write(&path, text);
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

/// What its agent makes of the program, and the test that guards it.
const SIZES: &str = "\"\"\"Says which size a foot has: docs/sizes.md.\"\"\"\n\nimport sys\n\n\ndef size(millimetres):\n    \
    exact = millimetres * 0.15 + 2.7\n    return round(exact * 2) / 2\n\n\nif __name__ == \"__main__\":\n    \
    print(f\"{size(float(sys.argv[1])):g}\")\n";
const TEST_OF_HALVES: &str = "import pathlib\nimport sys\nimport unittest\n\n\
    sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))\n\nimport sizes\n\n\nclass Halves(unittest.TestCase):\n    \
    def test_half_sizes_are_kept(self):\n        self.assertEqual([sizes.size(265), sizes.size(268)], [42.5, 43])\n";

/// From the report of a person to the merge, with one command: the image, the gate and the proof are those of the example.
fn an_example_whose_fault_is_fixed(engine: TestEngine) {
    let summary = json!({"summary": {
        "type": "fix", "subject": "round sizes to the nearest half", "cause": "the exact size was cut off to a whole one",
        "place": "sizes.py:8", "test": "tests/test_half.py: test_half_sizes_are_kept",
    }});
    // The first try forgets the second foot of the report, and breaks the test that is there.
    let task = format!(
        "write sizes.py <<END\ndef size(millimetres):\n    return 42.5\nEND\nwrite tests/test_half.py <<END\n{TEST_OF_HALVES}END\n\
         done\nwrite sizes.py <<END\n{SIZES}END\n{}",
        last_word(&summary)
    );
    let mut asked = proposal("half", "Keep half sizes", &[], &task);
    let proof = "python3 sizes.py 265 | grep -x 42.5 && python3 sizes.py 268 | grep -x 43";
    asked["proof"] = proof.into();
    asked["required_reading"] = json!(["docs/sizes.md"]);
    let more = user_prompt(&format!("propose {}", json!({"proposals": [asked]})));
    let Some(project) = Project::example(engine, "fix", &more) else {
        return;
    };
    let inspected = project.run(&["spec", "inspect", "report.md"]).expect(0);
    inspected
        .says("bug report")
        .says("`cordwainer fix --request-file report.md` does it");
    let fix = ["fix", "--request-file", "report.md", "--attach", "report.log", "--stop"];
    let ran = project.run(&fix).expect(0);
    let ran = ran
        .says("Started generation-fix-half-sizes-are-lost")
        .says("Gate `tests` passed on")
        .says("cw-1: gate `tests` failed")
        .says("AssertionError: ")
        .says("cw-1: fix round 1 of 2: gate `tests` exited with 1")
        .says("cw-1: gate `proof` passed");
    let ran = ran.says(&format!(
        "Fixed:\n  cw-1 Keep half sizes\n    cause      the exact size was cut off to a whole one\n    where      sizes.py:8\n    \
         guarded by tests/test_half.py: test_half_sizes_are_kept; its proof `{proof}`, which failed before"
    ));
    ran.says("Merged generation-fix-half-sizes-are-lost into main");
    assert_eq!(project.repository.git(&["show", "main:sizes.py"]), SIZES.trim_end());
    let prompt = fs::read_to_string(project.records("measure-1-1").pop().unwrap().join("prompt.md")).unwrap();
    assert!(
        prompt.contains("Half sizes are lost") && prompt.contains("$ python3 sizes.py 268"),
        "{prompt}"
    );
}

/// A ledger's program that checks dates, and one that has totals, too; each with a test.
const CHECK: &str = "test \"$1\" = check || exit 2\nawk '!/^ *(#|$)/ && $1 !~ /^[0-9]+-[0-9]+-[0-9]+$/ {\n  \
    print FILENAME \":\" NR \": not a date\" > \"/dev/stderr\"; bad = 1\n} END { exit bad }' \"$2\"\n";
const TEST_OF_CHECK: &str = "printf '2024-01-31 food 12 bread\\n' > /tmp/right\nsh src/ledger.sh check /tmp/right\n\
    printf 'soon food 12 bread\\n' > /tmp/wrong\nif sh src/ledger.sh check /tmp/wrong 2> /tmp/said; then exit 1; fi\n\
    grep -q ':1: not a date' /tmp/said\n";
const TOTALS: &str = "case $1 in\ncheck) exec sh src/check.sh check \"$2\" ;;\n\
    totals) sh src/check.sh check \"$2\" && awk '{ sum += $3 } END { printf \"total %d.00\\n\", sum }' \"$2\" ;;\nesac\n";
const TEST_OF_TOTALS: &str = "printf '2024-01-31 food 12 bread\\n2024-02-01 food 3 milk\\n' > /tmp/two\n\
    sh src/ledger.sh totals /tmp/two | grep -x 'total 15.00'\n";

/// From its specification to the merge, in two groups, with the gate of the example.
fn an_example_that_is_built_in_two_groups(engine: TestEngine) {
    let writes = |files: &[(&str, &str)]| {
        let writes = files
            .iter()
            .map(|(path, text)| format!("write {path} <<END\n{text}END\n"));
        writes.collect::<String>()
    };
    let reading = writes(&[("src/ledger.sh", CHECK), ("tests/test_check.sh", TEST_OF_CHECK)]);
    // Its first try forgets the part that the tests of the group before look at.
    let reports = format!(
        "{}done\n{}",
        writes(&[("src/ledger.sh", TOTALS), ("tests/test_totals.sh", TEST_OF_TOTALS)]),
        writes(&[("src/check.sh", CHECK)])
    );
    let task = |key: &str, script: &str| proposal(key, &format!("Write the part on {key}"), &[], script);
    let plan = planning(&[
        group("reports", &["reading"], &[task("reports", &reports)], &[]),
        group("reading", &[], &[task("reading", &reading)], &[]),
    ]);
    let more = format!("user_prompt: |\n  ~~~plan\n  {}\n  ~~~\n", plan.replace('\n', "\n  "));
    let Some(project) = Project::example(engine, "build", &more) else {
        return;
    };
    let build = ["build", "docs/specification.md", "--stop"];
    let ran = project.run(&build).expect(0);
    ran.says("  + reading: The reading (about 2 tasks)\n  + reports: The reports (about 2 tasks, after reading)")
        .says("cw-1: gate `tests` passed")
        .says("cw-2: gate `tests` failed")
        .says("cw-2: fix round 1 of 2")
        .says("Group `reports` is done: The reports (2 of 2).")
        .says("Merged generation-build-specification into main");
    let prompt = fs::read_to_string(project.records("measure-1-1").pop().unwrap().join("prompt.md")).unwrap();
    assert!(prompt.contains("# Ledger: the specification"), "{prompt}");
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

    // It refers to the checkout that the program was built from, which is this one.
    let manifest = fs::read_to_string(repository.path().join(MANIFEST)).unwrap();
    let dependency = format!("cordwainer = {{ path = \"{}\" }}\n", checkout().display());
    assert!(manifest.contains(&dependency), "{manifest}");
    let shared = manifest.replace(&dependency, &(dependency.clone() + &features_of_the_tests()));
    repository.write(MANIFEST, shared);
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
