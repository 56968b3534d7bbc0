//! What detection returns: facts about a repository, each with its place in it.

use serde::Serialize;

use super::tree::shell_word;

/// A family of tools that shares a manifest format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Ecosystem {
    /// Cargo.
    Rust,
    /// Go modules.
    Go,
    /// `package.json`, with npm, pnpm, yarn or bun.
    Node,
    /// `deno.json`.
    Deno,
    /// pip, uv, poetry and their relatives.
    Python,
    /// Maven or Gradle.
    Java,
    /// Maven or Gradle, with Kotlin code alone.
    Kotlin,
    /// Bundler and gems.
    Ruby,
    /// Composer.
    Php,
    /// The `dotnet` program.
    DotNet,
    /// Mix.
    Elixir,
    /// The Swift package manager.
    Swift,
    /// `CMake`, Meson, autotools or make, with code in C.
    C,
    /// `CMake`, Meson, autotools or make, with code in C++.
    Cpp,
    /// A makefile beside code in no language that is known here.
    Make,
}

impl Ecosystem {
    /// Returns its name for people, as its own community writes it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Rust => "Rust",
            Self::Go => "Go",
            Self::Node => "Node",
            Self::Deno => "Deno",
            Self::Python => "Python",
            Self::Java => "Java",
            Self::Kotlin => "Kotlin",
            Self::Ruby => "Ruby",
            Self::Php => "PHP",
            Self::DotNet => ".NET",
            Self::Elixir => "Elixir",
            Self::Swift => "Swift",
            Self::C => "C",
            Self::Cpp => "C++",
            Self::Make => "make",
        }
    }
}

/// The commands of a project, each for a shell in the project's folder. Only commands that the project has are here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Commands {
    /// Prepare a fresh checkout: fetch dependencies, or configure the build. The others need it.
    pub setup: Vec<String>,
    /// Build.
    pub build: Vec<String>,
    /// Run the tests.
    pub test: Vec<String>,
    /// Check style and common mistakes; none of them changes a file.
    pub lint: Vec<String>,
    /// Check types without building.
    pub type_check: Vec<String>,
}

/// One project: a manifest of one ecosystem, and what follows from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DetectedProject {
    /// Its ecosystem.
    pub ecosystem: Ecosystem,
    /// Its folder, relative to the repository; `.` is the root.
    pub folder: String,
    /// The file in that folder by which it was found.
    pub manifest: String,
    /// The package manager or build tool, such as `pnpm`.
    pub package_manager: String,
    /// The folders of its workspace's members, relative to the repository.
    pub members: Vec<String>,
    /// Folders with code, relative to the repository.
    pub source_dirs: Vec<String>,
    /// Its commands.
    pub commands: Commands,
    /// The programs that a container needs for these commands.
    pub tools: Vec<String>,
    /// The names in `network.allow` of the hosts that its package manager downloads from.
    pub hosts: Vec<&'static str>,
    /// Its names.
    pub names: Names,
}

impl DetectedProject {
    /// Returns a command of this project as one for a shell at the root of the repository.
    pub fn in_root(&self, command: &str) -> String {
        if self.folder == "." {
            return command.to_owned();
        }
        format!("cd {} && {command}", shell_word(&self.folder))
    }
}

/// What a project calls itself; names that cannot stand in a line of a file are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Names {
    /// Its import path or name.
    pub module_path: Option<String>,
    /// Its program.
    pub binary_name: Option<String>,
    /// The package that holds `main`.
    pub main_package: Option<String>,
}

impl Names {
    /// Returns names of which only the module's is known.
    pub(super) fn module(name: Option<String>) -> Self {
        Self {
            module_path: name,
            ..Self::default()
        }
    }

    /// Keeps only names that can stand in a line of a file.
    pub(super) fn presentable(self) -> Self {
        let good = |name: &String| !name.is_empty() && name.len() <= 200 && name.chars().all(|c| c.is_ascii_graphic());
        Self {
            module_path: self.module_path.filter(good),
            binary_name: self
                .binary_name
                .filter(good)
                .filter(|name| !name.starts_with('-') && !name.contains('/')),
            main_package: self.main_package.filter(good),
        }
    }

    /// Returns these names, or where they are missing, others.
    pub(super) fn or(self, other: &Self) -> Self {
        Self {
            module_path: self.module_path.or_else(|| other.module_path.clone()),
            binary_name: self.binary_name.or_else(|| other.binary_name.clone()),
            main_package: self.main_package.or_else(|| other.main_package.clone()),
        }
    }
}

/// Something that is there, and of which detection knows no more than its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unrecognized {
    /// What it is, such as `Zig`, or the ending of its files.
    pub name: String,
    /// A file that shows it, relative to the repository.
    pub file: String,
}

/// What a repository is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Detection {
    /// Every project, the nearest to the root first.
    pub projects: Vec<DetectedProject>,
    /// What was not recognized.
    pub unrecognized: Vec<Unrecognized>,
    /// Globs of documents for people and agents, as `context_files` takes them.
    pub documents: Vec<String>,
    /// The folders with code of all projects.
    pub source_dirs: Vec<String>,
    /// Whether there is any code, in whatever language. Where not every file was looked at, it is taken for granted.
    pub has_code: bool,
    /// Whether there were more files than are looked at.
    pub is_partial: bool,
    /// The names of the first project that has them.
    pub names: Names,
}

impl Detection {
    /// Returns the titles of the ecosystems found, each once.
    pub fn titles(&self) -> Vec<&'static str> {
        let mut titles: Vec<&'static str> = Vec::new();
        for project in &self.projects {
            if !titles.contains(&project.ecosystem.title()) {
                titles.push(project.ecosystem.title());
            }
        }
        titles
    }
}
