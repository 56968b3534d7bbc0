//! The `gates` of the configuration that `init` writes.

use std::fmt::Write as _;

use super::projects::{gate_projects, prepared, setup};
use crate::config::quoted;
use crate::project::detect::{DetectedProject, Detection, Ecosystem};

/// Where pytest is made to report its tests.
const TEST_RESULTS: &str = "test-results.xml";

/// Writes the gates.
pub(super) fn write(detection: &Detection, text: &mut String) {
    text.push_str("\n# What must succeed before a task is merged, run in a container of `image`");
    let projects = gate_projects(detection);
    let gates: Vec<String> = match projects.as_slice() {
        [] => {
            text.push_str(
                ". None was found in this\n# repository, and without one everything that an agent commits is merged.\n\
                 #gates: [your test command]\n",
            );
            return;
        }
        [project] => vec![SuggestedGate::of(project).by_name(project)],
        projects => projects
            .iter()
            .map(|project| SuggestedGate::of(project).by_command())
            .collect(),
    };
    text.push_str(": names of `commands`, or command\n# lines. `cordwainer doctor --gates` tries them; one that fails before any work stops a run.\ngates:\n");
    for gate in gates {
        let _ = writeln!(text, "  - {gate}");
    }
}

/// Returns the commands of the gates that are written for a repository: the tests of each project with what they need, or
/// where a folder has none, its build. Projects below one of the same ecosystem are left out, and so is a second build tool
/// of a folder.
pub fn suggested_gates(detection: &Detection) -> Vec<String> {
    let projects = gate_projects(detection);
    projects
        .into_iter()
        .map(|project| SuggestedGate::of(project).command)
        .collect()
}

/// The gate of a project.
pub(super) struct SuggestedGate {
    /// For a shell at the root.
    pub(super) command: String,
    /// The value of `results`, where the command can report its tests by name.
    results: Option<String>,
}

impl SuggestedGate {
    pub(super) fn of(project: &DetectedProject) -> Self {
        let commands = &project.commands;
        let is_compiled = matches!(project.ecosystem, Ecosystem::C | Ecosystem::Cpp);
        let build: &[String] = if is_compiled || commands.test.is_empty() {
            &commands.build
        } else {
            &[]
        };
        let tests = commands.test.iter().map(|command| prepared(project, command));
        let (mut tests, mut results): (Vec<String>, _) = (tests.collect(), None);
        if let [test] = tests.as_mut_slice() {
            results = reporting(test, &project.folder);
        }
        let parts = [setup(project), build, &tests].concat();
        Self {
            command: project.in_root(&parts.join(" && ")),
            results,
        }
    }

    /// Writes it as an entry that names a command of `commands`.
    fn by_name(&self, project: &DetectedProject) -> String {
        let name = if project.commands.test.is_empty() {
            "build"
        } else {
            "test"
        };
        match &self.results {
            Some(results) => format!("{{name: {name}, results: {}}}", quoted(results)),
            None => name.to_owned(),
        }
    }

    /// Writes it as an entry with its command.
    fn by_command(&self) -> String {
        let command = quoted(&self.command);
        match &self.results {
            Some(results) => format!("{{command: {command}, results: {}}}", quoted(results)),
            // A word alone would be the name of one of `commands`.
            None if !self.command.contains(char::is_whitespace) => format!("{{command: {command}}}"),
            None => command,
        }
    }
}

/// Makes of a test command one that reports its tests by name, if it is known how; returns the value of `results`.
fn reporting(test: &mut String, folder: &str) -> Option<String> {
    if test.starts_with("cargo test") && !test.contains(" -- ") {
        if !test.contains("--no-fail-fast") {
            test.push_str(" --no-fail-fast");
        }
        Some("cargo".to_owned())
    } else if let Some(rest) = test.strip_prefix("go test ") {
        *test = format!("go test -json {rest}");
        Some("go".to_owned())
    } else if test.ends_with("pytest") && !test.contains("--directory") {
        test.push_str(&format!(" --junit-xml={TEST_RESULTS}"));
        let is_root = folder == ".";
        Some(if is_root {
            TEST_RESULTS.to_owned()
        } else {
            format!("{folder}/{TEST_RESULTS}")
        })
    } else {
        None
    }
}
