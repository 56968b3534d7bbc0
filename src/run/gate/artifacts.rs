//! What a gate leaves for people: files of the worktree, copied into the run's folder after its container has ended.
//!
//! An agent chose their names, which are in a list; those in the folder are ours.

use std::path::Path;

use serde::Serialize;

use super::Runner;
use super::heard::places;
use crate::base::error::{Context as _, Result};
use crate::base::text::size;
use crate::config::Gate;
use crate::git::{Globs, find_files, read_found};
use crate::record::event::EventKind;
use crate::run::call::Sandbox;

/// The most files of a gate.
const MOST_FILES: usize = 200;
/// The most bytes of them, together.
const MOST_BYTES: u64 = 64 << 20;
/// How much of a name is used, in characters.
const NAME_WIDTH: usize = 60;

/// A file in the list.
#[derive(Serialize)]
struct Listed {
    /// Its name in the folder.
    file: String,
    /// Its path in the worktree.
    path: String,
    bytes: u64,
}

impl Runner<'_> {
    /// Copies the artifacts of the gate of a number. What keeps one from being copied is a warning: it is not the gate's
    /// verdict.
    pub(super) fn keep_artifacts(&self, sandbox: &Sandbox<'_>, number: usize, gate: &Gate) {
        if gate.artifacts.is_empty() {
            return;
        }
        let left_out = match tokio::task::block_in_place(|| copy(sandbox, number, gate)) {
            Ok(0) => return,
            Ok(left_out) => format!(
                "{left_out} of its files are not copied: at most {MOST_FILES} with {} are",
                size(MOST_BYTES)
            ),
            Err(error) => error.in_a_line(),
        };
        let what = format!("artifacts of gate `{}`: {left_out}", gate.name);
        self.recorder.emit(EventKind::Warned { what });
    }
}

/// Copies what matches, and writes the list; returns how many files were left out.
fn copy(sandbox: &Sandbox<'_>, number: usize, gate: &Gate) -> Result<usize> {
    let globs = Globs::new(gate.artifacts.iter().map(String::as_str))?;
    let places = places(&sandbox.slot, sandbox.mounts);
    let found = find_files(&places, &globs)?;
    let mut left = MOST_BYTES;
    let mut listed = Vec::new();
    for (path, file) in &found {
        if file.bytes > left || listed.len() == MOST_FILES {
            continue;
        }
        let Some(content) = read_found(&places, path, file.bytes)? else {
            continue;
        };
        left -= file.bytes;
        let name = format!("gate-{number}-artifact-{:03}-{}", listed.len() + 1, plain(path));
        sandbox.folder.write(&name, &content)?;
        listed.push(Listed {
            file: name,
            path: path.display().to_string(),
            bytes: file.bytes,
        });
    }
    let left_out = found.len() - listed.len();
    let list = serde_json::to_vec_pretty(&listed).context("cannot write the list of artifacts")?;
    sandbox.folder.write(&format!("gate-{number}-artifacts.json"), &list)?;
    Ok(left_out)
}

/// Returns the last part of a path in characters that are harmless in a name.
fn plain(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_harmless = |character: &char| character.is_ascii_alphanumeric() || matches!(character, '.' | '-' | '_');
    let skipped = name.chars().count().saturating_sub(NAME_WIDTH);
    name.chars().skip(skipped).filter(is_harmless).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_the_folder_are_harmless_and_end_as_the_file_does() {
        assert_eq!(plain(Path::new("a/report.html")), "report.html");
        assert_eq!(plain(Path::new("a/..\u{1b}[2J/é x\n.png")), "x.png");
        let long = format!("{}.log", "x".repeat(300));
        assert_eq!(plain(Path::new(&long)).len(), NAME_WIDTH);
    }
}
