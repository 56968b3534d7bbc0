//! Changes that make tests say less: deleted, emptied, skipped and weakened tests, and looser settings of CI and coverage.
//!
//! It reads texts as the conventions of their ecosystems are written, and runs nothing. What it finds is a reason for a
//! person to look, and that it finds nothing proves nothing: whoever means to deceive can write a test that says nothing in
//! other ways. Each pattern takes time in proportion to the text.

mod assertion;
mod case;
mod change;
mod checks;
mod compare;
mod coverage;
mod excuse;
mod file;
mod finding;
mod language;
mod mark;
mod pairs;
mod pattern;
mod settings;
mod shared;
mod source;
mod test_case;
#[cfg(test)]
mod tests;
mod words;

pub(crate) use self::change::FileChange;
pub(crate) use self::finding::{Finding, FindingKind};

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
