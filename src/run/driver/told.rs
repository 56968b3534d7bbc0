//! What a run reports of itself: how far it is, and how it ended.

use super::{Driver, DriverSummary};
use crate::accounting::budget;
use crate::base::error::Result;
use crate::git::DiffStat;
use crate::issues::issue::{Issue, IssueCounts, Issues, Status};
use crate::issues::round::Fixing;
use crate::model::Usage;
use crate::record::event::EventKind;
use crate::run::guidance::{self, Standing};
use crate::run::plan::{GroupStep, Reason, Step};
use crate::run::waiting::windows::KnownWindow;

/// How things stand when a run ends.
pub(super) struct RunEnd {
    issues: Issues,
    counts: IssueCounts,
    usage: Usage,
    fixing: Option<Fixing>,
    reviews: Option<Usage>,
    changed: Option<DiffStat>,
}

impl Driver<'_> {
    /// Reports how far the run is, before a step that takes long.
    pub(super) fn tell_progress(&mut self, step: &Step) -> Result<()> {
        let is_next_cycle = match step {
            Step::Stitch(task) => {
                self.tasks_begun.insert(task.clone());
                false
            }
            Step::Measure | Step::Group(GroupStep::Plan | GroupStep::Review(_)) => true,
            Step::Wait(_) => false,
            Step::Recover | Step::Rest | Step::Halt | Step::Await(_) | Step::Stop(_) | Step::Group(_) => return Ok(()),
        };
        let issues = self.context().store.read()?;
        let cycle = issues.cycle().saturating_add(u32::from(is_next_cycle));
        let is_left = |issue: &&Issue| {
            issue.status == Status::Open && self.selection.has(issue) && !self.tasks_begun.contains(&issue.id)
        };
        let run = self.context().recorder.run();
        let config = self.phases.sessions.room.config();
        let budgets = budget::Standing::of(&config, Some(run), cycle, issues.ledger());
        let left = budgets
            .iter()
            .filter_map(|one| one.usd)
            .map(|usd| usd.limit - usd.spent);
        self.context().recorder.emit(EventKind::RunProgress {
            task: self.tasks_begun.len(),
            tasks: {
                let all = self.tasks_begun.len() + issues.iter().filter(is_left).count();
                self.most_tasks.map_or(all, |most| all.min(most as usize))
            },
            usage: issues.usage_of_run(run),
            left_usd: left.reduce(f64::min).map(|left| left.max(0.0)),
        });
        Ok(())
    }

    /// Reports, once for each window of the account, that fewer tasks are at work at once since it ends.
    pub(super) fn tell_scarce(&mut self, window: Option<&KnownWindow>) {
        let Some(window) = window.filter(|window| self.told_scarce != Some(window.seen.resets_at)) else {
            return;
        };
        self.told_scarce = Some(window.seen.resets_at);
        let what = format!(
            "{}: until its reset fewer tasks are worked on at once",
            window.in_words()
        );
        self.context().warn(what);
    }

    /// Reports that a person has paused the run, or lets it go on: once when that is so, and once when nothing is in
    /// progress any more.
    pub(super) fn tell_pause(&mut self, paused: bool) {
        let at_work = self.at_work.count();
        let told = paused.then_some(at_work == 0);
        if told == self.told_pause {
            return;
        }
        self.told_pause = told;
        self.context().recorder.emit(match told {
            Some(_) => EventKind::RunPaused { at_work },
            None => EventKind::PauseLifted {
                reason: "a person lets the run go on".to_owned(),
            },
        });
    }

    /// Reports that the run ends, what it did, and what to do next; without a reason it was interrupted.
    pub(super) fn tell_end(&self, reason: Option<&Reason>) -> Result<RunEnd> {
        let issues = self.context().store.read()?;
        let counts = issues.counts();
        let run = self.context().recorder.run();
        let (usage, fixing) = (issues.usage_of_run(run), issues.fixing_of_run(run));
        let reviews = issues.reviews_of_run(run);
        let pause = match reason {
            Some(Reason::Limited(pause)) => Some(pause.until),
            _ => None,
        };
        let changed = self.changed()?;
        self.context().recorder.emit(EventKind::RunEnded {
            reason: reason.map_or_else(|| self.interruption().why().to_owned(), guidance::why),
            merged: self.merged,
            changed,
            blocked: counts.blocked,
            open: counts.open,
            usage,
            fixing,
            reviews,
            paused_until: pause,
            next: match reason {
                Some(reason) => guidance::after_run(reason, &Standing::of(&issues)),
                None => guidance::after_interruption(),
            },
        });
        Ok(RunEnd {
            issues,
            counts,
            usage,
            fixing,
            reviews,
            changed,
        })
    }

    /// Returns how much the generation's branch changed since the run began; `None` where it merged nothing.
    fn changed(&self) -> Result<Option<DiffStat>> {
        let git = &self.context().project.git;
        let diff = || git.diff_stat(self.first_tip, self.context().tip()?);
        (self.merged > 0).then(diff).transpose()
    }

    /// Ends the run for a reason.
    pub(super) fn end(self, reason: Reason) -> Result<DriverSummary> {
        let end = self.tell_end(Some(&reason))?;
        Ok(DriverSummary {
            held: self.selected_with(Status::Blocked, &end.issues),
            reason,
            merged: self.merged,
            changed: end.changed,
            measures: self.progress.measures,
            attempted: self.progress.attempted,
            groups_done: self.progress.groups_done,
            groups: end.issues.group_counts(),
            counts: end.counts,
            usage: end.usage,
            fixing: end.fixing,
            reviews: end.reviews,
        })
    }
}
