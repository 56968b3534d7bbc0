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
mod kept;
mod language;
mod mark;
mod pairs;
mod pattern;
mod settings;
mod shared;
mod source;
mod test_case;
#[cfg(feature = "lines")]
mod test_lines;
#[cfg(test)]
mod tests;
mod words;

pub(crate) use self::change::FileChange;
pub(crate) use self::finding::{Finding, FindingKind};
#[cfg(feature = "lines")]
pub(crate) use self::test_lines::TestLines;

/// Returns whether a file is read at all: one in a language that is known here, or settings of CI, of a runner of tests
/// or of coverage.
pub(crate) fn is_read(path: &str) -> bool {
    language::Language::of(path).is_some() || checks::has_commands(path) || settings::is_settings(path)
}

/// Which tests may change.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tests<'asked> {
    /// All, where they say no less; those in files at these paths, which the task was asked to delete, may go.
    MayChange(&'asked [String]),
    /// None of those that there are.
    Stay,
}

/// Finds what a change makes weaker, and which tests are not as they were where they are to stay.
pub(crate) fn find(changes: &[FileChange], tests: Tests<'_>) -> Vec<Finding> {
    let mut found = match tests {
        Tests::MayChange(asked_away) => compare::find(changes, asked_away),
        Tests::Stay => {
            let mut found = compare::find(changes, &[]);
            let touched = kept::find(changes);
            // What is said of a test already need not be said in other words.
            let is_said = |one: &Finding| {
                found
                    .iter()
                    .any(|other| (&other.path, other.line) == (&one.path, one.line))
            };
            let new: Vec<_> = touched.into_iter().filter(|one| !is_said(one)).collect();
            found.extend(new);
            found
        }
    };
    found.extend(checks::find(changes));
    found.extend(coverage::find(changes));
    found.extend(settings::find(changes));
    found.sort();
    found.dedup();
    found
}
