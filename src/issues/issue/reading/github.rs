//! Issues as GitHub's command line prints them: `gh issue list --json number,title,body,labels,state,url`.

use serde_json::{Map, Value};

/// Returns whether an object is such an issue.
pub(super) fn is_issue(map: &Map<String, Value>) -> bool {
    map.get("number").is_some_and(Value::is_u64)
}

/// Returns whether nothing is left to do about it there.
pub(super) fn is_closed(map: &Map<String, Value>) -> bool {
    let state = map.get("state").and_then(Value::as_str);
    is_issue(map) && state.is_some_and(|state| !state.eq_ignore_ascii_case("open"))
}

/// Renames the fields to those of an issue here. A field of another form stays, and is reported when it is read.
pub(super) fn convert(map: &mut Map<String, Value>) {
    let number = map
        .remove("number")
        .and_then(|number| number.as_u64())
        .unwrap_or_default();
    map.remove("state");
    map.remove("id");
    map.insert("key".to_owned(), format!("#{number}").into());
    // The URL names the repository, too.
    let external = map.remove("url").filter(Value::is_string);
    map.insert(
        "external".to_owned(),
        external.unwrap_or_else(|| format!("#{number}").into()),
    );
    if let Some(body) = map.remove("body") {
        let body = body
            .as_str()
            .map(|text| text.replace("\r\n", "\n").into())
            .unwrap_or(body);
        map.insert("description".to_owned(), body);
    }
    if let Some(labels) = map.get_mut("labels").and_then(Value::as_array_mut) {
        for label in labels {
            if let Some(name) = label.get("name").and_then(Value::as_str) {
                *label = word(name).into();
            }
        }
    }
}

/// Writes a label without what separates labels here: `good first issue` becomes `good-first-issue`.
fn word(name: &str) -> String {
    let separates = |letter: char| letter.is_whitespace() || letter == ',';
    let parts: Vec<&str> = name.split(separates).filter(|part| !part.is_empty()).collect();
    parts.join("-")
}
