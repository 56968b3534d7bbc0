//! What a report is made of, and how findings become one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path};

use serde::{Deserialize, Serialize};

use crate::base::error::{Error, ErrorKind, Result};
use crate::base::text::{normalised_title, one_line};
use crate::model::finding::{Finding, Severity, findings_in_words};
use crate::model::{CommitId, Usage};

/// The version of the report's JSON that this crate writes and reads.
pub const FORMAT: u32 = 1;

/// The category of findings that name none.
const NO_CATEGORY: &str = "other";
/// Words that make a category one of security.
const SECURITY: [&str; 3] = ["security", "vulnerability", "vulnerabilities"];

/// What was read for a report, and what that cost.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Examined {
    /// What the report is about, in a line.
    pub title: String,
    /// The mode that made it, such as `audit`.
    pub mode: String,
    /// The revision that was read.
    pub revision: Option<CommitId>,
    /// The revision since which changes were read; `None` where whole files were.
    pub since: Option<CommitId>,
    /// Whether all was asked about that could be read: not so where the calls ended before, or no answer could be used.
    pub complete: bool,
    /// The files that were read.
    pub read: Vec<String>,
    /// The files that were asked for and not read.
    pub not_read: Vec<NotRead>,
    /// What the calls used.
    pub cost: Usage,
}

/// A file that was not read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotRead {
    /// Its path from the repository's root.
    pub path: String,
    /// Why not, as the end of a sentence.
    pub reason: String,
}

/// A finding of a report: all that have one fingerprint, joined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportedFinding {
    /// How bad it is, by whoever found it worst.
    pub severity: Severity,
    /// Of what kind, in one spelling for the whole report.
    pub category: String,
    /// The file, from the repository's root.
    pub path: String,
    /// The line, counted from 1; `None` where it is about the file as a whole.
    pub line: Option<u32>,
    /// What is wrong, in a line.
    pub title: String,
    /// Why that is a problem.
    pub problem: String,
    /// What would be better; may be empty.
    pub suggestion: String,
    /// The name by which another report has it, too.
    pub fingerprint: String,
    /// How often it was reported.
    pub count: u64,
    /// The other lines at which it was reported, in order.
    pub other_lines: Vec<u32>,
}

/// How many findings there are of each kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FindingsSummary {
    /// All findings, each counted once.
    pub findings: u64,
    /// How many there are of each severity; those that there are none of have 0.
    pub severities: BTreeMap<Severity, u64>,
    /// How many there are of each category, the one with the worst finding first.
    pub categories: Vec<CategoryCount>,
    /// How many reports of findings were joined with an earlier one.
    pub joined: u64,
    /// How many findings were dropped since their place does not exist.
    pub dropped: u64,
}

/// How many findings there are of a category.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CategoryCount {
    /// The category.
    pub category: String,
    /// How many there are.
    pub findings: u64,
    /// How bad the worst one is.
    pub worst: Severity,
}

/// The report of an audit or a review. [`FindingsReport::json`], [`FindingsReport::markdown`] and
/// [`FindingsReport::sarif`] write it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FindingsReport {
    /// The version of its form, [`FORMAT`].
    pub format: u32,
    /// What was read.
    pub examined: Examined,
    /// What was found, the worst first, and then by place.
    pub findings: Vec<ReportedFinding>,
    /// How much that is.
    pub summary: FindingsSummary,
}

/// The part of a report that every version has.
#[derive(Deserialize)]
struct Versioned {
    format: u32,
}

impl FindingsReport {
    /// Makes the report of what was found. `is_there` answers whether the revision has a file, and in it a line; a finding
    /// about a place that it does not have is dropped and counted.
    pub fn of(
        examined: Examined,
        found: impl IntoIterator<Item = Finding>,
        is_there: impl Fn(&str, Option<u32>) -> bool,
    ) -> Self {
        let (mut dropped, mut joined) = (0, 0);
        let mut by_fingerprint: BTreeMap<String, ReportedFinding> = BTreeMap::new();
        let mut names = Names::default();
        for mut finding in found {
            if finding.line == Some(0) || !is_inside(&finding.path) || !is_there(&finding.path, finding.line) {
                dropped += 1;
                continue;
            }
            finding.category = names.of(&finding.category);
            match by_fingerprint.get_mut(&finding.fingerprint) {
                Some(known) => {
                    known.join(finding);
                    joined += 1;
                }
                None => {
                    by_fingerprint.insert(finding.fingerprint.clone(), ReportedFinding::from(finding));
                }
            }
        }
        let mut findings: Vec<_> = by_fingerprint.into_values().collect();
        findings.sort_by(|one, other| order(one).cmp(&order(other)));
        let summary = FindingsSummary {
            joined,
            dropped,
            ..FindingsSummary::of(&findings)
        };
        Self {
            format: FORMAT,
            examined,
            findings,
            summary,
        }
    }

