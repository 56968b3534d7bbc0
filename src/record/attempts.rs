//! The attempts of a run, as a fold over its events: when each was at work, and what was judged of it, in order.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::accounting::ledger::Entry;
use crate::base::text::one_line;
use crate::git::DiffStat;
use crate::issues::attempt::{Attempt, Candidate, Outcome};
use crate::issues::round::Round;
use crate::issues::stage::StageRun;
use crate::model::{IssueId, RunId, Usage};
use crate::record::event::{CandidateEnded, Event, EventKind};
use crate::record::overview::REASON;

/// How many steps of an attempt are kept, the first ones.
const STEPS: usize = 60;
/// How large a step is that is kept, in bytes of JSON.
const STEP: usize = 64 << 10;

/// One attempt at a task.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AttemptRecord {
    /// The run that made it.
    pub run: RunId,
    /// The task.
    pub task: IssueId,
    /// Counted from 1 within the task.
    pub attempt: u32,
    /// When it began; when its run went on with it, where another had begun it.
    pub began_at: Timestamp,
    /// When it ended; `None` of one that is at work, or whose run died.
    pub ended_at: Option<Timestamp>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Why, in a line; may be empty.
    pub reason: String,
    /// How much its agent changed; `None` where it changed nothing, or that is not known.
    pub changed: Option<DiffStat>,
    /// What its calls used that have ended.
    pub usage: Usage,
    /// Its fix rounds, reviews, stages, gates, candidates and questions, as events.
    pub steps: Vec<Event>,
    /// How many steps are left out: those after the first ones, and those that are too large.
    pub left_out: usize,
}

/// Collects the attempts of one run.
#[derive(Clone, Debug)]
pub(crate) struct Attempts {
    run: RunId,
    all: Vec<AttemptRecord>,
    at_work: HashMap<IssueId, usize>,
}

impl Attempts {
    /// Begins with none.
    pub(crate) fn new(run: RunId) -> Self {
        Self {
            run,
            all: Vec::new(),
            at_work: HashMap::new(),
        }
    }

    /// Takes in the next event.
    pub(crate) fn note(&mut self, event: &Event) {
        match &event.kind {
            EventKind::TaskClaimed { task, attempt, .. } => self.begin(task, *attempt, event.at),
            EventKind::Adopted(adopted) => {
                let task = adopted.call.task.as_ref();
                if let Some(task) = task.filter(|task| !self.at_work.contains_key(task)) {
                    self.begin(task, adopted.call.attempt, event.at);
                }
            }
            EventKind::AgentEnded { call, entry, .. } => {
                if let Some(attempt) = call.task.as_ref().and_then(|task| self.of(task)) {
                    attempt.usage += entry.usage;
                }
            }
            EventKind::AttemptEnded {
                task,
                outcome,
                reason,
                changed,
                ..
            } => {
                if let Some(place) = self.at_work.remove(task) {
                    let attempt = &mut self.all[place];
                    attempt.ended_at = Some(event.at);
                    attempt.outcome = Some(*outcome);
                    attempt.reason = one_line(reason, REASON);
                    attempt.changed = *changed;
                }
            }
            kind => {
                if let Some(attempt) = step_of(kind).and_then(|task| self.of(task)) {
                    attempt.add(event.clone());
                }
            }
        }
    }

    /// Returns them, in the order in which they began.
    pub(crate) fn all(self) -> Vec<AttemptRecord> {
        self.all
    }

    fn begin(&mut self, task: &IssueId, attempt: u32, at: Timestamp) {
        self.at_work.insert(task.clone(), self.all.len());
        let run = self.run.clone();
        self.all.push(AttemptRecord::new(run, (task, attempt), at));
    }

    /// Returns the attempt at a task that is at work.
    fn of(&mut self, task: &IssueId) -> Option<&mut AttemptRecord> {
        self.at_work.get(task).map(|place| &mut self.all[*place])
    }
}

/// Returns the task of an event that is a step of an attempt.
fn step_of(event: &EventKind) -> Option<&IssueId> {
    match event {
        EventKind::GateEnded { task, .. }
        | EventKind::RoundStarted { task, .. }
        | EventKind::ReviewEnded { task, .. } => Some(task),
        EventKind::StageEnded(ended) => Some(&ended.task),
        EventKind::CandidateEnded(ended) => Some(&ended.task),
        EventKind::GateFlaked(flaked) => Some(&flaked.task),
        EventKind::QuestionAsked(asked) => Some(&asked.task),
        EventKind::PersonSaid(said) => said.call.task.as_ref(),
        _ => None,
    }
}

