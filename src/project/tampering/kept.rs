//! Tests that must stay as they are: a change of one is found, whether it makes the test weaker or not.

use super::change::FileChange;
use super::compare;
use super::file::{ReadCase, ReadFile};
use super::finding::{Finding, FindingKind};
use super::pairs;

/// Finds the tests whose text is another one after a change. Where they stand, how they are indented and what comments say
/// does not count.
pub(super) fn find(changes: &[FileChange]) -> Vec<Finding> {
    let pairs = compare::read_all(changes);
    let matches = pairs::of_cases(&pairs);
    let found = matches.matched.iter().filter_map(|(old, new)| {
        let (before, after) = (pairs::before(&pairs, *old), pairs::after(&pairs, *new));
        (words(before) != words(after)).then(|| Finding {
            path: after.0.path.clone(),
            line: after.1.line,
            what: format!("{} is not as it was", compare::said(after.1)),
            kind: FindingKind::Changed,
        })
    });
    found.collect()
}

/// Returns the text of a case in pieces without white space, and without its comments.
fn words<'a>((file, read): (&'a ReadFile, &ReadCase)) -> Vec<&'a str> {
    let text = file.source.text.get(read.case.region.clone()).unwrap_or_default();
    text.split_whitespace().collect()
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
        let new = format!("{test}#[test]\nfn more() {{ assert!(more()); }}\n");
        assert_eq!(changed(test, &new), Vec::<String>::new());
    }
}
