//! The text of the configuration that `init` writes: what was found, and the few other keys that matter at the start.
//!
//! What is set is safe for the code that is there, and so is each line that could be set by taking away its `#`:
//! `preserve_sources: true` always stands beside `source_dirs`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::base::BaseBranch;
use super::projects::{main_projects, needed};
use super::{commands, gates};
use crate::config::{Config, quoted, toolchain};
use crate::project::detect::Detection;

/// Returns the file; `schema` is where an editor finds the schema.
pub(super) fn text(detection: &Detection, base: &BaseBranch, schema: Option<&str>) -> String {
    let mut text = String::new();
    if let Some(schema) = schema {
        let _ = writeln!(text, "# yaml-language-server: $schema={schema}");
    }
    text.push_str(
        "# How cordwainer works on this repository. `cordwainer config check` checks this file. It has the keys that\n\
         # matter at the start; `cordwainer config show` prints all of them with the values in effect, and cordwainer's\n\
         # configuration.example.yaml describes them. To set a key that has a `#` before it, take the `#` away.\n",
    );
    names(detection, &mut text);
    let _ = write!(
        text,
        "\n# The branch that generations begin on and are merged into: {}.\nbase_branch: {}\n",
        base.reason,
        quoted(&base.name)
    );
    sources(detection, &mut text);
    documents(detection, &mut text);
    network(detection, &mut text);
    image(detection, &mut text);
    commands::write(detection, &mut text);
    gates::write(detection, &mut text);
    text.push_str(
        "\n# What one generation may cost at most. Nothing limits it by default.\n#budget: {usd: 20}\n\
         \n# How often one run proposes tasks and works on them: once by default.\n#cycles: 3\n",
    );
    text
}

fn names(detection: &Detection, text: &mut String) {
    let names = &detection.names;
    let keys = [
        ("module_path", &names.module_path),
        ("binary_name", &names.binary_name),
        ("main_package", &names.main_package),
    ];
    if keys.iter().any(|(_, value)| value.is_some()) {
        text.push_str("\n# Names for templates.\n");
    }
    for (key, value) in keys {
        if let Some(value) = value {
            let _ = writeln!(text, "{key}: {}", quoted(value));
        }
    }
}

fn sources(detection: &Detection, text: &mut String) {
    text.push_str("\n# A generation continues from the code that is there");
    let source_dirs = source_dirs(detection);
    if source_dirs.is_empty() {
        text.push_str(".\n");
    } else {
        let _ = write!(
            text,
            ". With `false`, `start` clears these folders on its\n# branch, to write the software anew.\n\
             source_dirs: {}\n",
            list(&source_dirs)
        );
    }
    text.push_str("preserve_sources: true\n");
}

/// Returns the source folders that the configuration accepts: not those that are never cleared, such as `xtask`.
pub(super) fn source_dirs(detection: &Detection) -> Vec<String> {
    let dirs = detection.source_dirs.iter();
    let accepted = dirs.filter(|dir| Config::parse(&format!("source_dirs: [{}]\n", quoted(dir)), "").is_ok());
    accepted.cloned().collect()
}

fn documents(detection: &Detection, text: &mut String) {
    // The client reads its own file by itself.
    let documents = detection
        .documents
        .iter()
        .filter(|document| !document.eq_ignore_ascii_case("claude.md"));
    let documents: Vec<&str> = documents.map(String::as_str).collect();
    if documents.is_empty() {
        return;
    }
    let _ = write!(
        text,
        "\n# Documents that every prompt includes in full. Agents can read all others, too, in their worktree.\n\
         #context_files: {}\n",
        list(&documents)
    );
}

fn network(detection: &Detection, text: &mut String) {
    text.push_str("\n# Hosts that containers can reach, beside the model's API");
    let hosts = hosts(detection);
    if hosts.is_empty() {
        text.push_str(".\n#network: {allow: [docs.example.org]}\n");
        return;
    }
    let _ = write!(
        text,
        ": here those that packages are downloaded from.\n# Agents could send anything they read to them.\n\
         network:\n  allow: {}\n",
        list(&hosts)
    );
}

fn image(detection: &Detection, text: &mut String) {
    let ImageTools { known, unknown } = image_tools(detection);
    if known.is_empty() && unknown.is_empty() {
        return;
    }
    text.push_str("\n# The image that agents and gates run in");
    if known.is_empty() {
        let _ = write!(
            text,
            " needs {}: `cordwainer image build --base IMAGE` adds the\n# client to an image that has it.\n",
            unknown.join(" and ")
        );
    } else {
        let tools: Vec<String> = known
            .iter()
            .map(|(name, version)| format!("{name}: {}", quoted(version)))
            .collect();
        let _ = write!(
            text,
            ": `cordwainer image build` makes it, with these tools. What is of the\n\
             # `distribution` may be older than the project needs: `base: IMAGE` beside `tools` names an image with other packages.\n\
             image:\n  build:\n    tools: {{{}}}\n",
            tools.join(", ")
        );
        if !unknown.is_empty() {
            let _ = writeln!(
                text,
                "# It lacks {}, which no tool here brings: install it with `run` beside `tools`.",
                unknown.join(" and ")
            );
        }
    }
    if !unknown.is_empty() {
        let proofs: Vec<String> = unknown.iter().map(|tool| format!("{tool} --version")).collect();
        let _ = writeln!(text, "#container: {{toolchain: {}}}", list(&proofs));
    }
}

/// Returns the presets of `network.allow` that the projects need, each once.
pub(super) fn hosts(detection: &Detection) -> Vec<&'static str> {
    unique(detection.projects.iter().flat_map(|project| &project.hosts).copied())
}

/// Returns the programs that the image needs to build and test the projects, each once.
pub(super) fn tools(detection: &Detection) -> Vec<String> {
    unique(main_projects(detection).flat_map(needed))
}

/// What the projects need of the image.
pub(super) struct ImageTools {
    /// The names of tools of `image.build.tools`, each with `distribution` or a version.
    pub(super) known: BTreeMap<&'static str, &'static str>,
    /// Programs that none of them brings.
    pub(super) unknown: Vec<String>,
}

/// Returns which tools bring the programs that the projects need.
pub(super) fn image_tools(detection: &Detection) -> ImageTools {
    let mut known = BTreeMap::new();
    let mut unknown = Vec::new();
    for program in tools(detection) {
        match toolchain::tool_of_program(&program) {
            Some(tool) if tool.packages.is_empty() => drop(known.insert(tool.name, tool.first_version)),
            Some(tool) => drop(known.insert(tool.name, "distribution")),
            None => unknown.push(program),
        }
    }
    ImageTools { known, unknown }
}

fn unique<T: PartialEq>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut found = Vec::new();
    for item in items {
        if !found.contains(&item) {
            found.push(item);
        }
    }
    found
}

fn list<T: AsRef<str>>(items: &[T]) -> String {
    let items: Vec<String> = items.iter().map(|item| quoted(item.as_ref())).collect();
    format!("[{}]", items.join(", "))
}
