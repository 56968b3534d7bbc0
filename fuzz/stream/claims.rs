//! What a line claims, read in another way than the parser reads it.

use serde_json::{Map, Value};

/// Whether a line can be read as the result of a success: an object that says all three things of itself.
pub(crate) fn success(line: &[u8]) -> bool {
    let text = String::from_utf8_lossy(line);
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    let Ok(fields) = serde_json::from_str::<Map<String, Value>>(text) else {
        return mentions_success(text);
    };
    fields.get("type") == Some(&"result".into())
        && fields.get("subtype") == Some(&"success".into())
        && fields.get("is_error") == Some(&false.into())
}

/// For an object too deep to be built, which the parser passes over the depths of: it must have the words.
fn mentions_success(text: &str) -> bool {
    let deep = text.matches(['{', '[']).count() > 100;
    deep && ["result", "success", "false"].iter().all(|word| text.contains(word))
}
