//! The JSON of an agent's answer: its schema, and where it stands.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::agent::{CallReport, TooLarge};
use crate::base::text::{one_line, size};

/// Returns the schema of an object that has all of these properties and no others.
pub(super) fn closed(properties: &Value) -> Value {
    let names: Vec<&String> = properties
        .as_object()
        .into_iter()
        .flat_map(serde_json::Map::keys)
        .collect();
    json!({"type": "object", "additionalProperties": false, "required": names, "properties": properties})
}

/// Returns the JSON that a call answered with: the structured output, else the last fenced JSON block of the result,
/// else the result as bare JSON.
///
/// Fails with a sentence for the agent where there is none, or where it is too large to be read.
pub(super) fn json_answer(report: &CallReport) -> Result<Value, String> {
    if let Some(TooLarge { bytes, limit }) = report.answer_too_large {
        let (bytes, limit) = (size(bytes), size(limit));
        return Err(format!(
            "The answer is too large: it has {bytes}, and may have {limit}."
        ));
    }
    match (&report.structured_output, &report.result) {
        (Some(answer), _) => Ok(answer.clone()),
        (None, Some(text)) => json_in(text),
        (None, None) => Err("There is no answer: neither structured output nor a result text.".to_owned()),
    }
}

/// Reads the JSON that a call answered with as a value of a type.
///
/// Fails with a sentence for the agent: where anything in it is not as was asked for, nothing of it counts.
pub(super) fn read_answer<T: DeserializeOwned>(report: &CallReport) -> Result<T, String> {
    serde_json::from_value(json_answer(report)?)
        .map_err(|error| format!("The answer cannot be read: {}.", one_line(&error.to_string(), 200)))
}

/// Returns the JSON of a result text.
pub(super) fn json_in(text: &str) -> Result<Value, String> {
    let json = last_fenced(text).unwrap_or_else(|| text.trim().to_owned());
    serde_json::from_str(&json).map_err(|error| format!("The answer is not valid JSON: {error}."))
}

/// Returns the content of the last block fenced as JSON. Only fences at the beginning of a line count: in a JSON text a
/// newline is written `\n`, so that no string in it can close the block.
pub(super) fn last_fenced(text: &str) -> Option<String> {
    let mut last = None;
    let mut open: Option<Vec<&str>> = None;
    for line in text.lines() {
        let fence = line.trim();
        match &mut open {
            Some(lines) if fence == "```" => {
                last = Some(lines.join("\n"));
                open = None;
            }
            Some(lines) => lines.push(line),
            None if fence.eq_ignore_ascii_case("```json") => open = Some(Vec::new()),
            None => {}
        }
    }
    // A block that is never closed was cut off, or its closing fence forgotten: JSON itself shows which.
    open.map(|lines| lines.join("\n")).or(last)
}
