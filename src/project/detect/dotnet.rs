//! .NET: solutions, and projects without one.

use std::collections::BTreeSet;

use super::code::{ending, source_dirs};
use super::found::{Commands, DetectedProject, Ecosystem, Names};
use super::tree::{Folder, shell_word};

const PROJECTS: [&str; 3] = [".csproj", ".fsproj", ".vbproj"];
/// How deep below the root a project is looked for where there is no solution.
const DEEPEST: usize = 3;

/// Finds the solutions of a folder, or at the root of the repository the projects that no solution is above.
pub(super) fn detect(folder: Folder<'_>) -> Vec<DetectedProject> {
    let solutions: Vec<&str> = folder
        .here()
        .filter(|name| matches!(ending(name), Some("sln" | "slnx")))
        .collect();
    let projects: Vec<&str> = folder
        .files()
        .filter(|file| PROJECTS.iter().any(|ending| file.ends_with(ending)) && file.matches('/').count() <= DEEPEST)
        .collect();
    let here = projects
        .iter()
        .filter(|file| !file.contains('/'))
        .copied()
        .collect::<Vec<_>>();
    match solutions.as_slice() {
        [only] => vec![project(folder, only, &projects, None)],
        [first, ..] => vec![project(folder, first, &projects, Some(first))],
        // `dotnet` finds the one project of a folder by itself.
        [] if here.len() == 1 => vec![project(folder, here[0], &projects, None)],
        [] if folder.is_root() && !has_solution_below(folder) => alone(folder, &projects).into_iter().collect(),
        [] => Vec::new(),
    }
}

fn has_solution_below(folder: Folder<'_>) -> bool {
    folder.has_ending(&[".sln", ".slnx"])
}

fn project(folder: Folder<'_>, manifest: &str, projects: &[&str], named: Option<&str>) -> DetectedProject {
    let of = |verb: &str| match named {
        Some(file) => format!("dotnet {verb} {}", shell_word(file)),
        None => format!("dotnet {verb}"),
    };
    let mut commands = Commands {
        build: vec![of("build")],
        ..Commands::default()
    };
    if projects.iter().any(|file| is_test(folder.text(file))) {
        commands.test.push(of("test"));
    }
    if has_style(folder) {
        commands.lint.push(format!("{} --verify-no-changes", of("format")));
    }
    found(folder, manifest, projects, commands)
}

/// Returns what there is without a solution: each project is named in the commands, the tests first by their kind.
fn alone(folder: Folder<'_>, projects: &[&str]) -> Option<DetectedProject> {
    let first = projects.first()?;
    let (tests, others): (Vec<&str>, Vec<&str>) = projects.iter().partition(|file| is_test(folder.text(file)));
    let each = |verb: &str, files: &[&str]| -> Vec<String> {
        files
            .iter()
            .map(|file| format!("dotnet {verb} {}", shell_word(file)))
            .collect()
    };
    let commands = Commands {
        build: each("build", if others.is_empty() { &tests } else { &others }),
        test: each("test", &tests),
        ..Commands::default()
    };
    Some(found(folder, others.first().unwrap_or(first), projects, commands))
}

fn found(folder: Folder<'_>, manifest: &str, projects: &[&str], commands: Commands) -> DetectedProject {
    let members = projects.iter().filter_map(|file| file.rsplit_once('/'));
    let members: BTreeSet<String> = members.map(|(path, _)| folder.join(path)).collect();
    let name = manifest.rsplit('/').next().and_then(|name| name.rsplit_once('.'));
    DetectedProject {
        ecosystem: Ecosystem::DotNet,
        folder: folder.name(),
        manifest: manifest.to_owned(),
        package_manager: "nuget".to_owned(),
        members: members.into_iter().collect(),
        source_dirs: source_dirs(folder, &["cs", "fs", "vb", "razor", "cshtml"], &["build"]),
        commands,
        tools: vec!["dotnet".to_owned()],
        hosts: vec!["nuget"],
        names: Names::module(name.map(|(stem, _)| stem.to_owned())),
    }
}

/// Returns whether a project holds tests, by what it refers to.
fn is_test(text: &str) -> bool {
    const MARKS: [&str; 9] = [
        "microsoft.net.test.sdk",
        "<istestproject>true",
        "testingplatformdotnettestsupport>true",
        "\"microsoft.testing.",
        "\"mstest",
        "mstest.sdk",
        "\"nunit\"",
        "\"tunit\"",
        "\"xunit",
    ];
    let lower = text.to_lowercase();
    MARKS.iter().any(|part| lower.contains(part))
}

/// Returns whether the style of the code is configured, which `dotnet format` checks.
fn has_style(folder: Folder<'_>) -> bool {
    let text = folder.text(".editorconfig");
    text.contains("csharp_") || text.contains("dotnet_")
}
