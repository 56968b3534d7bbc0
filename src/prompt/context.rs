//! The variables of templates: every field here is a variable of that name.

use serde::Serialize;

use super::known_groups::{GroupAsked, KnownGroup};
use crate::issues::group::{Build, Group};
use crate::issues::issue::{Issue, Status, TaskFile};
use crate::issues::proposal::BatchLimits;
use crate::issues::request::Request;

/// Paths listed in one prompt; the number of further ones is added.
pub const FILE_LIST_CAP: usize = 2_000;

/// A document with its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Document {
    /// Path from the repository's root.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// A document that is not given: there was no room for it, or it is not text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Omitted {
    /// Path from the repository's root.
    pub path: String,
    /// Its size.
    pub bytes: usize,
}

/// An existing issue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Title {
    /// `cw-k7qd`.
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
    /// `cw-k7qd`.
    pub id: String,
}

/// The variables of a measure's prompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MeasureContext {
    /// Which answer this requests, counted from 1; from 2 on `problems` has what was wrong.
    pub attempt: u32,
    /// Documents of `context_files`, with their text.
    pub documents: Vec<Document>,
    /// Documents of `context_files` that are not given: those beyond the budget of the role, or that are not text.
    pub omitted_documents: Vec<Omitted>,
    /// Paths in the repository.
    pub files: Vec<String>,
    /// How many more paths there are.
    pub omitted_files: usize,
    /// Existing issues, open and closed.
    pub issues: Vec<Title>,
    /// The most proposals.
    pub max_issues: u32,
    /// Smallest task asked for, in changed lines.
    pub estimated_lines_min: u32,
    /// Largest task asked for, in changed lines.
    pub estimated_lines_max: u32,
    /// Largest task that is filed, in changed lines; none when there is no limit.
    pub max_estimated_lines: Option<u32>,
    /// Proposals of the last answer that are filed, in the issues above; none when it was refused as a whole.
    pub filed: Vec<Filed>,
    /// A person's own text; none when the configuration has none.
    pub user_prompt: Option<String>,
    /// What the generation was asked for, in a person's words; none where it works from documents alone.
    pub request: Option<String>,
    /// Files that were given along with it, with their text.
    pub request_files: Vec<Document>,
    /// What the gates of the project leave uncovered, each with the name of the gate as its path; only where tests are
    /// looked for, and coverage is measured.
    pub coverage: Vec<Document>,
    /// The documents that say what is to be built, files or folders; none where all of them do. The others are context.
    pub asked: Vec<String>,
    /// The group whose tasks are asked for; none where the work has no groups.
    pub group: Option<GroupAsked>,
    /// All groups.
    pub groups: Vec<KnownGroup>,
    /// Whether each proposal must have a proof.
    pub needs_proof: bool,
    /// What was wrong with the last answer, in sentences.
    pub problems: Vec<String>,
    /// The last answer, when there are problems with it.
    pub previous_answer: Option<String>,
}

impl MeasureContext {
    /// Builds the context of a first answer. All `documents` are inlined.
    pub fn new<'a>(
        documents: Vec<Document>,
        mut files: Vec<String>,
        issues: impl IntoIterator<Item = &'a Issue>,
        limits: BatchLimits,
        user_prompt: Option<String>,
    ) -> Self {
        let omitted_files = files.len().saturating_sub(FILE_LIST_CAP);
        files.truncate(FILE_LIST_CAP);
        let context = Self {
            attempt: 1,
            documents,
            omitted_documents: Vec::new(),
            files,
            omitted_files,
            issues: Vec::new(),
            max_issues: 0,
            estimated_lines_min: 0,
            estimated_lines_max: 0,
            max_estimated_lines: None,
            filed: Vec::new(),
            user_prompt,
            request: None,
            request_files: Vec::new(),
            coverage: Vec::new(),
            asked: Vec::new(),
            group: None,
            groups: Vec::new(),
            needs_proof: false,
            problems: Vec::new(),
            previous_answer: None,
        };
        context.with_issues(issues, limits)
    }

    /// Returns this context with these documents given, and those named that are not.
    #[must_use]
    pub fn with_documents(mut self, given: Vec<Document>, omitted: Vec<Omitted>) -> Self {
        self.documents = given;
        self.omitted_documents = omitted;
        self
    }

    /// Returns this context with what the generation was asked for.
    #[must_use]
    pub fn with_request(mut self, request: Option<&Request>) -> Self {
        let Some(request) = request else { return self };
        self.request = Some(request.text.clone());
        let files = request.files.iter().map(|file| Document {
            path: file.name.clone(),
            text: file.text.clone(),
        });
        self.request_files = files.collect();
        self
    }

    /// Returns this context with the group whose tasks are asked for, among all of them.
    #[must_use]
    pub fn with_group(self, group: &Group, build: &Build) -> Self {
        Self {
            group: Some(group.into()),
            groups: KnownGroup::all(build),
            asked: build.documents.clone(),
            ..self
        }
    }

    /// Returns this context with the present issues, and the number of proposals allowed beside them.
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
        self.needs_proof = limits.needs_proof;
        self
    }

    /// Requests again those of the last answer that are not `filed`, naming what was wrong with them.
    #[must_use]
    pub fn again(mut self, filed: Vec<Filed>, problems: Vec<String>, previous_answer: Option<String>) -> Self {
        self.attempt += 1;
        self.filed = filed;
        self.problems = problems;
        self.previous_answer = previous_answer;
        self
    }
}

