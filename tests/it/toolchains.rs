//! Small real projects in six languages, each tested by its own tools in the sealed container of a gate, in an image that
//! `image build` made of Debian's packages. Without `--long` it is the one with the smallest packages.

use std::collections::BTreeMap;

use cordwainer::testing::size;

use crate::support::command::cordwainer;
use crate::support::engines::{TestEngine, absent, limits_that_hold};
use crate::support::repository::TestRepository;

/// A project: the tools that it needs, the gate that tests it, and its files.
struct Language {
    name: &'static str,
    tools: &'static [&'static str],
    gate: &'static str,
    files: &'static [(&'static str, &'static str)],
}

const CPP: Language = Language {
    name: "cpp",
    tools: &["cpp", "make"],
    gate: "make -C cpp test",
    files: &[
        (
            "cpp/Makefile",
            "test: sum_test\n\t./sum_test\nsum_test: sum_test.cpp sum.hpp\n\tc++ -Wall -o $@ sum_test.cpp\n",
        ),
        ("cpp/sum.hpp", "inline int sum(int a, int b) { return a + b; }\n"),
        (
            "cpp/sum_test.cpp",
            "#include <iostream>\n#include \"sum.hpp\"\nint main() { std::cout << sum(2, 3) << '\\n'; return sum(2, 3) != 5; }\n",
        ),
    ],
};

const PYTHON: Language = Language {
    name: "python",
    tools: &["python"],
    gate: "cd python && python3 -m unittest",
    files: &[
        ("python/sums.py", "def add(a, b):\n    return a + b\n"),
        (
            "python/test_sums.py",
            "import unittest\n\nfrom sums import add\n\n\nclass Sums(unittest.TestCase):\n    def test_add(self):\n        self.assertEqual(add(2, 3), 5)\n",
        ),
    ],
};

const RUST: Language = Language {
    name: "rust",
    tools: &["rust"],
    gate: "cargo test --offline --manifest-path rust/Cargo.toml",
    files: &[
        (
            "rust/Cargo.toml",
            "[package]\nname = \"sums\"\nversion = \"0.1.0\"\nedition = \"2021\"\n",
        ),
        (
            "rust/src/lib.rs",
            "pub fn add(a: u32, b: u32) -> u32 {\n    a + b\n}\n\n#[test]\nfn adds() {\n    assert_eq!(add(2, 3), 5);\n}\n",
        ),
    ],
};

const NODE: Language = Language {
    name: "node",
    tools: &["node"],
    gate: "cd node && node --test",
    files: &[
        ("node/sums.mjs", "export const add = (a, b) => a + b;\n"),
        (
            "node/sums.test.mjs",
            "import assert from 'node:assert';\nimport test from 'node:test';\nimport { add } from './sums.mjs';\n\ntest('adds', () => assert.equal(add(2, 3), 5));\n",
        ),
    ],
};

const GO: Language = Language {
    name: "go",
    tools: &["go"],
    gate: "cd go && go vet ./... && go test ./...",
    files: &[
        ("go/go.mod", "module example.org/sums\n\ngo 1.19\n"),
        (
            "go/sums.go",
            "package sums\n\nfunc Add(a, b int) int { return a + b }\n",
        ),
        (
            "go/sums_test.go",
            "package sums\n\nimport \"testing\"\n\nfunc TestAdd(t *testing.T) {\n\tif Add(2, 3) != 5 {\n\t\tt.Fatal(\"not 5\")\n\t}\n}\n",
        ),
    ],
};

const JAVA: Language = Language {
    name: "java",
    tools: &["java"],
    gate: "cd java && javac -d /tmp/classes *.java && java -enableassertions -cp /tmp/classes SumsTest",
    files: &[
        (
            "java/Sums.java",
            "class Sums {\n    static int add(int a, int b) {\n        return a + b;\n    }\n}\n",
        ),
        (
            "java/SumsTest.java",
            "class SumsTest {\n    public static void main(String[] arguments) {\n        assert Sums.add(2, 3) == 5;\n    }\n}\n",
        ),
    ],
};

