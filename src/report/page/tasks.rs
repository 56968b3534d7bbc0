//! The tasks of a page, each with its attempts, and what was judged of these, step by step.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::words::Word;
use crate::base::text::one_line;
use crate::issues::issue::Status;
use crate::lifecycle::{ReportedTask, WorkReport};
use crate::model::{RunId, Usage};
use crate::record::attempts::AttemptRecord;
use crate::record::event::{Event, EventKind};
use crate::record::overview::RunOutcome;
use crate::report::lines::{ITS_OUTPUT, Lines};
use crate::report::numbers::{calls, counted, dollars, tokens};
use crate::report::output::Zone;
use crate::report::runs::seconds;
use crate::report::time::moment;
use crate::report::tone::{Line, Tone};

/// How much of texts and lists a page has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Detail {
    /// How long titles are, in characters.
    pub(crate) title: usize,
    /// How long reasons and other texts are, in characters.
    pub(crate) text: usize,
    /// How many steps an attempt has.
    pub(crate) steps: usize,
    /// How many lines a step has below its first.
    pub(crate) lines: usize,
    /// Whether attempts have a reason and figures beside how long they took, and tasks what stands in the list of what is held, too.
    pub(crate) is_full: bool,
}

/// A name and its value, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Fact {
    /// The name.
    pub(crate) name: &'static str,
    /// The value.
    pub(crate) value: String,
}

/// A task.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Task {
    /// Its name.
    pub(crate) id: String,
    /// Its title.
    pub(crate) title: String,
    /// How it stands.
    pub(crate) state: Word,
    /// Why it is held; empty where it is not, or no reason is known.
    pub(crate) held: String,
    /// What its agent asks; empty where it asks nothing.
    pub(crate) question: String,
    /// Figures.
    pub(crate) facts: Vec<Fact>,
    /// The attempts at it, the first one first.
    pub(crate) attempts: Vec<Attempt>,
}

/// An attempt.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Attempt {
    /// Counted from 1 within the task.
    pub(crate) number: u32,
    /// How it ended.
    pub(crate) state: Word,
    /// Why; may be empty.
    pub(crate) reason: String,
    /// Figures.
    pub(crate) facts: Vec<Fact>,
    /// What was judged of it, in order.
    pub(crate) steps: Vec<Step>,
    /// How many steps are left out after these.
    pub(crate) left_out: usize,
}

/// Something that was judged of an attempt, or said to it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Step {
    /// What.
    pub(crate) said: Word,
    /// The lines below that: the last output of a gate, the weightiest findings of a review.
    pub(crate) lines: Vec<String>,
}

/// Whose page it is: the zone of its reader, and when it is made.
#[derive(Clone, Debug)]
pub(crate) struct Reader {
    /// The zone that times are in.
    pub(crate) zone: TimeZone,
    /// When the page is made.
    pub(crate) now: Timestamp,
    /// The run that is at work then.
    pub(crate) at_work: Option<RunId>,
}

impl Reader {
    /// Builds the reader of a report.
    pub(crate) fn of(report: &WorkReport, zone: &TimeZone) -> Self {
        let at_work = report.runs.iter().find(|run| run.outcome == RunOutcome::AtWork);
        Self {
            zone: zone.clone(),
            now: report.made_at,
            at_work: at_work.map(|run| run.run.clone()),
        }
    }

    /// Returns what is said of an attempt of a run that has not ended, as is known.
    pub(super) fn without_end(&self, run: &RunId) -> &'static str {
        if self.at_work.as_ref() == Some(run) {
            "at work"
        } else {
            "no end recorded"
        }
    }
}

impl Task {
    /// Shows a task.
    pub(crate) fn of(task: &ReportedTask, detail: Detail, reader: &Reader) -> Self {
        let text = |text: &Option<String>| {
            let text = text.as_deref().filter(|_| detail.is_full);
            one_line(text.unwrap_or_default(), detail.text)
        };
        let changed = task.changed.map(|changed| fact("merged", changed.to_string()));
        let score = task.score.map(|score| fact("score", format!("{score} of 10")));
        let mut facts: Vec<Fact> = changed.into_iter().chain(score).collect();
        if task.attempts.len() > 1 {
            facts.push(fact("attempts", task.attempts.len().to_string()));
        }
        if task.rounds > 0 {
            facts.push(fact("fix rounds", task.rounds.to_string()));
        }
        facts.extend(used(&task.usage));
        if task.seconds > 0.0 {
            facts.push(fact("time", seconds(task.seconds)));
        }
        let attempts = task.attempts.iter().map(|attempt| Attempt::of(attempt, detail, reader));
        Self {
            id: task.id.to_string(),
            title: one_line(&task.title, detail.title),
            state: state(task, reader),
            held: text(&task.held),
            question: text(&task.question),
            facts,
            attempts: attempts.collect(),
        }
    }
}

