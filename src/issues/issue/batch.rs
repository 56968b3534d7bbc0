//! Many issues at once, all or none: proposals of measure, or imports of a person.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use crate::base::error::{Error, ErrorKind, Result, plain_enough};
use crate::base::graph::{Graph, way};
use crate::issues::attempt::Attempt;
use crate::issues::issue::input::NewIssue;
use crate::issues::issue::{Comment, HoldKind, Issue, Issues, Status};
use crate::issues::new_ids::NewIds;
use crate::model::{CommitId, IssueId};

/// One issue of a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchIssue {
    /// Its name for others of the batch.
    pub key: Option<String>,
    /// The issue to file; its own `dependencies` name issues that are in the store already.
    pub issue: NewIssue,
    /// The issues that it waits for: a key of this batch, else the id of an issue in the store. Never a position.
    pub depends_on: Vec<String>,
    /// Its data from another store.
    pub state: Option<ImportedState>,
    /// Its place in what it was read from, counted from 1; without one its place in the batch.
    pub place: Option<usize>,
    /// Problems that were found when it was read.
    pub problems: Vec<String>,
}

/// The data of an imported issue. A claim is not imported: the run that held it is not here.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImportedState {
    /// Its state; `in_progress` becomes `open`.
    pub status: Status,
    /// Why it was held.
    pub hold: Option<String>,
    /// What its agent asks, if it is held for that.
    pub question: Option<String>,
    /// When it was filed.
    pub created_at: Option<Timestamp>,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// Why it was closed.
    pub close_reason: Option<String>,
    /// The commit with its result.
    pub commit: Option<CommitId>,
    /// Comments on it.
    pub comments: Vec<Comment>,
    /// The attempts at it.
    pub attempts: Vec<Attempt>,
    /// How many of them no longer count.
    pub forgiven_attempts: u32,
}

/// All problems of a batch, a line each: the cause below the error of [`Issues::import`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchProblems(pub Vec<String>);

impl fmt::Display for BatchProblems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for BatchProblems {}

plain_enough!(BatchProblems);

impl BatchIssue {
    /// Builds an issue of a batch without data from another store.
    pub fn new(key: impl Into<String>, issue: NewIssue, depends_on: Vec<String>) -> Self {
        Self {
            key: Some(key.into()),
            issue,
            depends_on,
            state: None,
            place: None,
            problems: Vec::new(),
        }
    }
}

impl Issues {
    /// Files a whole batch, or none of it, and returns the new ids in the batch's order.
    ///
    /// A refusal is a usage error with [`BatchProblems`] as its source: every problem of every issue.
    pub fn import(&mut self, batch: Vec<BatchIssue>, ids: &NewIds, now: Timestamp) -> Result<Vec<IssueId>> {
        let problems = self.batch_problems(&batch);
        if !problems.is_empty() {
            let message = match problems.len() {
                1 => "the batch has a problem".to_owned(),
                count => format!("the batch has {count} problems"),
            };
            return Err(Error::new(ErrorKind::Usage, message)
                .because(BatchProblems(problems))
                .hint("correct these entries, and import all of them again"));
        }
        let ids = ids.take(batch.len(), &self.all)?;
        let keys: BTreeMap<String, IssueId> = batch
            .iter()
            .zip(&ids)
            .filter_map(|(item, id)| Some((item.key.clone()?, id.clone())))
            .collect();
        for (item, id) in batch.into_iter().zip(&ids) {
            self.insert_item(id, item, &keys, now);
        }
        Ok(ids)
    }

    /// Lists all problems of a batch; each line begins with the issue.
    pub fn batch_problems(&self, batch: &[BatchIssue]) -> Vec<String> {
        let (mut keys, mut externals) = (BTreeMap::new(), BTreeMap::new());
        let mut problems = Vec::new();
        for (index, item) in batch.iter().enumerate() {
            let own = place(index, item);
            if let Some(earlier) = item.key.as_deref().and_then(|key| keys.insert(key, own)) {
                problems.push(format!("{}: entry {earlier} has the same key", name(index, item)));
                continue;
            }
            let external = item.issue.external.as_deref();
            if let Some(earlier) = external.and_then(|external| externals.insert(external, own)) {
                problems.push(format!(
                    "{}: entry {earlier} has the same external id",
                    name(index, item)
                ));
            }
        }
        for (index, item) in batch.iter().enumerate() {
            let found = self.item_problems(item, &keys);
            problems.extend(
                found
                    .into_iter()
                    .map(|problem| format!("{}: {problem}", name(index, item))),
            );
        }
        let edges = batch.iter().flat_map(|item| {
            let known = |on: &&String| keys.contains_key(on.as_str()) && item.key.as_ref() != Some(*on);
            let key = item.key.as_deref();
            item.depends_on
                .iter()
                .filter(known)
                .filter_map(move |on| Some((key?, on.as_str())))
        });
        for cycle in Graph::new(edges).cycles() {
            let keys: Vec<_> = cycle.iter().map(|key| key.escape_debug()).collect();
            problems.push(format!("dependencies form a circle: {}", way(&keys)));
        }
        problems
    }

