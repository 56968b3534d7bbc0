//! What is read and reported: of a whole package, and of what changed in one.

use serde_json::{Value, json};

use super::super::{Interpreter, Scene, content, issue};
use super::NODE_TESTS;
use crate::support::published::Origin;
use crate::support::sarif;

/// A finding about a line.
pub(super) fn finding(severity: &str, path: &str, line: u32, title: &str) -> Value {
    json!({
        "severity": severity, "category": "security", "path": path, "line": line, "title": title,
        "problem": "Whoever calls it gets what is wrong.", "suggestion": "",
    })
}

/// Two parts, whose findings are joined, and dropped where there is no such place; the run dies between the parts.
pub(in super::super) fn audit() -> Scene {
    let (page, trust) = ("Puts an address into a page", "Trusts a header");
    let first = [
        finding("high", "lib/response.js", 971, page),
        finding("critical", "lib/request.js", 5250, "Reads past the end"),
        finding("low", "lib/request.js", 306, trust),
    ];
    let second = [
        finding("medium", "lib/response.js", 945, page),
        finding("critical", "lib/session.js", 1, "Keeps what it must not"),
    ];
    let script = format!(
        r#"
about "Review 1, of the files in 2 parts"
  read /workspace/lib/response.js
  answer {}
about "Review 2, of the files in 2 parts"
  hang
  answer {}
"#,
        json!({ "findings": first }),
        json!({ "findings": second }),
    );
    Scene {
        mode: "audit",
        arguments: &["."],
        origin: Origin::Npm("express", "4.19.2"),
        interpreter: Interpreter::Node,
        beside: &[],
        configuration: String::new(),
        script,
        killed: ("Review 2, of the files in 2 parts", &[0]),
        code: 0,
        measures: None,
        expect: |live, said| {
            // What was read before the run died is not asked about again.
            let first = live.api.results_brought("Review 1, of the files in 2 parts");
            assert_eq!(first, [0, 1]);
            for part in [
                "in 2 parts, 1 of them read before",
                "Found 2 findings (1 high, 1 low), and 2 about places that are not there",
            ] {
                assert!(said.contains(part), "`{part}` is not in {said}");
            }
            let shown = |format: &str| live.call(&["report", "show", "--format", format]).json();
            let (report, sarif) = (shown("json"), shown("sarif"));
            let findings = &report["findings"];
            assert_eq!(
                (&findings[0]["line"], &findings[0]["other_lines"], &findings[1]["path"]),
                (&json!(971), &json!([945]), &json!("lib/request.js")),
                "{report:#}"
            );
            let summary = &report["summary"];
            let counts = ["findings", "joined", "dropped"].map(|name| &summary[name]);
            assert_eq!(counts, [2, 1, 2], "{report:#}");
            // Three answers were given, and no more is paid for.
            assert_eq!(report["examined"]["cost"]["output"], 120, "{report:#}");
            sarif::expect_valid(&sarif);
            let results = sarif["runs"][0]["results"].as_array().unwrap();
            let levels: Vec<&Value> = results.iter().map(|result| &result["level"]).collect();
            assert_eq!(levels, ["error", "note"], "{sarif:#}");
        },
    }
}

/// What somebody added to the package: the value stands without quotes.
const ATTRIBUTE: &str = "const escape = require('./index.js');\n\n// An attribute of an element.\n\
    module.exports = (name, value) => `${name}=${escape(value)}`;\n";

/// What changed since the package was published is read; what is found becomes a task, and the run dies in that.
pub(in super::super) fn review() -> Scene {
    let quotes = "A value with a space in it ends the attribute";
    let found = [
        finding("high", "attribute.js", 4, quotes),
        finding("critical", "attribute.js", 40, "Reads past the end"),
    ];
    let test = json!(
        "require('node:assert').strictEqual(require('../attribute.js')('title', 'a \"b\"'), 'title=\"a &quot;b&quot;\"');\n"
    );
    let script = format!(
        r#"
about "Review 1, of the files in 1 part"
  read /workspace/index.js
  answer {}
about "The task: cw-1"
  read /workspace/attribute.js
  edit /workspace/attribute.js "${{name}}=${{escape(value)}}" "${{name}}=\"${{escape(value)}}\""
  hang
  write /workspace/tests/attribute.js {test}
"#,
        json!({ "findings": found }),
    );
    Scene {
        mode: "review",
        arguments: &["--since", "HEAD~1", "--fix"],
        origin: Origin::Npm("escape-html", "1.0.3"),
        interpreter: Interpreter::Node,
        beside: &[
            ("attribute.js", ATTRIBUTE),
            (
                "tests/escape.js",
                "require('node:assert').strictEqual(require('../index.js')('a < b'), 'a &lt; b');\n",
            ),
        ],
        configuration: NODE_TESTS.to_owned(),
        script,
        killed: ("The task: cw-1", &[0, 1, 2]),
        code: 0,
        measures: Some(1),
        expect: |live, said| {
            // What was read is not asked about again, and what did not change is not in the prompt.
            let about = "Review 1, of the files in 1 part";
            assert_eq!(live.api.results_brought(about), [0, 1]);
            let asked = live.api.last_messages(about);
            assert!(asked.contains("An attribute of an element."), "{asked}");
            let report = live.call(&["report", "show", "--format", "json"]).json();
            let counts = ["findings", "dropped"].map(|name| &report["summary"][name]);
            assert_eq!(counts, [1, 1], "{report:#}");
            let task = issue(live, "cw-1");
            assert_eq!(task["status"], "closed", "{task:#}");
            assert!(said.contains("gate `tests` passed"), "{said}");
            assert!(content(live, "attribute.js").contains("=\"${escape(value)}\"`"));
        },
    }
}
