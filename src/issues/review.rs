//! Reviews of what an attempt left: the answer that is asked for, how it is read, and what it is worth.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::agent::CallReport;
use crate::base::error::{Context as _, Result};
use crate::base::serialization::is_zero;
use crate::base::text::{harmless, one_line};
use crate::issues::answer::{closed, read_answer};
use crate::model::finding::{Finding, Severity, findings_in_words};

/// How many findings are kept of a review, the weightiest ones.
const MOST_FINDINGS: usize = 50;
/// How many findings are looked for in the tree.
const MOST_EXAMINED: usize = 1000;
/// How long the texts of a finding, and a summary, may be, in characters.
const MOST_CHARACTERS: usize = 4000;
/// How often a reviewer is asked for an answer that can be used.
pub(crate) const MOST_ANSWERS: u32 = 2;
/// The best score.
pub(crate) const BEST_SCORE: u32 = 10;

/// What a review came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Review {
    /// From 1 to 10.
    pub score: u8,
    /// Whether the reviewer approves.
    pub approved: bool,
    /// Whether it passes: approved, with the score that is required, and without a finding that blocks.
    pub passed: bool,
    /// What the reviewer says of the work as a whole.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub summary: String,
    /// What is wrong with it, the weightiest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// Findings that name a file or a line that is not there: they count for nothing.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub dropped: u32,
    /// Findings beyond those that are kept.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: u32,
}

/// What a review must come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threshold {
    /// The least score.
    pub min_score: u32,
    /// The least severity of a finding that blocks.
    pub block: Severity,
}

/// An answer that could be read.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Answer {
    score: i64,
    approved: bool,
    #[serde(default)]
    summary: String,
    findings: Vec<Stated>,
}

/// A finding as it is stated.
#[derive(Clone, Debug, PartialEq, Deserialize)]
struct Stated {
    severity: Severity,
    #[serde(default)]
    category: String,
    path: String,
    /// 0, or nothing, is the file as a whole.
    #[serde(default)]
    line: Option<i64>,
    title: String,
    #[serde(default)]
    problem: String,
    #[serde(default)]
    suggestion: String,
}

/// Returns the schema for `--json-schema`, with nothing in it but what structured outputs accept.
pub(crate) fn json_schema() -> Value {
    closed(&json!({
        "score": {"type": "integer", "description": "From 1 (useless) to 10 (nothing to improve)"},
        "approved": {"type": "boolean", "description": "Whether it may be merged as it is"},
        "summary": {"type": "string", "description": "What you say of the work as a whole, in a few sentences"},
        "findings": {"type": "array", "items": finding_schema()},
    }))
}

/// Returns the schema of an answer that has findings alone.
pub(crate) fn findings_schema() -> Value {
    closed(&json!({"findings": {"type": "array", "items": finding_schema()}}))
}

fn finding_schema() -> Value {
    let text = |what: &str| json!({"type": "string", "description": what});
    let severities = Severity::ALL.map(Severity::name);
    closed(&json!({
        "severity": {"type": "string", "enum": severities},
        "category": text("Of what kind it is, in a word or two"),
        "path": text("Path from the repository's root, of a file that is there"),
        "line": {"type": "integer", "description": "The line, counted from 1; 0 for the file as a whole"},
        "title": text("What is wrong, in one line"),
        "problem": text("Why that is a problem"),
        "suggestion": text("What would be better; may be empty"),
    }))
}

/// Returns a valid answer, for the prompt.
pub(crate) fn example() -> Result<String> {
    let answer = json!({
        "score": 5, "approved": false, "summary": "It parses the examples, but loses the last line of a file.",
        "findings": [example_of_finding()],
    });
    serde_json::to_string_pretty(&answer).context("cannot write the example of an answer")
}

/// Returns a valid answer that has findings alone, for the prompt.
pub(crate) fn findings_example() -> Result<String> {
    let answer = json!({"findings": [example_of_finding()]});
    serde_json::to_string_pretty(&answer).context("cannot write the example of an answer")
}

