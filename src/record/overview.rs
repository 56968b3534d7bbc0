//! What a run came to, as a fold over its events: one for lists, for one run, and for what one is at.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::base::text::one_line;
use crate::git::DiffStat;
use crate::issues::attempt::Outcome;
use crate::model::generation::GenerationName;
use crate::model::{CommitId, IssueId, RunId, Usage};
use crate::record::event::{Event, EventKind};

mod at_work;

use self::at_work::TITLE;
pub use self::at_work::{AtWork, Stage};

/// How many events of a timeline are kept: the first one, and the last ones.
const TIMELINE: usize = 2000;
/// How much of a reason is kept, in characters.
pub(crate) const REASON: usize = 500;

/// How a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunOutcome {
    /// It is at work.
    AtWork,
    /// It came to its end, and `reason` says why.
    Ended,
    /// It was at work, and recorded no end: it was killed, or failed.
    Died,
    /// It ended before it had an engine to work with.
    NotBegun,
    /// What it recorded cannot be read, and `reason` says why.
    Unreadable,
}

/// A run, as a list has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRow {
    /// Its name.
    pub run: RunId,
    /// The generation that it worked on.
    pub generation: Option<GenerationName>,
    /// The mode of that.
    pub mode: Option<String>,
    /// How it stands.
    pub outcome: RunOutcome,
    /// Why it ended, or cannot be read.
    pub reason: Option<String>,
    /// When it began.
    pub began_at: Option<Timestamp>,
    /// When it recorded its last event.
    pub last_at: Option<Timestamp>,
    /// How long it was at work, in seconds.
    pub seconds: f64,
    /// Its tasks.
    pub tasks: TaskCounts,
    /// What the reviews of what was merged scored, from 1 to 10, on average; `None` where there was none.
    pub score: Option<f64>,
    /// How much what was merged changes.
    pub changed: DiffStat,
    /// What its calls used.
    pub usage: Usage,
    /// Lines of its events that cannot be read, and are left out.
    pub unreadable_lines: u64,
}

/// How many tasks of a run came to what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskCounts {
    /// Those that it attempted.
    pub attempted: usize,
    /// Those of them that were merged.
    pub merged: usize,
    /// Those of them that were put on hold.
    pub held: usize,
}

/// Everything that a run came to; the JSON of `cordwainer runs show --json`.
#[derive(Clone, Debug, Serialize)]
pub struct RunOverview {
    /// The run itself.
    pub run: RunRow,
    /// How many tasks ended in which way, by the last attempt at each.
    pub outcomes: BTreeMap<Outcome, usize>,
    /// Its tasks, in the order in which it took them up.
    pub tasks: Vec<TaskRow>,
    /// How often gates passed and failed, by gate.
    pub gates: BTreeMap<String, GateCounts>,
    /// Measures that came to an end.
    pub measures: u32,
    /// What it is at; what it was at where it died.
    pub at_work: Vec<AtWork>,
    /// What happened, without the steps of calls: the first event, and the last ones.
    pub timeline: Vec<Event>,
    /// How many events of the timeline are left out after the first one.
    pub left_out: usize,
    #[serde(skip)]
    places: HashMap<IssueId, usize>,
    /// Whether it goes on after one attempt or measure.
    #[serde(skip)]
    has_steps: bool,
}

/// A task of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TaskRow {
    /// Its name.
    pub task: IssueId,
    /// Its title.
    pub title: String,
    /// How the last attempt at it ended; `None` where none has.
    pub outcome: Option<Outcome>,
    /// Why.
    pub reason: String,
    /// Why it was put on hold, if it was.
    pub held: Option<String>,
    /// What its agent asks a person, if it does.
    pub question: Option<String>,
    /// How many attempts of this run at it have begun.
    pub attempts: u32,
    /// How many fix rounds these had.
    pub rounds: u32,
    /// The score of its last review.
    pub score: Option<u8>,
    /// The commit on the generation branch.
    pub commit: Option<CommitId>,
    /// How much was merged of it.
    pub changed: DiffStat,
    /// What its calls used that have ended.
    pub usage: Usage,
    /// How long its attempts took that have ended, in seconds.
    pub seconds: f64,
}

/// How often a gate passed and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GateCounts {
    /// How often it passed.
    pub passed: u32,
    /// How often it did not.
    pub failed: u32,
}

impl std::ops::AddAssign for GateCounts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

impl RunRow {
    /// Builds the row of a run of which nothing is known.
    pub(crate) fn new(run: RunId) -> Self {
        Self {
            run,
            generation: None,
            mode: None,
            outcome: RunOutcome::NotBegun,
            reason: None,
            began_at: None,
            last_at: None,
            seconds: 0.0,
            tasks: TaskCounts::default(),
            score: None,
            changed: DiffStat::default(),
            usage: Usage::default(),
            unreadable_lines: 0,
        }
    }

