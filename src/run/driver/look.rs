//! How things stand, as the plan is asked.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::Driver;
use crate::accounting::budget::Scope;
use crate::base::error::Result;
use crate::issues::issue::{BuildStep, Issue, Issues, Status};
use crate::model::{CommitId, IssueId, Role};
use crate::run::plan;
use crate::run::recover::Recovery;
use crate::run::schedule::{self, Candidate};
use crate::run::waiting::pause::Pause;
use crate::run::waiting::windows::KnownWindow;

/// How things stand.
pub(super) struct Look {
    pub(super) state: plan::RunState,
    /// How many calls are to share what is left of the budgets.
    pub(super) sharers: u32,
    /// The tasks that are passed over for their files if the ready one begins.
    pub(super) passed_over: Vec<IssueId>,
    /// Whether the ready one is newer than another that could begin.
    pub(super) overtakes: bool,
    /// The window of the account for whose end fewer tasks are at work at once.
    pub(super) scarce: Option<KnownWindow>,
}

/// The ready tasks.
#[derive(Default)]
struct Ready {
    /// The one that comes first.
    first: Option<IssueId>,
    /// Why one was passed over whose own budget is spent.
    unaffordable: Option<String>,
    /// Those that are passed over for their files.
    passed_over: Vec<IssueId>,
    /// Whether the first one is newer than another.
    overtakes: bool,
    /// How many may begin.
    count: u32,
    /// When one whose calls failed may be tried again.
    again: Option<Timestamp>,
}

