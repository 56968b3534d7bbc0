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
    /// The run that made it; where one died and others went on with its agents, the last of them.
    pub run: RunId,
    /// The task.
    pub task: IssueId,
    /// Counted from 1 within the task.
    pub attempt: u32,
    /// When it began. In the report of a run that went on with the agents of another one: when it did that.
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
        for step in steps {
            record.add(step);
        }
        record
    }

    /// Takes in what a later run recorded of the same attempt, which went on with its agents.
    pub(crate) fn go_on(&mut self, later: Self) {
        let earlier = std::mem::replace(self, later);
        self.began_at = earlier.began_at;
        self.usage += earlier.usage;
        self.left_out += earlier.left_out;
        for step in std::mem::replace(&mut self.steps, earlier.steps) {
            self.add(step);
        }
    }

    /// Takes in what the store has of it: all that its calls used, also where the records of one of its runs are gone, and how
    /// it ended, where its run died before it recorded that.
    pub(crate) fn complete(&mut self, attempt: &Attempt) {
        self.run.clone_from(&attempt.run);
        self.began_at = self.began_at.min(attempt.started_at);
        self.usage = attempt.usage();
        if self.outcome.is_none() {
            self.ended_at = Some(attempt.ended_at);
            self.outcome = Some(attempt.outcome);
            self.reason = one_line(&attempt.reason, REASON);
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000_000 + second).unwrap()
    }

    /// Folds these events, one a second.
    fn fold(events: &[Value]) -> Vec<AttemptRecord> {
        let mut attempts = Attempts::new("r".parse().unwrap());
        for (second, event) in (0..).zip(events) {
            attempts.note(&serde_json::from_value(json!({"at": at(second), "event": event})).unwrap());
        }
        attempts.all()
    }

    fn claimed(task: &str, attempt: u32) -> Value {
        json!({"type": "task_claimed", "task": task, "title": "t", "attempt": attempt})
    }

    fn gate(task: &str, output: &str) -> Value {
        json!({"type": "gate_ended", "task": task, "gate": "test", "passed": false, "output": [output]})
    }

    fn call_ended(task: &str, cost: f64) -> Value {
        json!({"type": "agent_ended", "call": {"role": "stitch", "task": task, "attempt": 1}, "reason": "done", "entry": {
            "role": "stitch", "task": task, "attempt": 1, "cycle": 1, "run": "r", "session_id": null, "model": "sonnet", "turns": 3,
            "usage": {"input": 100, "output": 10, "cost_usd": cost, "calls": 1}, "estimated": false, "duration_ms": 1, "api_ms": 1,
            "wait_ms": 0, "outcome": "success", "ended_at": at(9)}})
    }

    fn ended(task: &str) -> Value {
        json!({"type": "attempt_ended", "task": task, "title": "t", "attempt": 1, "outcome": "gate_failed", "reason": "red\nagain",
            "commit": null, "usage": {}, "seconds": 1.0})
    }

    #[test]
    fn steps_belong_to_the_attempt_that_is_at_work() {
        let adopted =
            json!({"type": "adopted", "call": {"role": "stitch", "task": "cw-3", "attempt": 2}, "container": "c"});
        let found = fold(&[
            gate("cw-1", "before any attempt"),
            claimed("cw-1", 1),
            claimed("cw-2", 4),
            gate("cw-1", "x"),
            ended("cw-1"),
            gate("cw-1", "after its end"),
            adopted,
            gate("cw-3", "x"),
            claimed("cw-1", 2),
        ]);
        let shape: Vec<_> = found
            .iter()
            .map(|one| (one.task.to_string(), one.attempt, one.outcome, one.steps.len()))
            .collect();
        let name = |task: &str| task.to_owned();
        assert_eq!(
            shape,
            [
                (name("cw-1"), 1, Some(Outcome::GateFailed), 1),
                (name("cw-2"), 4, None, 0),
                (name("cw-3"), 2, None, 1),
                (name("cw-1"), 2, None, 0),
            ]
        );
        assert_eq!((found[0].began_at, found[0].ended_at), (at(1), Some(at(4))));
        assert_eq!(
            (found[0].reason.as_str(), found[1].seconds(at(60))),
            ("red again", 58.0)
        );
    }

    #[test]
    fn what_a_later_run_recorded_of_an_attempt_is_a_part_of_it() {
        let adopted =
            json!({"type": "adopted", "call": {"role": "stitch", "task": "cw-1", "attempt": 1}, "container": "c"});
        let mut earlier = fold(&[claimed("cw-1", 1), call_ended("cw-1", 0.25), gate("cw-1", "earlier")]);
        let later = fold(&[
            json!({"type": "recovered", "what": "x"}),
            adopted,
            call_ended("cw-1", 0.5),
            gate("cw-1", "later"),
            ended("cw-1"),
        ]);
        let (mut earlier, later) = (earlier.remove(0), later[0].clone());
        earlier.go_on(later.clone());
        let outputs = earlier.steps.iter().map(|step| match &step.kind {
            EventKind::GateEnded { output, .. } => output[0].as_str(),
            kind => panic!("{kind:?}"),
        });
        assert_eq!(outputs.collect::<Vec<_>>(), ["earlier", "later"]);
        assert_eq!((earlier.began_at, earlier.ended_at), (at(0), Some(at(4))));
        assert_eq!((earlier.usage.calls, earlier.usage.cost_usd), (2, 0.75));
        assert_eq!(earlier.outcome, Some(Outcome::GateFailed));
        // Steps are bounded all the same.
        for _ in 0..STEPS {
            earlier.go_on(later.clone());
        }
        assert_eq!((earlier.steps.len(), earlier.left_out), (STEPS, 2));
    }

    #[test]
    fn steps_beyond_the_first_and_large_ones_are_counted_alone() {
        let mut events = vec![claimed("cw-1", 1), gate("cw-1", &"x".repeat(STEP))];
        events.extend((0..STEPS + 5).map(|_| gate("cw-1", "x")));
        let found = fold(&events);
        assert_eq!((found[0].steps.len(), found[0].left_out), (STEPS, 6));
    }

    #[test]
    fn the_store_completes_what_a_dead_run_left_and_changes_nothing_else() {
        let mut found = fold(&[claimed("cw-1", 1), claimed("cw-2", 1), ended("cw-2")]);
        let name = (1, "r".parse().unwrap());
        let mut stored = Attempt::new(name, Outcome::InfrastructureFailed, (at(0), at(9)));
        stored.reason = "its run died".to_owned();
        for one in &mut found {
            one.complete(&stored);
        }
        assert_eq!(
            (found[0].outcome, found[0].ended_at),
            (Some(stored.outcome), Some(at(9)))
        );
        assert_eq!(found[0].reason, "its run died");
        assert_eq!(
            (found[1].outcome, found[1].ended_at),
            (Some(Outcome::GateFailed), Some(at(2)))
        );
        // What the store counted is what was used, whatever the events have of it.
        assert_eq!(found[1].usage, stored.usage());
        let alone = AttemptRecord::stored(&"cw-1".parse().unwrap(), &stored);
        assert_eq!((alone.began_at, alone.outcome), (at(0), Some(stored.outcome)));
    }
}