/// Returns in words how a task stands.
fn state(task: &ReportedTask, reader: &Reader) -> Word {
    let is_held = task.held.is_some();
    match (task.status, task.outcome) {
        (Some(Status::Blocked), _) => Word::new(Some(Tone::Held), "held"),
        (Some(Status::InProgress), _) => Word::new(None, "at work"),
        (Some(Status::Closed), outcome) if task.commit.is_some() => Word::of_outcome(outcome, "closed"),
        (Some(Status::Closed), _) => Word::new(None, "closed"),
        (Some(Status::Open), _) => Word::new(None, "open"),
        (None, Some(outcome)) if is_held => Word::new(Some(Tone::Held), format!("held: {outcome}")),
        (None, None) if is_held => Word::new(Some(Tone::Held), "held"),
        (None, Some(outcome)) => Word::of_outcome(Some(outcome), ""),
        (None, None) => {
            let last = task.attempts.last();
            Word::new(None, last.map_or("not begun", |last| reader.without_end(&last.run)))
        }
    }
}

impl Attempt {
    /// Shows an attempt.
    pub(crate) fn of(attempt: &AttemptRecord, detail: Detail, reader: &Reader) -> Self {
        let began = fact("began", moment(attempt.began_at, &reader.zone));
        let ended = attempt
            .ended_at
            .map(|_| fact("time", seconds(attempt.seconds(reader.now))));
        let changed = attempt.changed.map(|changed| fact("changed", changed.to_string()));
        let figures = changed
            .into_iter()
            .chain(used(&attempt.usage))
            .filter(|_| detail.is_full);
        let began = Some(began).filter(|_| detail.is_full);
        let facts = began.into_iter().chain(ended).chain(figures);
        // A fold: what was said once is not said again, as on a terminal.
        let mut lines = Lines::new(Zone(reader.zone.clone()));
        let shown = attempt.steps.iter().take(detail.steps);
        Self {
            number: attempt.attempt,
            state: Word::of_outcome(attempt.outcome, reader.without_end(&attempt.run)),
            reason: if detail.is_full {
                one_line(&attempt.reason, detail.text)
            } else {
                String::new()
            },
            facts: facts.collect(),
            steps: shown
                .flat_map(|event| steps(event, attempt, &mut lines, detail))
                .collect(),
            left_out: attempt.left_out + attempt.steps.len().saturating_sub(detail.steps),
        }
    }
}

/// Returns what an event of an attempt says, in the words that a terminal has for it.
fn steps(event: &Event, attempt: &AttemptRecord, lines: &mut Lines, detail: Detail) -> Vec<Step> {
    if let EventKind::QuestionAsked(asked) = &event.kind {
        let text = format!("it asks: {}", one_line(&asked.question, detail.text));
        return vec![Step {
            said: Word::new(Some(Tone::Held), text),
            lines: Vec::new(),
        }];
    }
    let step = |line: Line| {
        let mut parts = line.text.lines();
        let first = parts.next().unwrap_or_default();
        let below: Vec<String> = parts
            .take(detail.lines)
            .map(|line| one_line(line, detail.text))
            .collect();
        // What would announce the lines below that are not there.
        let first = match first.strip_suffix(ITS_OUTPUT) {
            Some(first) if below.is_empty() => &format!("{first}."),
            _ => first,
        };
        Step {
            said: Word::new(line.tone, without_task(first, attempt, detail.text)),
            lines: below,
        }
    };
    lines.of(event).into_iter().map(step).collect()
}

/// Returns a line about a task without its name, which stands above it.
fn without_task(line: &str, attempt: &AttemptRecord, width: usize) -> String {
    let line = line.trim_start();
    let rest = line.strip_prefix(&attempt.task.to_string());
    let rest = rest.and_then(|rest| match rest.strip_prefix('.') {
        Some(candidate) => Some(format!("candidate {candidate}")),
        None => rest.strip_prefix(": ").or(rest.strip_prefix(", ")).map(str::to_owned),
    });
    one_line(rest.as_deref().unwrap_or(line), width)
}

/// Builds a fact.
pub(super) fn fact(name: &'static str, value: impl Into<String>) -> Fact {
    Fact {
        name,
        value: value.into(),
    }
}

/// Returns what calls used; nothing where there was none.
pub(super) fn used(usage: &Usage) -> Vec<Fact> {
    if usage.calls == 0 {
        return Vec::new();
    }
    vec![
        fact("used", format!("{} tokens", tokens(usage.tokens()))),
        fact(
            "money",
            format!("{} in {}", dollars(usage.cost_usd), calls(usage.calls)),
        ),
    ]
}

/// Says how many of what are left out.
pub(super) fn left_out(count: usize, thing: &str) -> String {
    format!("{} more, which this page has no room for", counted(count, thing))
}
