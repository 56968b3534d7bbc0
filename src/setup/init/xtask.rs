//! The `xtask` crate of a consuming repository and the cargo alias that runs it.

use std::path::Path;

use toml::Table;

use super::write::Writer;
use crate::base::error::Result;

const MANIFEST: &str = "xtask/Cargo.toml";
const ALIAS_FILE: &str = ".cargo/config.toml";
/// A file that cargo puts into every copy of a package that it makes for itself.
const COPY_OF_CARGO: &str = ".cargo-ok";
/// The largest file of cargo that is read, in bytes.
const READ_LIMIT: u64 = 1 << 20;

/// What the alias comes with. The C library of Linux keeps free memory apart for up to eight threads a core, and a run has many
/// threads one after the other: after 500 tasks it had three times the memory that it has with two such places.
const ENVIRONMENT: &str = "
# Keeps the memory of long runs small.
[env]
MALLOC_ARENA_MAX = \"2\"
";

const MAIN: &str = "\
fn main() -> std::process::ExitCode {
    cordwainer::cli::main()
}
";

/// Writes the crate and the alias; returns what is left to do by hand.
pub(super) fn write(root: &Path, writer: &mut Writer<'_>) -> Result<Vec<String>> {
    let member = is_member(root);
    let alias = alias(member);
    let dependency = dependency(Path::new(env!("CARGO_MANIFEST_DIR")));
    let is_new = writer.write(MANIFEST, &manifest(member, &dependency.value))?;
    writer.write("xtask/src/main.rs", MAIN)?;
    writer.write("xtask/.gitignore", "/target\n")?;

    let mut notes = Vec::new();
    if is_new {
        notes.push(dependency.note);
        notes.push(format!(
            "The first call of `cargo xtask` builds cordwainer, which takes minutes, and writes {}: commit it, so that \
             everybody builds the same.",
            if member { "Cargo.lock" } else { "xtask/Cargo.lock" }
        ));
    }
    // Cargo reads the older name and not the newer one if both exist.
    let older = writer.exists(".cargo/config");
    if older || !writer.write(ALIAS_FILE, &format!("[alias]\n{alias}\n{ENVIRONMENT}"))? {
        let file = if older { ".cargo/config" } else { ALIAS_FILE };
        let settings = table(&root.join(file));
        let existing = settings.get("alias").and_then(|aliases| aliases.get("xtask"));
        if existing.is_none() {
            notes.push(format!("Add to `[alias]` in {file}: {alias}"));
        }
    }
    if !member && root.join("Cargo.toml").is_file() {
        notes.push(
            "xtask is a workspace of its own. To share your target folder, add \"xtask\" to `members` of your \
             workspace, remove `[workspace]` from xtask/Cargo.toml, and use `--package xtask` in the alias."
                .to_owned(),
        );
    }
    Ok(notes)
}

/// How the crate depends on cordwainer.
struct Dependency {
    /// The value in its manifest.
    value: String,
    /// What a person should know about it.
    note: String,
}

/// Decides how the crate depends on cordwainer: on the checkout from which this program was built, where that is still
/// there and of the same version, since a version that is not published cannot be fetched; else on the version.
fn dependency(checkout: &Path) -> Dependency {
    let version = env!("CARGO_PKG_VERSION");
    let package = table(&checkout.join("Cargo.toml"));
    let text = |key: &str| package.get("package").and_then(|package| package.get(key)?.as_str());
    let is_same = text("name") == Some(env!("CARGO_PKG_NAME"));
    let is_copy = checkout.join(COPY_OF_CARGO).exists();
    match checkout.to_str() {
        Some(path) if is_same && !is_copy => Dependency {
            // A JSON string is a basic string of TOML.
            value: format!("{{ path = {} }}", serde_json::Value::from(path)),
            note: format!(
                "{MANIFEST} refers to the checkout of cordwainer on this machine, {path}. On another machine, write the \
                 path of a checkout there."
            ),
        },
        _ => Dependency {
            value: format!("\"{version}\""),
            note: format!(
                "{MANIFEST} refers to version {version} of cordwainer in the package registry. If it is not there, \
                 write {{ path = \"…\" }} with the path of a checkout."
            ),
        },
    }
}

/// Returns whether the repository's workspace has `xtask` among its members already: then it must not be one of its
/// own.
fn is_member(root: &Path) -> bool {
    let table = table(&root.join("Cargo.toml"));
    let members = table
        .get("workspace")
        .and_then(|workspace| workspace.get("members")?.as_array());
    let mut members = members.into_iter().flatten().filter_map(toml::Value::as_str);
    members.any(|member| matches!(member, "xtask" | "xtask/" | "./xtask" | "*"))
}

fn manifest(member: bool, dependency: &str) -> String {
    let workspace = if member { "" } else { "\n[workspace]\n" };
    format!(
        "[package]\nname = \"xtask\"\nversion = \"0.0.0\"\nedition = \"2024\"\npublish = false\n\n\
         [dependencies]\ncordwainer = {dependency}\n{workspace}"
    )
}

/// Returns the alias. It is not quiet: the first build would be minutes of silence.
fn alias(member: bool) -> String {
    let which = if member {
        "--package xtask"
    } else {
        "--manifest-path xtask/Cargo.toml"
    };
    format!("xtask = \"run {which} --\"")
}

/// Reads a TOML file; empty where there is none, or none that can be read.
fn table(path: &Path) -> Table {
    use std::io::Read as _;

    let mut text = String::new();
    let opened = path
        .metadata()
        .ok()
        .filter(std::fs::Metadata::is_file)
        .and_then(|_| std::fs::File::open(path).ok());
    let read = opened.map(|file| file.take(READ_LIMIT).read_to_string(&mut text));
    match read {
        Some(Ok(_)) => text.parse().unwrap_or_default(),
        _ => Table::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkout_is_named_and_a_copy_of_cargo_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let version = format!("\"{}\"", env!("CARGO_PKG_VERSION"));
        assert_eq!(dependency(folder.path()).value, version);
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("Cargo.toml", "[package]\nname = \"other\"\n");
        assert_eq!(dependency(folder.path()).value, version);
        write("Cargo.toml", "[package]\nname = \"cordwainer\"\n");
        let found = dependency(folder.path());
        let path = folder.path().to_str().unwrap();
        assert_eq!(found.value, format!("{{ path = \"{path}\" }}"));
        assert!(found.note.contains(path), "{}", found.note);
        write(COPY_OF_CARGO, "{}");
        assert_eq!(dependency(folder.path()).value, version);
    }
}
