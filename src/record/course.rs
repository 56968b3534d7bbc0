//! The course of a run: beside what it came to, when which work was in progress, and what was spent when. A fold over its events.

use jiff::Timestamp;
use serde::Serialize;

use crate::accounting::ledger::Entry;
use crate::base::text::one_line;
use crate::model::{Role, RunId, Usage};
use crate::record::attempts::{AttemptRecord, Attempts};
use crate::record::event::{Event, EventKind};
use crate::record::overview::RunOverview;

/// How long the name of a model is, in characters.
const MODEL: usize = 60;

/// What one call used, and when it ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Spent {
    /// When the call ended.
    pub at: Timestamp,
    /// The role of the agent.
    pub role: Role,
    /// The model that the client used; `unknown` where it used none.
    pub model: String,
    /// What it used.
    pub usage: Usage,
}

/// Work on no task: a measure, a plan or a closing review of groups, a part of an audit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OtherWork {
    /// The role of its calls.
    pub role: Role,
    /// When it began.
    pub began_at: Timestamp,
    /// When it ended; `None` where it is in progress, or its run died.
    pub ended_at: Option<Timestamp>,
}

/// Everything that a run came to, and when.
#[derive(Clone, Debug)]
pub struct RunCourse {
    /// What it came to.
    pub overview: RunOverview,
    /// Its attempts, in the order in which they began.
    pub attempts: Vec<AttemptRecord>,
    /// Its work on no task.
    pub other_work: Vec<OtherWork>,
    /// What its calls used that have ended, in the order in which they did.
    pub spent: Vec<Spent>,
}

/// Collects the course of a run, event by event.
#[derive(Clone, Debug)]
pub(crate) struct CourseOfRun {
    pub(crate) overview: RunOverview,
    attempts: Attempts,
    other_work: Vec<OtherWork>,
    spent: Vec<Spent>,
}

impl Spent {
    /// Returns what an entry of the ledger says.
    pub(crate) fn of(entry: &Entry, at: Timestamp) -> Self {
        Self {
            at,
            role: entry.role,
            model: one_line(entry.model_name(), MODEL),
            usage: entry.usage,
        }
    }
}

impl CourseOfRun {
    /// Begins with a run of which nothing is known.
    pub(crate) fn new(run: RunId) -> Self {
        Self {
            overview: RunOverview::new(run.clone()),
            attempts: Attempts::new(run),
            other_work: Vec::new(),
            spent: Vec::new(),
        }
    }

    /// Takes in the next event.
    pub(crate) fn add(&mut self, event: &Event) {
        self.overview.add(event);
        self.attempts.note(event);
        self.note_other_work(event.at);
        if let EventKind::AgentEnded { entry, .. } = &event.kind {
            self.spent.push(Spent::of(entry, event.at));
        }
    }

    /// Takes in that a line could not be read.
    pub(crate) fn add_unreadable(&mut self) {
        self.overview.add_unreadable();
    }

    /// Sums up what is known by now.
    pub(crate) fn summed_up(self) -> RunCourse {
        RunCourse {
            overview: self.overview.summed_up(),
            attempts: self.attempts.all(),
            other_work: self.other_work,
            spent: self.spent,
        }
    }

    /// Begins and ends what is in progress without a task, as the overview knows it: there is one such work at a time.
    fn note_other_work(&mut self, at: Timestamp) {
        let in_progress = self.overview.at_work.iter().find(|one| one.task.is_none());
        let last = self.other_work.last_mut().filter(|work| work.ended_at.is_none());
        match (in_progress, last) {
            (Some(work), None) => self.other_work.push(OtherWork {
                role: work.role,
                began_at: at,
                ended_at: None,
            }),
            (None, Some(last)) => last.ended_at = Some(at),
            _ => {}
        }
    }
}