impl AttemptRecord {
    fn new(run: RunId, (task, attempt): (&IssueId, u32), began_at: Timestamp) -> Self {
        Self {
            run,
            task: task.clone(),
            attempt,
            began_at,
            ended_at: None,
            outcome: None,
            reason: String::new(),
            changed: None,
            usage: Usage::default(),
            steps: Vec::new(),
            left_out: 0,
        }
    }

    /// Returns what the store has of an attempt whose events are gone: no gate that passed, and nobody's words.
    pub(crate) fn stored(task: &IssueId, attempt: &Attempt) -> Self {
        let mut record = Self::new(attempt.run.clone(), (task, attempt.number), attempt.started_at);
        record.complete(attempt);
        let name = (task, attempt.number);
        let ended = |call: Option<&Entry>| call.map_or(attempt.ended_at, |call| call.ended_at);
        let rounds = attempt.rounds.iter().map(|round| Event {
            at: ended(round.call.as_ref()),
            kind: round_started(name, round, attempt.rounds.len()),
        });
        let reviews = attempt.stages.iter().filter_map(|stage| {
            let kind = review_ended(name, stage)?;
            let at = ended(stage.call.as_ref());
            Some(Event { at, kind })
        });
        let candidates = attempt.candidates.iter().map(|candidate| Event {
            at: attempt.ended_at,
            kind: EventKind::CandidateEnded(candidate_ended(name, candidate)),
        });
        let mut steps: Vec<Event> = rounds.chain(reviews).chain(candidates).collect();
        steps.sort_by_key(|step| step.at);
        steps.into_iter().for_each(|step| record.add(step));
        record
    }

    /// Takes in from the store how it ended, where its run died before it recorded that.
    pub(crate) fn complete(&mut self, attempt: &Attempt) {
        if self.outcome.is_none() {
            self.ended_at = Some(attempt.ended_at);
            self.outcome = Some(attempt.outcome);
            self.reason = one_line(&attempt.reason, REASON);
            self.usage = attempt.usage();
        }
    }

    /// Returns how long it was at work by `now`, in seconds.
    pub fn seconds(&self, now: Timestamp) -> f64 {
        let until = self.ended_at.unwrap_or(now);
        until.duration_since(self.began_at).as_secs_f64().max(0.0)
    }

    fn add(&mut self, event: Event) {
        let is_small = || serde_json::to_vec(&event).is_ok_and(|json| json.len() <= STEP);
        if self.steps.len() < STEPS && is_small() {
            self.steps.push(event);
        } else {
            self.left_out += 1;
        }
    }
}

fn round_started((task, attempt): (&IssueId, u32), round: &Round, of: usize) -> EventKind {
    EventKind::RoundStarted {
        task: task.clone(),
        attempt,
        candidate: 0,
        round: round.number,
        of: u32::try_from(of).unwrap_or(u32::MAX),
        by: round.red.by,
        gate: round.red.gate.clone(),
        how: round.red.how.clone(),
        onto: round.red.onto.clone(),
    }
}

fn review_ended((task, attempt): (&IssueId, u32), stage: &StageRun) -> Option<EventKind> {
    let review = stage.review.as_ref()?;
    Some(EventKind::ReviewEnded {
        task: task.clone(),
        attempt,
        candidate: 0,
        number: stage.number,
        passed: review.passed,
        score: Some(review.score),
        how: review.in_words(),
        findings: BTreeMap::new(),
        dropped: review.dropped,
        weightiest: Vec::new(),
        seconds: stage.call.as_ref().map_or(0.0, |call| seconds(call.duration_ms)),
    })
}

fn candidate_ended((task, attempt): (&IssueId, u32), candidate: &Candidate) -> CandidateEnded {
    CandidateEnded {
        task: task.clone(),
        attempt,
        candidate: candidate.number,
        chosen: candidate.chosen,
        outcome: candidate.outcome,
        reason: candidate.reason.clone(),
        score: candidate.score,
        changed: candidate.changed,
    }
}

fn seconds(milliseconds: u64) -> f64 {
    Duration::from_millis(milliseconds).as_secs_f64()
}
