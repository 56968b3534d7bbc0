//! Rules of the house that no compiler checks. Each failure names the file, the line and the fix.

mod commands;
mod documents;
mod durable;
mod features;
mod figures;
mod folders;
mod lines;
mod modules;
mod security;
mod words;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::cargo::checkout;

/// A text file of this repository.
struct Text {
    /// Relative to the root, with `/` between folders.
    path: String,
    text: String,
}

impl Text {
    fn read(path: &str) -> Self {
        let text = fs::read_to_string(checkout().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        Self {
            path: path.to_owned(),
            text,
        }
    }

    fn is_rust(&self) -> bool {
        Path::new(&self.path).extension().is_some_and(|end| end == "rs")
    }

    /// The lines with their numbers, counted from 1, without those that are comments of Rust.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().enumerate();
        lines
            .map(|(index, line)| (index + 1, line))
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    /// The lines of [`Self::code`] up to the unit tests, which stand at the end of a file.
    fn code_without_tests(&self) -> impl Iterator<Item = (usize, &str)> {
        let is_test = self.path.ends_with("/tests.rs") || self.path.contains("/tests/");
        self.code()
            .take_while(move |(_, line)| !is_test && line.trim() != "#[cfg(test)]")
    }
}

/// The text files of the checkout that git knows, or would add.
fn files() -> Vec<Text> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(checkout())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let names = String::from_utf8(output.stdout).unwrap();
    let names = names.split('\0').filter(|name| !name.is_empty());
    names.filter_map(text).collect()
}

/// A file as text; `None` for what is none, or is in the index only.
fn text(name: &str) -> Option<Text> {
    let path: PathBuf = checkout().join(name);
    let bytes = if path.is_file() {
        fs::read(&path).unwrap()
    } else {
        return None;
    };
    let text = String::from_utf8(bytes).ok()?;
    Some(Text {
        path: name.to_owned(),
        text,
    })
}

/// The files below a folder, such as `src/`.
fn below(folder: &str) -> Vec<Text> {
    let mut files = files();
    files.retain(|file| file.path.starts_with(folder));
    assert!(!files.is_empty(), "no file below `{folder}`");
    files
}

/// The documents for people: those at the root and in `docs/`, and each example's own. Their lines `cargo xtask …` are
/// meant for this repository or a consuming one.
fn documents() -> Vec<Text> {
    let is_one = |path: &str| match path.split('/').collect::<Vec<_>>()[..] {
        [_] | ["docs", _] | ["examples", _, "README.md"] => Path::new(path).extension().is_some_and(|end| end == "md"),
        _ => false,
    };
    let mut files = files();
    files.retain(|file| is_one(&file.path));
    assert!(files.len() >= 18, "{} documents", files.len());
    files
}

/// Fails with all problems at once.
fn report(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}
