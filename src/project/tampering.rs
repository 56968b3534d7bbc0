//! Changes that make tests say less: deleted, emptied, skipped and weakened tests, and looser settings of CI and coverage.
//!
//! It reads texts as the conventions of their ecosystems are written, and runs nothing. What it finds is a reason for a
//! person to look, and what it does not find is no proof: whoever means to deceive can write a test that says nothing in
//! other ways. Each pattern takes time in proportion to the text.

mod assertion;
mod case;
mod checks;
mod compare;
mod coverage;
mod excuse;
mod file;
mod finding;
mod language;
mod mark;
mod pairs;
mod settings;
mod source;
#[cfg(test)]
mod tests;
mod words;

pub(crate) use self::finding::{Finding, FindingKind};

/// Compiles a pattern once.
macro_rules! pattern {
    ($text:expr) => {{
        static PATTERN: std::sync::LazyLock<regex::Regex> =
            std::sync::LazyLock::new(|| regex::Regex::new($text).expect("the patterns of this folder are fixed"));
        &*PATTERN
    }};
}
use pattern;

/// A file that a change touches, with its text before and after; `None` where it is not there, or is no text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FileChange {
    /// Its path before; `None` for a new file.
    pub(crate) old_path: Option<String>,
    /// Its path after; `None` for one that was deleted.
    pub(crate) new_path: Option<String>,
    /// Its text before.
    pub(crate) before: Option<String>,
    /// Its text after.
    pub(crate) after: Option<String>,
}

/// Returns whether a file is read at all: one in a language that is known here, or settings of CI, of a runner of tests
/// or of coverage.
pub(crate) fn is_read(path: &str) -> bool {
    language::Language::of(path).is_some() || checks::has_commands(path) || settings::is_settings(path)
}

/// Finds what a change makes weaker. A file at a path of `asked_away`, which the task was asked to delete, loses nothing
/// by that.
pub(crate) fn find(changes: &[FileChange], asked_away: &[String]) -> Vec<Finding> {
    let mut found = compare::find(changes, asked_away);
    found.extend(checks::find(changes));
    found.extend(coverage::find(changes));
    found.extend(settings::find(changes));
    found.sort();
    found.dedup();
    found
}
