//! Cargo.

use super::code::source_dirs;
use super::found::{Commands, DetectedProject, Ecosystem, Names};
use super::manifest::{at, text_at, texts_at, toml};
use super::tree::Folder;

const MANIFEST: &str = "Cargo.toml";

pub(super) fn detect(folder: Folder<'_>) -> Vec<DetectedProject> {
    if !folder.has(MANIFEST) {
        return Vec::new();
    }
    let table = toml(folder.text(MANIFEST));
    let is_workspace = table.contains_key("workspace");
    let members = if is_workspace {
        members(folder, &table)
    } else {
        Vec::new()
    };
    let all = if members.is_empty() { "" } else { " --workspace" };
    let mut lint = Vec::new();
    if folder.has_any(&["clippy.toml", ".clippy.toml"])
        || [&["lints", "clippy"][..], &["workspace", "lints", "clippy"]]
            .iter()
            .any(|keys| at(&table, keys).is_some())
    {
        lint.push(format!("cargo clippy{all} --all-targets"));
    }
    if folder.has_any(&["rustfmt.toml", ".rustfmt.toml"]) {
        lint.push(format!(
            "cargo fmt{} --check",
            if all.is_empty() { "" } else { " --all" }
        ));
    }
    vec![DetectedProject {
        ecosystem: Ecosystem::Rust,
        folder: folder.name(),
        manifest: MANIFEST.to_owned(),
        package_manager: "cargo".to_owned(),
        source_dirs: source_dirs(folder, &["rs"], &[]),
        commands: Commands {
            build: vec![format!("cargo build{all}")],
            test: vec![format!("cargo test{all}")],
            lint,
            type_check: vec![format!("cargo check{all}")],
            ..Commands::default()
        },
        tools: vec!["cargo".to_owned()],
        hosts: vec!["cargo"],
        names: names(folder, &table),
        members,
    }]
}

/// Returns the members: those that are named, and the packages below the root on whose path another one depends, which
/// cargo takes for members unless they are excluded. A package with a workspace of its own is neither.
fn members(folder: Folder<'_>, table: &toml::Table) -> Vec<String> {
    let mut globs = texts_at(table, &["workspace", "members"]);
    let dependencies = ["dependencies", "dev-dependencies", "build-dependencies"].map(|kind| table.get(kind));
    let shared = at(table, &["workspace", "dependencies"]);
    let dependencies = dependencies
        .into_iter()
        .chain([shared])
        .flatten()
        .filter_map(toml::Value::as_table);
    let paths = dependencies
        .flat_map(|table| table.values())
        .filter_map(|value| value.get("path")?.as_str());
    globs.extend(paths.map(str::to_owned));
    let excluded = texts_at(table, &["workspace", "exclude"]);
    globs.extend(
        excluded
            .iter()
            .flat_map(|path| [format!("!{path}"), format!("!{path}/**")]),
    );
    let found = folder.members(&globs, MANIFEST);
    let own = |path: &String| {
        let below = path.strip_prefix(&folder.join("")).unwrap_or(path);
        toml(folder.text(&format!("{below}/{MANIFEST}"))).contains_key("workspace")
    };
    found.into_iter().filter(|path| !own(path)).collect()
}

fn names(folder: Folder<'_>, table: &toml::Table) -> Names {
    let package = text_at(table, &["package", "name"]);
    let bins = table.get("bin").and_then(toml::Value::as_array);
    let named = bins.and_then(|bins| bins.first()?.get("name")?.as_str().map(str::to_owned));
    let has_main = folder.has("src/main.rs");
    Names {
        binary_name: named.or_else(|| package.clone().filter(|_| has_main)),
        module_path: package,
        main_package: None,
    }
}