    /// Returns the row of a run whose records cannot be read.
    pub(crate) fn unreadable(self, why: String) -> Self {
        Self {
            outcome: RunOutcome::Unreadable,
            reason: Some(why),
            ..self
        }
    }
}

impl RunOverview {
    /// Begins with a run of which nothing is known.
    pub fn new(run: RunId) -> Self {
        Self {
            run: RunRow::new(run),
            outcomes: BTreeMap::new(),
            tasks: Vec::new(),
            gates: BTreeMap::new(),
            measures: 0,
            at_work: Vec::new(),
            timeline: Vec::new(),
            left_out: 0,
            places: HashMap::new(),
            has_steps: false,
        }
    }

    /// Returns whether events of this type change the row of a run. The others are far more.
    pub(crate) fn changes_the_row(kind: &[u8]) -> bool {
        const WITHOUT: [&[u8]; 7] = [
            b"tool_used",
            b"agent_said",
            b"step_started",
            b"sealed",
            b"reached",
            b"denied",
            b"warned",
        ];
        !WITHOUT.contains(&kind)
    }

    /// Takes in the next event.
    pub fn add(&mut self, event: &Event) {
        self.note_time(event.at);
        at_work::note(&mut self.at_work, event);
        match &event.kind {
            EventKind::RunStarted { generation, mode, .. } => {
                self.run.generation = Some(generation.clone());
                self.run.mode.clone_from(mode);
                self.run.outcome = RunOutcome::Died;
            }
            EventKind::RunProgress { .. } => self.has_steps = true,
            EventKind::AgentEnded { call, entry, .. } => {
                self.run.usage += entry.usage;
                if let Some(task) = &call.task {
                    self.task(task).usage += entry.usage;
                }
            }
            EventKind::MeasureEnded { .. }
            | EventKind::MeasurePlanned(_)
            | EventKind::MeasureFailed(_)
            | EventKind::GroupsPlanned(_)
            | EventKind::GroupReviewed(_) => self.measures += 1,
            EventKind::GateEnded { gate, passed, .. } => {
                let counts = self.gates.entry(one_line(gate, TITLE)).or_default();
                *if *passed {
                    &mut counts.passed
                } else {
                    &mut counts.failed
                } += 1;
            }
            EventKind::RunEnded { reason, usage, .. } => {
                self.run.reason = Some(one_line(reason, REASON));
                self.run.outcome = RunOutcome::Ended;
                // The sum of the store.
                self.run.usage = *usage;
            }
            _ => self.note_task(&event.kind),
        }
        self.note_moment(event);
    }

    /// Takes in that a line could not be read.
    pub(crate) fn add_unreadable(&mut self) {
        self.run.unreadable_lines += 1;
    }

    /// Takes in when the last event was that is of no other interest.
    pub(crate) fn note_time(&mut self, at: Timestamp) {
        let began = *self.run.began_at.get_or_insert(at);
        self.run.last_at = Some(at);
        self.run.seconds = at.duration_since(began).as_secs_f64().max(0.0);
    }

    /// Sums up what is known by now.
    #[must_use]
    pub fn summed_up(mut self) -> Self {
        // What calls used that are at work, or died, if that is known.
        self.run.usage += self.at_work.iter().map(|one| one.of_call).sum::<Usage>();
        let merged = |task: &&TaskRow| task.outcome == Some(Outcome::Merged);
        self.run.tasks = TaskCounts {
            attempted: self.tasks.len(),
            merged: self.tasks.iter().filter(merged).count(),
            held: self.tasks.iter().filter(|task| task.held.is_some()).count(),
        };
        let scores: Vec<u8> = self.tasks.iter().filter(merged).filter_map(|task| task.score).collect();
        self.run.score = mean(&scores);
        self.run.changed = self
            .tasks
            .iter()
            .map(|task| task.changed)
            .fold(DiffStat::default(), sum);
        self.outcomes.clear();
        for outcome in self.tasks.iter().filter_map(|task| task.outcome) {
            *self.outcomes.entry(outcome).or_default() += 1;
        }
        let (outcome, reason) = self.end();
        self.run.outcome = outcome;
        self.run.reason = reason.or(self.run.reason);
        self
    }

    /// Returns how the run stands by its events, and why it ended where none of them says that.
    pub(crate) fn end(&self) -> (RunOutcome, Option<String>) {
        let reason = (self.run.outcome == RunOutcome::Died)
            .then(|| self.single_step())
            .flatten();
        let outcome = if reason.is_some() {
            RunOutcome::Ended
        } else {
            self.run.outcome
        };
        (outcome, reason)
    }

