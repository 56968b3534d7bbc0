//! The slot of an attempt: made anew, or one in which the task's session waits; and what becomes of it afterwards.

use super::{Trial, keep};
use crate::agent::{CallOutcome, CallReport, Cut};
use crate::base::error::Result;
use crate::git::Slot;
use crate::issues::attempt::Outcome;
use crate::run::call::command::is_session;
use crate::run::context::{Work, Workplace};
use crate::run::judgement::Judgement;
use crate::run::preflight;
use crate::run::waiting::suspend::{self, SlotOwner, Suspended};

/// What became of the way into a slot.
pub(super) enum Entered {
    /// The agent can begin, or go on.
    Ready(Box<(Slot, Workplace)>),
    /// What the agent has left must not meet its client again.
    Refused(Judgement),
}

/// Takes up the slot in which the task's session was suspended, else makes one from the generation's tip.
pub(super) fn enter(work: &Work<'_>, trial: &mut Trial, owner: &SlotOwner) -> Result<Entered> {
    if let Some(suspended) = work.suspended(owner.task.as_ref())? {
        let slot = work.project.slots().adopt(suspended.slot)?;
        if let Err(error) = preflight::settings_in(work, &slot) {
            // What is in it is on the task's ref; begun afresh, the agent would only do it again.
            work.release(slot);
            let reason = error.in_a_line();
            return Ok(Entered::Refused(Judgement::held(Outcome::ProtectedPath, reason)));
        }
        if suspended.owner.ids == owner.ids {
            return go_on(work, trial, owner, &suspended, slot);
        }
        let id = &trial.issue.id;
        work.warn(format!("{id}: its session is another user's, so it is begun afresh"));
        work.release(slot);
    }
    let mut slot = work.acquire(owner)?;
    let place = work.checkout(&mut slot, owner.clone(), trial.base)?;
    Ok(Entered::Ready(Box::new((slot, place))))
}

fn go_on(work: &Work<'_>, trial: &mut Trial, owner: &SlotOwner, suspended: &Suspended, slot: Slot) -> Result<Entered> {
    trial.base = work.project.git.resolve(&suspended.base)?;
    let (resume, place) = work.go_on(&slot, suspended, owner.clone())?;
    trial.resumes = Some(resume);
    Ok(Entered::Ready(Box::new((slot, place))))
}

/// The session that is to go on after an attempt that nothing of its own ended: a limit, a budget, a passing failure,
/// a person's word. One whose call was never made is as it was.
pub(super) fn unfinished(trial: &Trial, judgement: Option<&Judgement>) -> Option<String> {
    let Some(report) = &trial.report else {
        return resumed_session(trial);
    };
    let goes_on = match judgement?.outcome {
        Outcome::Limited | Outcome::Cancelled => true,
        Outcome::BudgetSpent => !judgement?.hold,
        // After a call that succeeded it was the gates that could not run: the work is done, and waits for them.
        Outcome::InfrastructureFailed => matches!(report.outcome, CallOutcome::Transient | CallOutcome::Success),
        _ => false,
    };
    // A call that ended before it told its session is of the one that was to go on.
    let session = told_session(report).or_else(|| resumed_session(trial));
    session.filter(|_| goes_on && !report.session_lost)
}

fn resumed_session(trial: &Trial) -> Option<String> {
    trial.resumes.as_ref().map(|resume| resume.session.clone())
}

/// Notes in the slot's marker, as soon as the call has ended, that its session is to go on, so that nothing that comes
/// between that and the attempt's end can lose it.
pub(super) fn note_unfinished(trial: &Trial, slot: &Slot, owner: &SlotOwner, report: &CallReport) -> Result<()> {
    let interrupted = report.cut == Some(Cut::Cancelled);
    let passing = matches!(
        report.outcome,
        CallOutcome::Limited | CallOutcome::Overage | CallOutcome::Transient
    );
    match told_session(report) {
        Some(session) if interrupted || passing => suspend::note(slot, owner.clone(), trial.base, session),
        _ => Ok(()),
    }
}

/// The session that the client named, if it is still there.
fn told_session(report: &CallReport) -> Option<String> {
    let told = report.session_id.clone().filter(|session| is_session(session));
    told.filter(|_| !report.session_lost)
}

/// Leaves a slot in which something failed that was not the agent: what is in it is kept on the task's ref. Answers
/// whether the slot may be used again.
pub(super) async fn leave(work: &Work<'_>, trial: &mut Trial, slot: &mut Slot) -> bool {
    let over = work.is_over(Some(&trial.issue.id)).await;
    if trial.snapshot.is_some() {
        return over;
    }
    match keep(work, trial, slot) {
        Ok(_) => over,
        Err(error) => {
            let error = error.in_a_line();
            let what = format!("what it left stays in its worktree until it can be kept: {error}");
            work.warn(format!("{}: {what}", trial.issue.id));
            false
        }
    }
}
