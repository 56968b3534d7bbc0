//! What a run is at: for each task and measure in progress, how far it is.

use jiff::Timestamp;
use serde::Serialize;

use crate::base::text::one_line;
use crate::model::{IssueId, Role, Usage};
use crate::record::event::{AuditStep, CallName, Event, EventKind, Step};

/// How much of a title is kept, in characters.
pub(super) const TITLE: usize = 200;

/// A task, a candidate of one, or a measure that is in progress.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AtWork {
    /// The task; `None` for a measure, and what is like one.
    pub task: Option<IssueId>,
    /// Its title.
    pub title: String,
    /// The role of its last call.
    pub role: Role,
    /// The attempt at the task, or the call of the measure; counted from 1.
    pub attempt: u32,
    /// Which candidate of the attempt it is, counted from 1; 0 where it has none.
    pub candidate: u32,
    /// The fix round of the attempt, or which call of its stage it is; 0 for the first call.
    pub round: u32,
    /// How far it is.
    pub stage: Stage,
    /// When it began.
    pub began_at: Timestamp,
    /// The model of its last call.
    pub model: Option<String>,
    /// Turns of its last call.
    pub turns: u32,
    /// What it used so far, the call that is at work included.
    pub usage: Usage,
    /// The last tool that its agent used, and what for.
    pub tool: Option<String>,
    /// The gates that run on its work.
    pub gates: Vec<String>,
    /// What it is at when its gates have ended.
    #[serde(skip)]
    after_gates: Stage,
    /// What its calls used that have ended.
    #[serde(skip)]
    ended: Usage,
    /// What the call used that is at work.
    #[serde(skip)]
    pub(super) of_call: Usage,
}

/// How far something in progress is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// It is claimed.
    Claimed,
    /// A slot is brought to its commit.
    Checkout,
    /// Services are started.
    Services,
    /// The container is started.
    Container,
    /// Its agent works.
    Agent,
    /// What is left is read into a tree.
    Snapshot,
    /// Its call has ended, and what comes of that is decided.
    Judged,
    /// Gates run on what it left.
    Gate,
    /// It is put on the generation branch.
    Merge,
}

impl Stage {
    /// Returns the word that people know it by.
    pub fn name(self) -> &'static str {
        match self {
            Self::Claimed => "claimed",
            Self::Checkout => "checkout",
            Self::Services => "services",
            Self::Container => "container",
            Self::Agent => "agent",
            Self::Snapshot => "snapshot",
            Self::Judged => "judged",
            Self::Gate => "gate",
            Self::Merge => "merge",
        }
    }
}

impl From<Step> for Stage {
    fn from(step: Step) -> Self {
        match step {
            Step::Checkout => Self::Checkout,
            Step::Services => Self::Services,
            Step::Container => Self::Container,
            Step::Snapshot => Self::Snapshot,
            Step::Merge => Self::Merge,
        }
    }
}

impl AtWork {
    fn new(call: &CallName, began_at: Timestamp) -> Self {
        Self {
            task: call.task.clone(),
            title: String::new(),
            role: call.role,
            attempt: call.attempt,
            candidate: call.candidate,
            round: call.round,
            stage: Stage::Claimed,
            began_at,
            model: None,
            turns: 0,
            usage: Usage::default(),
            tool: None,
            gates: Vec::new(),
            after_gates: Stage::Judged,
            ended: Usage::default(),
            of_call: Usage::default(),
        }
    }
}

