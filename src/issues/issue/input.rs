//! An issue that a person, or measure, wants to file: checked before it is filed.

use std::collections::BTreeSet;

use crate::base::text;
use crate::issues::issue::TaskPlan;
use crate::model::IssueId;

/// The longest title, in characters.
pub(super) const TITLE_MAX: usize = 200;
/// The longest label or type, in characters.
const WORD_MAX: usize = 50;
/// The longest description, comment or reason, in bytes: a store is not a place for logs.
pub(super) const TEXT_MAX: usize = 256 * 1024;
/// The longest external id, in bytes.
const EXTERNAL_MAX: usize = 1000;
/// The longest proof, in bytes: a command line, and no script.
const PROOF_MAX: usize = 4000;
/// The last priority; the first is 0.
pub const PRIORITY_MAX: u8 = 4;

/// The types that people may give to an issue.
pub const TYPES: [&str; 5] = ["task", "bug", "feature", "chore", "epic"];

/// An issue to be filed.
#[derive(Clone, Debug, PartialEq)]
pub struct NewIssue {
    /// One line of at most 200 characters.
    pub title: String,
    /// Markdown.
    pub description: String,
    /// 0 (first) to 4 (last).
    pub priority: u8,
    /// One word.
    pub issue_type: String,
    /// Words without commas.
    pub labels: Vec<String>,
    /// Issues that must be closed first.
    pub dependencies: Vec<IssueId>,
    /// Its id in the place that it comes from.
    pub external: Option<String>,
    /// The key of its group; one that the generation does not have is left out.
    pub group: Option<String>,
    /// The details of the task.
    pub plan: TaskPlan,
}

impl NewIssue {
    /// Builds a task of middle priority with only a title.
    pub fn titled(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            description: String::new(),
            priority: 2,
            issue_type: "task".to_owned(),
            labels: Vec::new(),
            dependencies: Vec::new(),
            external: None,
            group: None,
            plan: TaskPlan::default(),
        }
    }

    /// Lists all problems of the issue itself, as lowercase fragments; the collection checks its dependencies.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        problems.extend(title_problem(&self.title));
        problems.extend(text_problem("description", &self.description));
        if self.priority > PRIORITY_MAX {
            problems.push(format!(
                "priority {} is not between 0 and {PRIORITY_MAX}",
                self.priority
            ));
        }
        problems.extend(word_problem("type", &self.issue_type));
        problems.extend(self.external.as_deref().and_then(external_problem));
        problems.extend(self.labels.iter().filter_map(|label| word_problem("label", label)));
        problems.extend(self.plan.proof.as_deref().and_then(proof_problem));
        problems
    }

    /// Trims the title and drops repeated labels, of an input without problems.
    pub(super) fn tidied(self) -> Self {
        let mut seen = BTreeSet::new();
        let title = self.title.trim().to_owned();
        let labels = self
            .labels
            .into_iter()
            .filter(|label| seen.insert(label.clone()))
            .collect();
        Self { title, labels, ..self }
    }
}

fn title_problem(title: &str) -> Option<String> {
    let title = title.trim();
    let length = title.chars().count();
    if title.is_empty() {
        return Some("the title is empty".to_owned());
    }
    if length > TITLE_MAX {
        return Some(format!(
            "the title has {length} characters; at most {TITLE_MAX} are allowed"
        ));
    }
    (!is_plain(title)).then(|| {
        format!(
            "the title `{}` holds control characters or line breaks",
            title.escape_debug()
        )
    })
}

fn word_problem(what: &str, word: &str) -> Option<String> {
    let shown = text::one_line(word, WORD_MAX);
    if word.is_empty() {
        return Some(format!("a {what} is empty"));
    }
    if word.chars().count() > WORD_MAX {
        return Some(format!("the {what} `{shown}` is longer than {WORD_MAX} characters"));
    }
    let odd = !is_plain(word) || word.contains(',') || word.contains(char::is_whitespace);
    odd.then(|| format!("the {what} `{shown}` holds whitespace, commas or control characters"))
}

fn external_problem(external: &str) -> Option<String> {
    let is_fine = !external.trim().is_empty() && external.len() <= EXTERNAL_MAX && is_plain(external);
    (!is_fine).then(|| {
        let shown = text::one_line(external, WORD_MAX);
        format!("the external id `{shown}` is not one line of at most {EXTERNAL_MAX} bytes")
    })
}

/// Returns the problem of the command that is to prove a task.
pub(crate) fn proof_problem(proof: &str) -> Option<String> {
    if proof.trim().is_empty() {
        return Some("the proof is empty".to_owned());
    }
    if proof.len() > PROOF_MAX {
        return Some(format!(
            "the proof has {} bytes; at most {PROOF_MAX} are allowed: put it into a script of the repository",
            proof.len()
        ));
    }
    (text::harmless(proof) != proof).then(|| {
        let shown = text::one_line(proof, WORD_MAX);
        format!("the proof `{shown}` holds control characters")
    })
}

/// Returns the problem of a longer text.
pub(super) fn text_problem(what: &str, text: &str) -> Option<String> {
    (text.len() > TEXT_MAX).then(|| format!("the {what} has {} bytes; at most {TEXT_MAX} are allowed", text.len()))
}

fn is_plain(text: &str) -> bool {
    !text.contains(['\n', '\t']) && text::harmless(text) == text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(change: impl FnOnce(&mut NewIssue), expected: &[&str]) {
        let mut input = NewIssue::titled("A title");
        change(&mut input);
        assert_eq!(input.problems(), expected);
    }

    #[test]
    fn what_people_type_is_checked() {
        check(|_| (), &[]);
        check(|input| input.title = "ä".repeat(200), &[]);
        check(|input| input.title = "  ".to_owned(), &["the title is empty"]);
        check(
            |input| input.title = "a".repeat(201),
            &["the title has 201 characters; at most 200 are allowed"],
        );
        check(
            |input| input.title = "red \u{1b}[31m".to_owned(),
            &["the title `red \\u{1b}[31m` holds control characters or line breaks"],
        );
        check(
            |input| input.title = "two\nlines".to_owned(),
            &["the title `two\\nlines` holds control characters or line breaks"],
        );
        check(|input| input.priority = 5, &["priority 5 is not between 0 and 4"]);
        check(
            |input| input.labels = vec!["fine".to_owned(), "a b".to_owned(), "a,b".to_owned(), String::new()],
            &[
                "the label `a b` holds whitespace, commas or control characters",
                "the label `a,b` holds whitespace, commas or control characters",
                "a label is empty",
            ],
        );
        check(|input| input.issue_type = String::new(), &["a type is empty"]);
        check(|input| input.plan.proof = Some("cargo test\n\tx".to_owned()), &[]);
        check(
            |input| input.plan.proof = Some(" \n".to_owned()),
            &["the proof is empty"],
        );
        check(
            |input| input.plan.proof = Some("x".repeat(PROOF_MAX + 1)),
            &["the proof has 4001 bytes; at most 4000 are allowed: put it into a script of the repository"],
        );
        check(
            |input| input.plan.proof = Some("make \u{1b}[2Jtest".to_owned()),
            &["the proof `make \\u{1b}[2Jtest` holds control characters"],
        );
        check(
            |input| input.description = "x".repeat(TEXT_MAX + 1),
            &["the description has 262145 bytes; at most 262144 are allowed"],
        );
    }
}
