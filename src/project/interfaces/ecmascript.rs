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
            items.push(Item::new(called, format!("exports {called}")))?;
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
        None => rest.trim_start().starts_with('=').then_some("as a whole"),
    }
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
    for line in lines.iter().take(200) {
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
