//! What an answer comes to: what is right with it is filed, and the end of the measure noted.

use super::{Asking, Done};
use crate::accounting::ledger::Entry;
use crate::base::crash::crash_point;
use crate::base::error::Result;
use crate::base::text::one_line;
use crate::issues::issue::{BatchIssue, Issues, Measure, NewIssue, TaskPlan};
use crate::issues::proposal::{Proposal, Validated};
use crate::model::IssueId;
use crate::prompt::{Filed, MeasureContext};
use crate::record::event::{FiledTask, Happening};
use crate::record::recorder::CallFolder;
use crate::run::context::Work;
use crate::run::prompt_inputs;

/// Files what is right with an answer, before what is not is asked for again.
pub(super) fn take_in(work: &Work<'_>, asking: &mut Asking, validated: Validated) -> Result<Vec<FiledTask>> {
    asking.drop_repeats(validated.dropped_duplicates);
    if validated.accepted.is_empty() {
        return Ok(Vec::new());
    }
    let filed = file(work, asking, validated.accepted, None)?;
    crash_point!("measure.filed_in_part");
    Ok(filed)
}

/// What the next round asks for: of what it is told, nothing but issues and limits has changed.
pub(super) fn again(
    work: &Work<'_>,
    asking: &Asking,
    context: MeasureContext,
    filed: Vec<FiledTask>,
    problems: Vec<String>,
    answer: Option<String>,
) -> Result<MeasureContext> {
    let named = |(key, task): &(String, FiledTask)| Filed {
        key: key.clone(),
        id: task.id.to_string(),
    };
    work.recorder.emit(Happening::MeasureRefused {
        filed,
        problems: problems.clone(),
    });
    let context = context.with_issues(
        work.store.read()?.iter(),
        prompt_inputs::proposal_limits(work, asking.filed.len()),
    );
    Ok(context.again(asking.filed.iter().map(named).collect(), problems, answer))
}

/// Files the last answer and notes the measure, in one commit.
pub(super) fn end(work: &Work<'_>, asking: &mut Asking, validated: Validated) -> Result<Done> {
    asking.drop_repeats(validated.dropped_duplicates);
    let usage = asking.usage();
    let calls = asking.calls.clone();
    file(work, asking, validated.accepted, Some(&calls))?;
    crash_point!("measure.filed");
    let filed: Vec<_> = asking.filed.iter().map(|(_, task)| task.clone()).collect();
    let count = filed.len();
    work.recorder.emit(Happening::MeasureEnded {
        filed,
        dropped: std::mem::take(&mut asking.dropped),
        problems: validated.problems,
        usage,
    });
    Ok(Done::Filed(count))
}

/// Files proposals; with the calls that a measure took, its end is noted, too. Answers what it filed.
fn file(
    work: &Work<'_>,
    asking: &mut Asking,
    accepted: Vec<Proposal>,
    calls: Option<&[Entry]>,
) -> Result<Vec<FiledTask>> {
    let now = work.now();
    let keys: Vec<_> = accepted.iter().map(|proposal| proposal.key.clone()).collect();
    let batch: Vec<BatchIssue> = accepted.into_iter().map(batch_issue).collect();
    let earlier: Vec<IssueId> = asking.filed.iter().map(|(_, task)| task.id.clone()).collect();
    let why = format!("measure filed {} tasks", batch.len());
    let filed = work.store.update(&why, now, |issues| {
        let ids = issues.import(batch.clone(), now)?;
        if let Some(calls) = calls {
            issues.record_measure(Measure {
                run: work.recorder.run().to_owned(),
                at: now,
                filed: Some(earlier.iter().chain(&ids).cloned().collect()),
                calls: calls.to_vec(),
            });
        }
        ids.iter().map(|id| filed_task(issues, id)).collect::<Result<Vec<_>>>()
    })?;
    asking.filed.extend(keys.into_iter().zip(filed.iter().cloned()));
    Ok(filed)
}

fn batch_issue(proposal: Proposal) -> BatchIssue {
    let issue = NewIssue {
        description: proposal.description,
        priority: proposal.priority,
        plan: TaskPlan {
            required_reading: proposal.required_reading,
            files: proposal.files,
            requirements: proposal.requirements,
            acceptance_criteria: proposal.acceptance_criteria,
            estimated_lines: Some(proposal.estimated_lines),
        },
        ..NewIssue::titled(proposal.title)
    };
    BatchIssue::new(proposal.key, issue, proposal.depends_on)
}

fn filed_task(issues: &Issues, id: &IssueId) -> Result<FiledTask> {
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

/// Notes a measure that ended without a valid answer: what it used was used, and what it filed is filed.
pub(super) fn fail(work: &Work<'_>, asking: &Asking, done: Done, reason: &str, folder: &CallFolder) -> Result<Done> {
    let now = work.now();
    let filed: Vec<_> = asking.filed.iter().map(|(_, task)| task.id.clone()).collect();
    work.store.update("measure failed", now, |issues| {
        issues.record_measure(Measure {
            run: work.recorder.run().to_owned(),
            at: now,
            filed: (!filed.is_empty()).then(|| filed.clone()),
            calls: asking.calls.clone(),
        });
        Ok(())
    })?;
    let reason = one_line(reason, 2000);
    work.recorder.emit(Happening::MeasureFailed {
        reason,
        records: folder.below.clone(),
        usage: asking.usage(),
    });
    Ok(done)
}
