//! What each mode is to do, what the scripted model says meanwhile, and what must be so at the end.

use serde_json::{Value, json};

use super::{Interpreter, Scene, content, issue, proposal, proposes};
use crate::support::published::Origin;

mod checked;
mod findings;

pub(super) use checked::{exec, refactor, test};
use findings::finding;
pub(super) use findings::{audit, review};

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
        arguments: &["Padding on both sides, described and typed"],
        origin: Origin::Npm("left-pad", "1.3.0"),
        interpreter: Interpreter::Node,
        beside: &[("tests/left-pad.js", LEFT_PAD)],
        configuration: format!("{NODE_TESTS}stages: [stitch, review]\n"),
        script,
        killed: ("The task: cw-2", &[0, 1, 2]),
        code: 0,
        measures: Some(1),
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
        arguments: &["ms(3599999) gives 60m, and should give 1h"],
        origin: Origin::Npm("ms", "2.1.3"),
        interpreter: Interpreter::Node,
        beside: &[(
            "tests/ms.js",
            "require('node:assert').strictEqual(require('../index.js')('1h'), 3600000);\n",
        )],
        configuration: NODE_TESTS.to_owned(),
        script,
        killed: ("The task: cw-1", &[0, 1, 2]),
        code: 0,
        measures: Some(1),
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

/// What a review of a group answers.
fn reviewed(findings: &[Value]) -> Value {
    json!({"score": 7, "approved": findings.is_empty(), "summary": "All is read.", "findings": findings})
}

/// A specification that is too long to be one group by rule.
const SUGGESTIONS: &str = include_str!("suggestions.md");
/// What the first group makes: it forgets that a word may be near to none.
const CLOSEST: &str = r"const leven = require('./index.js');

module.exports = (word, words) =>
  words.reduce((best, next) => (best !== null && leven(word, best) <= leven(word, next) ? best : next), null);
";
/// What the task makes of it that its closing review asked for.
const CLOSEST_AND_NEAR: &str = r"const leven = require('./index.js');

// Nothing else is near.
const isNear = (word, other) => leven(word, other) * 2 <= word.length;

module.exports = (word, words) =>
  words
    .filter((other) => isNear(word, other))
    .reduce((best, next) => (best !== null && leven(word, best) <= leven(word, next) ? best : next), null);
";
const TEST_OF_CLOSEST: &str = "const closest = require('../closest.js');\n\
    require('node:assert').strictEqual(closest('stauts', ['push', 'status']), 'status');\n";
const TEST_OF_NEAR: &str = "require('node:assert').strictEqual(require('../closest.js')('xyz', ['commit']), null);\n";
/// What the second group makes of it.
const SUGGEST: &str = r"const closest = require('./closest.js');

const [word, ...words] = process.argv.slice(2);
if (word === undefined) {
  console.error('usage: node suggest.js WORD [WORD…]');
  process.exit(2);
}
const found = closest(word, words);
if (found === null) process.exit(1);
console.log(`did you mean \`${found}\`?`);
";
const TEST_OF_SUGGEST: &str = r"const { execFileSync } = require('node:child_process');
const said = execFileSync('node', ['suggest.js', 'stauts', 'push', 'status']);
require('node:assert').strictEqual(said.toString(), 'did you mean `status`?\n');
";

/// What the model says of two groups, of which the second needs the first.
fn of_two_groups() -> String {
    let group = |key: &str, depends_on: &[&str]| {
        json!({
            "key": key, "name": format!("The {key}"), "scope": format!("The part of the {key}."),
            "depends_on": depends_on, "briefing": "", "estimated_tasks": 1, "effort": "small",
        })
    };
    let groups = [group("command", &["nearest"]), group("nearest", &[])];
    let proposes = |title: &str, files: &[&str]| json!({"proposals": [proposal("one", title, files, &[])]});
    let forgotten = finding("high", "closest.js", 4, "Nothing is near, and a word is returned");
    let [closest, near, suggest] = [CLOSEST, CLOSEST_AND_NEAR, SUGGEST].map(Value::from);
    let [test_of_closest, test_of_near, test_of_suggest] =
        [TEST_OF_CLOSEST, TEST_OF_NEAR, TEST_OF_SUGGEST].map(Value::from);
    format!(
        r#"
about "You plan how a software project is built"
  answer {}
about "The group to plan now: nearest"
  answer {}
about "The group to plan now: command"
  answer {}
about "// Nothing else is near."
  answer {}
about "The group: nearest"
  hang
  answer {}
about "The group: command"
  answer {}
about "The task: cw-1"
  read /workspace/index.js
  write /workspace/closest.js {closest}
  write /workspace/tests/closest.js {test_of_closest}
about "The task: cw-2"
  read /workspace/closest.js
  write /workspace/closest.js {near}
  write /workspace/tests/near.js {test_of_near}
about "The task: cw-3"
  read /workspace/closest.js
  write /workspace/suggest.js {suggest}
  write /workspace/tests/suggest.js {test_of_suggest}
"#,
        json!({"groups": groups, "contradictions": []}),
        proposes("Find the nearest word", &["closest.js", "tests/closest.js"]),
        proposes("Suggest it to people", &["suggest.js", "tests/suggest.js"]),
        reviewed(&[]),
        reviewed(&[forgotten]),
        reviewed(&[]),
    )
}

/// Two groups; the review that closes the first one finds what was forgotten, and the run dies in it.
pub(super) fn build() -> Scene {
    Scene {
        mode: "build",
        arguments: &["docs/suggestions.md"],
        origin: Origin::Npm("leven", "3.1.0"),
        interpreter: Interpreter::Node,
        beside: &[
            ("docs/suggestions.md", SUGGESTIONS),
            (
                "tests/leven.js",
                "require('node:assert').strictEqual(require('../index.js')('cat', 'cow'), 2);\n",
            ),
        ],
        configuration: NODE_TESTS.to_owned(),
        script: of_two_groups(),
        killed: ("The group: nearest", &[0]),
        code: 0,
        measures: Some(2),
        expect: |live, said| {
            let groups = live.call(&["issues", "group", "list", "--json"]).json();
            let groups = groups.as_array().unwrap();
            let states: Vec<_> = groups.iter().map(|group| (&group["key"], &group["state"])).collect();
            let done = json!("done");
            assert_eq!(states, [(&json!("nearest"), &done), (&json!("command"), &done)]);
            for (id, group) in [("cw-1", "nearest"), ("cw-2", "nearest"), ("cw-3", "command")] {
                let task = issue(live, id);
                assert_eq!(
                    (&task["status"], &task["group"]),
                    (&json!("closed"), &json!(group)),
                    "{task:#}"
                );
            }
            let mut rest = said;
            for part in [
                "+ cw-2: Nothing is near, and a word is returned",
                "Group `nearest` is done: The nearest (1 of 2).",
                "Group `command` is done: The command (2 of 2).",
                "all groups are done",
            ] {
                let found = rest.split_once(part);
                rest = found
                    .unwrap_or_else(|| panic!("`{part}` is not where it belongs in {said}"))
                    .1;
            }
            // What was answered before the run died is not asked again.
            for about in [
                "You plan how a software project is built",
                "The group to plan now: nearest",
            ] {
                assert_eq!(live.api.results_brought(about), [0], "{about}");
            }
            assert_eq!(content(live, "closest.js"), CLOSEST_AND_NEAR.trim_end());
            assert_eq!(content(live, "suggest.js"), SUGGEST.trim_end());
        },
    }
}
