//! What a repository is written in, told by marker files, and what follows from that.

use std::path::Path;

use super::manifest::{self, Names};

/// A family of tools that shares a manifest format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ecosystem {
    Rust,
    Go,
    Node,
    Python,
    Java,
    Ruby,
    Php,
    DotNet,
}

const ALL: [Ecosystem; 8] = [
    Ecosystem::Rust,
    Ecosystem::Go,
    Ecosystem::Node,
    Ecosystem::Python,
    Ecosystem::Java,
    Ecosystem::Ruby,
    Ecosystem::Php,
    Ecosystem::DotNet,
];

impl Ecosystem {
    /// Its name in reports.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Go => "go",
            Self::Node => "node",
            Self::Python => "python",
            Self::Java => "java",
            Self::Ruby => "ruby",
            Self::Php => "php",
            Self::DotNet => "dotnet",
        }
    }

    fn markers(self) -> &'static [&'static str] {
        match self {
            Self::Rust => &["Cargo.toml"],
            Self::Go => &["go.mod"],
            Self::Node => &["package.json"],
            Self::Python => &["pyproject.toml"],
            Self::Java => &["pom.xml", "build.gradle", "build.gradle.kts"],
            Self::Ruby => &["Gemfile"],
            Self::Php => &["composer.json"],
            Self::DotNet => &[],
        }
    }

    fn is_in(self, root: &Path) -> bool {
        let marked = self.markers().iter().any(|marker| root.join(marker).is_file());
        marked || (self == Self::DotNet && manifest::project_file(root).is_some())
    }

    /// Where its code usually is.
    fn source_dirs(self) -> &'static [&'static str] {
        match self {
            Self::Rust => &["src", "crates", "tests"],
            Self::Go => &["cmd", "internal", "pkg", "tests"],
            Self::Node => &["src", "lib", "test", "tests"],
            Self::Python | Self::DotNet => &["src", "tests"],
            Self::Java => &["src", "app/src", "lib/src"],
            Self::Ruby => &["lib", "app", "spec", "test"],
            Self::Php => &["src", "app", "tests"],
        }
    }

    /// What its people run before they merge.
    pub(super) fn gates(self) -> &'static [&'static str] {
        match self {
            Self::Rust => &["cargo test"],
            Self::Go => &["go vet ./...", "go test ./..."],
            Self::Node => &["npm test"],
            Self::Python => &["python -m pytest"],
            Self::Java => &[],
            Self::Ruby => &["bundle exec rake test"],
            Self::Php => &["composer test"],
            Self::DotNet => &["dotnet test"],
        }
    }

    /// What its tools answer when they are there.
    pub(super) fn toolchain(self) -> &'static [&'static str] {
        match self {
            Self::Rust => &["cargo --version"],
            Self::Go => &["go version"],
            Self::Node => &["node --version"],
            Self::Python => &["python3 --version"],
            Self::Java => &["java -version"],
            Self::Ruby => &["ruby --version"],
            Self::Php => &["php --version"],
            Self::DotNet => &["dotnet --version"],
        }
    }
}

/// What was found in a repository.
#[derive(Debug)]
pub(super) struct Survey {
    /// Every ecosystem with a marker file, in a fixed order.
    pub(super) ecosystems: Vec<Ecosystem>,
    /// What the first manifest that says it calls things.
    pub(super) names: Names,
    /// Folders of code that exist.
    pub(super) source_dirs: Vec<String>,
    /// Globs of documents that exist.
    pub(super) documents: Vec<&'static str>,
}

impl Survey {
    /// Looks at the repository at `root`, without following links.
    pub(super) fn of(root: &Path) -> Self {
        let ecosystems: Vec<Ecosystem> = ALL.into_iter().filter(|ecosystem| ecosystem.is_in(root)).collect();
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

    /// One list of every ecosystem's own.
    pub(super) fn collect(&self, each: fn(Ecosystem) -> &'static [&'static str]) -> Vec<&'static str> {
        self.ecosystems
            .iter()
            .flat_map(|ecosystem| each(*ecosystem))
            .copied()
            .collect()
    }
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

/// Whether every part of `path` is a folder and none a link.
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
