//! What was at work when: a row for each slot, and in it a bar for each attempt and each work on no task.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::axis::Axis;
use super::tasks::Reader;
use super::words::class;
use crate::issues::attempt::Outcome;
use crate::lifecycle::WorkReport;
use crate::record::attempts::AttemptRecord;
use crate::record::event::EventKind;
use crate::report::runs::seconds;
use crate::report::time::moment;
use crate::report::tone::Tone;

/// How many units a row is high.
const ROW: u32 = 16;
/// How wide a bar is at least: a narrower one is not seen on a small screen.
const NARROWEST: u32 = 3;
/// How many bars are drawn, the first ones.
const BARS: usize = 4000;

/// The timeline.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Timeline {
    /// When it begins.
    pub(crate) begins: String,
    /// When it ends.
    pub(crate) ends: String,
    /// How high it is.
    pub(crate) height: u32,
    /// How many runs it has, in words, and for how long they were at work.
    pub(crate) about: String,
    /// The bars, in the order in which they began.
    pub(crate) bars: Vec<Bar>,
    /// How many bars are not drawn.
    pub(crate) left_out: usize,
    /// Where one run ends and the next begins.
    pub(crate) breaks: Vec<u32>,
    /// How busy each slot was.
    pub(crate) slots: Vec<Slot>,
    /// How much is said of each bar.
    pub(crate) look: Look,
}

/// How much a timeline says of each bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Look {
    /// Whether the bars are there as a table, too.
    pub(crate) has_table: bool,
    /// Whether each bar says what it is.
    pub(crate) has_names: bool,
}

/// A bar: an attempt, a candidate of one, or work on no task.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Bar {
    /// Which row it is in, counted from 1.
    pub(crate) slot: usize,
    /// Where it begins.
    pub(crate) x: u32,
    /// How far from the top it begins.
    pub(crate) y: u32,
    /// How wide it is.
    pub(crate) width: u32,
    /// How high it is: what did not succeed is lower, so that no colour says it alone.
    pub(crate) height: u32,
    /// What it came to, as a class of the style.
    pub(crate) class: &'static str,
    /// What it is.
    pub(crate) what: String,
    /// How it ended.
    pub(crate) came_to: String,
    /// When it began.
    pub(crate) began: String,
    /// How long it took.
    pub(crate) took: String,
}

/// How busy a slot was.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Slot {
    /// Its number, counted from 1.
    pub(crate) number: usize,
    /// How many bars it has.
    pub(crate) bars: usize,
    /// How long they take together, without the time between two runs.
    pub(crate) busy: String,
    /// How much that is of the time in which runs were at work, in percent.
    pub(crate) share: u32,
}

/// Something that was at work.
struct Work {
    what: String,
    began: Timestamp,
    ended: Timestamp,
    without_end: &'static str,
    outcome: Option<Outcome>,
    is_call: bool,
}

impl Timeline {
    /// Draws what was at work; `None` where nothing was.
    pub(super) fn of(report: &WorkReport, axis: Option<&Axis>, reader: &Reader, look: Look) -> Option<Self> {
        let axis = axis?;
        let zone = &reader.zone;
        let mut works = works(report, axis, reader);
        works.sort_by_key(|work| work.began);
        let left_out = works.len().saturating_sub(BARS);
        works.truncate(BARS);
        let rows = rows(&works);
        let bars = works.iter().zip(&rows).map(|(work, row)| work.bar(*row, axis, zone));
        let (begins, ends) = axis.ends();
        let mut timeline = Self {
            begins: moment(begins, zone),
            ends: moment(ends, zone),
            height: 0,
            about: seconds(axis.seconds()),
            bars: bars.collect(),
            left_out,
            breaks: axis.breaks(),
            slots: slots(&works, &rows, axis),
            look,
        };
        timeline.height = u32::try_from(timeline.slots.len())
            .unwrap_or(u32::MAX)
            .saturating_mul(ROW);
        (!timeline.bars.is_empty()).then_some(timeline)
    }
}

fn works(report: &WorkReport, axis: &Axis, reader: &Reader) -> Vec<Work> {
    let (_, last) = axis.ends();
    let attempts = report.tasks.iter().flat_map(|task| &task.attempts);
    let mut works: Vec<Work> = attempts
        .flat_map(|attempt| works_of(attempt, end_of(report, attempt, last), reader))
        .collect();
    works.extend(report.other_work.iter().map(|work| Work {
        what: work.role.to_string(),
        began: work.began_at,
        ended: work.ended_at.unwrap_or(last),
        without_end: match work.ended_at {
            Some(_) => "ended",
            None if reader.at_work.is_some() => "at work",
            None => "no end recorded",
        },
        outcome: None,
        is_call: true,
    }));
    works
}

