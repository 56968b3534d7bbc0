//! What became of what was at work, taken in.

use super::Driver;
use super::at_work::{CameTo, Ended, Work};
use crate::accounting::budget::Scope;
use crate::base::clock::{later, signed};
use crate::base::error::Result;
use crate::issues::attempt::Outcome;
use crate::model::IssueId;
use crate::run::phase::group::GroupOutcome;
use crate::run::phase::measure::MeasureOutcome;
use crate::run::phase::stitch::StitchOutcome;
use crate::run::waiting::pausing::LimitsSeen;
use crate::run::waiting::retry::BackOff;

impl Driver<'_> {
    /// Takes in how something ended. An error is one that ends the run.
    pub(super) fn take_in(&mut self, ended: Ended) -> Result<()> {
        let Ended {
            work,
            number,
            seen,
            came_to,
        } = ended;
        match (work, came_to?) {
            (Work::Task(task), CameTo::Attempt(outcome)) => self.attempted(&task, outcome, (number, seen)),
            (_, CameTo::Measure(outcome)) => self.measured(outcome, (number, seen)),
            (_, CameTo::Group(outcome)) => self.group_went(outcome, (number, seen)),
            (_, CameTo::Nothing | CameTo::Attempt(_)) => {}
        }
        Ok(())
    }

    fn attempted(&mut self, task: &IssueId, done: StitchOutcome, (number, seen): (u64, LimitsSeen)) {
        self.alone.remove(task);
        if done.refused.is_some() {
            self.progress.refused = done.refused;
        }
        if let Some(why) = &done.request_refused {
            self.progress.request_refused(task, why);
        }
        match done.spent {
            Some(Scope::Call) | None => {}
            // What it met is not all that is left.
            Some(_) if self.phases.sessions.room.was_shared(task) => {
                self.alone.insert(task.clone());
            }
            Some(Scope::Task) => {
                let reason = format!("{task}'s budget is spent ({})", done.reason);
                self.tasks_spent.insert(task.clone(), reason);
            }
            Some(scope @ (Scope::Cycle | Scope::Run | Scope::Generation)) => {
                let whose = scope.name();
                self.progress.spent = Some(format!("the {whose}'s budget is spent ({})", done.reason));
            }
        }
        match done.outcome {
            Outcome::InfrastructureFailed if done.session_lost => self
                .context()
                .warn(format!("{task}: the agent session no longer exists; starting over")),
            Outcome::InfrastructureFailed => {
                *self.tasks_failed.entry(task.clone()).or_default() += 1;
                self.failed(done.reason, number);
                self.back_off(task);
            }
            Outcome::Limited => self.met_a_limit(number),
            Outcome::Cancelled => {}
            outcome => {
                self.got_through((number, seen));
                self.progress.attempted += 1;
                self.progress.attempted_in_cycle += 1;
                self.merged += u32::from(outcome == Outcome::Merged);
                if outcome == Outcome::Merged {
                    self.progress.merged_in_cycle += 1;
                    self.progress.requests_refused.clear();
                }
            }
        }
    }

    fn measured(&mut self, outcome: MeasureOutcome, (number, seen): (u64, LimitsSeen)) {
        match outcome {
            MeasureOutcome::Filed(filed) => {
                self.progress.measured(filed);
                self.got_through((number, seen));
            }
            MeasureOutcome::Spent(reason) => self.progress.spent = Some(reason),
            MeasureOutcome::Refused(reason) => self.progress.refused = Some(reason),
            MeasureOutcome::Failed(why) => self.failed(why, number),
            MeasureOutcome::Limited(_) => self.met_a_limit(number),
            MeasureOutcome::SessionLost | MeasureOutcome::Cancelled => {}
        }
    }

    fn group_went(&mut self, outcome: GroupOutcome, (number, seen): (u64, LimitsSeen)) {
        match outcome {
            // Asked again for the same documents, nobody would know more.
            GroupOutcome::Made(MeasureOutcome::Filed(_)) => {
                self.is_replanned = true;
                self.got_through((number, seen));
            }
            GroupOutcome::Made(other) => self.measured(other, (number, seen)),
            GroupOutcome::Done => self.progress.groups_done += 1,
            GroupOutcome::Red(reason) => self.progress.red = Some(reason),
        }
    }

    /// Takes in that the infrastructure failed a call. What fails several at the same time is one failure.
    fn failed(&mut self, why: String, number: u64) {
        if self.failure.met_by(number, self.at_work.next_number()) {
            self.places.shrink();
            self.progress.failed(why);
        }
    }

    /// Takes in that a call met a limit of its account.
    fn met_a_limit(&mut self, number: u64) {
        if self.limit.met_by(number, self.at_work.next_number()) {
            self.places.shrink();
        }
    }

    /// Takes in that calls got through which began after the last failure.
    fn got_through(&mut self, (number, seen): (u64, LimitsSeen)) {
        if self.failure.is_before(number) {
            self.progress.got_through();
        }
        if self.failure.is_before(number) && self.limit.is_before(number) {
            self.places.grow();
        }
        self.pauses().got_through(seen);
    }

    /// Has a task wait, while others are at work, for as long as its failures ask for.
    fn back_off(&mut self, task: &IssueId) {
        let context = self.context();
        let failures = self.tasks_failed.get(task).copied().unwrap_or_default();
        let back_off = BackOff::new(&context.project.config.retry);
        let until = later(context.now(), signed(back_off.longest(failures)));
        self.backing_off.insert(task.clone(), until);
    }
}
