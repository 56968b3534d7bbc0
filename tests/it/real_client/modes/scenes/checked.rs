//! What the project's own checks say of the work: its tests, what they cover, and its manifest.

use serde_json::json;

use super::super::{Interpreter, Scene, content, issue, proposal, proposes};
use crate::support::published::Origin;

/// Two steps. The tests that the package has see that the first one changes what it does; its agent then weakens one of
/// them, and the step is held. The other step passes them, and lands.
pub(in super::super) fn refactor() -> Scene {
    let proposals = [
        proposal(
            "pairs",
            "Collect what repeats in tuples",
            &["xmltodict.py", "tests/test_xmltodict.py"],
            &[],
        ),
        proposal("line", "Decide in one line", &["xmltodict.py"], &[]),
    ];
    let lines = json!(
        "            if self._should_force_list(key, data):\n                item[key] = [data]\n            else:\n                item[key] = data\n"
    );
    let line = json!("            item[key] = [data] if self._should_force_list(key, data) else data\n");
    let asserted = json!(
        "self.assertEqual(parse('<a><b>1</b><b>2</b><b>3</b></a>'),\n                         {'a': {'b': ['1', '2', '3']}})"
    );
    let script = format!(
        r#"
later "The check `tests` does not pass on what you left"
  read /workspace/tests/test_xmltodict.py
  edit /workspace/tests/test_xmltodict.py {asserted} "self.assertIsNotNone(parse('<a><b>1</b><b>2</b></a>'))"
about "The task: cw-1"
  read /workspace/xmltodict.py
  edit /workspace/xmltodict.py "item[key] = [value, data]" "item[key] = (value, data)"
about "The task: cw-2"
  read /workspace/xmltodict.py
  edit /workspace/xmltodict.py {lines} {line}
about "What to propose"
  hang
  answer {}
"#,
        json!({ "proposals": proposals })
    );
    Scene {
        mode: "refactor",
        arguments: &["Collect in a simpler way"],
        origin: Origin::Python("xmltodict", "0.13.0"),
        interpreter: Interpreter::Python,
        beside: &[],
        configuration: "gates: [{name: tests, command: python3 -m unittest discover tests}]\n".to_owned(),
        script,
        killed: ("What to propose", &[0]),
        code: 7,
        measures: Some(1),
        expect: |live, said| {
            let (weakened, kept) = (issue(live, "cw-1"), issue(live, "cw-2"));
            let attempt = &weakened["attempts"][0];
            assert_eq!(attempt["outcome"], "weakened_tests", "{weakened:#}");
            assert_eq!(attempt["rounds"][0]["red"]["gate"], "tests", "{weakened:#}");
            assert_eq!(
                (&weakened["status"], &kept["status"]),
                (&json!("blocked"), &json!("closed")),
                "{kept:#}"
            );
            // The tests that the package was published with ran: on what breaks them, and on what does not.
            for part in [
                "cw-1: gate `tests` failed",
                "FAILED (failures=",
                "cw-1: weakens tests: tests/test_xmltodict.py",
                "cw-2: gate `tests` passed",
            ] {
                assert!(said.contains(part), "`{part}` is not in {said}");
            }
            assert!(content(live, "tests/test_xmltodict.py").contains("{'a': {'b': ['1', '2', '3']}}"));
            assert!(
                content(live, "xmltodict.py")
                    .contains("item[key] = [data] if self._should_force_list(key, data) else data")
            );
        },
    }
}

/// The gate that runs all tests of a package of JavaScript, and measures what they cover.
const COVERED: &str = "gates: [{name: tests, coverage: lcov.info, command: \"node --test --experimental-test-coverage \
    --test-reporter=lcov --test-reporter-destination=lcov.info tests/*.js\"}]\n";

