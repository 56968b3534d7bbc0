//! Measure: asks for tasks, checks the answer in code, and files it all or nothing.

use tokio_util::sync::CancellationToken;

use crate::agent::{CallOutcome, CallReport, Cut, Role, Usage};
use crate::call::{self, Call, Made};
use crate::crash::crash_point;
use crate::driver::Work;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{CallName, DroppedProposal, FiledTask, Happening};
use crate::git::{PrivateRepository, Slot};
use crate::issue::{BatchIssue, Issues, Measure, NewIssue, TaskPlan};
use crate::judgement::{limit_of, refusal};
use crate::ledger::Entry;
use crate::materials;
use crate::plan::Limit;
use crate::proposal::{self, KnownIssue, Proposal, Validated};
use crate::record::CallFolder;
use crate::recover::SlotOwner;

use crate::text::one_line;

/// What became of a measure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    /// A valid answer; so many tasks were filed.
    Filed(usize),
    /// A usage limit was met.
    Limited(Limit),
    /// The call was refused for good, or its answers never became valid.
    Refused(String),
    /// The infrastructure failed.
    Failed(String),
    /// The run was interrupted.
    Cancelled,
}

/// One call's end, seen from here.
enum Round {
    Valid(Validated),
    Problems {
        problems: Vec<String>,
        answer: Option<String>,
    },
    Over(Done, String),
}

/// Asks for tasks until an answer is valid, at most `measure.max_attempts` times; `cycle` names the records.
pub(crate) async fn measure(work: &Work<'_>, cycle: u32, cancel: &CancellationToken) -> Result<Done> {
    work.recorder.emit(Happening::MeasureStarted { cycle });
    let owner = SlotOwner {
        generation: work.generation.to_string(),
        run: work.recorder.run().to_owned(),
        task: None,
        attempt: 0,
        cycle,
        base: None,
    };
    let mut slot = work.acquire(&owner)?;
    let done = rounds(work, &mut slot, &owner, cancel).await;
    // Not before what it used is noted: until then the slot tells a recovery that it is not.
    match &done {
        Ok(_) => work.release(slot),
        Err(error) => tracing::debug!(%error, slot = slot.number(), "a measure leaves its slot to the next recovery"),
    }
    done
}

/// Asks until an answer is valid or there is no use in asking.
async fn rounds(work: &Work<'_>, slot: &mut Slot, owner: &SlotOwner, cancel: &CancellationToken) -> Result<Done> {
    let tip = work.tip()?;
    let mut context = materials::measure_context(work, tip)?;
    let mut calls: Vec<Entry> = Vec::new();
    let most = work.generator.config.measure.max_attempts.max(1);
    loop {
        let round = context.attempt;
        let name = CallName {
            role: Role::Measure,
            task: None,
            attempt: round,
        };
        let folder = work.recorder.call_folder(&name, owner.cycle)?;
        let prompt = materials::measure_prompt(work, &context)?;
        step(work, &name, "checkout");
        let private = work.checkout(slot, owner.clone(), tip)?;
        let call = call_for(work, &name, slot, &private, &prompt, &folder, &calls)?;
        step(work, &name, "container");
        let made = call::make(&call, work.engine, work.recorder, cancel).await;
        crash_point!("measure.called");
        let report = match made {
            Ok(Made { report, entry, failure }) => {
                calls.push(entry);
                match failure {
                    None => report,
                    Some(failure) => return broken(work, failure, &folder, &calls).await,
                }
            }
            Err(failure) => return broken(work, failure, &folder, &calls).await,
        };
        match judge(work, &report)? {
            Round::Valid(validated) => return file(work, validated, &calls),
            Round::Problems { problems, answer } if round < most => {
                work.recorder.emit(Happening::MeasureRefused {
                    problems: problems.clone(),
                });
                context = context.again(problems, answer);
            }
            Round::Problems { problems, .. } => {
                let reason = format!("measure gave no valid answer in {round} rounds: {}", problems.join(" "));
                return fail(work, Done::Refused(one_line(&reason, 2000)), &reason, &folder, &calls);
            }
            Round::Over(done, reason) => return fail(work, done, &reason, &folder, &calls),
        }
    }
}

fn step(work: &Work<'_>, name: &CallName, step: &str) {
    work.recorder.emit(Happening::StepStarted {
        call: name.clone(),
        step: step.to_owned(),
    });
}

