//! `pyproject.toml`: the project's own build backend (PEP 517), and the scripts that backends run during a build.

use toml::{Table, Value};

use super::tree::joined;
use super::what::What;

pub(super) fn read(folder: &str, text: &str) -> Option<Vec<What>> {
    let table: Table = text.parse().ok()?;
    let mut paths = Vec::new();
    let system = table.get("build-system");
    let backend = system.and_then(|system| system.get("backend-path"));
    add_texts(backend, &mut paths);
    let tool = |keys: &[&str]| keys.iter().try_fold(table.get("tool")?, |value, key| value.get(key));
    let poetry = tool(&["poetry", "build"]);
    add_texts(poetry.and_then(|build| build.get("script")).or(poetry), &mut paths);
    add_texts(tool(&["pdm", "build", "custom-hook"]), &mut paths);
    if let Some(hatch) = tool(&["hatch"]) {
        add_hooks(hatch, &mut paths);
    }
    let found = paths.into_iter().filter_map(|path| joined(folder, path));
    Some(found.map(What::Path).collect())
}

/// Adds the paths of `custom` hooks, in every place where hatch allows them.
fn add_hooks<'table>(value: &'table Value, paths: &mut Vec<&'table str>) {
    for (key, below) in value.as_table().into_iter().flatten() {
        if key == "custom" {
            add_texts(below.get("path"), paths);
        }
        add_hooks(below, paths);
    }
}

/// Adds a text, or those of a list.
fn add_texts<'table>(value: Option<&'table Value>, paths: &mut Vec<&'table str>) {
    match value {
        Some(Value::String(text)) => paths.push(text),
        Some(Value::Array(items)) => paths.extend(items.iter().filter_map(Value::as_str)),
        _ => {}
    }
}