fn example_of_finding() -> Value {
    json!({
        "severity": "high", "category": "correctness", "path": "src/ledger.txt", "line": 12,
        "title": "The last line is lost when it has no line end",
        "problem": "The loop ends before it has taken in what follows the last line end.",
        "suggestion": "Take in the rest after the loop.",
    })
}

/// An answer that has findings alone, and could be read.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct FindingsAnswer {
    findings: Vec<Stated>,
}

impl FindingsAnswer {
    /// Reads the answer of a call.
    ///
    /// Fails with a sentence for the agent: where anything in it is not as was asked for, nothing of it counts.
    pub(crate) fn read(report: &CallReport) -> Result<Self, String> {
        read_answer(report)
    }

    /// Returns all findings as they are stated; whether their places exist is for a report to check. A line that no file
    /// can have becomes 0.
    pub(crate) fn findings(self) -> Vec<Finding> {
        let stated = self.findings.into_iter().map(|stated| {
            let line = match stated.line.unwrap_or_default() {
                0 => None,
                line => Some(u32::try_from(line).unwrap_or(0)),
            };
            stated.at(line)
        });
        stated.collect()
    }
}

impl Answer {
    /// Reads the answer of a call.
    ///
    /// Fails with a sentence for the agent: where anything in it is not as was asked for, nothing of it counts.
    pub(crate) fn read(report: &CallReport) -> Result<Self, String> {
        let answer: Self = read_answer(report)?;
        if (1..=i64::from(BEST_SCORE)).contains(&answer.score) {
            Ok(answer)
        } else {
            Err(format!(
                "The score is {}, and must be a number from 1 to {BEST_SCORE}.",
                answer.score
            ))
        }
    }

    /// Weighs the answer. `lines_of` returns how many lines a file of the work has, by its path as the reviewer wrote it;
    /// `None` where there is no such file.
    ///
    /// # Errors
    ///
    /// Those of `lines_of`.
    pub(crate) fn weigh(
        mut self,
        threshold: Threshold,
        mut lines_of: impl FnMut(&str) -> Result<Option<u64>>,
    ) -> Result<Review> {
        self.findings.sort_by_key(|stated| std::cmp::Reverse(stated.severity));
        let unexamined = self.findings.split_off(self.findings.len().min(MOST_EXAMINED));
        let mut known = HashMap::new();
        let mut findings = Vec::new();
        let mut dropped = 0;
        for stated in self.findings {
            let lines = match known.get(&stated.path) {
                Some(lines) => *lines,
                None => *known.entry(stated.path.clone()).or_insert(lines_of(&stated.path)?),
            };
            match stated.placed(lines) {
                Some(finding) => findings.push(finding),
                None => dropped += 1,
            }
        }
        // What nobody has looked for may be there.
        let worst = findings.first().map(|finding| finding.severity);
        let worst = worst.max(unexamined.first().map(|stated| stated.severity));
        let is_blocked = worst.is_some_and(|worst| worst >= threshold.block);
        let left_out = findings.len().saturating_sub(MOST_FINDINGS) + unexamined.len();
        findings.truncate(MOST_FINDINGS);
        let score = u8::try_from(self.score).unwrap_or(1);
        Ok(Review {
            score,
            approved: self.approved,
            passed: self.approved && u32::from(score) >= threshold.min_score && !is_blocked,
            summary: cut(&self.summary),
            findings,
            dropped,
            left_out: u32::try_from(left_out).unwrap_or(u32::MAX),
        })
    }
}

impl Stated {
    /// Returns the finding, if its place is there: a file of so many lines.
    fn placed(self, lines: Option<u64>) -> Option<Finding> {
        let lines = lines?;
        let line = match self.line.unwrap_or_default() {
            0 => None,
            line => Some(u32::try_from(line).ok().filter(|line| u64::from(*line) <= lines)?),
        };
        Some(self.at(line))
    }

