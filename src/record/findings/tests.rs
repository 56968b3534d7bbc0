use std::sync::LazyLock;

use jsonschema::Validator;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::model::finding::{Finding, Severity};
use crate::model::{CommitId, Usage};

const SARIF: &str = include_str!("../../../tests/data/sarif/sarif-schema-2.1.0.json");

fn finding(severity: Severity, category: &str, path: &str, line: Option<u32>, title: &str) -> Finding {
    Finding {
        severity,
        category: category.to_owned(),
        path: path.to_owned(),
        line,
        title: title.to_owned(),
        problem: format!("Because of `{title}`."),
        suggestion: String::new(),
        fingerprint: Finding::fingerprint_of(path, category, title),
    }
}

fn examined() -> Examined {
    Examined {
        title: "Audit of the whole tree".to_owned(),
        mode: "audit".to_owned(),
        revision: Some("0123456789012345678901234567890123456789".parse::<CommitId>().unwrap()),
        since: None,
        complete: true,
        read: vec!["src/a.rs".to_owned(), "src/b.rs".to_owned()],
        not_read: vec![NotRead {
            path: "data/ä b.bin".to_owned(),
            reason: "it is not text".to_owned(),
        }],
        cost: Usage {
            input: 1000,
            output: 50,
            cost_usd: 0.25,
            calls: 2,
            ..Usage::default()
        },
    }
}

fn sample() -> FindingsReport {
    let mut suggested = finding(Severity::High, "Security", "src/b.rs", Some(7), "Trusts the name");
    suggested.suggestion = "Check it with `is_plain`.".to_owned();
    let found = vec![
        finding(Severity::Low, "style", "src/a.rs", None, "Long"),
        finding(Severity::Medium, "security", "src/b.rs", Some(9), "Trusts the name."),
        suggested,
        finding(Severity::High, "correctness", "src/a.rs", Some(3), "Reads past the end"),
        finding(
            Severity::Critical,
            "correctness",
            "src/gone.rs",
            Some(1),
            "Is not there",
        ),
        finding(
            Severity::Critical,
            "correctness",
            "src/a.rs",
            Some(99),
            "Is behind the end",
        ),
        finding(Severity::Critical, "correctness", "../outside", None, "Is elsewhere"),
        finding(
            Severity::Critical,
            "correctness",
            "src/a.rs",
            Some(0),
            "Has no such line",
        ),
    ];
    FindingsReport::of(examined(), found, |path, line| {
        path == "../outside" || ["src/a.rs", "src/b.rs"].contains(&path) && line.is_none_or(|line| line < 20)
    })
}

fn validator(schema: &Value) -> Validator {
    jsonschema::options()
        .should_validate_formats(true)
        .build(schema)
        .unwrap()
}

