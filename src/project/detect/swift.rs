//! Swift packages.

use super::code::source_dirs;
use super::found::{Commands, DetectedProject, Ecosystem, Names};
use super::tree::Folder;

const MANIFEST: &str = "Package.swift";

pub(super) fn detect(folder: Folder<'_>) -> Vec<DetectedProject> {
    if !folder.has(MANIFEST) {
        return Vec::new();
    }
    let text = folder.text(MANIFEST);
    let mut commands = Commands {
        build: vec!["swift build".to_owned()],
        ..Commands::default()
    };
    if text.contains(".testTarget") {
        commands.test.push("swift test".to_owned());
    }
    let mut tools = vec!["swift".to_owned()];
    if folder.has_any(&[".swiftlint.yml", ".swiftlint.yaml"]) {
        commands.lint.push("swiftlint --strict".to_owned());
        tools.push("swiftlint".to_owned());
    }
    if folder.has(".swift-format") {
        commands
            .lint
            .push("swift format lint --recursive --strict .".to_owned());
    }
    vec![DetectedProject {
        ecosystem: Ecosystem::Swift,
        folder: folder.name(),
        manifest: MANIFEST.to_owned(),
        package_manager: "swift".to_owned(),
        members: Vec::new(),
        source_dirs: source_dirs(folder, &["swift"], &[]),
        commands,
        tools,
        hosts: vec!["swift"],
        names: Names::module(name(text)),
    }]
}

/// Returns the first `name: "…"`, which is the package's own.
fn name(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("name:")?;
    let (_, rest) = rest.split_once('"')?;
    rest.split_once('"').map(|(name, _)| name.to_owned())
}
