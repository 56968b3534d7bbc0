//! Rust's items that are `pub` without a restriction, with the `impl`, `mod`, `struct` or `trait` that they stand in.

use super::item::{Item, Items, indent, joined, name};

/// Words before the kind of an item.
const QUALIFIERS: [&str; 4] = ["const", "async", "unsafe", "extern"];
/// What items are.
const KINDS: [&str; 10] = [
    "fn", "struct", "enum", "union", "trait", "type", "const", "static", "mod", "use",
];
/// The beginnings of the lines that others stand in.
const SCOPES: [&str; 6] = ["impl", "mod ", "struct ", "enum ", "trait ", "union "];

pub(super) fn items(text: &str) -> Option<Vec<Item>> {
    let lines: Vec<&str> = text.lines().collect();
    let mut items = Items::default();
    // What is open around a line: how far it is indented, and its header.
    let mut scopes: Vec<(usize, String)> = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let code = line.trim();
        if code.is_empty() || code.starts_with("//") || code.starts_with("#[") {
            continue;
        }
        let depth = indent(line);
        scopes.retain(|(outer, _)| *outer < depth);
        let bare = code.strip_prefix("pub ").unwrap_or(code);
        if let Some(declared) = code.strip_prefix("pub ") {
            let is_field = code.ends_with(',') && !KINDS.contains(&kind(declared).0);
            let shown = if is_field {
                code.trim_end_matches(',').to_owned()
            } else {
                ended(&joined(&lines[index..], |line| line.contains(['{', ';', '}'])))
            };
            let within: Vec<&str> = scopes.iter().map(|(_, header)| header.as_str()).collect();
            items.push(item(&within.join(" "), declared, shown))?;
        }
        if SCOPES.iter().any(|start| bare.starts_with(start)) && code.contains('{') && !code.ends_with('}') {
            scopes.push((depth, ended(bare)));
        }
    }
    Some(items.into_vec())
}

/// Returns the kind of an item, and what is after it; an empty one where it has none, as a field.
fn kind(declared: &str) -> (&str, &str) {
    let mut rest = declared;
    loop {
        let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
        let after_quotes = after.trim_start_matches(|character: char| character != ' ');
        match word {
            "extern" if after.starts_with('"') => rest = after_quotes.trim_start(),
            // `const fn`, and `const NAME`.
            word if QUALIFIERS.contains(&word) && KINDS.iter().any(|kind| after.starts_with(&format!("{kind} "))) => {
                rest = after;
            }
            word if KINDS.contains(&word) => return (word, after),
            _ => return ("", rest),
        }
    }
}

fn item(within: &str, declared: &str, shown: String) -> Item {
    let (kind, rest) = kind(declared);
    let called = if kind == "use" { rest } else { name(rest).0 };
    let shown = if within.is_empty() {
        shown
    } else {
        format!("{within}: {shown}")
    };
    Item::new(format!("{within} {kind} {called}"), shown)
}

/// Cuts a declaration off where its body begins, or its value.
fn ended(text: &str) -> String {
    let body = if text.contains("use ") && text.contains("::{") {
        None
    } else {
        text.find(" {")
    };
    let ends = [body, text.find(';'), text.find(" = ")];
    let end = ends.into_iter().flatten().min().unwrap_or(text.len());
    text[..end].trim_end().to_owned()
}
