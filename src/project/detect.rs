//! What a repository is made of: ecosystems, how they are built and tested, documents and names. [`detect`] is a pure
//! function over a [`Tree`] and finds facts alone: what no rule here knows is returned as unrecognized, never guessed.

mod c;
mod code;
mod deno;
mod documents;
mod dotnet;
mod elixir;
mod found;
mod go;
mod jvm;
mod make;
mod manifest;
mod node;
mod php;
mod python;
mod recipes;
mod ruby;
mod rust;
mod swift;
mod tree;
mod unrecognized;

use std::collections::BTreeSet;

pub use self::found::{Commands, DetectedProject, Detection, Ecosystem, Names, Unrecognized};
pub use self::tree::Tree;
pub(crate) use self::tree::shell_word;

use self::tree::Folder;

/// How many folders below the root a project may be.
const DEEPEST_PROJECT: usize = 3;
/// How many projects are listed.
const MOST_PROJECTS: usize = 40;

/// Folders whose manifests belong to examples, tests and copies of other people's projects.
const NOT_PROJECTS: [&str; 27] = [
    "__fixtures__",
    "__tests__",
    "bench",
    "benches",
    "benchmarks",
    "demo",
    "demos",
    "doc",
    "docs",
    "example",
    "examples",
    "external",
    "fixture",
    "fixtures",
    "playground",
    "samples",
    "spec",
    "template",
    "templates",
    "test",
    "test-fixtures",
    "testdata",
    "tests",
    "third-party",
    "third_party",
    "vendor",
    "xtask",
];

/// The rules in the order of their results within a folder.
const RULES: [fn(Folder<'_>) -> Vec<DetectedProject>; 12] = [
    rust::detect,
    go::detect,
    python::detect,
    jvm::detect,
    ruby::detect,
    php::detect,
    dotnet::detect,
    elixir::detect,
    swift::detect,
    c::detect,
    // Last, because other projects have their scripts and assets in such a manifest, too.
    deno::detect,
    node::detect,
];

/// Finds what a repository is made of.
pub fn detect(tree: &Tree) -> Detection {
    let mut projects: Vec<DetectedProject> = Vec::new();
    for path in folders(tree) {
        let folder = Folder::new(tree, &path);
        for rule in RULES {
            let found = rule(folder).into_iter();
            let new: Vec<_> = found
                .filter(|found| !is_covered(found, &projects) && !is_aside(found, &projects))
                .collect();
            projects.extend(new);
        }
        if projects.len() >= MOST_PROJECTS {
            projects.truncate(MOST_PROJECTS);
            break;
        }
    }
    let root = Folder::new(tree, "");
    make::complete(root, &mut projects);
    let mut names = Names::default();
    for project in &mut projects {
        project.names = std::mem::take(&mut project.names).presentable();
        names = names.or(&project.names);
    }
    leave_to_the_nearest(&mut projects);
    let mut source_dirs = Vec::new();
    for dir in projects.iter().flat_map(|project| &project.source_dirs) {
        if !source_dirs.contains(dir) {
            source_dirs.push(dir.clone());
        }
    }
    Detection {
        unrecognized: unrecognized::find(root, &projects),
        documents: documents::find(root),
        has_code: tree.is_partial() || tree.paths().any(code::is_code),
        is_partial: tree.is_partial(),
        projects,
        source_dirs,
        names,
    }
}

/// Returns the folders in which a project may be, the nearest to the root first.
fn folders(tree: &Tree) -> Vec<String> {
    let mut folders = BTreeSet::from([(0, String::new())]);
    for path in tree.paths() {
        let parts: Vec<&str> = path.split('/').collect();
        let above = parts[..parts.len() - 1].iter().take(DEEPEST_PROJECT);
        let count = above
            .take_while(|part| !NOT_PROJECTS.contains(&part.to_lowercase().as_str()))
            .count();
        folders.extend((1..=count).map(|depth| (depth, parts[..depth].join("/"))));
    }
    folders.into_iter().map(|(_, path)| path).collect()
}

/// Takes the folder of a project out of the source folders of the one above it, where it has source folders itself.
fn leave_to_the_nearest(projects: &mut [DetectedProject]) {
    let with_sources = projects.iter().filter(|project| !project.source_dirs.is_empty());
    let folders: BTreeSet<String> = with_sources.map(|project| project.folder.clone()).collect();
    for project in projects {
        project.source_dirs.retain(|dir| !folders.contains(dir));
    }
}

/// Returns whether this is a makefile beside a few files in C that belong to a project of another ecosystem.
fn is_aside(found: &DetectedProject, projects: &[DetectedProject]) -> bool {
    let is_beside = found.folder != "." || projects.iter().any(|project| project.folder == found.folder);
    found.package_manager == "make" && is_beside
}

/// Returns whether a project belongs to one that was found above it: its member, or a part of its build.
fn is_covered(found: &DetectedProject, above: &[DetectedProject]) -> bool {
    above.iter().any(|project| {
        let is_below = project.folder == "." || found.folder.starts_with(&format!("{}/", project.folder));
        if project.folder == found.folder || !is_below {
            return false;
        }
        let is_built_by = match project.ecosystem {
            Ecosystem::Java | Ecosystem::Kotlin => matches!(found.ecosystem, Ecosystem::Java | Ecosystem::Kotlin),
            Ecosystem::C | Ecosystem::Cpp => matches!(found.ecosystem, Ecosystem::C | Ecosystem::Cpp),
            Ecosystem::DotNet | Ecosystem::Elixir => found.ecosystem == project.ecosystem,
            _ => false,
        };
        is_built_by || (project.ecosystem == found.ecosystem && project.members.contains(&found.folder))
    })
}
