//! The call of an attempt.

use super::Stitch;
use super::stages::{Attempting, Called, Ended, INTERRUPTED};
use crate::base::crash::crash_point;
use crate::base::error::ErrorKind;
use crate::base::interruption::Interruption;
use crate::issues::attempt::Outcome;
use crate::issues::issue::Issue;
use crate::prompt;
use crate::record::event::Step;
use crate::run::attempt_verdict::AttemptVerdict;
use crate::run::prompt_inputs;
use crate::run::session::{Ask, Session};

impl Stitch {
    /// Makes the call; an attempt that gets no further than this is reported as it ended.
    pub(super) async fn call(
        &self,
        session: &Session,
        attempting: &Attempting,
        interruption: &Interruption,
    ) -> Result<Called, Box<Ended>> {
        let before = |judged| Box::new(Ended::before_call(judged));
        let context = self.context();
        let issue = &attempting.issue;
        let prompt = match session.resumes() {
            Some(_) => Ok(prompt::continuation(attempting.name.attempt, &said_since(issue))),
            None => prompt_inputs::stitch_prompt(context, &self.protected, issue, session.base()),
        };
        let prompt = prompt.map_err(|error| before(Err(error)))?;
        let issues = &attempting.issues;
        let reservation = session.reserve(issues).map_err(|spent| {
            Box::new(Ended {
                no_room: Some(spent.scope),
                ..Ended::before_call(Ok(AttemptVerdict::of(Outcome::BudgetSpent, spent.reason)))
            })
        })?;
        if interruption.is_asked() {
            return Err(before(Ok(AttemptVerdict::of(Outcome::Cancelled, INTERRUPTED))));
        }
        context.step(&attempting.name, Step::Container);
        let ask = Ask {
            name: &attempting.name,
            folder: &attempting.folder,
            prompt: &prompt,
            json_schema: None,
            reservation: &reservation,
            issues,
        };
        let made = Box::pin(session.call(&ask, interruption)).await;
        let made = made.map_err(|error| match error.kind() {
            // While its services were awaited.
            ErrorKind::Interrupted => before(Ok(AttemptVerdict::of(Outcome::Cancelled, INTERRUPTED))),
            _ => before(Err(error)),
        })?;
        crash_point!("stitch.called");
        let called = Called {
            met: reservation.scope_met(&made.entry.charged()),
            report: made.report,
            entry: made.entry,
        };
        match made.failure {
            None => Ok(called),
            Some(failure) => Err(Box::new(Ended::with_call(called, failure))),
        }
    }
}

/// Returns what people said of a task since its last attempt ended.
fn said_since(issue: &Issue) -> Vec<String> {
    let Some(last) = issue.attempts.last() else {
        return Vec::new();
    };
    let later = issue
        .comments
        .iter()
        .filter(|comment| comment.created_at > last.ended_at);
    later.map(|comment| comment.text.clone()).collect()
}