/// Returns when an attempt ended; one that did not is drawn up to where its run was last at work.
fn end_of(report: &WorkReport, attempt: &AttemptRecord, last: Timestamp) -> Timestamp {
    let run = report.runs.iter().find(|run| run.run == attempt.run);
    let of_run = run.and_then(|run| run.last_at);
    attempt.ended_at.or(of_run).unwrap_or(last)
}

/// Returns the works of an attempt: one, or one for each candidate that ended.
fn works_of(attempt: &AttemptRecord, ended: Timestamp, reader: &Reader) -> Vec<Work> {
    let name = |rest: String| format!("{} attempt {}{rest}", attempt.task, attempt.attempt);
    let work = |what: String, ended: Timestamp, outcome: Option<Outcome>| Work {
        what,
        began: attempt.began_at,
        ended,
        without_end: reader.without_end(&attempt.run),
        outcome,
        is_call: false,
    };
    let candidates = attempt.steps.iter().filter_map(|step| match &step.kind {
        EventKind::CandidateEnded(one) => {
            let name = name(format!(", candidate {}", one.candidate));
            Some(work(name, step.at, Some(one.outcome)))
        }
        _ => None,
    });
    let candidates: Vec<Work> = candidates.collect();
    if candidates.is_empty() {
        return vec![work(name(String::new()), ended, attempt.outcome)];
    }
    candidates
}

/// Returns the row of each work: the first in which nothing else is at work then.
fn rows(works: &[Work]) -> Vec<usize> {
    let mut free_at: Vec<Timestamp> = Vec::new();
    let mut rows = Vec::new();
    for work in works {
        let free = free_at.iter().position(|at| *at <= work.began);
        let row = free.unwrap_or_else(|| {
            free_at.push(work.ended);
            free_at.len() - 1
        });
        free_at[row] = work.ended;
        rows.push(row);
    }
    rows
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share between 0 and 100"
)]
fn slots(works: &[Work], rows: &[usize], axis: &Axis) -> Vec<Slot> {
    let count = rows.iter().max().map_or(0, |last| last + 1);
    let slot = |number: usize| {
        let own = works.iter().zip(rows).filter(|(_, row)| **row == number);
        let busy: Vec<f64> = own.map(|(work, _)| axis.work_between(work.began, work.ended)).collect();
        let sum = busy.iter().fold(0.0, |sum, one| sum + one);
        let share = if axis.seconds() > 0.0 {
            sum / axis.seconds()
        } else {
            0.0
        };
        Slot {
            number: number + 1,
            bars: busy.len(),
            busy: seconds(sum),
            share: (share.clamp(0.0, 1.0) * 100.0).round() as u32,
        }
    };
    (0..count).map(slot).collect()
}

impl Work {
    fn seconds(&self) -> f64 {
        self.ended.duration_since(self.began).as_secs_f64().max(0.0)
    }

    fn bar(&self, row: usize, axis: &Axis, zone: &TimeZone) -> Bar {
        let (x, end) = (axis.x(self.began), axis.x(self.ended));
        let (class, height) = self.look();
        let top = u32::try_from(row).unwrap_or(u32::MAX).saturating_mul(ROW);
        let x = x.min(super::axis::WIDTH - NARROWEST);
        Bar {
            slot: row + 1,
            x,
            y: top.saturating_add(ROW - 2 - height),
            width: end.saturating_sub(x).max(NARROWEST),
            height,
            class,
            what: self.what.clone(),
            came_to: match self.outcome {
                None => self.without_end.to_owned(),
                Some(Outcome::Asked) => "asks a person".to_owned(),
                Some(outcome) => outcome.to_string(),
            },
            began: moment(self.began, zone),
            took: seconds(self.seconds()),
        }
    }

    /// Returns the class of a bar, and its height.
    fn look(&self) -> (&'static str, u32) {
        match (self.outcome, self.is_call) {
            (_, true) => ("call", 10),
            (None, false) => ("open", 14),
            (Some(Outcome::Asked), false) => ("asked", 13),
            (Some(outcome), false) => match Tone::from(outcome) {
                Tone::Good => (class(Tone::Good), 14),
                Tone::Held => (class(Tone::Held), 4),
                _ => (class(Tone::Bad), 7),
            },
        }
    }
}
