//! Tests that must stay as they are: a change of one is found, whether it makes the test weaker or not.

use super::change::FileChange;
use super::compare;
use super::file::{ReadCase, ReadFile};
use super::finding::{Finding, FindingKind};
use super::language::Language;
use super::pairs;

/// Finds the tests that are gone or whose text is another one after a change. Where they stand, how they are indented and what
/// comments say does not count.
pub(super) fn find(changes: &[FileChange]) -> Vec<Finding> {
    let pairs = compare::read_all(changes);
    let matches = pairs::of_cases(&pairs);
    let touched = matches.matched.iter().filter_map(|(old, new)| {
        let (before, after) = (pairs::before(&pairs, *old), pairs::after(&pairs, *new));
        (said_by(before) != said_by(after)).then(|| Finding {
            path: after.0.path.clone(),
            line: after.1.line,
            what: format!("{} is not as it was", compare::said(after.1)),
            kind: FindingKind::Changed,
        })
    });
    let gone = matches.gone.iter().map(|old| {
        let (file, case) = pairs::before(&pairs, *old);
        Finding {
            path: file.path.clone(),
            line: case.line,
            what: format!("{} is gone", compare::said(case)),
            kind: FindingKind::Deleted,
        }
    });
    touched.chain(gone).collect()
}

/// Returns the text of a case without its comments, as two cases that say the same have it alike: white space outside of strings
/// is one space, and where indentation has a meaning, it is that within the case.
fn said_by((file, read): (&ReadFile, &ReadCase)) -> String {
    let text = file.source.text.get(read.case.region.clone()).unwrap_or_default();
    if !file.language.has_braces() {
        return with_own_indentation(text);
    }
    let quotes: &[char] = if file.language == Language::Rust {
        &['"']
    } else {
        &['"', '\'', '`']
    };
    let (mut said, mut open, mut is_escaped) = (String::new(), None, false);
    for character in text.trim().chars() {
        match open {
            Some(quote) if character == quote && !is_escaped => open = None,
            None if quotes.contains(&character) => open = Some(character),
            None if character.is_whitespace() => {
                if !said.ends_with(' ') {
                    said.push(' ');
                }
                continue;
            }
            _ => {}
        }
        is_escaped = character == '\\' && !is_escaped;
        said.push(character);
    }
    said
}

/// Returns the lines that say something, each indented as far beyond the first one as it is.
fn with_own_indentation(text: &str) -> String {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let lines = || text.lines().filter(|line| !line.trim().is_empty());
    let first = lines().next().map_or(0, indent);
    let shown = lines().map(|line| {
        let (own, said) = (indent(line).saturating_sub(first), line.trim());
        format!("{:own$}{said}\n", "")
    });
    shown.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(before: &str, after: &str) -> Vec<String> {
        let change = FileChange {
            old_path: Some("src/a.rs".into()),
            new_path: Some("src/b.rs".into()),
            before: Some(before.into()),
            after: Some(after.into()),
        };
        find(&[change]).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_test_that_moves_with_its_code_stays_and_one_that_says_something_else_does_not() {
        let test = "#[test]\nfn half() { assert_eq!(half(3), 1); }\n";
        let moved = "mod tests {\n    // Rounds down.\n    #[test]\n    fn half() {\n        assert_eq!(half(3), 1);\n    }\n}\n";
        assert_eq!(changed(test, moved), Vec::<String>::new());
        let stronger = "#[test]\nfn half() { assert_eq!(half(3), 1); assert_eq!(half(4), 2); }\n";
        assert_eq!(changed(test, stronger), ["src/b.rs:2 `half` is not as it was"]);
        assert_eq!(changed(test, "fn other() {}\n"), ["src/a.rs:2 `half` is gone"]);
        let spaced = |text: &str| format!("#[test]\nfn said() {{ assert_eq!(said(), \"{text}\"); }}\n");
        assert_eq!(
            changed(&spaced("a b"), &spaced("a  b")),
            ["src/b.rs:2 `said` is not as it was"]
        );
        let new = format!("{test}#[test]\nfn more() {{ assert!(more()); }}\n");
        assert_eq!(changed(test, &new), Vec::<String>::new());
    }
}
