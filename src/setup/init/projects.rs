//! The projects of a repository that the configuration which `init` writes is about, and what each of them needs.

use crate::config::CACHE_FOLDER;
use crate::project::detect::{DetectedProject, Detection};

/// How the commands of a project in Python begin.
const PYTHON: &str = "python3 ";
/// How many gates are written.
const MOST_GATES: usize = 6;

/// Returns the projects that have tests, and those with a build alone where no project in the same folder has tests:
/// that of a site's assets says little.
pub(super) fn gate_projects(detection: &Detection) -> Vec<&DetectedProject> {
    let has_tests = |project: &DetectedProject| !project.commands.test.is_empty();
    let is_tested = |folder: &str| main_projects(detection).any(|other| other.folder == folder && has_tests(other));
    let projects = main_projects(detection)
        .filter(|project| has_tests(project) || (!project.commands.build.is_empty() && !is_tested(&project.folder)));
    projects.take(MOST_GATES).collect()
}

/// Returns the projects that are not part of another one of their ecosystem.
pub(super) fn main_projects(detection: &Detection) -> impl Iterator<Item = &DetectedProject> {
    let projects = &detection.projects;
    projects.iter().enumerate().filter_map(move |(index, project)| {
        let is_first = projects[..index].iter().all(|other| {
            let is_above = other.folder == "."
                || other.folder == project.folder
                || project.folder.starts_with(&format!("{}/", other.folder));
            other.ecosystem != project.ecosystem || !is_above
        });
        is_first.then_some(project)
    })
}

/// Returns the command that fetches the dependencies of a project, for a shell at the root; `None` where none is known that
/// keeps them in the project's folder or in a cache.
pub(super) fn preparation(project: &DetectedProject) -> Option<String> {
    let setup = project.commands.setup.first().map(String::as_str);
    let command = match project.package_manager.as_str() {
        "cargo" => "cargo fetch",
        "go" => "go mod download",
        "maven" => "mvn --batch-mode dependency:go-offline",
        "pip" => return virtual_environment(project),
        "npm" | "pnpm" | "yarn" | "bun" | "uv" | "composer" | "mix" => setup?,
        _ => return None,
    };
    Some(project.in_root(command))
}

/// Returns the command that makes a virtual environment in the caches, and has pip install the dependencies there: it refuses
/// to in the Python of a distribution (PEP 668).
fn virtual_environment(project: &DetectedProject) -> Option<String> {
    let mut install = project.commands.setup.first()?.strip_prefix(PYTHON)?.to_owned();
    // A package does not depend on what tests it.
    if install.ends_with("--editable .") && project.commands.test.iter().any(|test| test.ends_with("pytest")) {
        install.push_str(" pytest");
    }
    Some(project.in_root(&format!(
        "python3 -m venv --system-site-packages --without-pip {CACHE_FOLDER}/venv && {CACHE_FOLDER}/venv/bin/python {install}"
    )))
}

/// Returns a command of a project as it is run with what [`preparation`] made.
pub(super) fn prepared(project: &DetectedProject, command: &str) -> String {
    match command.strip_prefix(PYTHON) {
        Some(rest) if project.package_manager == "pip" && preparation(project).is_some() => {
            format!("{CACHE_FOLDER}/venv/bin/python {rest}")
        }
        _ => command.to_owned(),
    }
}

/// Returns what a command of a project needs before it that [`preparation`] does not do.
pub(super) fn setup(project: &DetectedProject) -> &[String] {
    if preparation(project).is_some() {
        &[]
    } else {
        &project.commands.setup
    }
}

/// Returns the tools of a project without those that only a linter needs.
pub(super) fn needed(project: &DetectedProject) -> impl Iterator<Item = String> {
    let tools = project
        .tools
        .iter()
        .filter(|tool| !["golangci-lint", "swiftlint"].contains(&tool.as_str()));
    tools.cloned()
}
