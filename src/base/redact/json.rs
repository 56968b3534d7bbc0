//! Lines of JSON: where replacing bytes would break one, its strings are redacted one by one.

use std::borrow::Cow;
use std::ops::Range;

use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::found::Found;
use super::{Redactor, repeated};

/// The replacement of a line from which a match cannot be removed.
const NOTHING: &[u8] = br#"{"type":"redacted"}"#;

impl Redactor {
    /// Redacts a line that may be JSON: JSON stays JSON, with the same numbers and names.
    pub fn line<'a>(&self, line: &'a [u8]) -> Cow<'a, [u8]> {
        match self.bytes(line) {
            Cow::Owned(redacted) if is_broken(line, &redacted) => Cow::Owned(by_strings(self, line)),
            redacted => redacted,
        }
    }

    /// Redacts our own JSON: names and figures are ours, so only strings are searched.
    pub(crate) fn own_json<'a>(&self, json: &'a [u8]) -> Cow<'a, [u8]> {
        let patterns = self.patterns();
        let redacted = repeated(json, |json| {
            let found = patterns.find(json);
            if found.is_empty() {
                found
            } else {
                within_strings(json, &found)
            }
        });
        redacted.unwrap_or_else(|| Cow::Owned(by_strings(self, json)))
    }
}

/// Returns whether a line was JSON and no longer is.
fn is_broken(before: &[u8], after: &[u8]) -> bool {
    is_json(before) && !is_json(after)
}

fn is_json(bytes: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(bytes).is_ok()
}

/// Returns the JSON with redacted strings.
fn by_strings(redactor: &Redactor, line: &[u8]) -> Vec<u8> {
    let value = serde_json::from_slice(line).ok();
    let written = value.and_then(|value| serde_json::to_vec(&of(redactor, value)).ok());
    // Several strings together may still contain a match.
    let clean = written.filter(|line| redactor.find(line).is_empty());
    clean.unwrap_or_else(|| NOTHING.to_vec())
}

fn of(redactor: &Redactor, value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(redactor.text(&text).into_owned()),
        Value::Array(items) => items.into_iter().map(|item| of(redactor, item)).collect(),
        Value::Object(fields) => {
            let field = |(name, value): (String, Value)| (redactor.text(&name).into_owned(), of(redactor, value));
            Value::Object(fields.into_iter().map(field).collect::<Map<_, _>>())
        }
        // A number may be a credential, too: then it becomes a string.
        Value::Number(number) => match redactor.text(&number.to_string()) {
            Cow::Borrowed(_) => Value::Number(number),
            Cow::Owned(text) => Value::String(text),
        },
        other => other,
    }
}

/// Returns the parts of the matches that are in strings which are values.
fn within_strings(json: &[u8], found: &[Found]) -> Vec<Found> {
    let mut parts = Vec::new();
    let mut found = found.iter().peekable();
    for string in values(json) {
        while let Some(next) = found.peek()
            && next.range.start < string.end
        {
            let range = next.range.start.max(string.start)..next.range.end.min(string.end);
            if !range.is_empty() {
                parts.push(Found { range, kind: next.kind });
            }
            if next.range.end > string.end {
                break;
            }
            found.next();
        }
    }
    parts
}

/// Returns the strings of a JSON text that are values, not names, each without its quotes.
fn values(json: &[u8]) -> Vec<Range<usize>> {
    let mut strings = Vec::new();
    let mut at = 0;
    while let Some(quote) = memchr::memchr(b'"', &json[at..]) {
        let start = at + quote + 1;
        let end = string_end(json, start);
        at = json.len().min(end + 1);
        let after = json[at..].iter().find(|byte| !byte.is_ascii_whitespace());
        if after != Some(&b':') {
            strings.push(start..end);
        }
    }
    strings
}

/// Returns the end of the string that begins at `start`: its first quote without a backslash before it.
fn string_end(json: &[u8], start: usize) -> usize {
    let mut at = start;
    while let Some(next) = memchr::memchr2(b'"', b'\\', &json[at..]) {
        at += next;
        if json[at] == b'"' {
            return at;
        }
        at = json.len().min(at + 2);
    }
    json.len()
}
