//! What each mode is to do, what the scripted model says meanwhile, and what must be so at the end.

use serde_json::json;

use super::{Scene, content, issue, proposal, proposes};
use crate::support::published::Origin;

/// A test of `left-pad` that its package has, in a form that needs nothing beside the interpreter.
const LEFT_PAD: &str = "const assert = require('node:assert');\nconst pad = require('../index.js');\n\
    assert.strictEqual(pad('foo', 5), '  foo');\nassert.strictEqual(pad('foobar', 6), 'foobar');\n\
    assert.strictEqual(pad(1, 2, 0), '01');\n";
/// The gate that runs all tests of a package of JavaScript, and the container with the interpreter.
const NODE_TESTS: &str = "gates: [{name: tests, command: \"for test in tests/*.js; do node $test || exit 1; done\"}]\n";

/// Three tasks, one of which is refused by its review and mended; the run dies while that is worked on.
pub(super) fn feature() -> Scene {
    let proposals = [
        proposal("both", "Pad on both sides", &["both.js", "tests/both.js"], &[]),
        proposal("readme", "Describe it", &["README.md"], &["both"]),
        proposal("types", "Declare its type", &["both.d.ts"], &["both"]),
    ];
    let refusal = json!({
        "severity": "high", "category": "documents", "path": "BOTH.md", "line": 1, "title": "Say what it does",
        "problem": "The document is empty.", "suggestion": "Show a call.",
    });
    let refuses = json!({"score": 4, "approved": false, "summary": "Not yet.", "findings": [refusal]});
    let passes = json!({"score": 9, "approved": true, "summary": "Fine.", "findings": []});
    let code = json!("module.exports = (text, length) => require('./index.js')(text, length).padEnd(length + 2);\n");
    let test = json!("require('node:assert').strictEqual(require('../both.js')('a', 3), '  a  ');\n");
    let script = format!(
        r#"
about "Nothing is said yet."
  answer {refuses}
about "What to judge"
  answer {passes}
later "did not pass it"
  read /workspace/BOTH.md
  write /workspace/BOTH.md "both('a', 3) gives '  a  '."
about "The task: cw-1"
  read /workspace/index.js
  write /workspace/both.js {code}
  write /workspace/tests/both.js {test}
about "The task: cw-2"
  read /workspace/README.md
  write /workspace/BOTH.md "Nothing is said yet."
  hang
about "The task: cw-3"
  write /workspace/both.d.ts "export default function both(text: string, length: number): string;"
{}"#,
        proposes(&proposals)
    );
    Scene {
        mode: "feature",
        request: "Padding on both sides, described and typed",
        origin: Origin::Npm("left-pad", "1.3.0"),
        beside: &[("tests/left-pad.js", LEFT_PAD)],
        configuration: format!("{NODE_TESTS}stages: [stitch, review]\n"),
        script,
        killed: ("The task: cw-2", &[0, 1, 2]),
        code: 0,
        expect: |live, said| {
            for id in ["cw-1", "cw-2", "cw-3"] {
                assert_eq!(issue(live, id)["status"], "closed", "{id}");
            }
            let mended = &issue(live, "cw-2")["attempts"][0];
            assert_eq!(mended["rounds"][0]["red"]["by"], "review", "{mended:#}");
            assert_eq!(content(live, "BOTH.md"), "both('a', 3) gives '  a  '.");
            assert!(said.contains("review 1 did not pass"), "{said}");
        },
    }
}

/// A fault that the package has as it was published: its proof fails before the work, and passes after it.
pub(super) fn fix() -> Scene {
    let proof = "node -e \"require('assert').strictEqual(require('./index.js')(3599999), '1h')\"";
    let mut task = proposal(
        "round",
        "Round up to the next unit",
        &["index.js", "tests/round.js"],
        &[],
    );
    task["proof"] = proof.into();
    let test = json!("require('node:assert').strictEqual(require('../index.js')(3599999), '1h');\n");
    let word = json!({"summary": {
        "type": "fix", "scope": "format", "subject": "round up to the next unit", "body": [], "breaking": false,
        "cause": "the unit was chosen before rounding", "place": "index.js:119", "test": "tests/round.js",
    }, "question": null});
    let last = json!(format!("Mended.\n\n```json\n{word}\n```"));
    let script = format!(
        r#"
about "The task: cw-1"
  read /workspace/index.js
  edit /workspace/index.js "    return Math.round(ms / h) + 'h';\n  }}\n  if (msAbs >= m) {{" "    return Math.round(ms / h) + 'h';\n  }}\n  if (Math.round(msAbs / m) >= 60) {{\n    return Math.round(ms / h) + 'h';\n  }}\n  if (msAbs >= m) {{"
  hang
  write /workspace/tests/round.js {test}
  say {last}
{}"#,
        proposes(&[task])
    );
    Scene {
        mode: "fix",
        request: "ms(3599999) gives 60m, and should give 1h",
        origin: Origin::Npm("ms", "2.1.3"),
        beside: &[(
            "tests/ms.js",
            "require('node:assert').strictEqual(require('../index.js')('1h'), 3600000);\n",
        )],
        configuration: NODE_TESTS.to_owned(),
        script,
        killed: ("The task: cw-1", &[0, 1, 2]),
        code: 0,
        expect: |live, said| {
            let task = issue(live, "cw-1");
            assert_eq!(
                (&task["status"], &task["issue_type"]),
                (&json!("closed"), &json!("bug")),
                "{task:#}"
            );
            assert!(said.contains("gate `proof` passed"), "{said}");
            let shown = live.call(&["issues", "show", "cw-1"]).stdout;
            for part in [
                "the gate `proof` passed, and fails without the work",
                "the unit was chosen before rounding",
                "tests/round.js",
            ] {
                assert!(shown.contains(part), "`{part}` is not in {shown}");
            }
            let changed = content(live, "index.js");
            assert!(changed.contains("Math.round(msAbs / m) >= 60"), "{changed}");
        },
    }
}