/// A test that was missing is added, and more is covered; what is added then without a test is refused until it has one.
pub(in super::super) fn test() -> Scene {
    let proposals = [
        proposal("parse", "Test how texts are parsed", &["tests/parse.js"], &[]),
        proposal("units", "Test the units", &["index.js", "tests/units.js"], &["parse"]),
    ];
    let parse = json!(
        "const assert = require('node:assert');\nconst bytes = require('../index.js');\n\
         assert.strictEqual(bytes.parse('1.5kb'), 1536);\nassert.strictEqual(bytes('12'), 12);\n\
         assert.strictEqual(bytes.parse('none'), null);\nassert.strictEqual(bytes.parse(7), 7);\n"
    );
    let units = json!(
        "module.exports.parse = parse;\n\nmodule.exports.unit = function unit(text) {\n  if (!parseRegExp.test(text)) {\n    \
         return null;\n  }\n  var found = parseRegExp.exec(text)[4];\n  return found.toUpperCase();\n};\n"
    );
    let tested = json!(
        "const assert = require('node:assert');\nconst { unit } = require('../index.js');\n\
         assert.strictEqual(unit('1kb'), 'KB');\nassert.strictEqual(unit('none'), null);\n"
    );
    let script = format!(
        r#"
later "covers less than before the work"
  write /workspace/tests/units.js {tested}
about "The task: cw-1"
  read /workspace/index.js
  hang
  write /workspace/tests/parse.js {parse}
about "The task: cw-2"
  read /workspace/index.js
  edit /workspace/index.js "module.exports.parse = parse;\n" {units}
{}"#,
        proposes(&proposals)
    );
    Scene {
        mode: "test",
        arguments: &["Nothing shows how texts are parsed"],
        origin: Origin::Npm("bytes", "3.1.2"),
        interpreter: Interpreter::Node,
        beside: &[(
            "tests/format.js",
            "require('node:assert').strictEqual(require('../index.js').format(1024), '1KB');\n",
        )],
        configuration: COVERED.to_owned(),
        script,
        killed: ("The task: cw-1", &[0, 1]),
        code: 0,
        measures: Some(1),
        expect: |live, said| {
            for id in ["cw-1", "cw-2"] {
                assert_eq!(issue(live, id)["status"], "closed", "{id}: {said}");
            }
            // Which lines are counted is the interpreter's own: how much is covered is read from what the run says.
            let rose = said
                .lines()
                .find(|line| line.contains("cw-1: gate `tests` passed"))
                .unwrap();
            let covered: Vec<f64> = rose
                .split(" % ")
                .filter_map(|part| part.rsplit(' ').next()?.parse().ok())
                .collect();
            assert!(
                rose.contains("covers more than before the work") && covered[0] < covered[1],
                "{rose}"
            );
            let fell = "cw-2: gate `tests` failed: covers less than before the work";
            let fell = said.lines().find(|line| line.contains(fell));
            assert!(fell.is_some_and(|line| line.contains("less in `index.js`")), "{said}");
            assert_eq!(issue(live, "cw-2")["attempts"][0]["rounds"][0]["red"]["gate"], "tests");
            // Measure and the round were told which lines.
            for about in ["What to propose", "covers less than before the work"] {
                let asked = live.api.last_messages(about);
                assert!(asked.contains("- index.js: "), "{about}: {asked}");
            }
            assert!(content(live, "tests/units.js").contains("unit('none')"));
        },
    }
}

/// The gate that reads the manifest of a crate: it can be read, and has as many keywords as the registry takes.
const MANIFEST: &str = "gates: [{name: manifest, command: \"python3 -c 'import tomllib; \
    found = tomllib.load(open(\\\"Cargo.toml\\\", \\\"rb\\\"))[\\\"package\\\"]; assert len(found[\\\"keywords\\\"]) < 6'\"}]\n";

/// One task as the words ask for it. Its first try names more than the registry takes, and the run dies in the round after.
pub(in super::super) fn exec() -> Scene {
    let task = proposal("keywords", "Name what it is found by", &["Cargo.toml"], &[]);
    let six = json!(r#"keywords = ["integer", "decimal", "format", "print", "number", "text"]"#);
    let three = json!(r#"keywords = ["integer", "decimal", "format"]"#);
    let script = format!(
        r#"
later "The check `manifest` does not pass on what you left"
  read /workspace/Cargo.toml
  hang
  edit /workspace/Cargo.toml {six} {three}
about "The task: cw-1"
  read /workspace/Cargo.toml
  edit /workspace/Cargo.toml "keywords = [\"integer\"]" {six}
{}"#,
        proposes(&[task])
    );
    Scene {
        mode: "exec",
        arguments: &["People who look for decimal numbers should find this crate"],
        origin: Origin::Cargo("itoa", "1.0.11"),
        interpreter: Interpreter::Python,
        beside: &[],
        configuration: MANIFEST.to_owned(),
        script,
        killed: ("The check `manifest` does not pass on what you left", &[0, 1]),
        code: 0,
        measures: Some(1),
        expect: |live, said| {
            let task = issue(live, "cw-1");
            assert_eq!(
                (&task["status"], &task["attempts"][0]["rounds"][0]["red"]["gate"]),
                (&json!("closed"), &json!("manifest")),
                "{task:#}"
            );
            assert!(said.contains("gate `manifest` passed"), "{said}");
            let generation = live.call(&["generator", "status", "--json"]).json()["generation"].clone();
            let range = format!("main..{}", generation.as_str().unwrap());
            assert_eq!(live.repository.git(&["diff", "--name-only", &range]), "Cargo.toml");
            let manifest = content(live, "Cargo.toml");
            assert_eq!(manifest.matches("keywords = ").count(), 1, "{manifest}");
            assert!(
                manifest.contains("[\"integer\", \"decimal\", \"format\"]"),
                "{manifest}"
            );
        },
    }
}
