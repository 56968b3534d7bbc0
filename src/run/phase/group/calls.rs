//! The calls of a step: made one after the other in a slot that the agent cannot write, and noted together.

use serde_json::Value;

use super::Groups;
use crate::accounting::ledger::Entry;
use crate::agent::CallReport;
use crate::base::crash::crash_point;
use crate::base::error::{ErrorKind, Result};
use crate::base::interruption::Interruption;
use crate::base::text::one_line;
use crate::issues::issue::{Issues, Measure, MeasureOf};
use crate::model::{Role, Usage};
use crate::record::event::{CallName, EventKind, MeasureFailed, Step};
use crate::run::call::FlowPlace;
use crate::run::phase::measure::{Ended, MeasureOutcome, ended};
use crate::run::session::{Ask, Next, Session};

/// The calls of a step so far.
pub(super) struct Calls {
    /// Which calls of the run they are.
    pub(super) number: u32,
    /// What they were for.
    pub(super) of: MeasureOf,
    pub(super) made: Vec<Entry>,
    /// Where the last one is recorded, below the state folder.
    pub(super) below: String,
    /// The issues as they stood when the last one ended.
    pub(super) issues: Issues,
}

/// What one call came to.
pub(super) enum Called {
    /// An answer.
    Answered(Box<CallReport>),
    /// None: how, as the end of a sentence about the call.
    Badly(String),
    /// None, and no other call would give one now: how the step ends, and why.
    Ended(MeasureOutcome, String),
}

/// What a call is asked.
pub(super) struct Asked {
    pub(super) name: CallName,
    pub(super) prompt: String,
    pub(super) schema: Value,
    /// What takes over its report.
    pub(super) place: FlowPlace,
}

impl Calls {
    pub(super) fn usage(&self) -> Usage {
        self.made.iter().map(|entry| entry.usage).sum()
    }
}

/// Names a call: the `number`th of its step.
pub(super) fn name(role: Role, number: u32) -> CallName {
    let is_review = role == Role::Review;
    CallName {
        role,
        task: None,
        attempt: if is_review { 1 } else { number },
        round: if is_review { number } else { 0 },
        candidate: 0,
    }
}

impl Groups {
    /// Makes one call, or goes on with the one of a run that died.
    pub(super) async fn call(
        &self,
        session: &Session,
        calls: &mut Calls,
        asked: Asked,
        interruption: &Interruption,
    ) -> Result<Called> {
        let context = self.context();
        let cancelled = || Called::Ended(MeasureOutcome::Cancelled, "the run was interrupted".to_owned());
        let (reservation, adopted) = match session.take_or_reserve(&calls.issues, interruption).await {
            Ok(Some(taken)) => taken,
            Ok(None) => return Ok(cancelled()),
            Err(spent) => return Ok(Called::Ended(MeasureOutcome::Spent(spent.reason.clone()), spent.reason)),
        };
        let folder = context.recorder.call_folder(&asked.name, calls.number)?;
        calls.below.clone_from(&folder.below);
        let ask = Ask {
            name: &asked.name,
            folder: &folder,
            prompt: &asked.prompt,
            json_schema: Some(asked.schema),
            reservation: &reservation,
            issues: &calls.issues,
            flow: Some(&asked.place),
            on_end: None,
        };
        context.step(&asked.name, Step::Container);
        let made = match session.call_or_go_on(&ask, adopted.as_ref(), interruption).await {
            // While its services were awaited.
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(cancelled()),
            made => made?,
        };
        crash_point!("group.called");
        let met = reservation.scope_met(&made.entry.charged());
        calls.made.push(made.entry);
        if let Some(failure) = made.failure {
            return Err(failure);
        }
        // Whatever people have written while it was at work counts.
        calls.issues = self.issues()?;
        Ok(match ended(&made.report, met) {
            Ended::Answered => Called::Answered(Box::new(made.report)),
            Ended::Badly(how) => Called::Badly(how),
            Ended::Otherwise(done, reason) => Called::Ended(done, reason),
        })
    }

    /// Leaves the slot once all calls in it are noted.
    pub(super) async fn leave(
        &self,
        session: Box<Session>,
        calls: &Calls,
        done: Result<MeasureOutcome>,
    ) -> Result<MeasureOutcome> {
        let done = match done {
            Err(error) if error.kind() == ErrorKind::Engine => {
                // Its files are read-only in the container: whether that still runs only decides who ends it.
                self.sessions.is_over(&session.first_call()).await;
                let reason = error.in_a_line();
                self.fail(calls, MeasureOutcome::Failed(reason.clone()), &reason)
            }
            done => done,
        };
        // Not before what it used is noted: until then the slot shows a recovery that it is not.
        session.leave(if done.is_ok() { Next::Release } else { Next::Keep })?;
        done
    }

    /// Returns what is noted of the calls.
    pub(super) fn record(&self, calls: &Calls) -> Measure {
        let context = self.context();
        Measure {
            part: None,
            run: context.recorder.run().clone(),
            at: context.now(),
            filed: None,
            calls: calls.made.clone(),
            of: Some(calls.of),
        }
    }

    /// Notes calls that came to nothing.
    pub(super) fn fail(&self, calls: &Calls, done: MeasureOutcome, reason: &str) -> Result<MeasureOutcome> {
        let context = self.context();
        context
            .store
            .update("a step of a group failed", context.now(), |issues| {
                issues.record_measure(self.record(calls));
                Ok(())
            })?;
        crash_point!("group.failed");
        context.recorder.emit(EventKind::MeasureFailed(MeasureFailed {
            reason: one_line(reason, 2000),
            records: calls.below.clone(),
            usage: calls.usage(),
        }));
        Ok(done)
    }
}
