//! The `commands` of the configuration that `init` writes.

use std::fmt::Write as _;

use super::gates::SuggestedGate;
use super::projects::{gate_projects, needed, preparation, prepared, setup};
use crate::config::quoted;
use crate::project::detect::{DetectedProject, Detection};

/// Writes the project's own commands: what fetches its dependencies, and where there is one project alone, all of them by
/// name.
pub(super) fn write(detection: &Detection, text: &mut String) {
    let projects = gate_projects(detection);
    let mut named = Vec::new();
    if let Some(prepare) = preparations(&projects) {
        named.push(("prepare", prepare));
    }
    if let [project] = projects.as_slice() {
        named.extend(own_commands(project));
    }
    if named.is_empty() {
        return;
    }
    text.push_str("\n# The project's own commands, as they were found.");
    if named.iter().any(|(name, _)| *name == "prepare") {
        text.push_str(
            " `prepare` fetches the dependencies, once for each state of\n# their lock files: tasks and gates get what it \
             leaves in folders that git ignores, and the package managers' caches.",
        );
    }
    text.push_str("\ncommands:\n");
    for (name, command) in named {
        let _ = writeln!(text, "  {name}: {}", quoted(&command));
    }
}

/// Returns what fetches the dependencies of some projects, for a shell at the root.
fn preparations(projects: &[&DetectedProject]) -> Option<String> {
    let commands: Vec<String> = projects.iter().copied().filter_map(preparation).collect();
    if let [command] = commands.as_slice() {
        return Some(command.clone());
    }
    // One that changes its folder must not change that of the next.
    let alone = commands.iter().map(|command| {
        if command.starts_with("cd ") {
            format!("({command})")
        } else {
            command.clone()
        }
    });
    let each: Vec<String> = alone.collect();
    (!each.is_empty()).then(|| each.join(" && "))
}

/// Returns the commands of a project that has a gate, by their names in `commands`. Each can be run by itself.
fn own_commands(project: &DetectedProject) -> Vec<(&'static str, String)> {
    let commands = &project.commands;
    let of = |parts: &[String]| {
        let parts: Vec<String> = parts.iter().map(|command| prepared(project, command)).collect();
        let parts = [setup(project), &parts].concat();
        project.in_root(&parts.join(" && "))
    };
    let test = SuggestedGate::of(project);
    let mut named = Vec::new();
    if !commands.build.is_empty() {
        named.push(("build", of(&commands.build)));
    }
    if !commands.test.is_empty() {
        named.push(("test", test.command));
    }
    // What only a linter needs is not among the tools of the image.
    let has_tools = |command: &String| {
        let program = command.split_whitespace().next().unwrap_or_default();
        needed(project).any(|tool| tool == program)
    };
    if !commands.lint.is_empty() && commands.lint.iter().all(has_tools) {
        named.push(("lint", of(&commands.lint)));
    }
    named
}
