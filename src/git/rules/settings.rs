//! A person's configuration of checkouts, and the files of rules that it names.

use std::fs;
use std::path::{Path, PathBuf};

use git2::Repository;

use super::attributes::Attributes;
use super::ignore::IgnoreFile;
use super::pattern::without_mark;
use crate::base::error::{Context as _, Result};
use crate::git::Git;

/// The end of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::git) enum EndOfLine {
    /// A line feed.
    Lf,
    /// A carriage return before it.
    Crlf,
}

/// Settings of the repository and of the person.
#[derive(Clone, Debug)]
pub(in crate::git) struct Settings {
    /// `core.ignoreCase`: names that differ only by case are the same.
    pub(in crate::git) ignore_case: bool,
    /// `core.fileMode`: whether the file system records which files are executable.
    pub(in crate::git) file_mode: bool,
    /// `core.symlinks`: whether it supports links.
    pub(in crate::git) symlinks: bool,
    /// `core.autocrlf`, unless it is off: the line endings of text in a checkout.
    pub(super) autocrlf: Option<EndOfLine>,
    eol: Option<EndOfLine>,
    ignore_file: Option<PathBuf>,
    /// The weakest first; the last one, the repository's own, is stronger than those of trees.
    attribute_files: Vec<PathBuf>,
    exclude: PathBuf,
}

impl Settings {
    /// Reads them for a repository.
    pub(in crate::git) fn of(git: &Git, repository: &Repository) -> Result<Self> {
        let config = repository
            .config()
            .context("cannot read the repository's configuration")?;
        let boolean = |key: &str, default| config.get_bool(key).unwrap_or(default);
        let text = |key: &str| config.get_string(key).unwrap_or_default().to_ascii_lowercase();
        let ignore_file = config.get_path("core.excludesfile").ok();
        Ok(Self {
            ignore_case: boolean("core.ignorecase", false),
            file_mode: boolean("core.filemode", true),
            symlinks: boolean("core.symlinks", true),
            autocrlf: match text("core.autocrlf").as_str() {
                "input" => Some(EndOfLine::Lf),
                _ => boolean("core.autocrlf", false).then_some(EndOfLine::Crlf),
            },
            eol: match text("core.eol").as_str() {
                "lf" => Some(EndOfLine::Lf),
                "crlf" => Some(EndOfLine::Crlf),
                _ => None,
            },
            ignore_file: ignore_file.or_else(|| git.personal_file("ignore")),
            attribute_files: git.attribute_files(repository),
            exclude: git.common_dir().join("info/exclude"),
        })
    }

    /// Returns whether text has carriage returns in a checkout, where nothing else is declared about it.
    pub(super) fn text_is_crlf(&self) -> bool {
        match self.autocrlf {
            Some(end) => end == EndOfLine::Crlf,
            None => self.eol == Some(EndOfLine::Crlf),
        }
    }

    /// Returns the ignore rules outside of any tree, the strongest first: the repository's own, then the person's.
    pub(in crate::git) fn ignore_files(&self) -> [IgnoreFile; 2] {
        let [personal, own] = self.ignore_contents();
        [own, personal].map(|content| IgnoreFile::parse(&content, self.ignore_case))
    }

    /// Returns all ignore rules outside of any tree, the repository's and the person's, as the content of one file.
    pub(in crate::git) fn all_ignore_rules(&self) -> Vec<u8> {
        self.ignore_contents().join(&b'\n')
    }

    /// Returns the person's rules, then the repository's.
    fn ignore_contents(&self) -> [Vec<u8>; 2] {
        let personal = self.ignore_file.as_deref().map(content);
        [personal.unwrap_or_default(), content(&self.exclude)]
    }

    /// Returns the attributes outside of any tree.
    pub(in crate::git) fn attributes(&self) -> Attributes {
        let mut contents: Vec<_> = self.attribute_files.iter().map(|file| content(file)).collect();
        let of_repository = contents.pop().unwrap_or_default();
        Attributes::new(&contents, &of_repository, self.ignore_case)
    }
}

/// Returns the content of a file of rules; nothing where it cannot be read, as in git.
fn content(file: &Path) -> Vec<u8> {
    match fs::read(file) {
        Ok(content) => without_mark(&content).to_vec(),
        Err(error) => {
            tracing::debug!(file = %file.display(), %error, "no rules are read from here");
            Vec::new()
        }
    }
}