    /// Reads a report that [`FindingsReport::json`] wrote. Anything else is a usage error.
    pub fn read(json: &str) -> Result<Self> {
        let failed = |error: serde_json::Error| {
            Error::new(ErrorKind::Usage, "the report of findings cannot be parsed")
                .because(error)
                .hint("it must be the JSON that an audit or a review wrote")
        };
        let Versioned { format } = serde_json::from_str(json).map_err(failed)?;
        if format != FORMAT {
            let message = format!("the report of findings has format {format}, and this version reads format {FORMAT}");
            let hint = "if a newer version of cordwainer wrote it, use that version";
            return Err(Error::new(ErrorKind::Usage, message).hint(hint));
        }
        serde_json::from_str(json).map_err(failed)
    }

    /// Returns the report as JSON, for which [`super::schema`] is the schema.
    pub fn json(&self) -> Result<String> {
        let failed = |error| Error::new(ErrorKind::Unexpected, "cannot write the report as JSON").because(error);
        serde_json::to_string_pretty(self).map_err(failed)
    }

    /// Returns whether a finding is as bad as this, or worse.
    pub fn reaches(&self, severity: Severity) -> bool {
        self.findings.iter().any(|finding| finding.severity >= severity)
    }

    /// Returns in a phrase what was found: `3 findings (1 high, 2 low)`.
    pub fn in_words(&self) -> String {
        let findings: Vec<Finding> = self.findings.iter().map(ReportedFinding::finding).collect();
        findings_in_words(&findings)
    }
}

impl FindingsSummary {
    fn of(findings: &[ReportedFinding]) -> Self {
        let mut severities: BTreeMap<Severity, u64> = Severity::ALL.map(|severity| (severity, 0)).into();
        let mut categories: Vec<CategoryCount> = Vec::new();
        // The worst come first, so that a category begins with its worst finding.
        for finding in findings {
            *severities.entry(finding.severity).or_default() += 1;
            match categories.iter_mut().find(|known| known.category == finding.category) {
                Some(known) => known.findings += 1,
                None => categories.push(CategoryCount {
                    category: finding.category.clone(),
                    findings: 1,
                    worst: finding.severity,
                }),
            }
        }
        Self {
            findings: findings.len() as u64,
            severities,
            categories,
            joined: 0,
            dropped: 0,
        }
    }
}

impl ReportedFinding {
    /// Takes in another report of it: the worse one speaks for both.
    fn join(&mut self, other: Finding) {
        let mut lines: BTreeSet<u32> = self
            .other_lines
            .iter()
            .copied()
            .chain(self.line)
            .chain(other.line)
            .collect();
        let count = self.count + 1;
        if other.severity > self.severity {
            *self = Self::from(other);
        }
        if let Some(line) = self.line {
            lines.remove(&line);
        }
        self.count = count;
        self.other_lines = lines.into_iter().collect();
    }

    /// Returns it as a finding alone.
    pub fn finding(&self) -> Finding {
        Finding {
            severity: self.severity,
            category: self.category.clone(),
            path: self.path.clone(),
            line: self.line,
            title: self.title.clone(),
            problem: self.problem.clone(),
            suggestion: self.suggestion.clone(),
            fingerprint: self.fingerprint.clone(),
        }
    }
}

impl From<Finding> for ReportedFinding {
    fn from(finding: Finding) -> Self {
        Self {
            severity: finding.severity,
            category: finding.category,
            path: finding.path,
            line: finding.line,
            title: finding.title,
            problem: finding.problem,
            suggestion: finding.suggestion,
            fingerprint: finding.fingerprint,
            count: 1,
            other_lines: Vec::new(),
        }
    }
}

/// The spellings of categories: the first one that is met stands for those that differ in case or punctuation alone.
#[derive(Default)]
struct Names(BTreeMap<String, String>);

impl Names {
    fn of(&mut self, category: &str) -> String {
        let shown = one_line(category, 40);
        let shown = if shown.is_empty() {
            NO_CATEGORY.to_owned()
        } else {
            shown
        };
        self.0.entry(category_key(&shown)).or_insert(shown).clone()
    }
}

/// Returns a category as one word, such as `error-handling`.
pub(super) fn category_key(category: &str) -> String {
    let key = normalised_title(category).replace(' ', "-");
    if key.is_empty() { NO_CATEGORY.to_owned() } else { key }
}

/// Returns whether a category is about security.
pub(super) fn is_security(category: &str) -> bool {
    category_key(category).split('-').any(|word| SECURITY.contains(&word))
}

/// Returns whether a path stays in the repository, whatever may be there.
fn is_inside(path: &str) -> bool {
    let mut parts = Path::new(path).components().peekable();
    parts.peek().is_some() && parts.all(|part| matches!(part, Component::Normal(_)))
}

/// Returns what findings are sorted by: the worst first, then by place, then by title.
fn order(finding: &ReportedFinding) -> impl Ord {
    let place = (finding.path.clone(), finding.line, finding.title.clone());
    (std::cmp::Reverse(finding.severity), place, finding.fingerprint.clone())
}
