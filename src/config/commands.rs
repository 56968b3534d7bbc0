//! Reads `commands`: the project's own commands beside its gates.

use std::sync::LazyLock;
use std::time::Duration;

use serde::Serialize;

use super::Config;
use super::field::Field;
use super::keys::PREPARE;
use super::node::Kind;
use super::section::{Section, subsection};
use super::show;
use super::values::parse_duration;

/// Where the caches of package managers are in a container, if something is prepared.
pub const CACHE_FOLDER: &str = "/cache";

/// The files on which what is prepared depends, unless the configuration names others: lock files and manifests.
pub const DEFAULT_INPUTS: [&str; 54] = [
    "**/.cargo/config.toml",
    "**/.npmrc",
    "**/.yarnrc",
    "**/.yarnrc.yml",
    "**/Cargo.lock",
    "**/Cargo.toml",
    "**/Directory.Packages.props",
    "**/Gemfile",
    "**/Gemfile.lock",
    "**/Package.resolved",
    "**/Package.swift",
    "**/Pipfile",
    "**/Pipfile.lock",
    "**/*.csproj",
    "**/*.fsproj",
    "**/*.gemspec",
    "**/*.sln",
    "**/build.gradle",
    "**/build.gradle.kts",
    "**/bun.lock",
    "**/bun.lockb",
    "**/composer.json",
    "**/composer.lock",
    "**/conanfile.py",
    "**/conanfile.txt",
    "**/deno.json",
    "**/deno.jsonc",
    "**/deno.lock",
    "**/go.mod",
    "**/go.sum",
    "**/go.work",
    "**/go.work.sum",
    "**/gradle.lockfile",
    "**/gradle.properties",
    "**/gradle/*.toml",
    "**/gradle/wrapper/gradle-wrapper.properties",
    "**/mix.exs",
    "**/mix.lock",
    "**/npm-shrinkwrap.json",
    "**/package-lock.json",
    "**/package.json",
    "**/packages.lock.json",
    "**/pdm.lock",
    "**/pnpm-lock.yaml",
    "**/pnpm-workspace.yaml",
    "**/poetry.lock",
    "**/pom.xml",
    "**/pyproject.toml",
    "**/requirements*.txt",
    "**/rust-toolchain*",
    "**/settings.gradle*",
    "**/setup.cfg",
    "**/setup.py",
    "**/uv.lock",
];

/// How long preparing may take where nothing else is said.
static TIMEOUT: LazyLock<Duration> = LazyLock::new(|| {
    let key = PREPARE.iter().find(|key| key.name == "timeout");
    key.and_then(|key| parse_duration(key.default))
        .expect("the table of keys has a time there, which a test reads")
});

/// The `commands` section.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CommandsConfig {
    /// `prepare`: what fetches and builds the dependencies; unset prepares nothing.
    pub prepare: Option<Prepare>,
    /// `build`: builds the project.
    pub build: Option<String>,
    /// `test`: runs its tests.
    pub test: Option<String>,
    /// `lint`: looks for what should not be written so.
    pub lint: Option<String>,
    /// `format`: checks how it is formatted.
    pub format: Option<String>,
}

impl CommandsConfig {
    /// The names that `gates` may have.
    pub(super) const NAMES: [&str; 4] = ["build", "test", "lint", "format"];

    /// Returns the command of a name that `gates` may have, if it is set.
    pub(super) fn named(&self, name: &str) -> Option<&str> {
        let command = match name {
            "build" => &self.build,
            "test" => &self.test,
            "lint" => &self.lint,
            "format" => &self.format,
            _ => return None,
        };
        command.as_deref()
    }

    /// Returns every command that is set, with its name; `prepare` first.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let prepare = self.prepare.iter().map(|prepare| ("prepare", prepare.command.as_str()));
        let others = Self::NAMES
            .into_iter()
            .filter_map(|name| Some((name, self.named(name)?)));
        prepare.chain(others)
    }
}

/// The command that fetches and builds what a worktree needs beside its commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Prepare {
    /// Run by `sh -c` in a container, in a worktree.
    pub command: String,
    /// Globs of the files on which its result depends.
    pub inputs: Vec<String>,
    /// Its time limit.
    #[serde(serialize_with = "show::duration")]
    pub timeout: Duration,
}

/// Reads `commands`.
pub(super) fn read(top: &Section<'_>, config: &mut Config) {
    let Some(section) = subsection(top, "commands") else {
        return;
    };
    let commands = &mut config.commands;
    section.set_some("prepare", &mut commands.prepare, read_prepare);
    section.set_some("build", &mut commands.build, Field::text);
    section.set_some("test", &mut commands.test, Field::text);
    section.set_some("lint", &mut commands.lint, Field::text);
    section.set_some("format", &mut commands.format, Field::text);
    if config.commands.prepare.is_none() {
        return;
    }
    let of_cache = |path: &str| path == CACHE_FOLDER || path.starts_with(&format!("{CACHE_FOLDER}/"));
    let mounts = config
        .container
        .mounts
        .iter()
        .map(|mount| mount.target.display().to_string());
    let tmpfs = config.container.tmpfs.keys().cloned();
    if let (Some(path), Some(field)) = (
        mounts.chain(tmpfs).find(|path| of_cache(path)),
        section.field("prepare"),
    ) {
        field.refuse_with::<()>(
            format!("its caches are at `{CACHE_FOLDER}` in the container, where `container` puts `{path}`"),
            "put that elsewhere in the container",
        );
    }
}

fn read_prepare(field: &Field<'_>) -> Option<Prepare> {
    let mut prepare = Prepare {
        command: String::new(),
        inputs: DEFAULT_INPUTS.map(str::to_owned).to_vec(),
        timeout: *TIMEOUT,
    };
    if !matches!(field.node.kind, Kind::Map(_)) {
        prepare.command = field.text()?;
        return Some(prepare);
    }
    let section = Section::open(field, PREPARE)?;
    section.set("inputs", &mut prepare.inputs, |field| {
        field.list("a list of globs", Field::glob)
    });
    section.set("timeout", &mut prepare.timeout, |field| field.duration(""));
    let Some(command) = section.field("command") else {
        return field.refuse("expected a `command`");
    };
    prepare.command = command.text()?;
    Some(prepare)
}
