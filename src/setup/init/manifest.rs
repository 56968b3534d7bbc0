//! Reads names from manifests where that is easy; the others are left for the person to fill in.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::ecosystem::Ecosystem;

/// The largest manifest that is read, in bytes: one that a person wrote is smaller.
const READ_LIMIT: u64 = 1 << 20;

/// What a project calls itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    /// Its import path or name.
    pub(super) module_path: Option<String>,
    /// Its program.
    pub(super) binary_name: Option<String>,
    /// The package that holds `main`.
    pub(super) main_package: Option<String>,
}

impl Names {
    /// Returns these names, or where they are missing, others.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            module_path: self.module_path.or(other.module_path),
            binary_name: self.binary_name.or(other.binary_name),
            main_package: self.main_package.or(other.main_package),
        }
    }

    /// Keeps only names that can stand in a line of a file.
    fn presentable(self) -> Self {
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
}

/// Reads the names out of an ecosystem's manifest at `root`.
pub(super) fn names(ecosystem: Ecosystem, root: &Path) -> Names {
    let names = match ecosystem {
        Ecosystem::Rust => rust(root),
        Ecosystem::Go => go(root),
        Ecosystem::Node => node(root),
        Ecosystem::Python => python(root),
        Ecosystem::Php => module(json_name(root, "composer.json")),
        Ecosystem::DotNet => dot_net(root),
        Ecosystem::Java => java(root),
        Ecosystem::Ruby => Names::default(),
    };
    names.presentable()
}

fn module(name: Option<String>) -> Names {
    Names {
        module_path: name,
        ..Names::default()
    }
}

fn rust(root: &Path) -> Names {
    let text = text_of(&root.join("Cargo.toml"));
    let package = toml_name(&text, "package");
    let program = root.join("src/main.rs").is_file().then(|| package.clone()).flatten();
    Names {
        binary_name: toml_name(&text, "[bin]").or(program),
        module_path: package,
        main_package: None,
    }
}

fn go(root: &Path) -> Names {
    let text = text_of(&root.join("go.mod"));
    let path = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("module "))
        .map(|path| path.trim().trim_matches('"'));
    let commands = folders_in(&root.join("cmd"));
    let (main_package, command) = match commands.as_slice() {
        [only] => (Some(format!("./cmd/{only}")), Some(only.clone())),
        _ if root.join("main.go").is_file() => (Some(".".to_owned()), None),
        _ => (None, None),
    };
    let last = path.and_then(|path| path.rsplit('/').find(|part| !is_major_version(part)));
    let has_program = main_package.is_some();
    Names {
        module_path: path.map(str::to_owned),
        binary_name: command.or_else(|| last.filter(|_| has_program).map(str::to_owned)),
        main_package,
    }
}

/// Returns whether this is the major version at the end of a module path, such as `v2`, and not its name.
fn is_major_version(part: &str) -> bool {
    part.strip_prefix('v')
        .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

fn node(root: &Path) -> Names {
    let manifest = json(root, "package.json");
    let name = manifest["name"].as_str().map(str::to_owned);
    let binary = match &manifest["bin"] {
        serde_json::Value::Object(programs) => programs.keys().next().cloned(),
        serde_json::Value::String(_) => name
            .as_ref()
            .and_then(|name| name.rsplit('/').next())
            .map(str::to_owned),
        _ => None,
    };
    Names {
        module_path: name,
        binary_name: binary,
        main_package: None,
    }
}

fn python(root: &Path) -> Names {
    let text = text_of(&root.join("pyproject.toml"));
    module(toml_name(&text, "project").or_else(|| toml_name(&text, "tool.poetry")))
}

fn java(root: &Path) -> Names {
    let settings = ["settings.gradle", "settings.gradle.kts"].map(|file| text_of(&root.join(file)));
    let line = settings
        .iter()
        .flat_map(|text| text.lines())
        .find_map(|line| line.trim().strip_prefix("rootProject.name"));
    module(line.map(|rest| {
        rest.trim_matches(|c: char| c.is_whitespace() || "='\"".contains(c))
            .to_owned()
    }))
}

fn dot_net(root: &Path) -> Names {
    let stem = project_file(root).and_then(|file| Some(file.file_stem()?.to_str()?.to_owned()));
    module(stem)
}

/// Finds the first `*.csproj` at the root or in a folder or two below, in the order of names.
pub(super) fn project_file(root: &Path) -> Option<PathBuf> {
    const SKIPPED: [&str; 4] = ["node_modules", "target", "bin", "obj"];
    let walk = walkdir::WalkDir::new(root).max_depth(3).sort_by_file_name().into_iter();
    let walk = walk.filter_entry(|entry| {
        let name = entry.file_name().to_string_lossy();
        entry.depth() == 0 || !(name.starts_with('.') || SKIPPED.contains(&name.as_ref()))
    });
    // A folder that cannot be read is skipped.
    let mut files = walk.filter_map(Result::ok).filter(|entry| entry.file_type().is_file());
    files
        .find(|entry| entry.path().extension().is_some_and(|end| end == "csproj"))
        .map(walkdir::DirEntry::into_path)
}

/// Reads the `name = "…"` of a table of a TOML file, by line: enough for manifests as people write them.
fn toml_name(text: &str, table: &str) -> Option<String> {
    let header = format!("[{table}]");
    let lines = text.lines().map(str::trim).skip_while(|line| *line != header).skip(1);
    let value = lines.take_while(|line| !line.starts_with('[')).find_map(|line| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == "name").then(|| value.trim())
    })?;
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    value[1..].split(quote).next().map(str::to_owned)
}

fn json_name(root: &Path, file: &str) -> Option<String> {
    json(root, file)["name"].as_str().map(str::to_owned)
}

/// Reads a JSON file, or nothing at all when it is not one: its name is then left out.
fn json(root: &Path, file: &str) -> serde_json::Value {
    serde_json::from_str(&text_of(&root.join(file))).unwrap_or_default()
}

/// Reads a file's text; empty when it is not a plain readable file, since every name may be missing.
pub(super) fn text_of(path: &Path) -> String {
    let mut bytes = Vec::new();
    if path.metadata().is_ok_and(|metadata| metadata.is_file()) {
        let read = std::fs::File::open(path).and_then(|file| file.take(READ_LIMIT).read_to_end(&mut bytes));
        if let Err(error) = read {
            tracing::debug!(path = %path.display(), %error, "manifest not readable");
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn folders_in(path: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(path).into_iter().flatten().filter_map(Result::ok);
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let mut names: Vec<String> = folders
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}