/// A gate that is green only where there is no interface but the loopback.
const SEALED: &str = "test \"$(ls /sys/class/net)\" = lo";

/// Builds one image for all of them, and runs their gates in it; then breaks each project, so that its gate is red.
fn are_tested(languages: &[Language]) {
    let Some(engine) = TestEngine::any() else { return };
    if !has_claude_image(engine) {
        absent("Claude image");
        return;
    }
    let repository = TestRepository::empty();
    let tools: Vec<String> = languages
        .iter()
        .flat_map(|language| language.tools.iter().map(|tool| format!("{tool}: distribution")))
        .collect();
    let gates: Vec<String> = languages
        .iter()
        .map(|language| format!("  - {{name: {}, command: {:?}}}\n", language.name, language.gate))
        .collect();
    repository.write(
        "configuration.yaml",
        format!(
            "image: {{build: {{tools: {{{}}}}}}}\ncontainer:\n  socket: {}\n{}gates:\n  - {{name: sealed, command: {SEALED:?}}}\n{}",
            tools.join(", "),
            engine.socket().display(),
            limits_that_hold(&engine.socket()),
            gates.concat()
        ),
    );
    for language in languages {
        for (path, content) in language.files {
            repository.write(path, content);
        }
    }
    repository.commit("begin");
    // The Docker Engine of the tests has no bridge.
    let built = cordwainer(&repository, &["image", "build", "--network", "host"]).run();
    assert_eq!(built.code, 0, "{built:#?}");
    let checked = cordwainer(&repository, &["image", "check"]).run();
    assert_eq!(checked.code, 0, "{checked:#?}");

    let found = gates_of(&repository);
    for name in languages.iter().map(|language| language.name).chain(["sealed"]) {
        assert_eq!(found[name], (true, "passes, on main".to_owned()), "{name}: {found:#?}");
    }
    for language in languages {
        for (path, content) in language.files {
            repository.write(path, content.replace("a + b", "a - b"));
        }
    }
    repository.commit("break it");
    let found = gates_of(&repository);
    for name in languages.iter().map(|language| language.name) {
        assert!(!found[name].0, "{name} is not tested: {found:#?}");
    }
    assert!(found["sealed"].0, "{found:#?}");
}

fn has_claude_image(engine: TestEngine) -> bool {
    let name = format!("{}:latest", cordwainer::image::NAME);
    let inspected = engine.client().args(["image", "inspect", &name]).output().unwrap();
    inspected.status.success()
}

/// Whether each gate is green, and what is found of it.
fn gates_of(repository: &TestRepository) -> BTreeMap<String, (bool, String)> {
    // Its exit code is about the credential, too.
    let called = cordwainer(repository, &["doctor", "--gates", "--json"]).run();
    let report: serde_json::Value =
        serde_json::from_str(&called.stdout).unwrap_or_else(|error| panic!("{error}: {called:#?}"));
    let mut found = BTreeMap::new();
    collect(&report, &mut found);
    found
}

/// Collects the checks of gates wherever they are in a report.
fn collect(value: &serde_json::Value, found: &mut BTreeMap<String, (bool, String)>) {
    if let (Some(name), Some(held)) = (value["name"].as_str(), value["held"].as_bool())
        && let Some(gate) = name.strip_prefix("gate ")
    {
        found.insert(
            gate.to_owned(),
            (held, value["found"].as_str().unwrap_or_default().to_owned()),
        );
    }
    match value {
        serde_json::Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        serde_json::Value::Object(entries) => entries.values().for_each(|item| collect(item, found)),
        _ => {}
    }
}

/// The packages of all six are half a gigabyte: one is enough where there is little time.
#[test]
fn projects_are_tested_in_a_sealed_container() {
    are_tested(&[PYTHON, CPP, RUST, NODE, GO, JAVA][..size(1, 6)]);
}
