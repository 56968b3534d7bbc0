//! What the live lines say: one for the run as a whole, and one below it for each task at work. A fold over events; pure.

use std::time::Duration;

use jiff::Timestamp;

use crate::base::text::one_line;
use crate::model::{Role, Usage};
use crate::record::event::{CallName, Event, EventKind, GateStarted};
use crate::record::so_far::{SoFar, Tally};
use crate::report::numbers::{counted, dollars, tokens};
use crate::report::screen::{Size, cut, width};
use crate::report::time::duration;

/// The symbols by which one sees that time passes, each for a tenth of a second or so.
const SPINNER: [char; 10] = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
/// How long each of them is there, in milliseconds.
const TURN: i64 = 120;
/// The longest that is kept of what a tool is used for.
const LONGEST_TOOL: usize = 200;
/// The fewest columns in which a tool is shown.
const LEAST_TOOL: usize = 12;
/// What is between two fields of a line.
const GAP: &str = "  ";

/// What is at work, and how far it is.
#[derive(Debug, Default)]
pub(super) struct Picture {
    /// When the run began, once it has.
    begun: Option<Timestamp>,
    tally: Option<Tally>,
    pause: Option<Pause>,
    works: Vec<Work>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pause {
    /// For a limit, until it is lifted.
    Until(Timestamp),
    /// By a person, since then.
    Since(Timestamp),
}

/// A task at work, or a call about none.
#[derive(Debug)]
struct Work {
    /// The call that it is at.
    call: CallName,
    begun: Timestamp,
    stage: String,
    /// What its calls used that have ended.
    ended: Usage,
    /// What the call used that it is at.
    current: Usage,
    tool: String,
}

impl Picture {
    /// Takes in what happened.
    pub(super) fn update(&mut self, event: &Event) {
        if !matches!(event.kind, EventKind::Paused { .. }) {
            self.pause = None;
        }
        if let Some(tally) = &mut self.tally {
            tally.note(&event.kind);
        }
        match &event.kind {
            EventKind::RunStarted { .. } => self.begun = Some(event.at),
            EventKind::RunProgress { .. } if self.tally.is_none() => {
                let mut tally = Tally::default();
                tally.note(&event.kind);
                self.tally = Some(tally);
                self.begun.get_or_insert(event.at);
            }
            EventKind::Paused { until, .. } => self.pause = Some(Pause::Until(*until)),
            EventKind::RunPaused { at_work: 0 } => self.pause = Some(Pause::Since(event.at)),
            EventKind::RunEnded { .. } => *self = Self::default(),
            EventKind::AttemptEnded { task, .. } => self.end(|call| call.task.as_ref() == Some(task)),
            EventKind::CandidateEnded(ended) => {
                self.end(|call| call.task.as_ref() == Some(&ended.task) && call.candidate == ended.candidate);
            }
            EventKind::MeasureRefused { .. }
            | EventKind::MeasureEnded { .. }
            | EventKind::MeasurePlanned(_)
            | EventKind::MeasureFailed(_)
            | EventKind::Audit(_)
            | EventKind::GroupsPlanned(_)
            | EventKind::GroupReviewed(_) => self.end(|call| call.task.is_none()),
            _ => self.update_work(event),
        }
    }

    /// Takes in what is about a task, or a call.
    fn update_work(&mut self, event: &Event) {
        match &event.kind {
            EventKind::StepStarted { call, step } => self.work(call, event.at).stage = stage(call, Some(step.name())),
            EventKind::AgentStarted { call, .. } => self.work(call, event.at).stage = stage(call, None),
            EventKind::Adopted(adopted) => {
                self.work(&adopted.call, adopted.since(event.at)).stage = stage(&adopted.call, None);
            }
            EventKind::ToolUsed { call, tool, summary } => {
                self.work(call, event.at).tool = one_line(&format!("{tool} {summary}"), LONGEST_TOOL);
            }
            EventKind::AgentProgress { call, usage, .. } => {
                let work = self.work(call, event.at);
                work.current = *usage;
                if work.stage.is_empty() {
                    work.stage = stage(call, None);
                }
            }
            EventKind::AgentEnded { call, entry, .. } => {
                let work = self.work(call, event.at);
                work.ended += entry.usage;
                work.current = Usage::default();
                work.tool.clear();
                work.stage = stage(call, Some("ended"));
            }
            EventKind::GateStarted(started) => self.say_gate(started),
            _ => {}
        }
    }