/// A call on a read-only checkout.
fn call_for<'a>(
    work: &Work<'a>,
    name: &CallName,
    slot: &Slot,
    private: &'a PrivateRepository,
    prompt: &'a str,
    folder: &'a CallFolder,
    made: &[Entry],
) -> Result<Call<'a>> {
    let issues = work.store.read()?;
    let mut spent = issues.usage();
    spent += sum(made);
    let config = &work.generator.config;
    Ok(Call {
        name: name.clone(),
        cycle: issues.cycle() + 1,
        config,
        role: &config.measure,
        image: work.image,
        labels: work.labels(None),
        root: work.generator.git.workdir(),
        slot: slot.path().to_owned(),
        private,
        writable: false,
        prompt,
        json_schema: Some(proposal::json_schema()),
        budget_left_usd: config.budget.usd.map(|budget| budget - spent.cost_usd),
        budget_left_tokens: config.budget.tokens.map(|budget| budget.saturating_sub(spent.tokens())),
        folder,
    })
}

/// Ends a measure under which something failed that was not the agent.
async fn broken(work: &Work<'_>, failure: Error, folder: &CallFolder, calls: &[Entry]) -> Result<Done> {
    let reason = failure.in_a_line();
    // Its files are read-only in the container: whether that still runs only decides who ends it.
    work.is_over(None).await;
    let done = fail(work, Done::Failed(reason.clone()), &reason, folder, calls)?;
    match failure.kind() {
        ErrorKind::Engine => Ok(done),
        _ => Err(failure),
    }
}

/// Reads and checks an answer.
fn judge(work: &Work<'_>, report: &CallReport) -> Result<Round> {
    let reason = one_line(&report.reason, 500);
    if report.cut == Some(Cut::Cancelled) {
        return Ok(Round::Over(Done::Cancelled, reason));
    }
    if let Some(limit) = limit_of(report) {
        return Ok(Round::Over(Done::Limited(limit), reason));
    }
    match report.outcome {
        CallOutcome::Success => {}
        CallOutcome::Transient => return Ok(Round::Over(Done::Failed(reason.clone()), reason)),
        CallOutcome::Permanent => {
            let reason = refusal(&reason);
            return Ok(Round::Over(Done::Refused(reason.clone()), reason));
        }
        outcome => {
            let reason = format!("measure's call ended as {outcome}: {reason}");
            return Ok(Round::Over(Done::Refused(reason.clone()), reason));
        }
    }
    let answer = answer_text(report);
    let proposals = match proposal::extract(report) {
        Ok(proposals) => proposals,
        Err(problems) => return Ok(Round::Problems { problems, answer }),
    };
    let issues = work.store.read()?;
    let known: Vec<KnownIssue> = issues.iter().map(KnownIssue::from).collect();
    let validated = proposal::validate(proposals, &known, &materials::proposal_limits(work));
    if validated.problems.is_empty() {
        return Ok(Round::Valid(validated));
    }
    Ok(Round::Problems {
        problems: validated.problems,
        answer,
    })
}

fn answer_text(report: &CallReport) -> Option<String> {
    report
        .structured_output
        .as_ref()
        .map(|value| format!("{value:#}"))
        .or_else(|| report.result.clone())
}

/// Files a valid batch and notes the measure, in one commit.
fn file(work: &Work<'_>, validated: Validated, calls: &[Entry]) -> Result<Done> {
    let now = work.now();
    let usage = sum(calls);
    let dropped: Vec<_> = validated
        .dropped_duplicates
        .into_iter()
        .map(|(title, repeats)| DroppedProposal {
            title: one_line(&title, 200),
            repeats,
        })
        .collect();
    let batch: Vec<BatchIssue> = validated.accepted.into_iter().map(batch_issue).collect();
    let why = format!("measure filed {} tasks", batch.len());
    let filed = work.store.update(&why, now, |issues| {
        let ids = issues.import(batch.clone(), now)?;
        let run = work.recorder.run().to_owned();
        issues.record_measure(Measure {
            run,
            at: now,
            filed: Some(ids.clone()),
            calls: calls.to_vec(),
        });
        ids.iter().map(|id| filed_task(issues, id)).collect::<Result<Vec<_>>>()
    })?;
    crash_point!("measure.filed");
    let count = filed.len();
    work.recorder.emit(Happening::MeasureEnded { filed, dropped, usage });
    Ok(Done::Filed(count))
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

fn filed_task(issues: &Issues, id: &crate::issue::IssueId) -> Result<FiledTask> {
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

/// Notes a measure that gave no valid answer: what it used was used.
fn fail(work: &Work<'_>, done: Done, reason: &str, folder: &CallFolder, calls: &[Entry]) -> Result<Done> {
    let now = work.now();
    let usage = sum(calls);
    work.store.update("measure failed", now, |issues| {
        let run = work.recorder.run().to_owned();
        issues.record_measure(Measure {
            run,
            at: now,
            filed: None,
            calls: calls.to_vec(),
        });
        Ok(())
    })?;
    let reason = one_line(reason, 2000);
    work.recorder.emit(Happening::MeasureFailed {
        reason,
        records: folder.below.clone(),
        usage,
    });
    Ok(done)
}

fn sum(calls: &[Entry]) -> Usage {
    calls.iter().map(|entry| entry.usage).sum()
}
