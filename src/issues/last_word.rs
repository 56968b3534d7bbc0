//! The last word of an agent on a task: a JSON object in the last block of its final message that is fenced as `json`.
//!
//! An agent wrote it, so only what keeps to the form is taken over: the rest counts as not said, and fails nothing.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::answer::last_fenced;
use crate::agent::{CallOutcome, CallReport};
use crate::base::text::{is_ignorable, skips_checks};

/// The longest block that is read, in bytes.
const MOST_BYTES: usize = 64 * 1024;
/// The longest subject, in characters.
const MOST_SUBJECT: usize = 70;
/// The longest scope, in characters.
const MOST_SCOPE: usize = 30;
/// How many lines the body has at most.
const MOST_LINES: usize = 3;
/// The longest line of the body, cause, place or test, in characters.
const MOST_LINE: usize = 300;

/// The longest question, in characters; what is longer is cut.
const MOST_QUESTION: usize = 4000;

/// What kind of change some work is, in the words of Conventional Commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeType {
    /// Something new for users.
    Feat,
    /// What was wrong is right.
    Fix,
    /// Documents.
    Docs,
    /// Better code that behaves as before.
    Refactor,
    /// Tests.
    Test,
    /// Faster, and otherwise as before.
    Perf,
    /// What builds the project.
    Build,
    /// What checks the project on each change.
    Ci,
    /// Upkeep.
    Chore,
    /// Layout of code.
    Style,
    /// Earlier work is taken back.
    Revert,
}

impl ChangeType {
    /// Returns the word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Feat => "feat",
            Self::Fix => "fix",
            Self::Docs => "docs",
            Self::Refactor => "refactor",
            Self::Test => "test",
            Self::Perf => "perf",
            Self::Build => "build",
            Self::Ci => "ci",
            Self::Chore => "chore",
            Self::Style => "style",
            Self::Revert => "revert",
        }
    }
}

/// What an agent says of its work, checked: every text is one line without control characters, bounded, and nothing that
/// passes for a trailer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkSummary {
    /// What kind of change it is.
    #[serde(rename = "type")]
    pub kind: ChangeType,
    /// The part of the project that it is about, as a word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// What changed.
    pub subject: String,
    /// Why, in a few lines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub body: Vec<String>,
    /// Whether those who use the project have to change something.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub breaking: bool,
    /// Of a fix: what the cause was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Of a fix: where it was, as `path:line`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// Which test guards it now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<String>,
}

impl fmt::Display for WorkSummary {
    /// Writes it as the subject of a conventional commit: `feat(parser)!: read numbers`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.kind.name())?;
        if let Some(scope) = &self.scope {
            write!(formatter, "({scope})")?;
        }
        let breaking = if self.breaking { "!" } else { "" };
        write!(formatter, "{breaking}: {}", self.subject)
    }
}

/// A summary as an agent wrote it.
#[derive(Deserialize)]
struct Told {
    #[serde(rename = "type")]
    kind: ChangeType,
    scope: Option<String>,
    subject: String,
    body: Option<Vec<String>>,
    breaking: Option<bool>,
    cause: Option<String>,
    place: Option<String>,
    test: Option<String>,
}

impl Told {
    /// Returns it if all of it keeps to the form.
    fn checked(self) -> Option<WorkSummary> {
        let body = self.body.unwrap_or_default();
        let body: Option<Vec<_>> = body.iter().map(|text| line_of_message(text, MOST_LINE)).collect();
        let scope = filled(self.scope);
        let is_word = scope.as_deref().is_none_or(is_word);
        Some(WorkSummary {
            kind: self.kind,
            scope,
            subject: line_of_message(&self.subject, MOST_SUBJECT)?,
            body: body?,
            breaking: self.breaking.unwrap_or_default(),
            cause: optional(self.cause).ok()?,
            place: optional(self.place).ok()?,
            test: optional(self.test).ok()?,
        })
        .filter(|summary| is_word && summary.body.len() <= MOST_LINES)
    }
}

