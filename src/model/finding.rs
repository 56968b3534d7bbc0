//! Findings: what a review, or a check that names places, reports about files.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use sha1_smol::Sha1;

use crate::base::text::{harmless, normalised_title, one_line};

/// How bad a finding is. The worse one is the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// A matter of taste, or of little use to change.
    Low,
    /// It should be changed.
    Medium,
    /// It must be changed before the work is used.
    High,
    /// The work does harm as it is, or does not do what it is for.
    Critical,
}

impl Severity {
    /// All of them, the worst one first.
    pub const ALL: [Self; 4] = [Self::Critical, Self::High, Self::Medium, Self::Low];

    /// Returns its name in the configuration and in answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// One thing that is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Of what kind, in a word or two of whoever reports it.
    pub category: String,
    /// The file, from the repository's root.
    pub path: String,
    /// The line, counted from 1; `None` where it is about the file as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// What is wrong, in a line.
    pub title: String,
    /// Why that is a problem.
    pub problem: String,
    /// What would be better; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub suggestion: String,
    /// A name that another report of the same finding has, too, wherever its lines have moved to.
    pub fingerprint: String,
}

/// How many hexadecimal digits a fingerprint has.
const FINGERPRINT: usize = 16;

impl Finding {
    /// Computes the fingerprint of a finding: of its file, its category and its title, but for case, spaces and
    /// punctuation.
    pub fn fingerprint_of(path: &str, category: &str, title: &str) -> String {
        let text = [path, &normalised_title(category), &normalised_title(title)].join("\0");
        let mut digest = Sha1::from(text).digest().to_string();
        digest.truncate(FINGERPRINT);
        digest
    }

    /// Returns the place, such as `src/a.rs:3`, or the file alone.
    pub fn place(&self) -> String {
        let path = one_line(&self.path, 200);
        self.line.map_or_else(|| path.clone(), |line| format!("{path}:{line}"))
    }

    /// Returns it in full, for whoever is to act on it: its line, and below it the problem and the suggestion.
    pub fn in_full(&self) -> String {
        let mut text = format!("{self}\n");
        for (name, said) in [("", &self.problem), ("suggestion: ", &self.suggestion)] {
            let said = harmless(said.trim());
            if !said.is_empty() {
                text.push_str(&format!("  {name}{}\n", said.replace('\n', "\n  ")));
            }
        }
        text
    }
}

impl fmt::Display for Finding {
    /// Writes `high src/a.rs:3: the title (category)`, in one harmless line.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (title, category) = (one_line(&self.title, 200), one_line(&self.category, 40));
        write!(formatter, "{} {}: {title}", self.severity, self.place())?;
        if category.is_empty() {
            return Ok(());
        }
        write!(formatter, " ({category})")
    }
}

/// Returns how many findings there are, and how many of which severity: `3 findings (1 high, 2 low)`.
pub fn findings_in_words(findings: &[Finding]) -> String {
    let mut counts = BTreeMap::new();
    for finding in findings {
        *counts.entry(finding.severity).or_insert(0_usize) += 1;
    }
    let by_severity: Vec<_> = counts
        .iter()
        .rev()
        .map(|(severity, count)| format!("{count} {severity}"))
        .collect();
    match findings.len() {
        0 => "no findings".to_owned(),
        1 => format!("1 finding ({})", by_severity.join(", ")),
        count => format!("{count} findings ({})", by_severity.join(", ")),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Builds a finding at a place.
    pub(crate) fn finding(severity: Severity, path: &str, line: Option<u32>) -> Finding {
        Finding {
            severity,
            category: "correctness".to_owned(),
            path: path.to_owned(),
            line,
            title: "It is wrong".to_owned(),
            problem: "Nobody can use it.\nNot at all.".to_owned(),
            suggestion: String::new(),
            fingerprint: Finding::fingerprint_of(path, "correctness", "It is wrong"),
        }
    }

    #[test]
    fn a_fingerprint_outlives_a_moved_line_and_other_spelling_and_nothing_else() {
        let of = Finding::fingerprint_of;
        let one = of("src/a.rs", "correctness", "Reads past the end");
        assert_eq!(one.len(), FINGERPRINT);
        assert_eq!(one, of("src/a.rs", "Correctness", "reads  past the end."));
        for other in [
            of("src/b.rs", "correctness", "Reads past the end"),
            of("src/a.rs", "security", "Reads past the end"),
            of("src/a.rs", "correctness", "Writes past the end"),
        ] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn findings_are_told_in_harmless_lines_and_counted_by_severity() {
        let mut bad = finding(Severity::High, "src/a.rs", Some(3));
        assert_eq!(bad.to_string(), "high src/a.rs:3: It is wrong (correctness)");
        assert_eq!(
            bad.in_full(),
            "high src/a.rs:3: It is wrong (correctness)\n  Nobody can use it.\n  Not at all.\n"
        );
        bad.title = "a\u{1b}[2J\nb".to_owned();
        bad.line = None;
        assert_eq!(bad.to_string(), "high src/a.rs: a\\u{1b}[2J b (correctness)");
        assert_eq!(findings_in_words(&[]), "no findings");
        let low = || finding(Severity::Low, "a", None);
        assert_eq!(findings_in_words(&[low()]), "1 finding (1 low)");
        assert_eq!(findings_in_words(&[low(), bad, low()]), "3 findings (1 high, 2 low)");
    }

    #[test]
    fn the_worse_one_is_greater() {
        assert!(Severity::ALL.is_sorted_by(|worse, better| worse > better));
    }
}
