//! The variables of the prompts about groups: their plan, and the closing review of one.

use std::path::Path;

use serde::Serialize;

use super::context::{Document, FILE_LIST_CAP, Omitted};
use super::known_groups::KnownGroup;
use crate::issues::group::{Build, MOST_GROUPS};

/// The variables of the prompt that asks for groups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlanContext {
    /// Which answer this requests, counted from 1; from 2 on `problems` has what was wrong.
    pub attempt: u32,
    /// The documents, with their text.
    pub documents: Vec<Document>,
    /// Documents beyond the budget of a prompt.
    pub omitted_documents: Vec<Omitted>,
    /// Paths in the repository.
    pub files: Vec<String>,
    /// How many more paths there are.
    pub omitted_files: usize,
    /// A person's own text; none when the configuration has none.
    pub user_prompt: Option<String>,
    /// The groups that exist.
    pub groups: Vec<KnownGroup>,
    /// What groups of earlier generations have done, whose work is in the repository.
    pub merged_groups: Vec<KnownGroup>,
    /// The documents that say what is to be built, files or folders; none where all of them do. The others are context.
    pub asked: Vec<String>,
    /// Documents that changed since those were planned.
    pub changed: Vec<String>,
    /// The most groups.
    pub most_groups: usize,
    /// The most tasks of a group.
    pub most_tasks: u32,
    /// What was wrong with the last answer, in sentences.
    pub problems: Vec<String>,
    /// The last answer, when there are problems with it.
    pub previous_answer: Option<String>,
}

impl PlanContext {
    /// Builds the context of a first answer, with the documents that the prompt gives, and those that it names.
    pub fn new(
        (documents, omitted_documents): (Vec<Document>, Vec<Omitted>),
        mut files: Vec<String>,
        build: &Build,
        most_tasks: u32,
        user_prompt: Option<String>,
    ) -> Self {
        let omitted_files = files.len().saturating_sub(FILE_LIST_CAP);
        files.truncate(FILE_LIST_CAP);
        Self {
            attempt: 1,
            documents,
            omitted_documents,
            files,
            omitted_files,
            user_prompt,
            groups: KnownGroup::all(build),
            merged_groups: Vec::new(),
            asked: build.documents.clone(),
            changed: Vec::new(),
            most_groups: MOST_GROUPS,
            most_tasks,
            problems: Vec::new(),
            previous_answer: None,
        }
    }

    /// Returns whether a document says what is to be built.
    pub(crate) fn is_asked(&self, path: &str) -> bool {
        let names = |name: &String| name == "." || Path::new(path).starts_with(name);
        self.asked.is_empty() || self.asked.iter().any(names)
    }

    /// Returns whether a plan without groups is one: all that the documents ask for may be covered.
    pub(crate) fn may_be_empty(&self) -> bool {
        !self.groups.is_empty() || !self.merged_groups.is_empty() && !self.documents.is_empty()
    }

    /// Requests the whole answer again, naming what was wrong with it.
    #[must_use]
    pub fn again(self, problems: Vec<String>, previous_answer: Option<String>) -> Self {
        Self {
            attempt: self.attempt + 1,
            problems,
            previous_answer,
            ..self
        }
    }
}

/// The variables of the prompt of a closing review.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ClosingContext {
    /// The group's key.
    pub(crate) key: String,
    /// Its name.
    pub(crate) name: String,
    /// What belongs to it.
    pub(crate) scope: String,
    /// What its tasks had to know.
    pub(crate) briefing: String,
    /// Which answer this requests, counted from 1.
    pub(crate) number: u32,
    /// Which batch of the changes it is about, counted from 1.
    pub(crate) batch: u32,
    /// How many there are.
    pub(crate) batches: u32,
    /// The changes of the batch, as a unified diff.
    pub(crate) changes: String,
    /// Files whose changes fit into no batch.
    pub(crate) too_large: Vec<String>,
    /// The least severity of a finding that becomes a task.
    pub(crate) block: String,
    /// What was wrong with the answer before, in a sentence.
    pub(crate) problem: Option<String>,
}
