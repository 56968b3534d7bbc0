//! Has git ignore the folder for token files. The line goes into `.gitignore`, which is committed, and not into
//! `.git/info/exclude`: whoever else clones the repository puts a token there, too.

use std::path::{Component, Path};

use super::write::Writer;
use crate::base::error::Result;

pub(super) const FILE: &str = ".gitignore";

/// Adds the folder to `.gitignore` unless it has it; returns what is left to do by hand.
pub(super) fn secrets(folder: &Path, writer: &mut Writer<'_>) -> Result<Option<String>> {
    let Some(line) = line(folder) else {
        return Ok(None);
    };
    if writer.append(FILE, &line, &|text| has(text, folder))? {
        return Ok(None);
    }
    Ok(Some(format!(
        "{FILE} is not a file that can be extended: add `{line}`, so that no token is committed."
    )))
}

/// Returns the line for a folder; none where it is not in the repository.
fn line(folder: &Path) -> Option<String> {
    let parts: Option<Vec<&str>> = folder
        .components()
        .filter(|part| *part != Component::CurDir)
        .map(|part| match part {
            Component::Normal(name) => name.to_str(),
            _ => None,
        })
        .collect();
    let path = parts.filter(|parts| !parts.is_empty())?.join("/");
    let mut escaped = String::new();
    for character in path.chars() {
        if "\\*?[! #".contains(character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    Some(format!("/{escaped}/"))
}

/// Returns whether a line of `.gitignore` is this folder, in one of the usual ways to write it.
fn has(text: &[u8], folder: &Path) -> bool {
    let text = String::from_utf8_lossy(text);
    let folder = folder.to_string_lossy();
    text.lines().map(str::trim_end).any(|line| {
        let line = line.strip_prefix('/').unwrap_or(line);
        line.strip_suffix('/').unwrap_or(line) == folder
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_for_a_folder_of_the_repository() {
        for (folder, expect) in [
            (".secrets", Some("/.secrets/")),
            ("./a b/c", Some("/a\\ b/c/")),
            ("*", Some("/\\*/")),
            ("../x", None),
            ("/x", None),
            (".", None),
        ] {
            assert_eq!(line(Path::new(folder)).as_deref(), expect, "{folder}");
        }
    }

    #[test]
    fn the_usual_ways_to_write_a_line_are_known() {
        for (text, expect) in [
            (".secrets", true),
            ("a\r\n/.secrets/\r\n", true),
            (".secrets/ ", true),
            ("# .secrets", false),
            ("!.secrets", false),
            (".secrets2", false),
            ("", false),
        ] {
            assert_eq!(has(text.as_bytes(), Path::new(".secrets")), expect, "{text}");
        }
    }
}
