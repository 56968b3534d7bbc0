//! What the calls of a measure came to: how they ended, and the proposals of an answer.

use super::stages::{Answer, MeasureOutcome, MeasureSoFar};
use crate::accounting::budget::Scope;
use crate::agent::{CallOutcome, CallReport, StopCause};
use crate::base::text::one_line;
use crate::issues::proposal::{self, Batch, KnownIssue, Validated};
use crate::run::attempt_verdict::{limit_of, refusal};
use crate::run::context::RunContext;
use crate::run::prompt_inputs;

/// What is reported of a session that cannot go on.
const LOST: &str = "the agent session no longer exists; starting over";

/// How a call of a measure ended.
pub(crate) enum Ended {
    /// With an answer.
    Answered,
    /// Without one, for a reason that has nothing to do with it: how the measure ends, and why.
    Otherwise(MeasureOutcome, String),
    /// Without one: how, as the end of a sentence about the call.
    Badly(String),
}

/// Returns how a call ended, given the budget that it met.
pub(crate) fn ended(report: &CallReport, met: Scope) -> Ended {
    let reason = one_line(&report.reason, 500);
    if report.cut == Some(StopCause::Cancelled) {
        return Ended::Otherwise(MeasureOutcome::Cancelled, reason);
    }
    if report.session_lost {
        return Ended::Otherwise(MeasureOutcome::SessionLost, LOST.to_owned());
    }
    if let Some(limit) = limit_of(report) {
        return Ended::Otherwise(MeasureOutcome::Limited(limit), reason);
    }
    match report.outcome {
        CallOutcome::Success => Ended::Answered,
        CallOutcome::Transient => Ended::Otherwise(MeasureOutcome::Failed(reason.clone()), reason),
        CallOutcome::Permanent => {
            let reason = refusal(report);
            Ended::Otherwise(MeasureOutcome::Refused(reason.clone()), reason)
        }
        CallOutcome::Budget if met != Scope::Call => Ended::Otherwise(MeasureOutcome::Spent(reason.clone()), reason),
        outcome => Ended::Badly(format!("ended as {outcome}: {reason}")),
    }
}

/// Reads and checks an answer.
pub(super) fn read(context: &RunContext, asked: &MeasureSoFar, report: &CallReport, met: Scope) -> Answer {
    match ended(report, met) {
        Ended::Answered => {}
        Ended::Otherwise(done, reason) => return Answer::None(done, reason),
        Ended::Badly(how) => {
            let reason = format!("measure's call {how}");
            return Answer::None(MeasureOutcome::Refused(reason.clone()), reason);
        }
    }
    let validated = match proposal::extract(report) {
        Ok(batch) => validate(context, asked, batch),
        Err(problems) => Validated {
            problems,
            ..Validated::default()
        },
    };
    Answer::Given(validated, answer_text(report))
}

/// Returns the text of an answer.
pub(in crate::run::phase) fn answer_text(report: &CallReport) -> Option<String> {
    report
        .structured_output
        .as_ref()
        .map(|value| format!("{value:#}"))
        .or_else(|| report.result.clone())
}

/// Checks proposals against each other, the tasks that there are and the limits.
pub(super) fn validate(context: &RunContext, asked: &MeasureSoFar, batch: Batch) -> Validated {
    let known: Vec<KnownIssue> = asked.issues.iter().map(|issue| asked.known(issue)).collect();
    let limits = prompt_inputs::proposal_limits(&context.project.config, asked.filed.len());
    proposal::validate(batch, &known, &limits)
}
