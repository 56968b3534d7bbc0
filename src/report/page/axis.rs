//! The axis of time of a page: the times at which runs were at work, one after the other, without what was between them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

#[cfg(feature = "serve")]
use crate::lifecycle::UsageOverTime;
use crate::lifecycle::WorkReport;
use crate::model::RunId;
use crate::record::overview::{RunOutcome, RunRow};

/// How many units the axis is long.
pub(super) const WIDTH: u32 = 1000;

/// When a run was at work.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Window {
    began: Timestamp,
    ended: Timestamp,
    /// How many seconds of work come before it.
    before: f64,
}

/// The axis.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Axis {
    windows: Vec<Window>,
    seconds: f64,
}

impl Axis {
    /// Builds the axis of a report; `None` where nothing was ever at work.
    pub(super) fn of(report: &WorkReport) -> Option<Self> {
        let attempts = report.tasks.iter().flat_map(|task| &task.attempts);
        let attempts = attempts.map(|one| (&one.run, one.began_at, one.ended_at.unwrap_or(one.began_at)));
        Self::of_work(&report.runs, attempts, report.made_at)
    }

    /// Builds the axis of what a generation used; `None` where nothing was ever at work.
    #[cfg(feature = "serve")]
    pub(super) fn of_usage(usage: &UsageOverTime) -> Option<Self> {
        let attempts = usage.attempts.iter().map(|(run, began, ended)| (run, *began, *ended));
        Self::of_work(&usage.runs, attempts, usage.made_at)
    }

    /// Builds the axis of runs by now, and of attempts, each with its run, and when it began and ended.
    fn of_work<'a>(
        runs: &'a [RunRow],
        attempts: impl Iterator<Item = (&'a RunId, Timestamp, Timestamp)>,
        now: Timestamp,
    ) -> Option<Self> {
        let mut spans: BTreeMap<&RunId, (Timestamp, Timestamp)> = BTreeMap::new();
        for run in runs {
            if let (Some(began), Some(last)) = (run.began_at, run.last_at) {
                let is_at_work = run.outcome == RunOutcome::AtWork;
                spans.insert(&run.run, (began, if is_at_work { now } else { last }));
            }
        }
        // Runs whose records are gone are known by their attempts alone. Of others these say nothing: an attempt may have begun in
        // an earlier run, and what a run left when it died was told to have ended by a later one.
        let recorded: BTreeSet<&RunId> = spans.keys().copied().collect();
        for (run, began, ended) in attempts.filter(|(run, ..)| !recorded.contains(run)) {
            let span = spans.entry(run).or_insert((began, ended));
            *span = (span.0.min(began), span.1.max(ended));
        }
        Self::of_spans(spans.into_values().collect())
    }

    fn of_spans(mut spans: Vec<(Timestamp, Timestamp)>) -> Option<Self> {
        spans.sort_unstable();
        let mut windows: Vec<Window> = Vec::new();
        let mut seconds = 0.0;
        for (began, ended) in spans {
            // Two runs never work at once; records of a clock that was set back must not turn time around.
            let began = windows.last().map_or(began, |last| began.max(last.ended));
            let ended = ended.max(began);
            windows.push(Window {
                began,
                ended,
                before: seconds,
            });
            seconds += between(began, ended);
        }
        (!windows.is_empty()).then_some(Self { windows, seconds })
    }

    /// Returns for how long runs were at work, in seconds.
    pub(super) fn seconds(&self) -> f64 {
        self.seconds
    }

    /// Returns for how long runs were at work between two moments, in seconds.
    pub(super) fn work_between(&self, began: Timestamp, ended: Timestamp) -> f64 {
        (self.work_before(ended) - self.work_before(began)).max(0.0)
    }

    /// Returns where a moment is, from 0 to [`WIDTH`]; one between two runs is where the first of them ends.
    pub(super) fn x(&self, at: Timestamp) -> u32 {
        self.place(at, WIDTH)
    }

    /// Returns in which of `count` equal parts of the axis a moment is, counted from 0.
    pub(super) fn part(&self, at: Timestamp, count: u32) -> u32 {
        self.place(at, count).min(count.saturating_sub(1))
    }

    /// Returns the moment at which one of `count` equal parts of the axis ends.
    pub(super) fn end_of_part(&self, part: u32, count: u32) -> Timestamp {
        let work = self.seconds * f64::from(part + 1) / f64::from(count.max(1));
        let window = self.windows.iter().rev().find(|window| window.before <= work);
        let Some(window) = window.or(self.windows.first()) else {
            return Timestamp::UNIX_EPOCH;
        };
        let into = jiff::SignedDuration::try_from_secs_f64(work - window.before).unwrap_or_default();
        window.began.checked_add(into).unwrap_or(window.ended).min(window.ended)
    }

    /// Returns when the first run began, and when the last one was last at work.
    pub(super) fn ends(&self) -> (Timestamp, Timestamp) {
        let first = self
            .windows
            .first()
            .map_or(Timestamp::UNIX_EPOCH, |window| window.began);
        (first, self.windows.last().map_or(first, |window| window.ended))
    }

    /// Returns where one run ends and the next begins.
    pub(super) fn breaks(&self) -> Vec<u32> {
        self.windows.iter().skip(1).map(|window| self.x(window.began)).collect()
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is between 0 and the length"
    )]
    fn place(&self, at: Timestamp, length: u32) -> u32 {
        let work = self.work_before(at);
        let share = if self.seconds > 0.0 { work / self.seconds } else { 1.0 };
        (share.clamp(0.0, 1.0) * f64::from(length)).floor() as u32
    }

    /// Returns for how long runs were at work before a moment, in seconds.
    fn work_before(&self, at: Timestamp) -> f64 {
        let window = self.windows.iter().rev().find(|window| window.began <= at);
        window.map_or(0.0, |window| {
            window.before + between(window.began, at.min(window.ended))
        })
    }
}

fn between(began: Timestamp, ended: Timestamp) -> f64 {
    ended.duration_since(began).as_secs_f64().max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn what_is_between_runs_takes_no_room() {
        let axis = Axis::of_spans(vec![(at(1000), at(1030)), (at(0), at(10))]).unwrap();
        assert!((axis.seconds() - 40.0).abs() < 1e-9);
        for (second, x) in [
            (0, 0),
            (5, 125),
            (10, 250),
            (500, 250),
            (1000, 250),
            (1015, 625),
            (1030, 1000),
            (9999, 1000),
        ] {
            assert_eq!(axis.x(at(second)), x, "{second}");
        }
        assert_eq!(axis.x(at(-5)), 0, "before the first run");
        assert_eq!(axis.breaks(), [250]);
        assert_eq!(axis.ends(), (at(0), at(1030)));
        assert_eq!((axis.part(at(0), 4), axis.part(at(1030), 4)), (0, 3));
        let ends: Vec<_> = (0..4).map(|part| axis.end_of_part(part, 4)).collect();
        assert_eq!(ends[1..], [at(1010), at(1020), at(1030)]);
    }

    #[test]
    fn clocks_that_were_set_back_and_runs_of_no_time_break_nothing() {
        let axis = Axis::of_spans(vec![(at(5), at(20)), (at(10), at(15))]).unwrap();
        assert!((axis.seconds() - 15.0).abs() < 1e-9);
        assert_eq!((axis.x(at(12)), axis.x(at(20))), (466, 1000));
        let axis = Axis::of_spans(vec![(at(5), at(5))]).unwrap();
        assert_eq!((axis.x(at(5)), axis.part(at(5), 24)), (1000, 23));
        assert_eq!(Axis::of_spans(Vec::new()), None);
    }
}
