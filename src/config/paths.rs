//! Paths and globs as the configuration takes them: within the repository, with `/` between folders, and plain.

use std::path::{Component, Path, PathBuf};

use globset::GlobBuilder;

use super::field::Field;
use super::keys::Files;

impl Field<'_> {
    /// Reads a path in the repository, without `./` and `/` at its ends.
    pub(super) fn repository_path(&self) -> Option<String> {
        self.assert_names_files();
        let text = self.any_text()?;
        match repository_path(&text) {
            Ok(path) => Some(path),
            Err(why) => self.refuse(format!("{}: {why}", self.wrong_path("a path in the repository"))),
        }
    }

    /// Reads a path on the host: absolute, or in the repository.
    pub(super) fn host_path(&self) -> Option<PathBuf> {
        self.assert_names_files();
        let text = self.any_text()?;
        if !text.starts_with('/') {
            return self.repository_path().map(PathBuf::from);
        }
        match plain(&text) {
            Ok(()) if lexical(Path::new(&text)) != Path::new("/") => Some(lexical(Path::new(&text))),
            Ok(()) => self.expected("a path below `/`"),
            Err(why) => self.refuse(format!("{}: {why}", self.wrong_path("a path"))),
        }
    }

    /// Reads an absolute path in the container, other than `/`.
    pub(super) fn container_path(&self) -> Option<String> {
        let text = self.any_text()?;
        match container_path(&text) {
            Some(path) => Some(path),
            None => self.expected("an absolute path in the container"),
        }
    }

    /// Reads a glob over paths in the repository.
    pub(super) fn glob(&self) -> Option<String> {
        self.assert_names_files();
        let text = self.any_text()?;
        let glob = text.trim_start_matches("./");
        match check_glob(glob) {
            Ok(()) => Some(glob.to_owned()),
            Err(why) => self.refuse(format!(
                "{}: {why}",
                self.wrong_path("a glob over paths in the repository")
            )),
        }
    }

    /// Reads the name of a branch.
    pub(super) fn branch(&self) -> Option<String> {
        let name = self.any_text()?;
        let allowed = crate::model::generation::git_allows(&name) && !name.starts_with("refs/");
        if allowed {
            Some(name)
        } else {
            self.expected("the name of a branch")
        }
    }

    /// Asserts that the table of keys declares of every path whether tasks may change it.
    fn assert_names_files(&self) {
        debug_assert_ne!(
            self.files,
            Files::None,
            "`{}` is read as a path: declare with `files` in the table of keys whether tasks may change it",
            self.key
        );
    }

    fn wrong_path(&self, what: &str) -> String {
        format!("expected {what}, found {}", self.node.describe())
    }
}

/// Checks a path that must stay in the repository, and brings it into its one form.
pub(crate) fn repository_path(text: &str) -> Result<String, &'static str> {
    plain(text)?;
    if text.starts_with('/') || text.as_bytes().get(1) == Some(&b':') {
        return Err("it is absolute");
    }
    if text.starts_with('~') {
        return Err("`~` is not expanded here");
    }
    let parts: Vec<&str> = text.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    if parts.contains(&"..") {
        return Err("`..` leaves the folder");
    }
    if parts.iter().any(|part| part.eq_ignore_ascii_case(".git")) {
        return Err("`.git` belongs to git");
    }
    if parts.is_empty() {
        return Err("it is the whole repository");
    }
    Ok(parts.join("/"))
}

/// Checks the rules for every path: not empty, in one line, with slashes.
fn plain(text: &str) -> Result<(), &'static str> {
    if text.trim().is_empty() {
        return Err("it is empty");
    }
    if text.contains('\\') {
        return Err("write `/` between folders");
    }
    if text.chars().any(char::is_control) {
        return Err("it has control characters");
    }
    if text.trim() != text || text.len() > 4096 {
        return Err("it begins or ends with space, or is longer than 4096 bytes");
    }
    Ok(())
}

/// Returns an absolute path in the container without `.`, `..` and doubled slashes; `None` for `/` itself and
/// everything else.
pub(crate) fn container_path(text: &str) -> Option<String> {
    plain(text).ok()?;
    let parts: Vec<&str> = text
        .strip_prefix('/')?
        .split('/')
        .filter(|part| !part.is_empty())
        .collect();
    let simple = !parts.is_empty()
        && parts
            .iter()
            .all(|part| !matches!(*part, "." | "..") && !part.contains([':', ',']));
    simple.then(|| format!("/{}", parts.join("/")))
}

fn check_glob(glob: &str) -> Result<(), String> {
    plain(glob)?;
    if glob.starts_with('/') {
        return Err("it is absolute".to_owned());
    }
    if glob.split('/').any(|part| part == "..") {
        return Err("`..` leaves the folder".to_owned());
    }
    if glob.ends_with('/') {
        return Err(format!("a folder matches nothing (did you mean `{glob}**`?)"));
    }
    match GlobBuilder::new(glob).literal_separator(true).build() {
        Ok(_) => Ok(()),
        Err(error) => Err(error.kind().to_string()),
    }
}

/// Removes `.` and resolves `..` without looking at the file system.
pub(crate) fn lexical(path: &Path) -> PathBuf {
    let mut simple = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                simple.pop();
            }
            other => simple.push(other),
        }
    }
    simple
}

/// Returns whether one of two paths contains the other, or they are the same; letters of either case are one, as on
/// some disks.
pub(crate) fn overlap(one: &Path, other: &Path) -> bool {
    one.components()
        .zip(other.components())
        .all(|(a, b)| a.as_os_str().eq_ignore_ascii_case(b.as_os_str()))
}
