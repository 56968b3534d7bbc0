//! The schema and the example: both say what the reader takes.

use std::collections::BTreeSet;

use cordwainer::config::{Config, example, schema};
use serde_json::Value;

fn validator() -> jsonschema::Validator {
    let schema: Value = serde_json::from_str(&schema()).expect("the schema is JSON");
    jsonschema::validator_for(&schema).expect("the schema is a schema")
}

fn value(yaml: &str) -> Value {
    serde_yaml::from_str(yaml).unwrap_or_else(|error| panic!("{yaml}: {error}"))
}

#[test]
fn the_schema_takes_the_example_and_what_is_shown() {
    let validator = validator();
    assert!(validator.is_valid(&value(&example())));
    let shown = serde_json::to_value(Config::default()).expect("a configuration can be written");
    assert!(validator.is_valid(&shown));
}

/// Schema and reader agree on what an editor can know.
#[test]
fn the_schema_and_the_reader_agree() {
    let validator = validator();
    for (yaml, good) in [
        ("{}", true),
        ("nonsense: 1", false),
        (
            "network: {allow: [npm, {host: a.example.org, paths: [/a/*], methods: [GET], roles: [gates]}]}",
            true,
        ),
        (
            "stages: [stitch, {name: docs, prompt: p.md, may_change: [docs/**]}]\n\
             network: {allow: [{host: a.example.org, roles: [docs, stitch]}]}\n\
             mcp: {a: {command: [b], tools: {stitch: [x], docs: [x]}}}",
            true,
        ),
        ("network: {allow: [{host: a.example.org, roles: [Docs]}]}", false),
        ("mcp: {a: {command: [b], tools: {optimize: [x]}}}", false),
        ("network: {allow: [{paths: [/a/*]}]}", false),
        ("network: {allow: [{host: a.example.org, roles: [optimize]}]}", false),
        ("container: {memry: 4g}", false),
        ("gates: [{command: make, timout: 3m}]", false),
        ("gates: [{timeout: 3m}]", false),
        ("gates: [{command: x, serve: {command: y}}]", false),
        ("gates: [{command: x, serve: {command: y, port: 80}}]", false),
        (
            "gates: [{files: [docs/*.md]}, {command: x, serve: {command: y, port: 3000}, when: {paths: [a/**]}}]",
            true,
        ),
        (
            "commands: {test: make test}\ngates: [{name: test, results: cargo, compare: strict}]",
            true,
        ),
        ("gates: [make all, {command: x, timeout: 1h}]", true),
        ("container: {mounts: [{source: /a, target: /b}, '/c:/d']}", true),
        ("container: {mounts: [{source: /a}]}", false),
        ("go_source_dirs: [src]", true),
        ("max_issues: 0", false),
        ("max_issues: ten", false),
        ("cycles: off", true),
        ("cycles: false", true),
        ("cycles: true", false),
        ("stitch: {budget_usd: 0.005}", false),
        ("stitch: {budget_usd: 0.01}", true),
        ("container: {cpus: 0.001}", false),
        ("container: {memory: 512m, cpus: 1.5, user: 1000, env: [A=1]}", true),
        ("container: {memory: 512x}", false),
        ("container: {env: [A]}", false),
        ("container: {engine: lxc}", false),
        ("stitch: {timeout: 1h30m, effort: high}", true),
        ("stitch: {timeout: soon}", false),
        ("limits: {wait: always, overage: forbid}", true),
        ("limits: {wait: forever}", false),
        ("claude_args: -p --verbose --output-format stream-json", true),
        ("module_path: 12", false),
        ("source_dirs: src", false),
        (
            "image: {build: {tools: {rust: distribution, node: 20}, run: [a]}}",
            true,
        ),
        ("image: {build: {tools: {rst: distribution}}}", false),
        ("image: {build: {package: [jq]}}", false),
        ("image: {}", false),
        ("source_dirs:", true),
    ] {
        assert_eq!(validator.is_valid(&value(yaml)), good, "the schema on `{yaml}`");
        assert_eq!(Config::parse(yaml, "c.yaml").is_ok(), good, "the reader on `{yaml}`");
    }
}

/// The dotted keys that a schema has, without the older names.
fn keys_of_schema(schema: &Value, section: &str, keys: &mut BTreeSet<String>) {
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        if property["deprecated"] == Value::Bool(true) {
            continue;
        }
        let below = &property["anyOf"][0];
        let dotted = if section.is_empty() {
            name.clone()
        } else {
            format!("{section}.{name}")
        };
        if below["properties"].is_object() {
            keys_of_schema(below, &dotted, keys);
        } else {
            keys.insert(dotted);
        }
    }
}

fn keys_of_example() -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    for (name, value) in value(&example()).as_object().expect("the example is a mapping") {
        match value.as_object().filter(|below| !below.is_empty()) {
            Some(below) => keys.extend(below.keys().map(|key| format!("{name}.{key}"))),
            None => {
                keys.insert(name.clone());
            }
        }
    }
    keys
}

#[test]
fn the_example_names_every_key() {
    let schema: Value = serde_json::from_str(&schema()).expect("the schema is JSON");
    let mut keys = BTreeSet::new();
    keys_of_schema(&schema, "", &mut keys);
    assert!(keys.len() > 70, "{keys:?}");
    // What the roles have in common is shown once.
    let shown = keys_of_example();
    let of_first = |key: &str| key.replace("stitch.", "measure.").replace("review.", "measure.");
    let is_shown = |key: &String| shown.contains(key) || shown.contains(&of_first(key));
    assert!(keys.iter().all(is_shown) && shown.is_subset(&keys), "{shown:?}");
}

/// A key that the table has and nobody reads would be accepted and do nothing: every one must refuse nonsense.
#[test]
fn every_key_is_read() {
    let schema: Value = serde_json::from_str(&schema()).expect("the schema is JSON");
    let mut keys = BTreeSet::new();
    keys_of_schema(&schema, "", &mut keys);
    for key in keys {
        let nonsense = match key.split_once('.') {
            Some((section, name)) => format!("{section}: {{{name}: [[{{}}]]}}"),
            None => format!("{key}: [[{{}}]]"),
        };
        let problems = Config::parse(&nonsense, "c.yaml").err();
        let named = problems.is_some_and(|problems| problems.iter().any(|problem| problem.key.starts_with(&key)));
        assert!(named, "`{key}` is not read: {nonsense}");
    }
}
