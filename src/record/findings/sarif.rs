//! The report as SARIF 2.1.0 (<https://docs.oasis-open.org/sarif/sarif/v2.1.0/>), with what GitHub's code scanning reads
//! beside it: `security-severity` of rules, and fingerprints by which alerts outlive moved lines.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use super::report::{FindingsReport, ReportedFinding, category_key, is_security};
use crate::base::text::{harmless, one_line};
use crate::model::Severity;

/// The schema that the documents name.
const SCHEMA: &str = "https://raw.githubusercontent.com/oasis-tcs/sarif-spec/master/Schemata/sarif-schema-2.1.0.json";
/// The name of the repository's root in the documents.
const ROOT: &str = "%SRCROOT%";
/// The name, and the version of how it is computed, of our fingerprints.
const FINGERPRINT: &str = "cordwainer/v1";
/// What is encoded in the path of a URI: all but the unreserved characters of RFC 3986 and the slash. A colon is, too:
/// before the first slash it would end a scheme.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

impl FindingsReport {
    /// Returns the report as a SARIF document of one run, whose rules are the categories.
    pub fn sarif(&self) -> Value {
        let results: Vec<Value> = self.findings.iter().map(|finding| self.result(finding)).collect();
        let examined = &self.examined;
        json!({
            "$schema": SCHEMA,
            "version": "2.1.0",
            "runs": [{
                "tool": { "driver": {
                    "name": "cordwainer",
                    "semanticVersion": env!("CARGO_PKG_VERSION"),
                    "rules": self.rules(),
                }},
                "automationDetails": { "id": format!("cordwainer/{}/", category_key(&examined.mode)) },
                "originalUriBaseIds": { ROOT: { "description": { "text": "The root of the repository." } } },
                "columnKind": "unicodeCodePoints",
                "invocations": [{
                    "executionSuccessful": examined.complete,
                    "toolExecutionNotifications": self.notifications(),
                }],
                "results": results,
                "properties": {
                    "title": one_line(&examined.title, 300),
                    "mode": one_line(&examined.mode, 100),
                    "revision": examined.revision,
                    "since": examined.since,
                    "filesRead": examined.read.len(),
                    "joined": self.summary.joined,
                    "dropped": self.summary.dropped,
                    "calls": examined.cost.calls,
                    "tokens": examined.cost.tokens(),
                    "costUsd": examined.cost.cost_usd,
                },
            }],
        })
    }

    fn rules(&self) -> Vec<Value> {
        let rules = self.summary.categories.iter().map(|count| {
            let mut properties = Map::new();
            properties.insert("tags".to_owned(), json!([category_key(&count.category)]));
            if is_security(&count.category) {
                properties.insert("security-severity".to_owned(), json!(score(count.worst)));
            }
            json!({
                "id": category_key(&count.category),
                "shortDescription": { "text": count.category },
                "fullDescription": { "text": format!("Findings of the category {}.", count.category) },
                "defaultConfiguration": { "level": level(count.worst) },
                "properties": properties,
            })
        });
        rules.collect()
    }

    fn result(&self, finding: &ReportedFinding) -> Value {
        let categories = &self.summary.categories;
        let rule = categories.iter().position(|count| count.category == finding.category);
        let mut properties = Map::new();
        properties.insert("severity".to_owned(), json!(finding.severity));
        if is_security(&finding.category) {
            properties.insert("security-severity".to_owned(), json!(score(finding.severity)));
        }
        let lines: Vec<Option<u32>> = if finding.other_lines.is_empty() {
            vec![finding.line]
        } else {
            let others = finding.other_lines.iter().copied().map(Some);
            std::iter::once(finding.line).chain(others).collect()
        };
        let locations: Vec<Value> = lines.into_iter().map(|line| location(&finding.path, line)).collect();
        let (first, others) = locations.split_at(1);
        let mut result = json!({
            "ruleId": category_key(&finding.category),
            "level": level(finding.severity),
            "message": { "text": message(finding) },
            "locations": first,
            "partialFingerprints": { FINGERPRINT: finding.fingerprint },
            "occurrenceCount": finding.count,
            "properties": properties,
        });
        if let Some(rule) = rule {
            result["ruleIndex"] = json!(rule);
        }
        if !others.is_empty() {
            result["relatedLocations"] = json!(others);
        }
        result
    }

    /// Returns what was not read: a reader of the results must know that they are not about it.
    fn notifications(&self) -> Vec<Value> {
        let files = self.examined.not_read.iter().map(|file| {
            let (path, reason) = (one_line(&file.path, 400), plain(&one_line(&file.reason, 400)));
            json!({
                "descriptor": { "id": "not-read" },
                "level": "warning",
                "message": { "text": format!("`{path}` was not read: {reason}") },
                "locations": [location(&file.path, None)],
            })
        });
        files.collect()
    }
}

fn location(path: &str, line: Option<u32>) -> Value {
    let uri = utf8_percent_encode(path, ENCODED).to_string();
    let mut place = json!({ "artifactLocation": { "uri": uri, "uriBaseId": ROOT } });
    if let Some(line) = line {
        place["region"] = json!({ "startLine": line });
    }
    json!({ "physicalLocation": place })
}

fn message(finding: &ReportedFinding) -> String {
    let mut text = plain(&one_line(&finding.title, 300));
    for (name, said) in [("", &finding.problem), ("Suggestion: ", &finding.suggestion)] {
        let said = harmless(said.trim());
        if !said.is_empty() {
            text.push_str(&format!("\n\n{name}{}", plain(&said)));
        }
    }
    // A message without text is not valid.
    if text.is_empty() {
        finding.category.clone()
    } else {
        text
    }
}

/// Keeps brackets from making a link of a plain message: an agent's text sends nobody anywhere.
fn plain(text: &str) -> String {
    text.replace("](", "] (")
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low => "note",
    }
}

/// Returns the number that code scanning shows as critical, high, medium or low.
fn score(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "2.5",
    }
}