    fn item_problems(&self, item: &BatchIssue, keys: &BTreeMap<&str, usize>) -> Vec<String> {
        let mut problems = item.problems.clone();
        problems.extend(item.issue.problems());
        problems.extend(self.dependency_problems(&item.issue.dependencies));
        if let Some(key) = item.issue.group.as_deref().filter(|key| self.group(key).is_err()) {
            problems.push(format!("unknown group `{}`", key.escape_debug()));
        }
        let mut seen = BTreeSet::new();
        for on in &item.depends_on {
            let shown = on.escape_debug();
            if item.key.as_ref() == Some(on) {
                problems.push("depends on itself".to_owned());
            } else if !seen.insert(on) {
                problems.push(format!("dependency `{shown}` is given twice"));
            } else if !keys.contains_key(on.as_str()) && self.stored_id(on).is_none() {
                problems.push(format!(
                    "dependency `{shown}` is neither a key of the batch nor a task of the store"
                ));
            }
        }
        problems.extend(item.state.as_ref().and_then(attempts_problem));
        problems
    }

    fn insert_item(&mut self, id: &IssueId, item: BatchIssue, keys: &BTreeMap<String, IssueId>, now: Timestamp) {
        let mut input = item.issue;
        for on in &item.depends_on {
            let on = keys.get(on).cloned().or_else(|| self.stored_id(on));
            input
                .dependencies
                .extend(on.filter(|on| !input.dependencies.contains(on)));
        }
        self.insert(id.clone(), input, now);
        if let (Some(state), Some(issue)) = (item.state, self.all.get_mut(id)) {
            state.apply(Arc::make_mut(issue), now);
        }
    }

    /// Reads the whole id of an issue in the store; a bare number is refused, because it could be a position.
    fn stored_id(&self, text: &str) -> Option<IssueId> {
        let id: IssueId = text.parse().ok()?;
        (id.to_string() == text && self.all.contains_key(&id)).then_some(id)
    }
}

impl ImportedState {
    fn apply(self, issue: &mut Issue, now: Timestamp) {
        issue.created_at = self.created_at.unwrap_or(now);
        issue.comments = self.comments;
        issue.attempts = self.attempts;
        issue.forgiven_attempts = self.forgiven_attempts;
        match self.status {
            Status::Open | Status::InProgress => {}
            Status::Blocked => {
                issue.status = Status::Blocked;
                issue.hold = Some(self.hold.unwrap_or_else(|| "held before it was imported".to_owned()));
                issue.hold_kind = self.question.as_ref().map(|_| HoldKind::Question);
                issue.question = self.question;
            }
            Status::Closed => {
                issue.status = Status::Closed;
                issue.closed_at = Some(self.closed_at.unwrap_or(now));
                issue.close_reason = Some(
                    self.close_reason
                        .unwrap_or_else(|| "closed before it was imported".to_owned()),
                );
                issue.commit = self.commit;
            }
        }
    }
}

fn attempts_problem(state: &ImportedState) -> Option<String> {
    let numbered = (1..)
        .zip(&state.attempts)
        .all(|(number, attempt)| attempt.number == number);
    (!numbered).then(|| "its attempts are not numbered from 1".to_owned())
}

fn place(index: usize, item: &BatchIssue) -> usize {
    item.place.unwrap_or(index + 1)
}

/// Returns the name of an issue of the batch: its place and its key.
fn name(index: usize, item: &BatchIssue) -> String {
    let place = place(index, item);
    match &item.key {
        Some(key) => format!("entry {place} `{}`", key.escape_debug()),
        None => format!("entry {place}"),
    }
}