    /// Returns the finding at a line, or about the file as a whole.
    fn at(self, line: Option<u32>) -> Finding {
        let (title, category) = (one_line(&self.title, 200), one_line(&self.category, 40));
        Finding {
            fingerprint: Finding::fingerprint_of(&self.path, &category, &title),
            severity: self.severity,
            category,
            path: self.path,
            line,
            title,
            problem: cut(&self.problem),
            suggestion: cut(&self.suggestion),
        }
    }
}

/// Makes a text harmless, and shorter where it is too long.
fn cut(text: &str) -> String {
    let text = text.trim();
    match text.char_indices().nth(MOST_CHARACTERS) {
        Some((end, _)) => format!("{}…", harmless(&text[..end])),
        None => harmless(text),
    }
}

impl Review {
    /// Returns what it came to, as the end of a sentence about it: `scored it 5 of 10 and did not approve it, with 1
    /// finding (1 high)`.
    pub fn in_words(&self) -> String {
        let approved = if self.approved {
            "approved it"
        } else {
            "did not approve it"
        };
        let mut text = format!(
            "scored it {} of {BEST_SCORE} and {approved}, with {}",
            self.score,
            findings_in_words(&self.findings)
        );
        let counts = [
            (self.left_out, "more"),
            (self.dropped, "about places that are not there"),
        ];
        for (count, what) in counts {
            if count > 0 {
                text.push_str(&format!(", {count} {what}"));
            }
        }
        text
    }

