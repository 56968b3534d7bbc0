//! `package.json`: what an installation runs, and what hooks of git run that have their settings there.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::commands;
use super::what::{MOST_OF_A_FILE, What};

/// The scripts that `npm install`, and the commands that replace it, run by themselves; see npm's `scripts`.
const LIFECYCLE: [&str; 9] = [
    "dependencies",
    "install",
    "pnpm:devPreinstall",
    "postinstall",
    "postprepare",
    "preinstall",
    "prepare",
    "preprepare",
    "prepublish",
];

/// Other keys with commands that run unasked, or that select the program which does everything else.
const SETTINGS: [&str; 7] = [
    "gitHooks",
    "husky",
    "lint-staged",
    "packageManager",
    "pre-commit",
    "pre-push",
    "simple-git-hooks",
];

pub(super) fn read(folder: &str, text: &str) -> Option<Vec<What>> {
    let manifest: Map<String, Value> = serde_json::from_str(text.trim_start_matches('\u{feff}')).ok()?;
    let mut found = Vec::new();
    for key in SETTINGS {
        if let Some(value) = manifest.get(key) {
            found.push(What::Value {
                key: key.to_owned(),
                value: value.to_string(),
            });
            let mut all = Vec::new();
            add_texts(value, &mut all);
            for text in all {
                found.extend(commands::files(folder, text)?);
            }
        }
    }
    let scripts = manifest.get("scripts").and_then(Value::as_object);
    let Some(scripts) = scripts else { return Some(found) };
    let mut ahead: Vec<&str> = LIFECYCLE.to_vec();
    let mut seen = BTreeSet::new();
    while let Some(name) = ahead.pop() {
        let Some((name, command)) = scripts.get_key_value(name).filter(|_| seen.insert(name)) else {
            continue;
        };
        found.push(What::Value {
            key: format!("scripts.{name}"),
            value: command.to_string(),
        });
        let command = command.as_str().unwrap_or_default();
        found.extend(commands::files(folder, command)?);
        if found.len() > MOST_OF_A_FILE {
            return None;
        }
        // A script that runs another one names it; `npm run` runs the ones before and after it, too.
        for word in commands::words(command) {
            let around = ["pre", "", "post"].map(|around| format!("{around}{word}"));
            let called = around.iter().filter_map(|name| scripts.get_key_value(name.as_str()));
            ahead.extend(called.map(|(name, _)| name.as_str()));
        }
    }
    Some(found)
}

/// Adds every text in a value.
fn add_texts<'value>(value: &'value Value, all: &mut Vec<&'value str>) {
    match value {
        Value::String(text) => all.push(text),
        Value::Array(items) => items.iter().for_each(|item| add_texts(item, all)),
        Value::Object(entries) => entries.values().for_each(|entry| add_texts(entry, all)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
