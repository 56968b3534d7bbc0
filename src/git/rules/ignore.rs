//! One file of ignore rules.

use super::pattern::{Pattern, Subject, without_mark};
use crate::git::work::Work;

/// The rules of one file, in the order they stand there.
#[derive(Clone, Debug)]
pub(in crate::git) struct IgnoreFile {
    patterns: Vec<Pattern>,
    fold_case: bool,
}

impl IgnoreFile {
    /// Parses the content of a file.
    pub(in crate::git) fn parse(content: &[u8], fold_case: bool) -> Self {
        let lines = without_mark(content).split(|byte| *byte == b'\n');
        let patterns = lines
            .filter(|line| !line.is_empty() && !line.starts_with(b"#"))
            .map(|line| Pattern::parse(trimmed(line), fold_case))
            .collect();
        Self { patterns, fold_case }
    }

    /// Returns whether a path, relative to the folder of the file, is ignored, by the last rule that applies.
    pub(in crate::git) fn ignores(&self, path: &[u8], is_folder: bool, work: &Work) -> Option<bool> {
        let subject = Subject { path, is_folder };
        let mut last_first = self.patterns.iter().rev();
        let decides = last_first.find(|pattern| pattern.matches(subject, self.fold_case, work));
        decides.map(|pattern| !pattern.is_negated)
    }
}

/// Returns a line without the carriage return at its end, without blanks at the end unless a backslash keeps them, and
/// without anything after a NUL, which ends it for git.
fn trimmed(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let line = line.split(|byte| *byte == 0).next().unwrap_or_default();
    let mut end = 0;
    let mut bytes = line.iter().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b' ' => {}
            b'\\' => match bytes.next() {
                Some((at, _)) => end = at + 1,
                None => return line,
            },
            _ => end = at + 1,
        }
    }
    &line[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rules: &str, path: &str, expect: Option<bool>) {
        let found = IgnoreFile::parse(rules.as_bytes(), false).ignores(path.as_bytes(), false, &Work::new());
        assert_eq!(found, expect, "{rules:?} on {path}");
    }

    #[test]
    fn the_last_rule_that_matches_decides() {
        check("*.log\n!keep.log\n", "keep.log", Some(false));
        check("*.log\n!keep.log\n", "sub/other.log", Some(true));
        check("/top\n", "sub/top", None);
        check("sub/x\n", "sub/x", Some(true));
        check("folder/\n", "folder", None);
    }

    #[test]
    fn lines_are_read_as_git_reads_them() {
        check("\u{feff}a\n", "a", Some(true));
        check("a  \r\n", "a", Some(true));
        check("a\\ \n", "a ", Some(true));
        check("\\#a\n", "#a", Some(true));
        check("*.py{}\n", "a.py", None);
    }

    #[test]
    fn what_costs_more_than_the_budget_says_nothing() {
        let work = Work::of(3);
        let rules = IgnoreFile::parse(b"a*b*c\n", false);
        assert_eq!(rules.ignores(b"abc", false, &work), None);
        assert!(work.is_spent());
    }
}