    /// Returns what the session that did the work is told: the summary, and the findings that fit into so many bytes.
    pub fn told(&self, most: usize) -> String {
        let mut text = String::new();
        if !self.summary.is_empty() {
            text.push_str(&format!("{}\n\n", self.summary));
        }
        for (index, finding) in self.findings.iter().enumerate() {
            let told = finding.in_full();
            if text.len() + told.len() > most && index > 0 {
                let more = self.findings.len() - index;
                text.push_str(&format!("({more} more of the {} are left out)\n", self.findings.len()));
                break;
            }
            text.push_str(&told);
        }
        text.trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THRESHOLD: Threshold = Threshold {
        min_score: 7,
        block: Severity::High,
    };

    fn stated(severity: &str, path: &str, line: i64) -> Value {
        json!({"severity": severity, "category": "style", "path": path, "line": line, "title": "It is odd",
            "problem": "p", "suggestion": "s"})
    }

    fn answer(score: i64, approved: bool, findings: &[Value]) -> Value {
        json!({"score": score, "approved": approved, "summary": "Well.", "findings": findings})
    }

    fn read(answer: &Value) -> Result<Answer, String> {
        Answer::read(&CallReport {
            structured_output: (!answer.is_null()).then(|| answer.clone()),
            result: Some("Done.".to_owned()),
            ..CallReport::of_success("one")
        })
    }

    /// Weighs an answer about a tree that has `src/a.rs`, of 10 lines.
    fn weighed(answer: &Value) -> Review {
        let lines_of = |path: &str| Ok((path == "src/a.rs").then_some(10));
        read(answer).unwrap().weigh(THRESHOLD, lines_of).unwrap()
    }

    #[test]
    fn a_review_passes_by_all_three_and_by_nothing_less() {
        for (score, approved, severity, passes) in [
            (7, true, "medium", true),
            (10, true, "low", true),
            (6, true, "low", false),
            (10, false, "low", false),
            (10, true, "high", false),
            (10, true, "critical", false),
        ] {
            let review = weighed(&answer(score, approved, &[stated(severity, "src/a.rs", 3)]));
            assert_eq!(review.passed, passes, "{score} {approved} {severity}");
        }
    }

    #[test]
    fn findings_about_places_that_are_not_there_count_for_nothing() {
        let places = [
            ("src/b.rs", 1),
            ("../src/a.rs", 1),
            ("/etc/passwd", 1),
            ("src/a.rs", -3),
            ("src/a.rs", 11),
            ("src/a.rs", i64::MAX),
            ("", 0),
        ];
        let findings = places.map(|(path, line)| stated("critical", path, line));
        let review = weighed(&answer(9, true, &findings));
        assert_eq!((review.findings.len(), review.dropped, review.passed), (0, 7, true));
        let review = weighed(&answer(
            9,
            true,
            &[stated("low", "src/a.rs", 0), stated("low", "src/a.rs", 10)],
        ));
        let lines: Vec<_> = review.findings.iter().map(|finding| finding.line).collect();
        assert_eq!(lines, [None, Some(10)]);
    }

    #[test]
    fn of_very_many_findings_the_weightiest_are_kept_and_none_that_may_block_is_overlooked() {
        let mut findings = vec![stated("low", "src/a.rs", 1); 10_000];
        findings.push(stated("critical", "src/a.rs", 2));
        let review = weighed(&answer(9, true, &findings));
        assert_eq!(review.findings.len(), MOST_FINDINGS);
        assert_eq!(review.findings[0].severity, Severity::Critical);
        assert_eq!(review.left_out, 10_001 - 50);
        assert!(!review.passed);
        // The one that is there is behind all that are looked for.
        let mut findings = vec![stated("critical", "nowhere", 1); MOST_EXAMINED];
        findings.push(stated("critical", "src/a.rs", 2));
        let review = weighed(&answer(9, true, &findings));
        assert_eq!((review.dropped, review.left_out, review.passed), (1000, 1, false));
    }

    #[test]
    fn what_is_not_wholly_as_asked_for_is_no_review() {
        let mut odd = stated("huge", "src/a.rs", 1);
        let cases = [
            (json!({"approved": true, "findings": []}), "missing field `score`"),
            (answer(0, true, &[]), "must be a number from 1 to 10"),
            (answer(11, true, &[]), "must be a number from 1 to 10"),
            (
                json!({"score": 9, "approved": "yes", "summary": "", "findings": []}),
                "expected a boolean",
            ),
            (
                json!({"score": 7.5, "approved": true, "summary": "", "findings": []}),
                "7.5",
            ),
            (
                json!({"score": 9, "approved": true, "summary": "", "findings": {}}),
                "expected a sequence",
            ),
            (answer(9, true, &[odd.clone()]), "unknown variant `huge`"),
            (json!("approved"), "cannot be read"),
            (Value::Null, "not valid JSON"),
        ];
        for (answer, expect) in cases {
            let problem = read(&answer).expect_err(expect);
            assert!(problem.contains(expect), "{problem}");
        }
        odd["severity"] = json!("low");
        odd["confidence"] = json!(3);
        read(&answer(9, true, &[odd])).unwrap();
    }

    #[test]
    fn texts_are_harmless_and_bounded() {
        let mut long = stated("high", "src/a.rs", 1);
        long["title"] = json!("<script>alert(1)</script>\u{1b}[2J\n\nand more");
        long["problem"] = json!("x".repeat(20_000));
        let review = weighed(&answer(3, false, &[long, stated("low", "src/a.rs", 2)]));
        let told = review.told(8192);
        assert!(!told.contains('\u{1b}') && told.len() < 8192, "{}", told.len());
        assert!(told.starts_with("Well.\n\nhigh src/a.rs:1: <script>alert(1)</script>\\u{1b}[2J and more (style)\n"));
        assert!(
            told.ends_with("low src/a.rs:2: It is odd (style)\n  p\n  suggestion: s"),
            "{told}"
        );
        assert!(review.told(100).ends_with("(1 more of the 2 are left out)"));
        assert_eq!(
            review.in_words(),
            "scored it 3 of 10 and did not approve it, with 2 findings (1 high, 1 low)"
        );
    }

    #[test]
    fn the_example_fits_the_schema() {
        let example: Value = serde_json::from_str(&example().unwrap()).unwrap();
        let validator = jsonschema::validator_for(&json_schema()).unwrap();
        assert!(validator.is_valid(&example));
        read(&example).unwrap();
    }
}