/// Two steps, one of which weakens a test: that one is held, and the other one lands.
pub(super) fn refactor() -> Scene {
    let proposals = [
        proposal(
            "table",
            "Escape by a table",
            &["src/markupsafe/_native.py", "tests/test_escape.py"],
            &[],
        ),
        proposal("name", "Name the escapes", &["src/markupsafe/_native.py"], &[]),
    ];
    let script = format!(
        r#"
about "The task: cw-1"
  read /workspace/tests/test_escape.py
  edit /workspace/tests/test_escape.py "assert escape(value) == Markup(expect)" "assert escape(value) is not None"
about "The task: cw-2"
  read /workspace/src/markupsafe/_native.py
  edit /workspace/src/markupsafe/_native.py "import typing as t" "import typing as t\n\n# Each of these is replaced once."
about "What to propose"
  hang
  answer {}
"#,
        json!({ "proposals": proposals })
    );
    Scene {
        mode: "refactor",
        request: "Escape by a table",
        origin: Origin::Python("markupsafe", "2.1.5"),
        beside: &[],
        configuration: "gates: [{name: escapes, command: \"grep -q 'def escape' src/markupsafe/_native.py\"}]\n"
            .to_owned(),
        script,
        killed: ("What to propose", &[0]),
        code: 7,
        expect: |live, said| {
            let (weakened, kept) = (issue(live, "cw-1"), issue(live, "cw-2"));
            assert_eq!(weakened["attempts"][0]["outcome"], "weakened_tests", "{weakened:#}");
            assert_eq!(
                (&weakened["status"], &kept["status"]),
                (&json!("blocked"), &json!("closed")),
                "{kept:#}"
            );
            assert!(said.contains("tests/test_escape.py"), "{said}");
            assert!(content(live, "tests/test_escape.py").contains("== Markup(expect)"));
            assert!(content(live, "src/markupsafe/_native.py").contains("Each of these is replaced once."));
        },
    }
}

/// A test that was missing is added, and the code is as it was published.
pub(super) fn test() -> Scene {
    let task = proposal("least", "Test the least number", &["tests/least.rs"], &[]);
    let test = json!(
        "#[test]\nfn the_least_number_has_its_sign() {\n    let mut buffer = itoa::Buffer::new();\n    \
         assert_eq!(buffer.format(i64::MIN), \"-9223372036854775808\");\n}\n"
    );
    let script = format!(
        r#"
about "The task: cw-1"
  read /workspace/src/lib.rs
  hang
  write /workspace/tests/least.rs {test}
{}"#,
        proposes(&[task])
    );
    Scene {
        mode: "test",
        request: "The least number has no test",
        origin: Origin::Cargo("itoa", "1.0.11"),
        beside: &[],
        configuration:
            "gates: [{name: asserts, command: \"for test in tests/*.rs; do grep -q assert $test || exit 1; done\"}]\n"
                .to_owned(),
        script,
        killed: ("The task: cw-1", &[0, 1]),
        code: 0,
        expect: |live, _| {
            assert_eq!(issue(live, "cw-1")["status"], "closed");
            assert!(content(live, "tests/least.rs").contains("i64::MIN"));
            let generation = live.call(&["generator", "status", "--json"]).json()["generation"].clone();
            let range = format!("main..{}", generation.as_str().unwrap());
            let changed = live.repository.git(&["diff", "--name-only", &range]);
            assert_eq!(changed, "tests/least.rs");
        },
    }
}
