//! `base ◂ model ◂ adapters ◂ flow ◂ surface`: nothing imports to the right.

use super::{Text, below, report};

/// Which layer each file of `src/` is in, with the folder of its name. From left to right.
const LAYERS: [(&str, &[&str]); 5] = [
    (
        "base",
        &[
            "crash",
            "error",
            "fs",
            "interruption",
            "lines",
            "redact",
            "testing",
            "text",
            "world",
        ],
    ),
    (
        "model",
        &[
            "agent",
            "attempt",
            "budget",
            "config",
            "event",
            "generation",
            "graph",
            "guarantee",
            "issue",
            "ledger",
            "metering",
            "network",
            "pause",
            "plan",
            "proposal",
            "protected",
            "retry",
        ],
    ),
    (
        "adapters",
        &[
            "config_file",
            "credential",
            "engine",
            "gateway",
            "git",
            "history",
            "image",
            "pause_file",
            "prompt",
            "record",
            "scaffold",
            "store",
        ],
    ),
    (
        "flow",
        &[
            "call",
            "doctor",
            "driver",
            "gate",
            "judgement",
            "generator",
            "materials",
            "measure",
            "obeyed",
            "pausing",
            "preflight",
            "recover",
            "stitch",
            "suspend",
            "task_commit",
            "work",
        ],
    ),
    ("surface", &["cli", "lib", "main", "report"]),
];

/// What the model never touches, and where it belongs.
const FOREIGN_TO_THE_MODEL: [(&str, &str); 5] = [
    ("tokio", "waiting belongs to the flow"),
    ("bollard", "containers belong to `engine`"),
    ("git2", "repositories belong to `git`"),
    ("std::fs", "files belong to the adapters"),
    ("std::process::Command", "processes belong to the adapters"),
];

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|(_, modules)| modules.contains(&module))
}

/// The module at the top of `src/` that a file belongs to.
fn module(path: &str) -> &str {
    let first = path.strip_prefix("src/").unwrap_or(path).split('/').next();
    let first = first.unwrap_or_default();
    first.strip_suffix(".rs").unwrap_or(first)
}

#[test]
fn every_file_is_in_a_layer() {
    let mut problems = Vec::new();
    for file in below("src/").iter().filter(|file| file.is_rust()) {
        if layer(module(&file.path)).is_none() {
            problems.push(format!(
                "{}: `{}` is in no layer: put it into the table in tests/it/tidy/layers.rs, and into ARCHITECTURE.md",
                file.path,
                module(&file.path)
            ));
        }
    }
    report(&problems);
}

#[test]
fn nothing_imports_to_the_right() {
    let files = below("src/");
    let problems: Vec<_> = files
        .iter()
        .filter(|file| file.is_rust())
        .flat_map(wrong_imports)
        .collect();
    report(&problems);
}

fn wrong_imports(file: &Text) -> Vec<String> {
    let Some(own) = layer(module(&file.path)) else {
        return Vec::new();
    };
    let mut problems = Vec::new();
    for (line, imported) in imports(file) {
        if let Some(other) = layer(&imported).filter(|other| *other > own) {
            problems.push(format!(
                "{}:{line}: `crate::{imported}` is in {}, to the right of {}: let the caller hand over what is \
                 needed, or move the code",
                file.path, LAYERS[other].0, LAYERS[own].0
            ));
        }
    }
    problems
}

/// The modules of this crate that a file names, each with its line: `crate::a…`, `use crate::{a, b::c}`.
fn imports(file: &Text) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut group = false;
    for (number, line) in file.code_without_tests() {
        let mut rest = line;
        if group {
            found.extend(names(line).map(|name| (number, name)));
            group = !line.contains("};");
            continue;
        }
        while let Some((_, after)) = rest.split_once("crate::") {
            rest = after;
            if let Some(inside) = after.strip_prefix('{') {
                found.extend(names(inside).map(|name| (number, name)));
                group = !inside.contains("};");
            } else {
                found.push((number, identifier(after).to_owned()));
            }
        }
    }
    found
}

/// The first words between the commas of a group of imports.
fn names(group: &str) -> impl Iterator<Item = String> {
    let parts = group.split([',', '}']).map(|part| identifier(part.trim()).to_owned());
    parts.filter(|name| !name.is_empty())
}

fn identifier(text: &str) -> &str {
    let end = text.find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
    &text[..end.unwrap_or(text.len())]
}

#[test]
fn imports_are_found_wherever_they_stand() {
    let file = Text {
        path: "src/store.rs".to_owned(),
        text: "use crate::{cli, git::Git};\n// crate::driver\nlet x = crate::report::y(crate::text::z);\n\
               use crate::{\n    driver::Work,\n    error,\n};\n#[cfg(test)]\nuse crate::stitch;\n"
            .to_owned(),
    };
    let expect = [
        (1, "cli"),
        (1, "git"),
        (3, "report"),
        (3, "text"),
        (5, "driver"),
        (6, "error"),
    ];
    let expect: Vec<_> = expect.map(|(line, name)| (line, name.to_owned())).into();
    assert_eq!(imports(&file), expect);
    let problems = wrong_imports(&file);
    assert_eq!(problems.len(), 3, "{problems:?}");
    assert!(problems[0].starts_with("src/store.rs:1: `crate::cli` is in surface, to the right of adapters"));
}

#[test]
fn the_model_is_pure() {
    let mut problems = Vec::new();
    let files = below("src/");
    for file in files.iter().filter(|file| layer(module(&file.path)) == Some(1)) {
        for (number, line) in file.code() {
            for (name, mend) in FOREIGN_TO_THE_MODEL.iter().filter(|(name, _)| names_path(line, name)) {
                problems.push(format!("{}:{number}: `{name}` in the model: {mend}", file.path));
            }
        }
    }
    report(&problems);
}

/// Whether a line names a crate or a path, and not a longer name that ends like it.
fn names_path(line: &str, name: &str) -> bool {
    let whole = |start: usize| {
        let before = line[..start].chars().next_back();
        !before.is_some_and(|letter| letter.is_ascii_alphanumeric() || letter == '_')
    };
    let found = line.match_indices(name).filter(|(start, _)| whole(*start));
    found
        .map(|(start, _)| &line[start + name.len()..])
        .any(|rest| rest.starts_with("::") || rest.starts_with(';') || name.contains("::"))
}