/// Takes in what an event changes of what is at work.
pub(super) fn note(all: &mut Vec<AtWork>, event: &Event) {
    match &event.kind {
        EventKind::TaskClaimed { task, title, attempt } => {
            let call = CallName {
                role: Role::Stitch,
                task: Some(task.clone()),
                attempt: *attempt,
                round: 0,
                candidate: 0,
            };
            all.retain(|one| one.task.as_ref() != Some(task));
            let mut one = AtWork::new(&call, event.at);
            one.title = one_line(title, TITLE);
            all.push(one);
        }
        EventKind::StepStarted { call, step } => of_call(all, call, event.at).stage = Stage::from(*step),
        EventKind::AgentStarted { call, model, .. } => {
            let one = of_call(all, call, event.at);
            one.stage = Stage::Agent;
            one.model = model.as_deref().map(|model| one_line(model, TITLE));
        }
        EventKind::Adopted(adopted) => {
            of_call(all, &adopted.call, adopted.since(event.at)).stage = Stage::Agent;
        }
        EventKind::ToolUsed { call, tool, summary } => {
            of_call(all, call, event.at).tool = Some(one_line(&format!("{tool} {summary}"), TITLE));
        }
        EventKind::AgentProgress { call, turns, usage } => {
            let one = of_call(all, call, event.at);
            one.turns = *turns;
            one.of_call = *usage;
            one.usage = one.ended;
            one.usage += *usage;
        }
        EventKind::AgentEnded { call, entry, .. } => {
            let one = of_call(all, call, event.at);
            one.ended += entry.usage;
            one.of_call = Usage::default();
            one.usage = one.ended;
            one.turns = entry.turns;
            one.stage = Stage::Judged;
            one.tool = None;
        }
        EventKind::CandidateEnded(ended) => {
            all.retain(|one| one.task.as_ref() != Some(&ended.task) || one.candidate != ended.candidate);
        }
        EventKind::AttemptEnded { task, .. } => all.retain(|one| one.task.as_ref() != Some(task)),
        EventKind::MeasureEnded { .. }
        | EventKind::MeasurePlanned(_)
        | EventKind::MeasureFailed(_)
        | EventKind::Audit(AuditStep::PartRead { .. } | AuditStep::Reported { .. })
        | EventKind::GroupsPlanned(_)
        | EventKind::GroupReviewed(_) => all.retain(|one| one.task.is_some()),
        EventKind::RunEnded { .. } => all.clear(),
        event => note_gate(all, event),
    }
}

/// Takes in that a gate begins or ends; where none is left, its work is judged further.
fn note_gate(all: &mut [AtWork], event: &EventKind) {
    let (task, candidate, gate) = match event {
        EventKind::GateStarted(started) => (started.task.as_ref(), started.candidate, &started.gate),
        EventKind::GateEnded {
            task, candidate, gate, ..
        } => (Some(task), *candidate, gate),
        _ => return,
    };
    let is_its = |one: &&mut AtWork| task.is_some() && one.task.as_ref() == task && one.candidate == candidate;
    let Some(one) = all.iter_mut().find(is_its) else { return };
    let gate = one_line(gate, TITLE);
    if matches!(event, EventKind::GateStarted(_)) {
        match one.stage {
            Stage::Gate => {}
            // Gates run again on what is merged with newer work.
            Stage::Merge => one.after_gates = Stage::Merge,
            _ => one.after_gates = Stage::Judged,
        }
        one.gates.push(gate);
        one.stage = Stage::Gate;
    } else if let Some(place) = one.gates.iter().position(|running| *running == gate) {
        one.gates.remove(place);
        if one.gates.is_empty() {
            one.stage = one.after_gates;
        }
    }
}

/// Returns what a call belongs to, brought to that call.
fn of_call<'a>(all: &'a mut Vec<AtWork>, call: &CallName, at: Timestamp) -> &'a mut AtWork {
    let is_it = |one: &AtWork| one.task == call.task && one.candidate == call.candidate;
    let place = all.iter().position(is_it).unwrap_or_else(|| {
        let mut one = AtWork::new(call, at);
        if let Some(other) = all.iter().find(|other| other.task == call.task) {
            one.title.clone_from(&other.title);
            one.began_at = other.began_at;
        }
        // Its candidates take the place of the attempt.
        all.retain(|other| call.candidate == 0 || other.task != call.task || other.candidate > 0);
        all.push(one);
        all.len() - 1
    });
    let one = &mut all[place];
    // Gates that nobody saw end were given up.
    one.gates.clear();
    if (one.role, one.attempt, one.round) != (call.role, call.attempt, call.round) {
        (one.role, one.attempt, one.round) = (call.role, call.attempt, call.round);
        one.turns = 0;
        one.tool = None;
    }
    one
}
