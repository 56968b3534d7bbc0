//! The JSON Schema of the report's JSON.

use serde_json::{Value, json};

use super::report::FORMAT;
use crate::model::Severity;

/// Returns the JSON Schema of what [`super::FindingsReport::json`] writes.
pub fn schema() -> Value {
    let text = || json!({ "type": "string" });
    let count = || json!({ "type": "integer", "minimum": 0 });
    let line = || json!({ "type": "integer", "minimum": 1 });
    let severities: Vec<Value> = Severity::ALL.map(|severity| json!(severity)).into();
    let severity = json!({ "enum": severities });
    let revision = || json!({ "type": ["string", "null"] });
    let by_severity: Value = Severity::ALL
        .map(|severity| (severity.name().to_owned(), count()))
        .into_iter()
        .collect::<serde_json::Map<_, _>>()
        .into();
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "The report of an audit or a review by cordwainer",
        "definitions": {
            "not_read": object(&json!({ "path": text(), "reason": text() })),
            "cost": object(&json!({
                "input": count(), "cache_write": count(), "cache_read": count(), "output": count(),
                "cost_usd": { "type": "number" }, "calls": count(),
            })),
            "finding": object(&json!({
                "severity": severity, "category": text(), "path": text(),
                "line": { "anyOf": [line(), { "type": "null" }] },
                "title": text(), "problem": text(), "suggestion": text(), "fingerprint": text(),
                "count": line(), "other_lines": { "type": "array", "items": line() },
            })),
            "category": object(&json!({ "category": text(), "findings": count(), "worst": severity })),
        },
        "type": "object",
        "required": ["format", "examined", "findings", "summary"],
        "additionalProperties": false,
        "properties": {
            "format": { "const": FORMAT },
            "examined": object(&json!({
                "title": text(), "mode": text(), "revision": revision(), "since": revision(),
                "complete": { "type": "boolean" },
                "read": { "type": "array", "items": text() },
                "not_read": { "type": "array", "items": { "$ref": "#/definitions/not_read" } },
                "cost": { "$ref": "#/definitions/cost" },
            })),
            "findings": { "type": "array", "items": { "$ref": "#/definitions/finding" } },
            "summary": object(&json!({
                "findings": count(), "severities": object(&by_severity),
                "categories": { "type": "array", "items": { "$ref": "#/definitions/category" } },
                "joined": count(), "dropped": count(),
            })),
        },
    })
}

/// Returns the schema of an object that has exactly these fields.
fn object(fields: &Value) -> Value {
    let names: Vec<&String> = fields
        .as_object()
        .into_iter()
        .flat_map(|fields| fields.keys())
        .collect();
    json!({ "type": "object", "required": names, "additionalProperties": false, "properties": fields })
}
