//! What templates see: every field here is a variable of that name.

use serde::Serialize;

use crate::issues::issue::{Issue, Status, TaskFile};
use crate::issues::proposal::BatchLimits;

/// Bytes of documents inlined into one prompt; what does not fit is listed by name.
pub const DOCUMENT_BUDGET: usize = 400_000;
/// Paths listed in one prompt; how many more there are is added.
pub const FILE_LIST_CAP: usize = 2_000;

/// A document with its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Document {
    /// Path from the repository's root.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// A document that did not fit in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Omitted {
    /// Path from the repository's root.
    pub path: String,
    /// Its size.
    pub bytes: usize,
}

/// An issue that is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Title {
    /// `cw-12`.
    pub id: String,
    /// Its title.
    pub title: String,
    /// `open`, `in_progress`, `blocked` or `closed`.
    pub status: Status,
}

/// A proposal that is filed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Filed {
    /// As its answer named it.
    pub key: String,
    /// `cw-12`.
    pub id: String,
}

/// The variables of a measure's prompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MeasureContext {
    /// Which answer this asks for, counted from 1; from 2 on `problems` has what was wrong.
    pub attempt: u32,
    /// Documents of `context_files`, with their text.
    pub documents: Vec<Document>,
    /// Documents of `context_files` beyond the budget of a prompt.
    pub omitted_documents: Vec<Omitted>,
    /// Paths in the repository.
    pub files: Vec<String>,
    /// How many more paths there are.
    pub omitted_files: usize,
    /// Issues that are there, open and closed.
    pub issues: Vec<Title>,
    /// Proposals that are allowed.
    pub max_issues: u32,
    /// Smallest task asked for, in changed lines.
    pub estimated_lines_min: u32,
    /// Largest task asked for, in changed lines.
    pub estimated_lines_max: u32,
    /// Largest task that is filed, in changed lines; none when any is.
    pub max_estimated_lines: Option<u32>,
    /// Proposals of the last answer that are filed, in the issues above; none when it was refused whole.
    pub filed: Vec<Filed>,
    /// A person's own words; none when the configuration has none.
    pub user_prompt: Option<String>,
    /// What was wrong with the last answer, in sentences.
    pub problems: Vec<String>,
    /// The last answer, when there are problems with it.
    pub previous_answer: Option<String>,
}

impl MeasureContext {
    /// Makes the context of a first answer. Documents are inlined in their order while the budget lasts.
    pub fn new<'a>(
        documents: Vec<Document>,
        mut files: Vec<String>,
        issues: impl IntoIterator<Item = &'a Issue>,
        limits: BatchLimits,
        user_prompt: Option<String>,
    ) -> Self {
        let (documents, omitted_documents) = within_budget(documents);
        let omitted_files = files.len().saturating_sub(FILE_LIST_CAP);
        files.truncate(FILE_LIST_CAP);
        let context = Self {
            attempt: 1,
            documents,
            omitted_documents,
            files,
            omitted_files,
            issues: Vec::new(),
            max_issues: 0,
            estimated_lines_min: 0,
            estimated_lines_max: 0,
            max_estimated_lines: None,
            filed: Vec::new(),
            user_prompt,
            problems: Vec::new(),
            previous_answer: None,
        };
        context.with_issues(issues, limits)
    }

    /// Returns this context with the issues that are there by now, and what is allowed beside them.
    #[must_use]
    pub fn with_issues<'a>(mut self, issues: impl IntoIterator<Item = &'a Issue>, limits: BatchLimits) -> Self {
        let title = |issue: &Issue| Title {
            id: issue.id.to_string(),
            title: issue.title.clone(),
            status: issue.status,
        };
        self.issues = issues.into_iter().map(title).collect();
        self.max_issues = limits.max_issues;
        self.estimated_lines_min = limits.lines_min;
        self.estimated_lines_max = limits.lines_max;
        self.max_estimated_lines = limits.most_lines;
        self
    }

    /// Asks again for what is not `filed` of the last answer, naming what was wrong with it.
    #[must_use]
    pub fn again(mut self, filed: Vec<Filed>, problems: Vec<String>, previous_answer: Option<String>) -> Self {
        self.attempt += 1;
        self.filed = filed;
        self.problems = problems;
        self.previous_answer = previous_answer;
        self
    }
}

