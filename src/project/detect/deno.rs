//! Deno.

use serde_json::Value;

use super::code::source_dirs;
use super::found::{Commands, DetectedProject, Ecosystem, Names};
use super::manifest::{json, json_texts};
use super::node::ENDINGS;
use super::tree::Folder;

/// How the names of files end in which `deno test` looks for tests.
const TESTS: [&str; 10] = [
    "_test.js",
    "_test.jsx",
    "_test.mjs",
    "_test.ts",
    "_test.tsx",
    ".test.js",
    ".test.jsx",
    ".test.mjs",
    ".test.ts",
    ".test.tsx",
];

pub(super) fn detect(folder: Folder<'_>) -> Vec<DetectedProject> {
    let Some(manifest) = folder.first(&["deno.json", "deno.jsonc"]) else {
        return Vec::new();
    };
    let settings = json(folder.text(manifest));
    let workspace = &settings["workspace"];
    let mut globs = json_texts(workspace);
    globs.extend(json_texts(&workspace["members"]));
    vec![DetectedProject {
        ecosystem: Ecosystem::Deno,
        folder: folder.name(),
        manifest: manifest.to_owned(),
        package_manager: "deno".to_owned(),
        members: folder.members(&globs, manifest),
        source_dirs: source_dirs(folder, &ENDINGS, &[]),
        commands: commands(folder, &settings),
        tools: vec!["deno".to_owned()],
        hosts: vec!["deno"],
        names: Names::module(settings["name"].as_str().map(str::to_owned)),
    }]
}

fn commands(folder: Folder<'_>, settings: &Value) -> Commands {
    let task = |names: &[&str]| {
        let name = names.iter().find(|name| !settings["tasks"][**name].is_null())?;
        Some(format!("deno task {name}"))
    };
    let has_tests = folder.has_ending(&TESTS);
    let test = task(&["test"]).or_else(|| has_tests.then(|| "deno test".to_owned()));
    let lint = task(&["lint"]).or_else(|| settings["lint"].is_object().then(|| "deno lint".to_owned()));
    let format = settings["fmt"].is_object().then(|| "deno fmt --check".to_owned());
    Commands {
        setup: Vec::new(),
        build: task(&["build"]).into_iter().collect(),
        test: test.into_iter().collect(),
        lint: lint.into_iter().chain(format).collect(),
        type_check: task(&["check", "typecheck", "type-check"]).into_iter().collect(),
    }
}