    fn say_gate(&mut self, started: &GateStarted) {
        let is_it = |work: &&mut Work| {
            started.task.is_some() && work.call.task == started.task && work.call.candidate == started.candidate
        };
        if let Some(work) = self.works.iter_mut().find(is_it) {
            "gate".clone_into(&mut work.stage);
            work.tool = one_line(&started.gate, LONGEST_TOOL);
        }
    }

    /// Returns the line of a call's task; a call about none has one of its own.
    fn work(&mut self, call: &CallName, at: Timestamp) -> &mut Work {
        let is_same = |work: &Work| match &call.task {
            Some(_) => work.call.task == call.task && work.call.candidate == call.candidate,
            None => work.call.task.is_none() && work.call.role == call.role,
        };
        let index = self.works.iter().position(is_same).unwrap_or_else(|| {
            self.works.push(Work {
                call: call.clone(),
                begun: at,
                stage: String::new(),
                ended: Usage::default(),
                current: Usage::default(),
                tool: String::new(),
            });
            self.works.len() - 1
        });
        let work = &mut self.works[index];
        if work.call != *call {
            work.call = call.clone();
            work.tool.clear();
        }
        work
    }

    fn end(&mut self, which: impl Fn(&CallName) -> bool) {
        self.works.retain(|work| !which(&work.call));
    }

    /// Returns the lines: the run's, then one for each task, as many as there is room for. At least a quarter of the
    /// terminal is left for what lasts.
    pub(super) fn lines(&self, now: Timestamp, size: Size) -> Vec<String> {
        let most = size.rows.saturating_sub(size.rows / 4 + 1).max(1);
        let columns = size.columns.saturating_sub(1);
        let mut lines: Vec<String> = self.totals(now, columns).into_iter().collect();
        let room = most.saturating_sub(lines.len());
        let shown = if self.works.len() > room {
            room.saturating_sub(1)
        } else {
            self.works.len()
        };
        lines.extend(rows(&self.works[..shown], now, columns));
        let more = self.works.len() - shown;
        if more > 0 && room > 0 {
            lines.push(format!("{GAP}… and {more} more"));
        }
        lines
    }

