//! What an answer comes to: what is right with it is filed, and the end of the measure noted.

use std::path::Path;

use super::Measure;
use super::stages::{Answered, MeasureOutcome, MeasureSoFar, Round};
use crate::base::crash::crash_point;
use crate::base::error::Result;
use crate::base::text::one_line;
use crate::issues::issue::{self, BatchIssue, Issue, Issues, PROPOSED};
use crate::issues::planned::PlannedTask;
use crate::issues::proposal::{Proposal, Validated};
use crate::model::{CommitId, IssueId};
use crate::project::protected::ProtectedPaths;
use crate::prompt::{Filed, MeasureContext};
use crate::record::event::{EventKind, FiledTask};
use crate::run::prompt_inputs;

/// What becomes of a valid proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FiledAs {
    /// A task to be done.
    Open,
    /// A task that is held until a person releases it.
    Held,
    /// None: it is written down, for a run that files it.
    Planned,
}

impl Measure {
    /// Says what becomes of an answer: what is not right with it is asked for again, while there are rounds left, and what
    /// is is filed before that, where nobody reviews it.
    pub(super) fn answered(
        &self,
        asked: &mut MeasureSoFar,
        answered: Answered,
        answer: Option<String>,
    ) -> Result<Round> {
        let Answered { told, validated, .. } = &answered;
        let problems = validated.problems.clone();
        let most = self.context().project.config.measure.max_attempts.max(1);
        if problems.is_empty() {
            return Ok(Round::Answered(Box::new(answered)));
        }
        if told.attempt < most {
            let Answered { told, validated, .. } = answered;
            let filed = if self.reviews() || self.filed_as == FiledAs::Planned {
                Vec::new()
            } else {
                self.take_in(asked, validated)?
            };
            return Ok(Round::Again(Box::new(self.again(
                asked,
                told,
                filed,
                (problems, answer),
            ))));
        }
        if !asked.filed.is_empty() || !validated.accepted.is_empty() {
            return Ok(Round::Answered(Box::new(answered)));
        }
        let rounds = told.attempt;
        let reason = format!(
            "measure gave no valid answer in {rounds} rounds: {}",
            problems.join(" ")
        );
        let done = MeasureOutcome::Refused(one_line(&reason, 2000));
        Ok(Round::Over(self.fail(asked, done, &reason)?, None))
    }

    /// Returns whether proposals are reviewed before they are filed.
    pub(super) fn reviews(&self) -> bool {
        self.context().project.config.measure.review.unwrap_or_default()
    }

    /// Files what is right with an answer, before what is not is asked for again.
    fn take_in(&self, asked: &mut MeasureSoFar, validated: Validated) -> Result<Vec<FiledTask>> {
        asked.drop_repeats(validated.dropped_duplicates);
        if validated.accepted.is_empty() {
            return Ok(Vec::new());
        }
        let filed = self.file(asked, validated.accepted, false, None)?;
        crash_point!("measure.filed_in_part");
        Ok(filed)
    }

    /// Returns what the next round is told: nothing but issues and limits has changed.
    fn again(
        &self,
        asked: &MeasureSoFar,
        told: MeasureContext,
        filed: Vec<FiledTask>,
        (problems, answer): (Vec<String>, Option<String>),
    ) -> MeasureContext {
        let context = self.context();
        let named = |(key, task): &(String, FiledTask)| Filed {
            key: key.clone(),
            id: task.id.to_string(),
        };
        context.recorder.emit(EventKind::MeasureRefused {
            filed,
            problems: problems.clone(),
        });
        let limits = prompt_inputs::proposal_limits(&context.project.config, asked.filed.len());
        let told = told.with_issues(asked.issues.iter(), limits);
        told.again(asked.filed.iter().map(named).collect(), problems, answer)
    }

    /// Files the last answer and notes the measure, in one commit. Its tasks are held where there is a reason for that.
    pub(super) fn end(
        &self,
        asked: &mut MeasureSoFar,
        validated: Validated,
        unreviewed: Option<&str>,
    ) -> Result<MeasureOutcome> {
        asked.drop_repeats(validated.dropped_duplicates);
        if self.filed_as == FiledAs::Planned {
            return match unreviewed {
                Some(why) => self.fail(asked, MeasureOutcome::Refused(why.to_owned()), why),
                None => self.plan(asked, validated.accepted, validated.problems),
            };
        }
        self.file(asked, validated.accepted, true, unreviewed)?;
        crash_point!("measure.filed");
        let filed: Vec<_> = asked.filed.iter().map(|(_, task)| task.clone()).collect();
        let count = filed.len();
        let held = Self::held(&asked.issues, &filed);
        self.context().recorder.emit(EventKind::MeasureEnded {
            filed,
            dropped: std::mem::take(&mut asked.dropped),
            problems: validated.problems,
            usage: asked.usage(),
        });
        for event in held {
            self.context().recorder.emit(event);
        }
        Ok(MeasureOutcome::Filed(count))
    }

