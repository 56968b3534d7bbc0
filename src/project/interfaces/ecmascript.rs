//! What a module of TypeScript or JavaScript exports: its `export` lines, and assignments to `exports`.

use super::item::{Item, Items, joined, name};

/// Words before the name of what is exported.
const WORDS: [&str; 14] = [
    "default",
    "declare",
    "abstract",
    "async",
    "function",
    "function*",
    "class",
    "interface",
    "type",
    "enum",
    "namespace",
    "const",
    "let",
    "var",
];

/// What an assignment to `exports` itself exports, where it is not told.
const WHOLE: &str = "as a whole";
/// How many lines of a list are read.
const MOST_LINES: usize = 200;

pub(super) fn items(text: &str) -> Option<Vec<Item>> {
    let lines: Vec<&str> = text.lines().collect();
    let mut items = Items::default();
    for (index, line) in lines.iter().enumerate() {
        // What is indented is within something else, such as a comment or a namespace.
        if let Some(declared) = line.strip_prefix("export ") {
            if declared.starts_with(['{', '*']) || declared.starts_with("type {") {
                listed(&lines[index..], &mut items)?;
            } else {
                let ends = |line: &str| line.contains(['{', ';', '=']) || line.ends_with(')');
                items.push(declaration(declared, &joined(&lines[index..], ends)))?;
            }
        } else if let Some(called) = exported(line) {
            let properties = if called == WHOLE {
                properties(&lines[index..])
            } else {
                Vec::new()
            };
            if properties.is_empty() {
                items.push(Item::new(called, format!("exports {called}")))?;
            }
            items.extend(
                properties
                    .iter()
                    .map(|called| Item::new(called, format!("exports {called}"))),
            )?;
        }
    }
    Some(items.into_vec())
}

/// Returns what an assignment in a module of Node's own kind exports.
fn exported(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("module.").unwrap_or(line).strip_prefix("exports")?;
    match rest.strip_prefix('.') {
        Some(property) => {
            let (called, after) = name(property);
            let is_set = after.trim_start().starts_with('=') && !after.trim_start().starts_with("==");
            (is_set && !called.is_empty()).then_some(called)
        }
        None => rest.trim_start().starts_with('=').then_some(WHOLE),
    }
}

/// Returns the names of the properties of `exports = { a, b: c, d() {} }`; none where that is another value.
fn properties(lines: &[&str]) -> Vec<String> {
    let (mut names, mut own) = (Vec::new(), String::new());
    let mut depth = 0_i32;
    let mut take = |own: &mut String| {
        // Before the name there may be words such as `async`.
        let head = own.split([':', '(', '=']).next().unwrap_or_default().trim();
        names.extend(
            head.rsplit(' ')
                .next()
                .filter(|name| !name.is_empty())
                .map(str::to_owned),
        );
        own.clear();
    };
    for (index, line) in lines.iter().take(MOST_LINES).enumerate() {
        let line = line.split("//").next().unwrap_or(line);
        let value = line.split_once('=').filter(|_| index == 0);
        let code = value.map_or(line, |(_, value)| value.trim_start());
        if index == 0 && !code.starts_with('{') {
            break;
        }
        for character in code.chars() {
            match character {
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' => depth -= 1,
                _ => {}
            }
            match character {
                _ if depth == 0 => break,
                '{' if own.is_empty() && depth == 1 => {}
                ',' if depth == 1 => take(&mut own),
                _ => own.push(character),
            }
        }
        own.push(' ');
        if depth <= 0 {
            take(&mut own);
            break;
        }
    }
    names
}

fn declaration(declared: &str, whole: &str) -> Item {
    let mut rest = declared;
    let mut word = "";
    loop {
        let (next, after) = rest.split_once(' ').unwrap_or((rest, ""));
        if !WORDS.contains(&next) {
            break;
        }
        (word, rest) = (next, after);
    }
    let (called, _) = name(rest);
    let called = if declared.starts_with("default") {
        "default"
    } else {
        called
    };
    // The parameters of a function that is a value belong to its declaration.
    let value = whole
        .find("=>")
        .or_else(|| (word != "type").then(|| whole.find(" = ")).flatten());
    let body = whole.find(" {").filter(|_| word != "type");
    let end = [value, body, whole.find(';')]
        .into_iter()
        .flatten()
        .min()
        .unwrap_or(whole.len());
    Item::new(called, whole[..end].trim_end())
}

/// Reads `export { a, b as c } from "d"`, and `export * from "d"`.
fn listed(lines: &[&str], items: &mut Items) -> Option<()> {
    let mut text = String::new();
    for line in lines.iter().take(MOST_LINES) {
        text.push_str(line.trim());
        text.push(' ');
        if line.contains(['}', ';']) || !text.contains('{') {
            break;
        }
    }
    let text = text.trim().trim_end_matches(';');
    let names = text.split_once('{').and_then(|(_, rest)| rest.split_once('}'));
    let Some((names, _)) = names else {
        return items.push(Item::new(text, text));
    };
    for one in names.split(',').map(str::trim).filter(|one| !one.is_empty()) {
        let called = one.rsplit(" as ").next().unwrap_or(one).trim_start_matches("type ");
        items.push(Item::new(called, format!("export {{ {called} }}")))?;
    }
    Some(())
}
