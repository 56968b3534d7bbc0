//! Python's names at the top level of a module that do not begin with `_`: functions, classes and variables.

use std::collections::HashSet;

use super::item::{Item, Items, joined, name};

pub(super) fn items(text: &str) -> Option<Vec<Item>> {
    let lines: Vec<&str> = text.lines().collect();
    let mut items = Items::default();
    let mut known: HashSet<String> = HashSet::new();
    let mut quote: Option<&str> = None;
    for (index, line) in lines.iter().enumerate() {
        let was_in_text = quote.is_some();
        quote = after_line(line, quote);
        if was_in_text || line.starts_with([' ', '\t', '#', ')', ']', '}']) {
            continue;
        }
        let Some(found) = item(line, || joined(&lines[index..], |_| true)) else {
            continue;
        };
        // A variable that is set again is one.
        if known.insert(found.key.clone()) || found.shown.contains('(') {
            items.push(found)?;
        }
    }
    Some(items.into_vec())
}

/// Returns which mark of a long text is open after a line.
fn after_line<'a>(line: &str, open: Option<&'a str>) -> Option<&'a str> {
    let mut open = open;
    let mut rest = line;
    loop {
        let marks = ["\"\"\"", "'''"];
        let next = match open {
            Some(mark) => rest.find(mark).map(|at| (at, None)),
            None => marks
                .into_iter()
                .filter_map(|mark| Some((rest.find(mark)?, Some(mark))))
                .min_by_key(|(at, _)| *at),
        };
        let Some((at, then)) = next else { return open };
        (open, rest) = (then, &rest[at + 3..]);
    }
}

fn item(line: &str, whole: impl Fn() -> String) -> Option<Item> {
    let bare = line.strip_prefix("async ").unwrap_or(line);
    for word in ["def ", "class "] {
        if let Some(rest) = bare.strip_prefix(word) {
            let called = public(rest)?;
            let whole = whole();
            return Some(Item::new(called, declared(&whole)));
        }
    }
    let called = public(line)?;
    let after = line[called.len()..].trim_start();
    let annotated = after
        .strip_prefix(':')
        .map(|rest| rest.split(" = ").next().unwrap_or(rest).trim());
    let is_set = after.starts_with('=') && !after.starts_with("==");
    match annotated {
        // `if x:` and others end with the colon.
        Some(kind) if !kind.is_empty() => Some(Item::new(called, format!("{called}: {kind}"))),
        None if is_set => Some(Item::new(called, called)),
        _ => None,
    }
}

/// Returns the name at the beginning of a text, if it is public.
fn public(text: &str) -> Option<&str> {
    let (called, _) = name(text);
    (!called.is_empty()
        && !called.starts_with('_')
        && !called.starts_with(|character: char| character.is_ascii_digit()))
    .then_some(called)
}

/// Cuts a declaration off at the colon that ends it.
fn declared(whole: &str) -> &str {
    let mut depth = 0_i32;
    for (at, character) in whole.char_indices() {
        match character {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            ':' if depth == 0 => return &whole[..at],
            _ => {}
        }
    }
    whole
}
