//! What goes on after an attempt that did not come to its own end.

use super::stages::Ended;
use crate::agent::CallOutcome;
use crate::base::error::ErrorKind;
use crate::issues::attempt::Outcome;
use crate::model::SessionId;
use crate::run::session::Session;

/// Returns the session that is to go on after an attempt that nothing of its own ended: a limit, a budget, a passing
/// failure, a person's word. One whose call was never made is as it was.
pub(super) fn unfinished(session: &Session, ended: &Ended) -> Option<SessionId> {
    let Some(report) = ended.report() else {
        return session.can_go_on(None);
    };
    let verdict = match &ended.judged {
        Ok(verdict) => verdict,
        // The work is done, and waits for an image in which its gates or its review can run.
        Err(error) => {
            let waits = error.kind() == ErrorKind::Image && report.outcome == CallOutcome::Success;
            return session.can_go_on(Some(report)).filter(|_| waits);
        }
    };
    let goes_on = match verdict.outcome {
        // After a review that came to nothing, or a stage that failed, the work is done, and waits for another one; and so it
        // does for a proof that proves something. What was asked goes on with the answer.
        Outcome::Limited
        | Outcome::Cancelled
        | Outcome::ReviewFailed
        | Outcome::StageFailed
        | Outcome::Unproven
        | Outcome::Asked => true,
        Outcome::BudgetSpent => !verdict.hold || verdict.later.spent.is_some(),
        // After a call that succeeded it was the gates that could not run: the work is done, and waits for them.
        Outcome::InfrastructureFailed => matches!(report.outcome, CallOutcome::Transient | CallOutcome::Success),
        _ => false,
    };
    session.can_go_on(Some(report)).filter(|_| goes_on)
}