    /// Returns what to report of the filed tasks that are held for another reason than that all of them are.
    pub(super) fn held(issues: &Issues, filed: &[FiledTask]) -> Vec<EventKind> {
        let filed = filed.iter().filter_map(|task| issues.get(&task.id).ok());
        let held = filed.filter(|issue| !issue.is_proposed()).filter_map(|issue| {
            Some(EventKind::TaskHeld {
                task: issue.id.clone(),
                reason: issue.hold.clone()?,
            })
        });
        held.collect()
    }

    /// Files proposals; the last ones together with the end of the measure. Returns what it filed.
    fn file(
        &self,
        asked: &mut MeasureSoFar,
        accepted: Vec<Proposal>,
        is_last: bool,
        unreviewed: Option<&str>,
    ) -> Result<Vec<FiledTask>> {
        let context = self.context();
        let now = context.now();
        let keys: Vec<_> = accepted.iter().map(|proposal| proposal.key.clone()).collect();
        let issue_type = &context.project.config.mode.issue_type;
        let batch = accepted
            .into_iter()
            .map(|one| PlannedTask::of(one, issue_type, asked.group.as_deref()).into());
        let batch: Vec<BatchIssue> = batch.collect();
        let earlier: Vec<IssueId> = asked.filed.iter().map(|(_, task)| task.id.clone()).collect();
        let why = format!("measure filed {} tasks", batch.len());
        let protected = context.project.protected()?;
        let new_ids = context.store.new_ids(context.project.clock())?;
        let tip = CommitId::from(context.tip()?);
        let (filed, issues) = context.store.update(&why, now, |issues| {
            let ids = issues.import(batch.clone(), &new_ids, now)?;
            for id in &ids {
                let reason = hold_of(self.filed_as, (issues.get(id)?, &protected), unreviewed);
                if let Some(reason) = reason {
                    issues.hold(id, &reason, now)?;
                }
            }
            if let Some(group) = &asked.group {
                issues.begin_group(group, &tip, is_last);
            }
            if is_last {
                issues.record_measure(issue::Measure {
                    run: context.recorder.run().clone(),
                    at: now,
                    filed: Some(earlier.iter().chain(&ids).cloned().collect()),
                    calls: asked.calls.clone(),
                    part: None,
                    of: None,
                });
            }
            let filed = ids
                .iter()
                .map(|id| filed_task(issues, id))
                .collect::<Result<Vec<_>>>()?;
            Ok((filed, issues.clone()))
        })?;
        asked.issues = issues;
        asked.filed.extend(keys.into_iter().zip(filed.iter().cloned()));
        Ok(filed)
    }
}

/// Returns why a task is held that is filed, if it is.
pub(in crate::run::phase) fn hold_of(
    filed_as: FiledAs,
    (issue, protected): (&Issue, &ProtectedPaths),
    unreviewed: Option<&str>,
) -> Option<String> {
    match filed_as {
        FiledAs::Held => Some(PROPOSED.to_owned()),
        FiledAs::Open | FiledAs::Planned => unreviewed
            .map(str::to_owned)
            .or_else(|| consent_needed(issue, protected)),
    }
}

/// Returns why a task is held before it is attempted: it is to change a protected file, so its result would be held, and
/// a person had better decide before it is paid for.
fn consent_needed(issue: &Issue, protected: &ProtectedPaths) -> Option<String> {
    let path = issue
        .plan
        .files
        .iter()
        .map(|file| &file.path)
        .find(|path| protected.has(Path::new(path)))?;
    Some(format!(
        "it is to change `{}`, which needs your consent; released, it is done, and its result held once more",
        one_line(path, 200)
    ))
}

pub(crate) fn filed_task(issues: &Issues, id: &IssueId) -> Result<FiledTask> {
    let issue = issues.get(id)?;
    Ok(FiledTask {
        id: id.clone(),
        title: one_line(&issue.title, 200),
        depends_on: issue
            .dependencies
            .iter()
            .map(|dependency| dependency.depends_on_id.clone())
            .collect(),
    })
}