impl Driver<'_> {
    /// Looks how things stand.
    pub(super) fn look(&self, recovery: &Recovery<'_>) -> Result<Look> {
        let issues = self.context().store.read()?;
        let now = self.context().now();
        let ready = self.ready(&issues, now)?;
        let config = &self.context().project.config;
        let build = self.next_of_groups(&issues)?;
        let of_measures = match build {
            Some(BuildStep::Review(_)) => vec![Role::Review],
            Some(BuildStep::Plan) => vec![Role::Measure],
            _ => config.roles_of_measures(),
        };
        let of_attempts = config.roles_of_attempts();
        let pauses = self.pauses().of(&[&of_attempts[..], &of_measures].concat())?;
        let at_work = self.at_work.counts(self.phases.seats.in_use());
        let (places, scarce) = self.places_now(&of_attempts)?;
        let reset = scarce.as_ref().map(|window| window.seen.resets_at);
        let is_alone = ready.first.as_ref().is_some_and(|task| self.alone.contains(task));
        let could = at_work.tasks.saturating_add(ready.count).min(places);
        Ok(Look {
            // What is at work has its share already, however few places there are by now.
            sharers: if is_alone { 1 } else { could.max(at_work.calling).max(1) },
            passed_over: ready.passed_over,
            overtakes: ready.overtakes,
            scarce,
            state: plan::RunState {
                leftovers: recovery.is_needed(&issues)?,
                ready: ready.first,
                unaffordable: ready.unaffordable,
                open: self.selected_with(Status::Open, &issues),
                blocked: self.selected_with(Status::Blocked, &issues),
                begun: u32::try_from(self.tasks_begun.len()).unwrap_or(u32::MAX),
                proposed: self.selected(&issues).filter(|issue| issue.is_proposed()).count(),
                build,
                stitch: self.hindrance(&of_attempts, &issues, &pauses),
                measure: self.hindrance(&of_measures, &issues, &pauses),
                at_work,
                places,
                most_tasks: self.places.most_tasks(places),
                paused: self.asked.borrow().paused,
                look_again: ready.again.into_iter().chain(reset).min(),
                run: self.progress.clone(),
                now,
            },
        })
    }

    /// Decides what is to be done about groups; `None` where the work has none.
    fn next_of_groups(&self, issues: &Issues) -> Result<Option<BuildStep>> {
        let context = self.context();
        let config = &context.project.config;
        if !config.mode.kind.has_groups() {
            return Ok(None);
        }
        let tip = CommitId::from(context.tip()?);
        let step = issues.next_in_build(config.review.closing_rounds.unwrap_or_default(), Some(&tip));
        let is_planned = self.is_replanned || !self.limits.replan;
        Ok(Some(if is_planned { step } else { BuildStep::Plan }))
    }

    /// Returns how many tasks may be at work at once, and the window of their account for which they are fewer.
    fn places_now(&self, roles: &[Role]) -> Result<(u32, Option<KnownWindow>)> {
        let all = self.places.now();
        let Some(window) = self.pauses().scarcest(roles)? else {
            return Ok((all, None));
        };
        // The reserve is not there to be used.
        let reserve = self.context().project.config.limits.reserve.unwrap_or_default();
        let reserve = u16::try_from(reserve.saturating_mul(10)).unwrap_or(u16::MAX);
        let places = self.places.with_left(window.seen.left().saturating_sub(reserve));
        Ok((places, (places < all).then_some(window)))
    }

    /// Counts the tasks with a status, of those that this run may attempt.
    pub(super) fn selected_with(&self, status: Status, issues: &Issues) -> usize {
        self.selected(issues).filter(|issue| issue.status == status).count()
    }

    /// Returns the tasks that this run may attempt.
    fn selected<'a>(&'a self, issues: &'a Issues) -> impl Iterator<Item = &'a Issue> {
        issues.iter().filter(|issue| self.selection.has(issue))
    }

    /// Returns what stands in the way of a step that makes calls of these roles, of the first one in any case.
    fn hindrance(&self, roles: &[Role], issues: &Issues, pauses: &[Pause]) -> plan::Hindrance {
        let spent = |role: &Role| self.phases.sessions.spent(*role, None, issues);
        let pause = |role: &Role| self.pauses().holding_up(*role, pauses).cloned();
        let spent = roles.first().and_then(spent);
        let held = spent.as_ref().is_some_and(|spent| spent.held);
        plan::Hindrance {
            spent: spent.filter(|_| !held).map(|spent| spent.reason),
            held,
            pause: roles.iter().find_map(pause),
        }
    }

    /// Returns why a task's own budget has no room for another call.
    fn task_spent(&self, task: &IssueId, issues: &Issues) -> Option<String> {
        let met = self.tasks_spent.get(task).cloned();
        met.or_else(|| {
            let spent = self.phases.sessions.spent(Role::Stitch, Some(task), issues)?;
            (spent.scope == Scope::Task).then_some(spent.reason)
        })
    }

    /// Returns the ready tasks, but those that are at work, and none whose own budget is spent.
    fn ready(&self, issues: &Issues, now: Timestamp) -> Result<Ready> {
        let mut ready = Ready::default();
        let candidates = schedule::in_order(self.candidates(issues, now, &mut ready)?, self.overtaken);
        ready.count = u32::try_from(candidates.len()).unwrap_or(u32::MAX);
        for (index, one) in candidates.iter().enumerate() {
            match self.task_spent(&one.task, issues) {
                None => {
                    ready.overtakes = schedule::overtakes(&candidates[index..], one);
                    ready.passed_over = schedule::passed_over(&candidates, one).cloned().collect();
                    ready.first = Some(one.task.clone());
                    break;
                }
                Some(reason) => ready.unaffordable = ready.unaffordable.or(Some(reason)),
            }
        }
        if ready.first.is_some() {
            ready.unaffordable = None;
        }
        Ok(ready)
    }

    /// Lists the tasks that may begin now, by priority and age.
    fn candidates(&self, issues: &Issues, now: Timestamp, ready: &mut Ready) -> Result<Vec<Candidate>> {
        let suspended = self.phases.sessions.slots.all_suspended(issues)?;
        let waiting: BTreeSet<_> = suspended.iter().filter_map(|one| one.owner.task.as_ref()).collect();
        let at_work = self.at_work.tasks().filter_map(|task| issues.get(task).ok());
        let files = schedule::files_of(at_work);
        let may_begin = self
            .most_tasks
            .is_none_or(|most| self.tasks_begun.len() < most as usize);
        let mut candidates = Vec::new();
        for (place, issue) in issues.ready().into_iter().enumerate() {
            let id = &issue.id;
            let is_chosen = self.selection.has(issue) && (may_begin || self.tasks_begun.contains(id));
            if !is_chosen || self.at_work.has(id) {
                continue;
            }
            if !self.at_work.is_nothing() {
                if self.alone.contains(id) {
                    continue;
                }
                if let Some(until) = self.backing_off.get(id).filter(|until| **until > now) {
                    ready.again = ready.again.into_iter().chain([*until]).min();
                    continue;
                }
            }
            candidates.push(Candidate {
                place,
                is_suspended: waiting.contains(id),
                failures: self.tasks_failed.get(id).copied().unwrap_or_default(),
                overlaps: schedule::overlaps(issue, &files),
                passed_over: self.passed_over.get(id).copied().unwrap_or_default(),
                filed: issue.created_at,
                task: id.clone(),
            });
        }
        Ok(candidates)
    }
}
