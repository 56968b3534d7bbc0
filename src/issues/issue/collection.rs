//! All issues of a generation, and queries over them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::accounting::ledger::{Entry, Sum};
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::graph::{Graph, way};
use crate::issues::attempt::Attempt;
use crate::issues::group::Build;
use crate::issues::issue::input::NewIssue;
use crate::issues::issue::{Dependency, HoldKind, Issue, Status};
use crate::issues::new_ids::NewIds;
use crate::issues::request::Request;
use crate::issues::round::Fixing;
use crate::issues::scope::{PartRead, Then};
use crate::model::generation::GenerationName;
use crate::model::{IssueId, ModeKind, Role, RunId, Usage};

/// The version of the stored form that this crate writes and reads.
pub const FORMAT: u32 = 1;

/// The data of a store about itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreMeta {
    /// The version of the stored form, [`FORMAT`] when this crate wrote it.
    pub format: u32,
    /// The generation that the issues belong to.
    pub generation: GenerationName,
    /// The branch that the generation began from, and will be merged into.
    pub base_branch: String,
    /// When the generation was started.
    pub created_at: Timestamp,
    /// Every measure, oldest first.
    #[serde(default)]
    pub measures: Vec<Measure>,
    /// The mode that it works in; `None` is `generate`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// What it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Request>,
    /// What it is built from, and in which groups.
    #[serde(default, skip_serializing_if = "is_default")]
    pub build: Build,
}

fn is_default(build: &Build) -> bool {
    *build == Build::default()
}

impl StoreMeta {
    /// Builds what the store of a generation says that begins now: it works in `generate`, and nothing is measured yet.
    pub fn new(generation: GenerationName, base_branch: String, created_at: Timestamp) -> Self {
        Self {
            format: FORMAT,
            generation,
            base_branch,
            created_at,
            measures: Vec::new(),
            mode: None,
            request: None,
            build: Build::default(),
        }
    }

    /// Returns the name of the mode that the generation works in.
    pub fn mode_name(&self) -> &str {
        self.mode.as_deref().unwrap_or(ModeKind::Generate.name())
    }
}

/// A measure: its cost and its result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measure {
    /// The run that made it.
    pub run: RunId,
    /// When it ended.
    pub at: Timestamp,
    /// The issues that it filed; `None` when it returned no valid answer.
    pub filed: Option<Vec<IssueId>>,
    /// Its calls, oldest first.
    #[serde(default)]
    pub calls: Vec<Entry>,
    /// The files that it read, where it is a part of an audit or a review.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<PartRead>,
    /// What its calls were for, where they asked for no tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<MeasureOf>,
}

/// What calls were for that are counted as those of a measure, and asked for no tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MeasureOf {
    /// The plan of groups.
    Plan,
    /// A batch of the closing review of a group.
    ClosingReview,
}

/// How many issues are in which state; `ready` is a part of `open`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct IssueCounts {
    /// To be done.
    pub open: usize,
    /// Open, with every dependency closed.
    pub ready: usize,
    /// Claimed by a run.
    pub in_progress: usize,
    /// Held for a person.
    pub blocked: usize,
    /// Closed.
    pub closed: usize,
}

/// The issues of a generation. Every change is a checked operation. Clones share the issues that neither has changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Issues {
    pub(super) meta: StoreMeta,
    pub(super) all: BTreeMap<IssueId, Arc<Issue>>,
}

impl Issues {
    /// Builds an empty collection.
    pub fn new(meta: StoreMeta) -> Self {
        Self {
            meta,
            all: BTreeMap::new(),
        }
    }

    /// Builds the collection from the content of a store; a state that no operation could have led to is an error,
    /// never repaired.
    pub fn from_stored(meta: StoreMeta, stored: impl IntoIterator<Item = impl Into<Arc<Issue>>>) -> Result<Self> {
        let stored = stored.into_iter().map(Into::into);
        let all = stored.map(|issue| (issue.id.clone(), issue)).collect();
        let issues = Self { meta, all };
        for issue in issues.iter() {
            issues.check_stored(issue)?;
        }
        if let Some(cycle) = issues.graph().cycles().first() {
            return Err(inconsistent(&format!("dependencies form a circle: {}", way(cycle))));
        }
        if let Some(problem) = issues.group_problem() {
            return Err(inconsistent(&problem));
        }
        Ok(issues)
    }

