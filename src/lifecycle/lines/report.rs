//! What the lines of a commit are reported as.

use std::ops::AddAssign;

use serde::Serialize;

use crate::model::CommitId;

/// The lines of a commit; the JSON of `cordwainer stats lines --json`.
#[derive(Clone, Debug, Serialize)]
pub struct LineReport {
    /// The commit.
    pub revision: CommitId,
    /// By language, the one with the most code first.
    pub languages: Vec<LanguageLines>,
    /// All languages together.
    pub total: Lines,
    /// What is in none of these figures.
    pub not_counted: NotCounted,
}

/// The lines of one language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LanguageLines {
    /// Its name.
    pub language: String,
    /// Its lines.
    pub lines: Lines,
}

/// How many lines some files have, by what they hold. Each line counts once: a line with any code is one of code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Lines {
    /// How many files.
    pub files: u64,
    /// All of their lines; the last one of a file need not have an end.
    pub all: u64,
    /// Lines with code; those of production and of tests together.
    pub code: u64,
    /// Lines with comments alone, and of prose all that are not blank.
    pub comments: u64,
    /// Lines with nothing but white space.
    pub blank: u64,
    /// Lines with code that are not of tests.
    pub production: u64,
    /// Lines with code that are of tests.
    pub test: u64,
}

/// The files of a commit that are not counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct NotCounted {
    /// Texts in no language that is known.
    pub unknown: u64,
    /// How the names of those end most often: an ending (`.xyz`) or a whole name, with how many there are; ten at most.
    pub unknown_names: Vec<(String, u64)>,
    /// Binary files.
    pub binary: u64,
    /// Symbolic links: what they lead to counts where it is.
    pub links: u64,
    /// Submodules.
    pub submodules: u64,
    /// Files that are too large to be read, by their paths.
    pub too_large: Vec<String>,
}

impl AddAssign for Lines {
    fn add_assign(&mut self, other: Self) {
        self.files += other.files;
        self.all += other.all;
        self.code += other.code;
        self.comments += other.comments;
        self.blank += other.blank;
        self.production += other.production;
        self.test += other.test;
    }
}
