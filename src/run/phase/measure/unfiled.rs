//! Measures that file nothing at their end: those that only plan, and those without a valid answer.

use super::Measure;
use super::filing::{filed_task, hold_of};
use super::stages::{MeasureOutcome, MeasureSoFar};
use crate::base::crash::crash_point;
use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::base::fs::write_atomically;
use crate::base::text::one_line;
use crate::issues::issue::{self, BatchIssue};
use crate::issues::planned::{PlanFile, PlannedTask};
use crate::issues::proposal::Proposal;
use crate::model::{CommitId, IssueId, RunId, Usage};
use crate::record::event::{EventKind, MeasureFailed, MeasurePlanned};

/// The file of a run with what its measure planned: a [`PlanFile`].
pub(crate) const PLAN_FILE: &str = "plan.json";

impl Measure {
    /// Writes down the last answer and notes what the measure used; nothing is filed.
    pub(super) fn plan(
        &self,
        asked: &MeasureSoFar,
        accepted: Vec<Proposal>,
        problems: Vec<String>,
    ) -> Result<MeasureOutcome> {
        let context = self.context();
        let issue_type = &context.project.config.mode.issue_type;
        let tasks: Vec<PlannedTask> = accepted
            .into_iter()
            .map(|one| PlannedTask::of(one, issue_type, asked.group.as_deref()))
            .collect();
        let count = tasks.len();
        let generation = context.generation.clone();
        let plan = PlanFile { generation, tasks };
        let bytes = serde_json::to_vec_pretty(&plan).context("cannot write a plan as JSON")?;
        let bytes = context.project.redactor().own_json(&bytes).into_owned();
        write_atomically(&context.recorder.path(PLAN_FILE), &bytes)?;
        crash_point!("measure.planned");
        self.note(asked, None, "measure planned")?;
        crash_point!("measure.paid");
        context.recorder.emit(EventKind::MeasurePlanned(MeasurePlanned {
            tasks: count,
            problems,
            usage: asked.usage(),
        }));
        Ok(MeasureOutcome::Filed(count))
    }

    /// Notes what a measure used, and what it filed.
    fn note(&self, asked: &MeasureSoFar, filed: Option<&[IssueId]>, why: &str) -> Result<()> {
        let context = self.context();
        let now = context.now();
        context.store.update(why, now, |issues| {
            issues.record_measure(issue::Measure {
                run: context.recorder.run().clone(),
                at: now,
                filed: filed.map(<[IssueId]>::to_vec),
                calls: asked.calls.clone(),
                part: None,
                of: None,
            });
            Ok(())
        })
    }

    /// Notes a measure that ended without a valid answer: what it used was used, and what it filed is filed.
    pub(super) fn fail(&self, asked: &MeasureSoFar, done: MeasureOutcome, reason: &str) -> Result<MeasureOutcome> {
        let context = self.context();
        let filed: Vec<_> = asked.filed.iter().map(|(_, task)| task.id.clone()).collect();
        // Where one measure is to say all that is to be done, this one has not.
        let kind = context.project.config.mode.kind;
        let says_all = kind.measures_once() || kind.has_groups();
        self.note(
            asked,
            (!says_all && !filed.is_empty()).then_some(&filed),
            "measure failed",
        )?;
        crash_point!("measure.failed");
        context.recorder.emit(EventKind::MeasureFailed(MeasureFailed {
            reason: one_line(reason, 2000),
            records: asked.folder.below.clone(),
            usage: asked.usage(),
        }));
        Ok(done)
    }

    /// Files what an earlier run planned, as its measure would have; what that used is noted already.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Precondition`] where it was filed before, or another measure has filed all that is to be done, and where a task does not fit those that there are.
    pub(crate) fn file_plan(&self, run: &str, tasks: Vec<PlannedTask>) -> Result<()> {
        let context = self.context();
        let now = context.now();
        let planned_by = RunId::parse(run).unwrap_or_else(|| context.recorder.run().clone());
        let group = tasks.first().and_then(|task| task.group.clone());
        let tip = CommitId::from(context.tip()?);
        let batch: Vec<BatchIssue> = tasks.into_iter().map(Into::into).collect();
        let protected = context.project.protected()?;
        let new_ids = context.store.new_ids(context.project.clock())?;
        let why = format!("file the plan of {planned_by}");
        let measures_once = context.project.config.mode.kind.measures_once();
        let (filed, held) = context.store.update(&why, now, |issues| {
            let measures = &issues.meta().measures;
            if measures.iter().any(|one| one.run == planned_by && one.filed.is_some()) {
                let message = format!("the plan of the run `{planned_by}` is filed already");
                return Err(Error::new(ErrorKind::Precondition, message).hint("`cordwainer run` does its tasks"));
            }
            if measures_once && issues.is_measured() {
                let message = "all tasks of the request are filed already";
                return Err(Error::new(ErrorKind::Precondition, message).hint("`cordwainer run` goes on with them"));
            }
            if let Some(group) = &group {
                if issues.group(group)?.measured {
                    let message = format!("all tasks of the group `{group}` are filed already");
                    return Err(Error::new(ErrorKind::Precondition, message).hint("`cordwainer run` goes on with them"));
                }
                issues.begin_group(group, &tip, true);
            }
            let ids = issues.import(batch.clone(), &new_ids, now)?;
            for id in &ids {
                let held = hold_of(self.filed_as, (issues.get(id)?, &protected), None);
                if let Some(reason) = held {
                    issues.hold(id, &reason, now)?;
                }
            }
            issues.record_measure(issue::Measure {
                run: planned_by.clone(),
                at: now,
                filed: Some(ids.clone()),
                calls: Vec::new(),
                part: None,
                of: None,
            });
            let filed = ids
                .iter()
                .map(|id| filed_task(issues, id))
                .collect::<Result<Vec<_>>>()?;
            let held = Self::held(issues, &filed);
            Ok((filed, held))
        })?;
        crash_point!("measure.plan_filed");
        context.recorder.emit(EventKind::MeasureEnded {
            filed,
            dropped: Vec::new(),
            problems: Vec::new(),
            usage: Usage::default(),
        });
        for event in held {
            context.recorder.emit(event);
        }
        Ok(())
    }
}
