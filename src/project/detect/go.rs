//! Go modules and workspaces.

use super::code::source_dirs;
use super::found::{Commands, DetectedProject, Ecosystem, Names};
use super::tree::{Folder, shell_word};

/// The files with which golangci-lint is configured.
const LINTER: [&str; 4] = [".golangci.yml", ".golangci.yaml", ".golangci.toml", ".golangci.json"];

pub(super) fn detect(folder: Folder<'_>) -> Vec<DetectedProject> {
    let Some(manifest) = folder.first(&["go.work", "go.mod"]) else {
        return Vec::new();
    };
    let used = used(folder.text("go.work"));
    let packages = if manifest == "go.work" {
        let packages = used.iter().map(|path| match path.as_str() {
            "." => "./...".to_owned(),
            path => shell_word(&format!("./{path}/...")),
        });
        packages.collect::<Vec<_>>().join(" ")
    } else {
        "./...".to_owned()
    };
    let mut commands = Commands::default();
    if !packages.is_empty() {
        commands.build.push(format!("go build {packages}"));
        commands.lint.push(format!("go vet {packages}"));
        if folder.has_ending(&["_test.go"]) {
            commands.test.push(format!("go test {packages}"));
        }
    }
    let mut tools = vec!["go".to_owned()];
    if folder.has_any(&LINTER) {
        commands.lint.push("golangci-lint run".to_owned());
        tools.push("golangci-lint".to_owned());
    }
    let members = used.iter().filter(|path| *path != ".").map(|path| folder.join(path));
    vec![DetectedProject {
        ecosystem: Ecosystem::Go,
        folder: folder.name(),
        manifest: manifest.to_owned(),
        package_manager: "go".to_owned(),
        members: members.collect(),
        // A folder of any name may be a package.
        source_dirs: source_dirs(folder, &["go"], &["doc", "docs", "build", "site"]),
        commands,
        tools,
        hosts: vec!["go"],
        names: names(folder),
    }]
}

/// Returns the modules of a workspace, from `use ./a` and `use ( ./a ./b )`.
fn used(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut is_in_block = false;
    for line in text.lines() {
        let line = line.split("//").next().unwrap_or_default().trim();
        let path = match line.strip_prefix("use") {
            Some(rest) if rest.trim() == "(" => {
                is_in_block = true;
                continue;
            }
            Some(rest) if rest.starts_with([' ', '\t']) => rest.trim(),
            _ if line == ")" => {
                is_in_block = false;
                continue;
            }
            _ if is_in_block => line,
            _ => continue,
        };
        let path = path.trim_matches('"').trim_start_matches("./").trim_end_matches('/');
        let is_outside = path.starts_with("..") || path.starts_with('/');
        if !line.is_empty() && !is_outside {
            found.push(if path.is_empty() { "." } else { path }.to_owned());
        }
    }
    found
}

fn names(folder: Folder<'_>) -> Names {
    let lines = folder.text("go.mod").lines();
    let path = lines
        .filter_map(|line| line.trim().strip_prefix("module "))
        .map(|path| path.split("//").next().unwrap_or_default().trim().trim_matches('"'))
        .next();
    let commands = commands(folder);
    let (main_package, command) = match commands.as_slice() {
        [only] => (Some(format!("./cmd/{only}")), Some(only.clone())),
        _ if folder.has("main.go") => (Some(".".to_owned()), None),
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

/// Returns the folders in `cmd`.
fn commands(folder: Folder<'_>) -> Vec<String> {
    let below = folder
        .files()
        .filter_map(|file| file.strip_prefix("cmd/")?.split_once('/'));
    let mut names: Vec<String> = below.map(|(name, _)| name.to_owned()).collect();
    names.dedup();
    names
}

/// Returns whether this is the major version at the end of a module path, such as `v2`, and not its name.
fn is_major_version(part: &str) -> bool {
    part.strip_prefix('v')
        .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}