    /// Returns the data of the store about itself.
    pub fn meta(&self) -> &StoreMeta {
        &self.meta
    }

    /// Returns all issues, the oldest first; of those that were filed at one moment, in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = &Issue> {
        let mut issues: Vec<&Issue> = self.all.values().map(AsRef::as_ref).collect();
        issues.sort_by(|one, other| (one.created_at, &one.id).cmp(&(other.created_at, &other.id)));
        issues.into_iter()
    }

    /// Returns the number of issues.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Returns whether nothing was ever filed.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Files an issue under a new id; every problem of the input is in the one error.
    pub fn add(&mut self, input: NewIssue, ids: &NewIds, now: Timestamp) -> Result<IssueId> {
        let mut problems = input.problems();
        problems.extend(self.dependency_problems(&input.dependencies));
        if !problems.is_empty() {
            return Err(Error::new(
                ErrorKind::Usage,
                format!("cannot file the task: {}", problems.join("; ")),
            ));
        }
        let id = ids.take(1, &self.all)?.remove(0);
        self.insert(id.clone(), input, now);
        Ok(id)
    }

    /// Records a measure.
    pub fn record_measure(&mut self, measure: Measure) {
        self.meta.measures.push(measure);
    }

    /// Says what becomes of the findings of an audit or a review from now on.
    pub(crate) fn set_then(&mut self, then: Then) {
        let request = self.meta.request.get_or_insert_default();
        request.scope.get_or_insert_default().then = then;
    }

    /// Returns whether a measure has had an answer.
    pub(crate) fn is_measured(&self) -> bool {
        self.meta.measures.iter().any(|measure| measure.filed.is_some())
    }

    /// Returns the usage of the generation: every attempt and every measure.
    pub fn usage(&self) -> Usage {
        self.usage_where(|_| true)
    }

    /// Returns the usage of one run.
    pub fn usage_of_run(&self, run: &RunId) -> Usage {
        self.usage_where(|of| of == run)
    }

    /// Returns what the fix rounds of one run came to; `None` where it made none.
    pub fn fixing_of_run(&self, run: &RunId) -> Option<Fixing> {
        let is_of_conflict = |entry: &Entry| {
            let task = entry.task.as_ref().and_then(|task| self.get(task).ok());
            let attempt = task.and_then(|task| task.attempts.iter().find(|one| one.number == entry.attempt));
            let mut rounds = attempt.iter().flat_map(|attempt| &attempt.rounds);
            rounds.any(|round| round.is_of_conflict() && round.call.as_ref() == Some(entry))
        };
        let is_one = |entry: &&Entry| {
            entry.run == *run && entry.role == Role::Stitch && entry.round > 0 && !is_of_conflict(entry)
        };
        let rounds = || self.ledger().filter(is_one);
        let tasks: BTreeSet<_> = rounds().map(|entry| &entry.task).collect();
        (!tasks.is_empty()).then(|| Fixing {
            tasks: tasks.len(),
            rounds: rounds().count(),
            usage: rounds().map(|entry| entry.usage).sum(),
        })
    }

    /// Returns what the reviews of one run used; `None` where it made none.
    pub fn reviews_of_run(&self, run: &RunId) -> Option<Usage> {
        let reviews = self
            .ledger()
            .filter(|entry| entry.run == *run && entry.role == Role::Review);
        let usage: Usage = reviews.map(|entry| entry.usage).sum();
        (usage.calls > 0).then_some(usage)
    }

    /// Returns the usage of the calls of one session of the client.
    pub fn session(&self, session: &str) -> Sum {
        let calls = self.ledger();
        Sum::of(calls.filter(|entry| entry.session_id.as_deref() == Some(session)))
    }

    fn usage_where(&self, counts: impl Fn(&RunId) -> bool) -> Usage {
        let entries = self.ledger().filter(|entry| counts(&entry.run));
        entries.map(|entry| entry.usage).sum()
    }

    /// Returns every call that was made for the generation: those of the measures, then those of the tasks.
    pub fn ledger(&self) -> impl Iterator<Item = &Entry> {
        let measures = self.meta.measures.iter().flat_map(|measure| &measure.calls);
        let attempts = self.all.values().flat_map(|issue| &issue.attempts);
        measures.chain(attempts.flat_map(Attempt::calls))
    }

    /// Returns the present cycle: how many measures have filed tasks, or found nothing to file.
    pub fn cycle(&self) -> u32 {
        let made = self.meta.measures.iter().filter(|measure| measure.filed.is_some());
        u32::try_from(made.count()).unwrap_or(u32::MAX)
    }

    /// Counts the issues by state.
    pub fn counts(&self) -> IssueCounts {
        let with = |status| self.all.values().filter(|issue| issue.status == status).count();
        IssueCounts {
            open: with(Status::Open),
            ready: self.all.values().filter(|issue| self.is_ready(issue)).count(),
            in_progress: with(Status::InProgress),
            blocked: with(Status::Blocked),
            closed: with(Status::Closed),
        }
    }

    /// Files a checked input under an id that no issue has.
    pub(crate) fn insert(&mut self, id: IssueId, input: NewIssue, now: Timestamp) {
        let input = input.tidied();
        let dependencies = input
            .dependencies
            .into_iter()
            .map(|on| Dependency::blocks(id.clone(), on));
        let issue = Issue {
            id: id.clone(),
            title: input.title,
            description: input.description,
            status: Status::Open,
            priority: input.priority,
            issue_type: input.issue_type,
            labels: input.labels,
            dependencies: dependencies.collect(),
            comments: Vec::new(),
            attempts: Vec::new(),
            hold: None,
            hold_kind: None,
            question: None,
            taken: None,
            created_at: now,
            updated_at: now,
            closed_at: None,
            close_reason: None,
            commit: None,
            claim: None,
            forgiven_attempts: 0,
            begins_from: None,
            external: input.external,
            group: input.group.filter(|key| self.group(key).is_ok()),
            plan: input.plan,
        };
        self.all.insert(id, Arc::new(issue));
    }

    pub(super) fn graph(&self) -> Graph<&IssueId> {
        let edges = self.all.values().flat_map(|issue| &issue.dependencies);
        Graph::new(edges.map(|edge| (&edge.issue_id, &edge.depends_on_id)))
    }

    fn check_stored(&self, issue: &Issue) -> Result<()> {
        let refuse = |why: String| Err(inconsistent(&format!("{}: {why}", issue.id)));
        for edge in &issue.dependencies {
            if edge.issue_id != issue.id {
                return refuse(format!("holds a dependency of {}", edge.issue_id));
            }
            if !self.all.contains_key(&edge.depends_on_id) {
                return refuse(format!("depends on {}, which does not exist", edge.depends_on_id));
            }
        }
        let status = issue.status;
        if issue.claim.is_some() != (status == Status::InProgress) {
            return refuse(format!("status `{status}` and its claim disagree"));
        }
        if issue.hold.is_some() != (status == Status::Blocked) {
            return refuse(format!("status `{status}` and its hold disagree"));
        }
        let asks = issue.question.is_some();
        if asks && status != Status::Blocked || asks != (issue.hold_kind == Some(HoldKind::Question)) {
            return refuse(format!(
                "status `{status}`, the kind of its hold and its question disagree"
            ));
        }
        if issue.taken.is_some() != (issue.hold_kind == Some(HoldKind::Taken)) {
            return refuse("the kind of its hold, and where a person works on it disagree".to_owned());
        }
        if issue.closed_at.is_some() != (status == Status::Closed) {
            return refuse(format!("status `{status}` and its closing time disagree"));
        }
        Ok(())
    }
}

impl Dependency {
    /// Returns the edge that makes `issue_id` wait for `depends_on_id`.
    pub fn blocks(issue_id: IssueId, depends_on_id: IssueId) -> Self {
        Self {
            issue_id,
            depends_on_id,
            kind: "blocks".to_owned(),
        }
    }
}

fn inconsistent(why: &str) -> Error {
    Error::new(
        ErrorKind::Unexpected,
        format!("the stored tasks contradict each other: {why}"),
    )
}