/// A document that should be read first for a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReadDocument {
    /// The path in the task.
    pub path: String,
    /// Its text; none when it does not exist, there was no room, or it is not text.
    pub text: Option<String>,
    /// Its size, where it exists and is not given.
    pub bytes: Option<usize>,
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
    /// What the gate printed that was red at its end, or what the review found that did not pass it; only of the last
    /// attempt, and none where there was neither.
    pub output: Option<String>,
}

/// A comment on a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Remark {
    /// Its author.
    pub author: String,
    /// Its text.
    pub text: String,
}

/// The variables of a stitch's prompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StitchContext {
    /// `cw-k7qd`.
    pub id: String,
    /// One line.
    pub title: String,
    /// Markdown.
    pub description: String,
    /// Documents to read first.
    pub required_reading: Vec<ReadDocument>,
    /// Files of the task; each has `path` and `action`.
    pub files: Vec<TaskFile>,
    /// What must be built.
    pub requirements: Vec<String>,
    /// How to check that it is done.
    pub acceptance_criteria: Vec<String>,
    /// The command that proves it: it must fail before the work, and pass on its result.
    pub proof: Option<String>,
    /// Size estimate in changed lines.
    pub estimated_lines: Option<u32>,
    /// Which attempt this is, counted from 1.
    pub attempt: u32,
    /// The attempts before.
    pub earlier_attempts: Vec<EarlierAttempt>,
    /// The attempt whose work is in the folder already, such as `2` or `2.1`; `None` where it begins from nothing.
    pub begins_from: Option<String>,
    /// Comments of people and earlier runs on the task.
    pub comments: Vec<Remark>,
    /// Globs of paths that must stay as they are.
    pub protected_paths: Vec<String>,
    /// Whether the tests that there are must stay as they are.
    pub keep_tests: bool,
}

impl StitchContext {
    /// Builds the context of the next attempt at `issue`. `read` returns the text of a file of the generation's tip, if
    /// there is such a file and it is text; it gets the paths as the task names them.
    pub fn new(issue: &Issue, protected_paths: &[String], read: impl FnMut(&str) -> Option<String>) -> Self {
        let mut earlier_attempts: Vec<_> = issue
            .attempts
            .iter()
            .map(|attempt| EarlierAttempt {
                number: attempt.number,
                outcome: attempt.outcome.to_string(),
                reason: attempt.reason.clone(),
                output: None,
            })
            .collect();
        // Older ones have been acted on.
        if let Some((last, attempt)) = earlier_attempts.last_mut().zip(issue.attempts.last()) {
            let output = attempt.red.as_ref().map(|red| red.output.clone());
            last.output = output.filter(|output| !output.is_empty());
        }
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
            proof: issue.plan.proof.clone(),
            estimated_lines: issue.plan.estimated_lines,
            attempt: last.unwrap_or(0) + 1,
            earlier_attempts,
            begins_from: None,
            comments: issue.comments.iter().map(remark).collect(),
            protected_paths: protected_paths.to_vec(),
            keep_tests: false,
        }
    }
}

fn readings(paths: &[String], mut read: impl FnMut(&str) -> Option<String>) -> Vec<ReadDocument> {
    paths
        .iter()
        .map(|path| ReadDocument {
            path: path.clone(),
            text: read(path),
            bytes: None,
        })
        .collect()
}