/// Validates by the official schema, without its pattern of languages, which is not a regular expression by Unicode's rules.
static OF_SARIF: LazyLock<Validator> = LazyLock::new(|| {
    let pattern = r#""pattern": "^[a-zA-Z]{2}|^[a-zA-Z]{2}-[a-zA-Z]{2}]?$""#;
    assert_eq!(SARIF.matches(pattern).count(), 2);
    validator(&serde_json::from_str(&SARIF.replace(pattern, r#""minLength": 2"#)).unwrap())
});
static OF_JSON: LazyLock<Validator> = LazyLock::new(|| validator(&schema()));

#[track_caller]
fn assert_valid(validator: &Validator, instance: &Value) {
    let errors: Vec<_> = validator
        .iter_errors(instance)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}\n{instance:#}");
}

#[test]
fn findings_are_joined_sorted_counted_and_dropped_where_there_is_no_such_place() {
    let report = sample();
    let places: Vec<_> = report
        .findings
        .iter()
        .map(|finding| finding.finding().to_string())
        .collect();
    assert_eq!(
        places,
        [
            "high src/a.rs:3: Reads past the end (correctness)",
            "high src/b.rs:7: Trusts the name (security)",
            "low src/a.rs: Long (style)",
        ]
    );
    let joined = &report.findings[1];
    assert_eq!((joined.count, joined.other_lines.as_slice()), (2, &[9][..]));
    assert_eq!(joined.suggestion, "Check it with `is_plain`.");
    let summary = &report.summary;
    assert_eq!((summary.findings, summary.joined, summary.dropped), (3, 1, 4));
    let severities: Vec<_> = summary.severities.values().copied().collect();
    assert_eq!(severities, [1, 0, 2, 0], "low, medium, high, critical");
    let categories: Vec<_> = summary.categories.iter().map(|count| count.category.as_str()).collect();
    assert_eq!(categories, ["correctness", "security", "style"]);
    assert!(report.reaches(Severity::High) && !report.reaches(Severity::Critical));
}

#[test]
fn the_order_of_reports_does_not_change_what_is_joined() {
    let one = finding(Severity::Low, "c", "a", Some(4), "T");
    let two = finding(Severity::High, "c", "a", Some(2), "T");
    let three = finding(Severity::Low, "c", "a", Some(2), "T");
    for found in [[&one, &two, &three], [&three, &two, &one], [&two, &one, &three]] {
        let report = FindingsReport::of(examined(), found.map(Finding::clone), |_, _| true);
        let [joined] = report.findings.as_slice() else {
            panic!("{report:?}")
        };
        assert_eq!(
            (joined.severity, joined.line, joined.count),
            (Severity::High, Some(2), 3)
        );
        assert_eq!(joined.other_lines, [4]);
    }
}

#[test]
fn the_json_follows_its_schema_and_is_read_back() {
    for report in [sample(), FindingsReport::of(Examined::default(), [], |_, _| true)] {
        let json = report.json().unwrap();
        assert_valid(&OF_JSON, &serde_json::from_str(&json).unwrap());
        assert_eq!(FindingsReport::read(&json).unwrap(), report);
    }
    let newer = sample().json().unwrap().replace("\"format\": 1", "\"format\": 2");
    let error = FindingsReport::read(&newer).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the report of findings has format 2, and this version reads format 1"
    );
    assert!(
        FindingsReport::read("[]")
            .unwrap_err()
            .to_string()
            .contains("cannot be parsed")
    );
    let mut other = serde_json::to_value(sample()).unwrap();
    other["findings"][0]["line"] = json!(0);
    assert!(!OF_JSON.is_valid(&other), "the schema refuses nothing");
}

#[test]
fn the_sarif_is_valid_and_says_what_code_scanning_reads() {
    let sarif = sample().sarif();
    assert_valid(&OF_SARIF, &sarif);
    let run = &sarif["runs"][0];
    let rules = &run["tool"]["driver"]["rules"];
    assert_eq!(rules[0]["id"], "correctness");
    assert_eq!(rules[0]["properties"].get("security-severity"), None);
    assert_eq!(rules[1]["properties"]["security-severity"], "8.0");
    let results = run["results"].as_array().unwrap();
    let levels: Vec<_> = results.iter().map(|result| result["level"].as_str().unwrap()).collect();
    assert_eq!(levels, ["error", "error", "note"]);
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert_eq!(
            result["partialFingerprints"]["cordwainer/v1"].as_str().unwrap().len(),
            16
        );
        let file = &result["locations"][0]["physicalLocation"]["artifactLocation"];
        assert_eq!(file["uriBaseId"], "%SRCROOT%");
    }
    assert_eq!(results[1]["occurrenceCount"], 2);
    assert_eq!(
        results[1]["relatedLocations"][0]["physicalLocation"]["region"]["startLine"],
        9
    );
    let skipped = &run["invocations"][0]["toolExecutionNotifications"][0];
    let uri = &skipped["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
    assert_eq!(uri, "data/%C3%A4%20b.bin");
}

#[test]
fn the_schema_of_sarif_refuses_what_it_must() {
    let mut sarif = sample().sarif();
    sarif["runs"][0]["results"][0]["level"] = json!("bad");
    assert!(!OF_SARIF.is_valid(&sarif));
}

#[test]
fn odd_names_stay_names() {
    for (path, uri) in [
        ("a b/c#d?e%f", "a%20b/c%23d%3Fe%25f"),
        ("c:/x", "c%3A/x"),
        ("ü/日本.rs", "%C3%BC/%E6%97%A5%E6%9C%AC.rs"),
        ("a\nb", "a%0Ab"),
        ("[x](y)", "%5Bx%5D%28y%29"),
    ] {
        let found = [finding(Severity::Low, "style", path, Some(1), "T")];
        let report = FindingsReport::of(examined(), found, |_, _| true);
        let sarif = report.sarif();
        assert_valid(&OF_SARIF, &sarif);
        let place = &sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], uri);
    }
}

#[test]
fn a_person_reads_the_report() {
    insta::assert_snapshot!(sample().markdown());
}

#[test]
fn what_agents_wrote_is_text_in_markdown() {
    let mut steering = finding(
        Severity::High,
        "a|b",
        "a`b.rs",
        Some(1),
        "# <img src=x> [l](http://evil.invalid) ![i](x)",
    );
    steering.problem =
        "- item\n## heading\n<script>\nwww.evil.invalid and `<code>` and `odd\n```\nfence\n| a | b |\nsetext\n==="
            .to_owned();
    let report = FindingsReport::of(examined(), [steering], |_, _| true);
    let markdown = report.markdown();
    for bad in [
        "<img",
        "<script>",
        "[l](http",
        "\n## heading",
        "\n> ## heading",
        "\n> - item",
        "\n> ```",
        "://",
        "www.",
        "\n> ===",
    ] {
        assert!(!markdown.contains(bad), "{bad} in\n{markdown}");
    }
    assert!(
        markdown.contains("``a`b.rs:1``") || markdown.contains("`` a`b.rs:1 ``"),
        "{markdown}"
    );
    assert!(
        report.sarif()["runs"][0]["results"][0]["message"]["text"]
            .as_str()
            .unwrap()
            .contains("[l] (http")
    );
}

proptest! {
    #[test]
    fn whatever_is_found_the_documents_are_valid(
        found in prop::collection::vec(("\\PC{0,20}", "\\PC{0,20}", prop::option::of(any::<u32>()), "\\PC{0,40}", "\\PC{0,40}", 0..4_usize), 0..12)
    ) {
        let found = found.into_iter().map(|(path, category, line, title, problem, severity)| Finding {
            problem,
            ..finding(Severity::ALL[severity], &category, &path, line, &title)
        });
        let report = FindingsReport::of(examined(), found, |_, _| true);
        let json = report.json().unwrap();
        assert_valid(&OF_JSON, &serde_json::from_str(&json).unwrap());
        assert_valid(&OF_SARIF, &report.sarif());
        prop_assert_eq!(FindingsReport::read(&json).unwrap(), report.clone());
        let markdown = report.markdown();
        prop_assert!(!markdown.contains('\u{1b}'), "markdown has an escape");
    }
}

#[test]
fn an_incomplete_report_says_so() {
    let mut report = sample();
    let successful =
        |report: &FindingsReport| report.sarif()["runs"][0]["invocations"][0]["executionSuccessful"].clone();
    assert_eq!(successful(&report), true);
    assert!(!report.markdown().contains("not complete"));
    report.examined.complete = false;
    assert_eq!(successful(&report), false);
    assert!(report.markdown().contains(", not complete\n"), "{}", report.markdown());
}
