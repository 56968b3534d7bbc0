//! The `xtask` crate of a consuming repository and the cargo alias that runs it.

use std::path::Path;

use super::manifest::text_of;
use super::write::Writer;
use crate::base::error::Result;

const MANIFEST: &str = "xtask/Cargo.toml";
const ALIAS_FILE: &str = ".cargo/config.toml";

const MAIN: &str = "\
fn main() -> std::process::ExitCode {
    cordwainer::cli::main()
}
";

/// Writes the crate and the alias; returns what is left to do by hand.
pub(super) fn write(root: &Path, writer: &mut Writer<'_>) -> Result<Vec<String>> {
    let member = is_member(root);
    let alias = alias(member);
    writer.write(MANIFEST, &manifest(member))?;
    writer.write("xtask/src/main.rs", MAIN)?;
    writer.write("xtask/.gitignore", "/target\n")?;

    let mut notes = Vec::new();
    // Cargo reads the older name and not the newer one if both exist.
    let older = writer.exists(".cargo/config");
    if older || !writer.write(ALIAS_FILE, &format!("[alias]\n{alias}\n"))? {
        let file = if older { ".cargo/config" } else { ALIAS_FILE };
        let text = text_of(&root.join(file));
        if !has_alias(&text) {
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

/// Returns whether the repository's workspace has `xtask` among its members already: then it must not be one of its
/// own.
fn is_member(root: &Path) -> bool {
    let text = text_of(&root.join("Cargo.toml"));
    let workspace = text
        .lines()
        .map(str::trim)
        .skip_while(|line| *line != "[workspace]")
        .skip(1);
    let lines: Vec<&str> = workspace.take_while(|line| !line.starts_with('[')).collect();
    let section = lines.join(" ");
    let members = section
        .split("members")
        .skip(1)
        .find_map(|rest| rest.split_once('['))
        .map(|(_, rest)| rest);
    let members = members.and_then(|rest| rest.split(']').next()).unwrap_or_default();
    members.split(',').any(|member| {
        matches!(
            member.trim().trim_matches(['"', '\'']),
            "xtask" | "xtask/" | "./xtask" | "*"
        )
    })
}

fn manifest(member: bool) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let workspace = if member { "" } else { "\n[workspace]\n" };
    format!(
        "[package]\nname = \"xtask\"\nversion = \"0.0.0\"\nedition = \"2024\"\npublish = false\n\n\
         [dependencies]\ncordwainer = \"{version}\"\n{workspace}"
    )
}

fn alias(member: bool) -> String {
    let which = if member {
        "--package xtask"
    } else {
        "--manifest-path xtask/Cargo.toml"
    };
    format!("xtask = \"run --quiet {which} --\"")
}

fn has_alias(text: &str) -> bool {
    text.lines()
        .any(|line| line.trim_start().starts_with("xtask") && line.contains('='))
}
