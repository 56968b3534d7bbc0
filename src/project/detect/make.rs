//! Makefiles: targets that exist, beside any ecosystem.

use super::found::{Commands, DetectedProject, Ecosystem, Names};
use super::recipes;
use super::tree::Folder;

/// The names that make looks for, in its order.
const MAKEFILES: [&str; 3] = ["GNUmakefile", "makefile", "Makefile"];
/// Names of targets, the usual ones first; the first that exists counts.
pub(super) const TEST: [&str; 3] = ["test", "check", "tests"];
pub(super) const LINT: [&str; 2] = ["lint", "check-lint"];
const BUILD: [&str; 2] = ["build", "all"];
const TYPES: [&str; 4] = ["typecheck", "type-check", "mypy", "types"];

/// Returns the makefile of a folder.
pub(super) fn makefile(folder: Folder<'_>) -> Option<(&'static str, &str)> {
    let name = folder.first(&MAKEFILES)?;
    Some((name, folder.text(name)))
}

/// Returns the command for the first of these targets that a makefile has.
pub(super) fn command(text: &str, targets: &[&str]) -> Option<String> {
    let target = targets.iter().find(|target| has_target(text, target))?;
    Some(format!("make {target}"))
}

/// Returns whether a makefile has a rule for this target.
pub(super) fn has_target(text: &str, target: &str) -> bool {
    text.lines().any(|line| {
        // `:=` and `::=` assign.
        let Some((left, right)) = line.split_once(':') else {
            return false;
        };
        let assigns = right.trim_start_matches(':').starts_with('=');
        !line.starts_with(['\t', ' ', '#', '.']) && !assigns && left.split_whitespace().any(|name| name == target)
    })
}

/// Adds what the makefile at the root has and the projects there have not. Where there is no project at all, a
/// makefile with one of the usual targets is one of its own.
pub(super) fn complete(root: Folder<'_>, projects: &mut Vec<DetectedProject>) {
    let Some((manifest, text)) = makefile(root) else { return };
    let commands = Commands {
        setup: Vec::new(),
        build: command(text, &BUILD).into_iter().collect(),
        test: command(text, &TEST).into_iter().collect(),
        lint: command(text, &LINT).into_iter().collect(),
        type_check: command(text, &TYPES).into_iter().collect(),
    };
    if commands == Commands::default() {
        return;
    }
    let called = called(text, &commands);
    if let Some(first) = projects.iter_mut().find(|project| project.folder == ".") {
        let own = &mut first.commands;
        let mut is_used = false;
        for (own, other) in [
            (&mut own.build, commands.build),
            (&mut own.test, commands.test),
            (&mut own.lint, commands.lint),
            (&mut own.type_check, commands.type_check),
        ] {
            if own.is_empty() && !other.is_empty() {
                *own = other;
                is_used = true;
            }
        }
        if is_used {
            for tool in ["make".to_owned()].into_iter().chain(called) {
                if !first.tools.contains(&tool) {
                    first.tools.push(tool);
                }
            }
        }
    } else if projects.is_empty() {
        projects.push(DetectedProject {
            ecosystem: Ecosystem::Make,
            folder: root.name(),
            manifest: manifest.to_owned(),
            package_manager: "make".to_owned(),
            members: Vec::new(),
            source_dirs: Vec::new(),
            commands,
            hosts: hosts(&called),
            tools: ["make".to_owned()].into_iter().chain(called).collect(),
            names: Names::default(),
        });
    }
}

/// Returns the programs that these commands of make call, where it is known what brings them.
fn called(text: &str, commands: &Commands) -> Vec<String> {
    let all = [&commands.build, &commands.test, &commands.lint, &commands.type_check];
    let targets = all.into_iter().flatten();
    let targets: Vec<&str> = targets.filter_map(|command| command.strip_prefix("make ")).collect();
    let mut programs = recipes::programs(text, &targets);
    programs.retain(|program| program != "make");
    programs
}

/// Returns the presets of hosts from which these programs fetch dependencies.
fn hosts(programs: &[String]) -> Vec<&'static str> {
    let mut hosts = Vec::new();
    for program in programs {
        let host = match program.as_str() {
            "go" => "go",
            "cargo" => "cargo",
            "npm" | "npx" | "node" => "npm",
            "pip3" | "python3" => "pip",
            _ => continue,
        };
        if !hosts.contains(&host) {
            hosts.push(host);
        }
    }
    hosts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_rules_and_not_assignments() {
        let text = "test := x\nlint ::= y\nall: a b\n\tcheck: no\nbuild fast: a\n.PHONY: types\n# tests: x\ncheck::\n";
        for (target, expect) in [
            ("test", false),
            ("lint", false),
            ("all", true),
            ("a", false),
            ("build", true),
            ("fast", true),
            ("types", false),
            ("tests", false),
            ("check", true),
        ] {
            assert_eq!(has_target(text, target), expect, "{target}");
        }
    }
}