/// Returns a text that may be left out; fails with one that does not keep to the form.
fn optional(text: Option<String>) -> Result<Option<String>, String> {
    match filled(text) {
        None => Ok(None),
        Some(text) => line(&text, MOST_LINE).map(Some).ok_or(text),
    }
}

/// Returns a text unless it is empty.
fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

/// Returns a text without the space around it, if it is one line.
fn line(text: &str, most: usize) -> Option<String> {
    let text = text.trim();
    let is_one = !text.is_empty() && text.chars().count() <= most && !text.chars().any(is_bad);
    is_one.then(|| text.to_owned())
}

/// Returns a line of a commit's message.
fn line_of_message(text: &str, most: usize) -> Option<String> {
    line(text, most).filter(|line| !is_trailer(line) && !skips_checks(line))
}

/// Returns whether git, or a forge, could take a line for a trailer, or for the end of the message: `Co-Authored-By: x`, `---`.
fn is_trailer(line: &str) -> bool {
    let key = line.split_once(':').map(|(key, _)| key.trim_end());
    let is_key = key.is_some_and(|key| {
        key.eq_ignore_ascii_case("BREAKING CHANGE")
            || (key.contains('-')
                && key
                    .chars()
                    .all(|character| character.is_ascii_alphanumeric() || character == '-'))
    });
    // A line that begins with `#` can be the one at which git cuts.
    is_key || line.starts_with(['#']) || line.starts_with("---") || line.starts_with("(cherry picked from commit")
}

/// Returns whether a scope is a word as Conventional Commits have it.
fn is_word(scope: &str) -> bool {
    let is_part = |character: char| character.is_ascii_alphanumeric() || "_-./".contains(character);
    scope.len() <= MOST_SCOPE && scope.chars().all(is_part)
}

/// Returns the summary in the last word of a call that succeeded; `None` where it has none, or one that does not keep to the
/// form.
pub(crate) fn summary(report: &CallReport) -> Option<WorkSummary> {
    let told: Told = serde_json::from_value(part(report, "summary")?).ok()?;
    told.checked()
}

/// Returns the question to a person in the last word of a call that succeeded, bounded and without control characters; `None`
/// where it asks nothing.
pub(crate) fn question(report: &CallReport) -> Option<String> {
    let told = part(report, "question")?;
    let is_kept = |character: &char| matches!(character, '\n' | '\t') || !is_bad(*character);
    let kept: String = told.as_str()?.chars().filter(is_kept).take(MOST_QUESTION).collect();
    let kept = kept.trim();
    (!kept.is_empty()).then(|| kept.to_owned())
}

/// Returns whether a character may not stand in a text of an agent.
fn is_bad(character: char) -> bool {
    character.is_control() || is_ignorable(character) || matches!(character, '\u{2028}' | '\u{2029}')
}