    /// Returns the line of the run, of which is dropped what there is no room for: first how long it has been at work, then
    /// what it has spent, then what is left to spend.
    fn totals(&self, now: Timestamp, columns: usize) -> Option<String> {
        let spinner = SPINNER[usize::try_from(now.as_millisecond() / TURN).unwrap_or(0) % SPINNER.len()];
        let begun = self.begun?;
        if self.tally.is_none() && self.pause.is_none() {
            let text = format!("{spinner} looking for what an earlier run left, {}", since(begun, now));
            return Some(cut(&text, columns));
        }
        let SoFar {
            task,
            tasks,
            usage,
            left_usd,
        } = self.tally.as_ref().map(Tally::so_far).unwrap_or_default();
        let tasks = match (task, tasks) {
            (0, 0) => "no task yet".to_owned(),
            (0, tasks) => counted(tasks, "task"),
            (task, tasks) => format!("task {task} of {tasks}"),
        };
        let pause = self.pause.map(|pause| match pause {
            Pause::Until(until) => format!("paused, {} left; ", since(now, until.max(now))),
            Pause::Since(at) => format!("paused, {}; ", since(at, now)),
        });
        let always = format!("{spinner} {}{tasks}", pause.unwrap_or_default());
        let spent = dollars(usage.cost_usd);
        let elapsed = since(begun, now);
        let left = left_usd.map(|left| format!("{} left", dollars(left)));
        let wide = [Some(spent.clone()), Some(elapsed), left.clone()];
        let forms = [&wide[..], &[Some(spent), left.clone()], &[left], &[]];
        let mut texts = forms.iter().map(|parts| {
            let parts: Vec<&str> = [always.as_str()]
                .into_iter()
                .chain(parts.iter().flatten().map(String::as_str))
                .collect();
            parts.join(", ")
        });
        Some(
            texts
                .find(|text| width(text) <= columns)
                .unwrap_or_else(|| cut(&always, columns)),
        )
    }
}

/// Returns what a call is at: a step of it, or what its agent does.
fn stage(call: &CallName, step: Option<&str>) -> String {
    let of = match (call.role, call.round) {
        (role @ (Role::Review | Role::Stage(_)), number) => format!("{role} {number}"),
        (_, 0) => String::new(),
        (_, round) => format!("fix round {round}"),
    };
    match (step, of.as_str()) {
        (None, "") => "work".to_owned(),
        (None, of) => of.to_owned(),
        (Some(step), "") => step.to_owned(),
        (Some(step), of) => format!("{of}, {step}"),
    }
}

/// Returns the lines of what is at work, in columns. Of what there is no room for, first the tool is cut and dropped, then
/// the tokens, then the money, then the time; what it is and what it is at stay.
fn rows(works: &[Work], now: Timestamp, columns: usize) -> Vec<String> {
    let fields: Vec<[String; 5]> = works.iter().map(|work| work.fields(now)).collect();
    let widest = |index: usize| fields.iter().map(|row| width(&row[index])).max().unwrap_or(0);
    let widths: [usize; 5] = std::array::from_fn(widest);
    let taken = |indices: &[usize]| -> usize {
        let filled = indices.iter().filter(|index| widths[**index] > 0);
        filled.map(|index| GAP.len() + widths[*index]).sum()
    };
    // In the order of the line, each form without what is dropped next.
    let forms: [&[usize]; 4] = [&[0, 1, 2, 3, 4], &[0, 1, 2, 4], &[0, 1, 2], &[0, 1]];
    let form = forms
        .into_iter()
        .find(|form| taken(form) <= columns)
        .unwrap_or(forms[3]);
    let room = columns.saturating_sub(taken(form) + GAP.len());
    works
        .iter()
        .zip(&fields)
        .map(|(work, row)| {
            let mut line = String::new();
            for index in form.iter().filter(|index| widths[**index] > 0) {
                let field = &row[*index];
                line.push_str(GAP);
                line.push_str(field);
                line.extend(std::iter::repeat_n(' ', widths[*index] - width(field)));
            }
            if form.len() == 5 && room >= LEAST_TOOL && !work.tool.is_empty() {
                line.push_str(GAP);
                line.push_str(&cut(&work.tool, room));
            }
            cut(line.trim_end(), columns)
        })
        .collect()
}

impl Work {
    /// Returns what is said of it: its name, what it is at, how long it has been at work, tokens and money.
    fn fields(&self, now: Timestamp) -> [String; 5] {
        let mut usage = self.ended;
        usage += self.current;
        let count = usage.tokens();
        [
            self.call.to_string(),
            self.stage.clone(),
            since(self.begun, now),
            if count > 0 {
                format!("{} tokens", tokens(count))
            } else {
                String::new()
            },
            if usage.cost_usd > 0.0 {
                dollars(usage.cost_usd)
            } else {
                String::new()
            },
        ]
    }
}

/// Formats the time between two moments without tenths, which would only flicker.
pub(super) fn since(begun: Timestamp, now: Timestamp) -> String {
    let time = Duration::try_from(now.duration_since(begun)).unwrap_or_default();
    match time.as_secs() {
        0 => "0 s".to_owned(),
        seconds => duration(Duration::from_secs(seconds)),
    }
}

#[cfg(test)]
mod tests;
