//! Go's exported names: functions, methods, types with their fields and methods, variables and constants.

use super::item::{Item, Items, joined, name};

/// What a line at the top level opens.
enum Open {
    /// `const (`, `var (` or `type (`.
    Group(&'static str),
    /// A struct or an interface of this name.
    Type(String),
}

pub(super) fn items(text: &str) -> Option<Vec<Item>> {
    let lines: Vec<&str> = text.lines().collect();
    let mut items = Items::default();
    let mut open: Option<Open> = None;
    for (index, line) in lines.iter().enumerate() {
        if line.starts_with(['}', ')']) {
            open = None;
        } else if let Some(inner) = line.strip_prefix('\t') {
            items.extend(open.as_ref().and_then(|open| within(open, inner)))?;
        } else if let Some(rest) = line.strip_prefix("func ") {
            items.extend(function(rest, &lines[index..]))?;
        } else {
            let Some((word, rest)) = ["type ", "var ", "const "]
                .into_iter()
                .find_map(|word| Some((word, line.strip_prefix(word)?)))
            else {
                continue;
            };
            if rest.starts_with('(') {
                open = Some(Open::Group(word));
                continue;
            }
            items.extend(declared(word, rest))?;
            let is_open = line.ends_with('{') && word == "type ";
            open = is_open.then(|| Open::Type(name(rest).0.to_owned()));
        }
    }
    Some(items.into_vec())
}

fn is_exported(called: &str) -> bool {
    called.starts_with(char::is_uppercase)
}

fn function(rest: &str, lines: &[&str]) -> Option<Item> {
    let (receiver, after) = match rest.strip_prefix('(') {
        Some(receiver) => receiver.split_once(')').map(|(of, after)| (of, after.trim_start()))?,
        None => ("", rest),
    };
    // Of `s *Size[T]` the type is `Size`.
    let of = receiver.rsplit(' ').next().unwrap_or_default().trim_start_matches('*');
    let (of, called) = (name(of).0, name(after).0);
    let is_seen = is_exported(called) && (of.is_empty() || is_exported(of));
    is_seen.then(|| {
        let whole = joined(lines, |line| line.ends_with(['{', '}']) || line.ends_with(')'));
        Item::new(
            format!("func {of} {called}"),
            whole.split(" {").next().unwrap_or_default(),
        )
    })
}

fn declared(word: &str, rest: &str) -> Option<Item> {
    let called = name(rest).0;
    is_exported(called).then(|| {
        let shown = rest.split([';', '=']).next().unwrap_or(rest).trim_end();
        let shown = shown.trim_end_matches('{').trim_end();
        Item::new(format!("{word}{called}"), format!("{word}{shown}"))
    })
}

/// Reads a line of a group, or of a type.
fn within(open: &Open, inner: &str) -> Option<Item> {
    // What is further in belongs to something else.
    if inner.starts_with(['\t', ' ', '/']) {
        return None;
    }
    let inner = inner.split("//").next().unwrap_or(inner).trim_end();
    match open {
        Open::Group(word) => declared(word, inner),
        Open::Type(of) if is_exported(of) && is_exported(name(inner).0) => {
            let shown = inner.split('`').next().unwrap_or(inner).split_whitespace();
            let shown = shown.collect::<Vec<_>>().join(" ");
            Some(Item::new(
                format!("type {of} {}", name(inner).0),
                format!("type {of}: {shown}"),
            ))
        }
        Open::Type(_) => None,
    }
}
