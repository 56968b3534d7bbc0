//! Elixir, with Mix.

use super::code::source_dirs;
use super::found::{Commands, DetectedProject, Ecosystem, Names};
use super::tree::Folder;

const MANIFEST: &str = "mix.exs";

pub(super) fn detect(folder: Folder<'_>) -> Vec<DetectedProject> {
    if !folder.has(MANIFEST) {
        return Vec::new();
    }
    let text = folder.text(MANIFEST);
    let mut commands = Commands {
        setup: vec!["mix deps.get".to_owned()],
        build: vec!["mix compile".to_owned()],
        ..Commands::default()
    };
    if folder.has_ending(&["_test.exs"]) {
        commands.test.push("mix test".to_owned());
    }
    if folder.has(".formatter.exs") {
        commands.lint.push("mix format --check-formatted".to_owned());
    }
    if text.contains(":credo") {
        commands.lint.push("mix credo".to_owned());
    }
    if text.contains(":dialyxir") {
        commands.type_check.push("mix dialyzer".to_owned());
    }
    let members = if text.contains("apps_path") {
        folder.members(&["apps/*".to_owned()], MANIFEST)
    } else {
        Vec::new()
    };
    vec![DetectedProject {
        ecosystem: Ecosystem::Elixir,
        folder: folder.name(),
        manifest: MANIFEST.to_owned(),
        package_manager: "mix".to_owned(),
        members,
        source_dirs: source_dirs(folder, &["eex", "ex", "exs", "heex"], &[]),
        commands,
        tools: vec!["elixir".to_owned(), "mix".to_owned()],
        hosts: vec!["hex"],
        names: Names::module(app(text)),
    }]
}

/// Returns the name in `app: :name`.
fn app(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("app: :")?;
    let name = rest.split(|c: char| !(c.is_alphanumeric() || c == '_')).next()?;
    Some(name.to_owned())
}