    /// Returns what one attempt or one measure came to that was all of the run: such a run records no other end.
    fn single_step(&self) -> Option<String> {
        if self.has_steps || !self.at_work.is_empty() {
            return None;
        }
        match self.timeline.last().map(|event| &event.kind)? {
            EventKind::AttemptEnded { outcome, .. } => Some(format!("one attempt: {outcome}")),
            EventKind::TaskHeld { task, .. } => Some(format!("one attempt: {task} is held")),
            EventKind::QuestionAsked(asked) => Some(format!("one attempt: {} asks you something", asked.task)),
            EventKind::MeasureEnded { filed, .. } => Some(format!("one measure: {} filed", filed.len())),
            EventKind::MeasurePlanned(planned) => Some(format!("one measure: {} planned", planned.tasks)),
            EventKind::MeasureFailed(_) => Some("one measure: no valid answer".to_owned()),
            _ => None,
        }
    }

    /// Takes in what is about a task.
    fn note_task(&mut self, event: &EventKind) {
        match event {
            EventKind::TaskClaimed { task, title, .. } => {
                let row = self.task(task);
                row.title = one_line(title, TITLE);
                row.attempts += 1;
                (row.held, row.question) = (None, None);
            }
            EventKind::RoundStarted { task, .. } => self.task(task).rounds += 1,
            EventKind::ReviewEnded {
                task,
                score: Some(score),
                ..
            } => self.task(task).score = Some(*score),
            EventKind::CandidateEnded(ended) if ended.chosen => {
                let row = self.task(&ended.task);
                row.score = ended.score.or(row.score);
            }
            EventKind::AttemptEnded {
                task,
                title,
                outcome,
                reason,
                commit,
                changed,
                seconds,
                ..
            } => {
                let row = self.task(task);
                row.title = one_line(title, TITLE);
                row.outcome = Some(*outcome);
                row.reason = one_line(reason, REASON);
                row.commit.clone_from(commit);
                row.seconds += seconds;
                if *outcome == Outcome::Merged {
                    row.changed = changed.unwrap_or_default();
                    row.held = None;
                }
            }
            EventKind::TaskHeld { task, reason } => self.task(task).held = Some(one_line(reason, REASON)),
            EventKind::QuestionAsked(asked) => {
                self.task(&asked.task).question = Some(one_line(&asked.question, REASON));
            }
            _ => {}
        }
    }

    fn task(&mut self, task: &IssueId) -> &mut TaskRow {
        let place = *self.places.entry(task.clone()).or_insert_with(|| {
            self.tasks.push(TaskRow::new(task.clone()));
            self.tasks.len() - 1
        });
        &mut self.tasks[place]
    }

    fn note_moment(&mut self, event: &Event) {
        if !is_moment(&event.kind) {
            return;
        }
        self.timeline.push(event.clone());
        // Seldom: each time, all that is kept is moved.
        if self.timeline.len() > 2 * TIMELINE {
            let more = self.timeline.len() - TIMELINE;
            self.timeline.drain(1..=more);
            self.left_out += more;
        }
    }
}

impl TaskRow {
    fn new(task: IssueId) -> Self {
        Self {
            task,
            title: String::new(),
            outcome: None,
            reason: String::new(),
            held: None,
            question: None,
            attempts: 0,
            rounds: 0,
            score: None,
            commit: None,
            changed: DiffStat::default(),
            usage: Usage::default(),
            seconds: 0.0,
        }
    }
}

/// Returns whether an event is a part of the timeline: what a run came to, and what people had it do.
fn is_moment(event: &EventKind) -> bool {
    matches!(
        event,
        EventKind::RunStarted { .. }
            | EventKind::Recovered { .. }
            | EventKind::MeasureEnded { .. }
            | EventKind::MeasurePlanned(_)
            | EventKind::MeasureFailed(_)
            | EventKind::Audit(_)
            | EventKind::GroupsPlanned(_)
            | EventKind::GroupReviewed(_)
            | EventKind::GroupDone(_)
            | EventKind::TaskClaimed { .. }
            | EventKind::Adopted(_)
            | EventKind::PersonSaid(_)
            | EventKind::RoundStarted { .. }
            | EventKind::QuestionAsked(_)
            | EventKind::AttemptEnded { .. }
            | EventKind::TaskHeld { .. }
            | EventKind::Paused { .. }
            | EventKind::PauseLifted { .. }
            | EventKind::RunPaused { .. }
            | EventKind::Reloaded { .. }
            | EventKind::StopRequested(_)
            | EventKind::RunEnded { .. }
    )
}

/// Returns the mean of scores; `None` where there is none.
pub(crate) fn mean(scores: &[u8]) -> Option<f64> {
    let count = u32::try_from(scores.len()).ok().filter(|count| *count > 0)?;
    let sum: f64 = scores.iter().map(|score| f64::from(*score)).sum();
    Some(sum / f64::from(count))
}

/// Adds up how much was changed.
pub(crate) fn sum(one: DiffStat, other: DiffStat) -> DiffStat {
    DiffStat {
        files: one.files.saturating_add(other.files),
        insertions: one.insertions.saturating_add(other.insertions),
        deletions: one.deletions.saturating_add(other.deletions),
    }
}

#[cfg(test)]
mod tests;