/// A document that a task names to be read first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReadDocument {
    /// As the task names it.
    pub path: String,
    /// Its text; none when it is not there or did not fit in.
    pub text: Option<String>,
}

/// How an earlier attempt ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EarlierAttempt {
    /// Counted from 1.
    pub number: u32,
    /// In words, such as `agent failed`.
    pub outcome: String,
    /// Why; can be empty.
    pub reason: String,
}

/// What somebody said of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Remark {
    /// Who said it.
    pub author: String,
    /// What was said.
    pub text: String,
}

/// The variables of a stitch's prompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StitchContext {
    /// `cw-12`.
    pub id: String,
    /// One line.
    pub title: String,
    /// Markdown.
    pub description: String,
    /// What to read first.
    pub required_reading: Vec<ReadDocument>,
    /// Files that the task is about; each has `path` and `action`.
    pub files: Vec<TaskFile>,
    /// What must be built.
    pub requirements: Vec<String>,
    /// How one sees that it is done.
    pub acceptance_criteria: Vec<String>,
    /// Size estimate in changed lines.
    pub estimated_lines: Option<u32>,
    /// Which attempt this is, counted from 1.
    pub attempt: u32,
    /// The attempts before.
    pub earlier_attempts: Vec<EarlierAttempt>,
    /// What people and earlier runs said of the task.
    pub comments: Vec<Remark>,
    /// Globs of paths that must stay as they are.
    pub protected_paths: Vec<String>,
}

impl StitchContext {
    /// Makes the context of the next attempt at `issue`. `read` gives the text of a file of the generation's
    /// tip, if there is such a file and it is text; it gets the paths as the task names them.
    pub fn new(issue: &Issue, protected_paths: &[String], read: impl FnMut(&str) -> Option<String>) -> Self {
        let earlier_attempts: Vec<_> = issue
            .attempts
            .iter()
            .map(|attempt| EarlierAttempt {
                number: attempt.number,
                outcome: attempt.outcome.to_string(),
                reason: attempt.reason.clone(),
            })
            .collect();
        let last = earlier_attempts.iter().map(|attempt| attempt.number).max();
        let remark = |comment: &crate::issues::issue::Comment| Remark {
            author: comment.author.clone(),
            text: comment.text.clone(),
        };
        Self {
            id: issue.id.to_string(),
            title: issue.title.clone(),
            description: issue.description.clone(),
            required_reading: readings(&issue.plan.required_reading, read),
            files: issue.plan.files.clone(),
            requirements: issue.plan.requirements.clone(),
            acceptance_criteria: issue.plan.acceptance_criteria.clone(),
            estimated_lines: issue.plan.estimated_lines,
            attempt: last.unwrap_or(0) + 1,
            earlier_attempts,
            comments: issue.comments.iter().map(remark).collect(),
            protected_paths: protected_paths.to_vec(),
        }
    }
}

/// Inlines documents in their order; one that is too large does not keep a later, smaller one out.
fn within_budget(documents: Vec<Document>) -> (Vec<Document>, Vec<Omitted>) {
    let mut left = DOCUMENT_BUDGET;
    let mut omitted = Vec::new();
    let mut inlined = Vec::new();
    for document in documents {
        let bytes = document.text.len();
        if let Some(rest) = left.checked_sub(bytes) {
            left = rest;
            inlined.push(document);
        } else {
            let path = document.path;
            omitted.push(Omitted { path, bytes });
        }
    }
    (inlined, omitted)
}

fn readings(paths: &[String], mut read: impl FnMut(&str) -> Option<String>) -> Vec<ReadDocument> {
    let mut left = DOCUMENT_BUDGET;
    let mut fitting = |path: &String| {
        let text = read(path)?;
        left = left.checked_sub(text.len())?;
        Some(text)
    };
    paths
        .iter()
        .map(|path| ReadDocument {
            path: path.clone(),
            text: fitting(path),
        })
        .collect()
}
