//! How manifests are read: leniently, since a file that does not parse says nothing about the rest.

use serde_json::Value as Json;
use toml::{Table, Value as Toml};

/// Reads a TOML file; empty where it is none.
pub(super) fn toml(text: &str) -> Table {
    text.parse().unwrap_or_default()
}

/// Returns the value at a path of keys.
pub(super) fn at<'table>(table: &'table Table, keys: &[&str]) -> Option<&'table Toml> {
    let (first, rest) = keys.split_first()?;
    rest.iter().try_fold(table.get(*first)?, |value, key| value.get(key))
}

/// Returns the text at a path of keys.
pub(super) fn text_at(table: &Table, keys: &[&str]) -> Option<String> {
    at(table, keys).and_then(Toml::as_str).map(str::to_owned)
}

/// Returns the texts of a list at a path of keys.
pub(super) fn texts_at(table: &Table, keys: &[&str]) -> Vec<String> {
    let items = at(table, keys).and_then(Toml::as_array);
    let texts = items.into_iter().flatten().filter_map(Toml::as_str);
    texts.map(str::to_owned).collect()
}

/// Reads a JSON file, also one with comments and commas at the end of lists; nothing at all where it is none.
pub(super) fn json(text: &str) -> Json {
    let text = text.trim_start_matches('\u{feff}');
    let plain = serde_json::from_str(text).or_else(|_| serde_json::from_str(&without_comments(text)));
    plain.unwrap_or_default()
}

/// Returns the texts of a list in JSON.
pub(super) fn json_texts(value: &Json) -> Vec<String> {
    let items = value.as_array().into_iter().flatten();
    items.filter_map(Json::as_str).map(str::to_owned).collect()
}

/// Takes comments, and commas before a closing bracket, out of JSON with comments.
fn without_comments(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    let mut in_text = false;
    while let Some(character) = rest.next() {
        match (in_text, character, rest.peek()) {
            (true, '\\', _) => {
                plain.push(character);
                plain.extend(rest.next());
                continue;
            }
            (_, '"', _) => in_text = !in_text,
            (false, '/', Some('/')) => {
                while rest.next_if(|next| *next != '\n').is_some() {}
                continue;
            }
            (false, '/', Some('*')) => {
                rest.next();
                while let Some(next) = rest.next() {
                    if next == '*' && rest.next_if_eq(&'/').is_some() {
                        break;
                    }
                }
                continue;
            }
            (false, ']' | '}', _) => {
                let end = plain.trim_end().len();
                if plain[..end].ends_with(',') {
                    plain.truncate(end - 1);
                }
            }
            _ => {}
        }
        plain.push(character);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_with_comments_is_read() {
        let text = "\u{feff}{ // one\n \"a//b\": [1, /* \"two\" */ 2,\n ], \"c\\\"/*\": \"*/\", }";
        assert_eq!(json(text), serde_json::json!({"a//b": [1, 2], "c\"/*": "*/"}));
        assert_eq!(json("not json"), Json::Null);
        assert_eq!(json("/*"), Json::Null);
    }
}