/// Returns a part of the last word of a call that succeeded.
fn part(report: &CallReport, name: &str) -> Option<Value> {
    let text = report
        .result
        .as_ref()
        .filter(|_| report.outcome == CallOutcome::Success)?;
    let block = last_fenced(text).filter(|block| block.len() <= MOST_BYTES)?;
    let mut word: Value = serde_json::from_str(&block).ok()?;
    word.get_mut(name).map(Value::take).filter(|value| !value.is_null())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn report(text: &str) -> CallReport {
        CallReport {
            result: Some(text.to_owned()),
            ..CallReport::of_success("s")
        }
    }

    fn fenced(word: &Value) -> String {
        format!("Done.\n\n```json\n{word}\n```\n")
    }

    fn full() -> Value {
        json!({
            "type": "fix", "scope": "parser", "subject": "read a number that ends the file", "body": ["It asked for more."],
            "breaking": false, "cause": "One byte too many: a \"-1\".", "place": "src/a.rs:4", "test": "tests/a.rs: ends",
        })
    }

    /// Returns the summary that is read where this one has other values.
    fn with(other: &Value) -> Option<WorkSummary> {
        let mut told = full();
        for (key, value) in other.as_object().unwrap() {
            told[key] = value.clone();
        }
        summary(&report(&fenced(&json!({"summary": told, "question": null}))))
    }

    #[test]
    fn a_summary_of_the_form_is_read_whole() {
        let read = with(&json!({})).unwrap();
        assert_eq!(read.to_string(), "fix(parser): read a number that ends the file");
        let mut stored = serde_json::to_value(&read).unwrap();
        stored["breaking"] = json!(false);
        assert_eq!(stored, full());
        let least = json!({"summary": {"type": "feat", "subject": "a", "breaking": true}});
        let read = summary(&report(&fenced(&least))).unwrap();
        assert_eq!(read.to_string(), "feat!: a");
        assert_eq!(
            serde_json::to_value(&read).unwrap(),
            json!({"type": "feat", "subject": "a", "breaking": true})
        );
    }

    #[test]
    fn what_keeps_not_to_the_form_is_none() {
        let long = "x".repeat(71);
        for other in [
            json!({"type": "feature"}),
            json!({"type": null}),
            json!({"subject": ""}),
            json!({"subject": long}),
            json!({"subject": "two\nlines"}),
            json!({"subject": "bell \u{7}"}),
            json!({"subject": "over \u{202e}there"}),
            json!({"subject": "---"}),
            json!({"scope": "two words"}),
            json!({"scope": "a)\nx: ("}),
            json!({"body": ["a", "b", "c", "d"]}),
            json!({"body": "text"}),
            json!({"body": [""]}),
            json!({"body": ["Co-authored-by: Mallory <m@example.org>"]}),
            json!({"body": ["Cordwainer-Task: cw-9"]}),
            json!({"body": ["signed-off-by : Mallory"]}),
            json!({"body": ["BREAKING CHANGE: all"]}),
            json!({"body": ["--- a/file"]}),
            json!({"cause": "x".repeat(301)}),
            json!({"test": "a\r\nCordwainer-Task: cw-9"}),
            json!({"breaking": "no"}),
        ] {
            assert_eq!(with(&other), None, "{other}");
        }
        for other in [
            json!({"scope": null}),
            json!({"scope": ""}),
            json!({"cause": ""}),
            json!({"more": 1}),
            json!({"body": []}),
        ] {
            assert!(with(&other).is_some(), "{other}");
        }
    }

    #[test]
    fn a_message_without_a_last_word_is_none() {
        for text in [
            "",
            "Done.",
            "```json\nnone\n```",
            "```json\n[]\n```",
            "```json\n\"summary\"\n```",
            &fenced(&json!({"summary": null})),
            &fenced(&json!({"summary": "done"})),
            &full().to_string(),
            &fenced(&json!({"summary": {"type": "fix", "subject": "a", "more": "x".repeat(MOST_BYTES)}})),
        ] {
            assert_eq!(summary(&report(text)), None, "{text}");
        }
        let failed = CallReport {
            outcome: CallOutcome::Permanent,
            ..report(&fenced(&json!({"summary": full()})))
        };
        assert_eq!(summary(&failed), None);
    }

    #[test]
    fn a_question_is_bounded_and_harmless() {
        let asked =
            |question: Value| super::question(&report(&fenced(&json!({"summary": full(), "question": question}))));
        assert_eq!(asked(json!(null)), None);
        assert_eq!(asked(json!(" \n ")), None);
        assert_eq!(asked(json!(["Which?"])), None);
        assert_eq!(
            asked(json!(" Which\u{1b}[2J one?\n- a\u{202e}\r\n- b ")).as_deref(),
            Some("Which[2J one?\n- a\n- b")
        );
        assert_eq!(asked(json!("ä".repeat(5000))).unwrap().chars().count(), 4000);
    }

    #[test]
    fn the_last_block_counts() {
        let first = fenced(&json!({"summary": {"type": "fix", "subject": "first"}}));
        let last = fenced(&json!({"summary": {"type": "fix", "subject": "last"}}));
        let read = summary(&report(&format!("{first}{last}"))).unwrap();
        assert_eq!(read.subject, "last");
    }
}
