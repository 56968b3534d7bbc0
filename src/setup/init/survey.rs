//! What is found in a repository: its ecosystems, recognized by marker files, its names, its folders and its documents.

use std::path::Path;

use super::ecosystem::{ALL, Ecosystem};
use super::manifest::{self, Names};

/// What was found in a repository.
#[derive(Debug)]
pub(super) struct Survey {
    /// Every ecosystem with a marker file, in a fixed order.
    pub(super) ecosystems: Vec<Ecosystem>,
    /// The names of things in the first manifest that has them.
    pub(super) names: Names,
    /// Folders of code that exist.
    pub(super) source_dirs: Vec<String>,
    /// Globs of documents that exist.
    pub(super) documents: Vec<&'static str>,
}

impl Survey {
    /// Looks at the repository at `root`, without following links.
    pub(super) fn of(root: &Path) -> Self {
        let ecosystems: Vec<Ecosystem> = ALL.into_iter().filter(|ecosystem| is_in(*ecosystem, root)).collect();
        let mut names = Names::default();
        for ecosystem in &ecosystems {
            names = names.or(manifest::names(*ecosystem, root));
        }
        Self {
            source_dirs: source_dirs(&ecosystems, &names, root),
            documents: documents(root),
            ecosystems,
            names,
        }
    }

    /// Collects every ecosystem's own items into one list.
    pub(super) fn collect(&self, each: fn(Ecosystem) -> &'static [&'static str]) -> Vec<&'static str> {
        self.ecosystems
            .iter()
            .flat_map(|ecosystem| each(*ecosystem))
            .copied()
            .collect()
    }
}

/// Returns whether a repository has a marker file of an ecosystem.
fn is_in(ecosystem: Ecosystem, root: &Path) -> bool {
    let marked = ecosystem.markers().iter().any(|marker| root.join(marker).is_file());
    marked || (ecosystem == Ecosystem::DotNet && manifest::project_file(root).is_some())
}

fn source_dirs(ecosystems: &[Ecosystem], names: &Names, root: &Path) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let usual = ecosystems
        .iter()
        .flat_map(|ecosystem| ecosystem.source_dirs())
        .map(|dir| (*dir).to_owned());
    // Python projects keep their code in a folder of the project's own name.
    let own = names
        .module_path
        .as_ref()
        .filter(|_| ecosystems.contains(&Ecosystem::Python));
    let own = own
        .map(|name| name.replace(['-', '.'], "_"))
        .filter(|name| name != "xtask" && !name.contains('/'));
    for dir in usual.chain(own) {
        if !found.contains(&dir) && is_real_folder(root, &dir) {
            found.push(dir);
        }
    }
    found
}

/// Returns whether every part of `path` is a folder and none a link.
fn is_real_folder(root: &Path, path: &str) -> bool {
    let mut place = root.to_path_buf();
    path.split('/').all(|part| {
        place.push(part);
        place.symlink_metadata().is_ok_and(|metadata| metadata.is_dir())
    })
}

fn documents(root: &Path) -> Vec<&'static str> {
    let mut globs = Vec::new();
    if root.join("README.md").is_file() {
        globs.push("README.md");
    }
    let folders = [
        ("docs", "docs/**/*.md"),
        ("doc", "doc/**/*.md"),
        ("spec", "spec/**/*.md"),
        ("specs", "specs/**/*.md"),
    ];
    globs.extend(
        folders
            .into_iter()
            .filter(|(dir, _)| is_real_folder(root, dir))
            .map(|(_, glob)| glob),
    );
    globs
}
