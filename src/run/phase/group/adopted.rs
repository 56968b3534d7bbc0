//! A call about groups of a run that died, which goes on as if that had not: for a plan, or for a batch of a closing review.

use super::Groups;
use super::calls::Calls;
use super::closing::{Reading, nothing_to_read};
use crate::base::error::Result;
use crate::base::interruption::Interruption;
use crate::issues::issue::MeasureOf;
use crate::prompt::PlanContext;
use crate::run::active_work::ActiveWorkGuard;
use crate::run::call::{Adoption, ClosingPlace, FlowPlace};
use crate::run::phase::measure::MeasureOutcome;
use crate::run::prompt_inputs;
use crate::run::recover::AdoptedMeasure;
use crate::run::session::{Purpose, Session};

/// A step about groups of a run that died, taken over by this one.
pub(crate) struct TakenOverStep {
    session: Box<Session>,
    calls: Calls,
    step: AdoptedStep,
    alive: ActiveWorkGuard,
}

/// What the call is about.
enum AdoptedStep {
    /// What it was told, and the documents that the groups are made from.
    Plan(Box<PlanContext>, Vec<(String, String)>),
    Closing(Box<Reading>),
}

impl Groups {
    /// Takes a call about groups of a run that died for the `number`th one of this run beside those of tasks; what is set aside for it
    /// is from then on.
    pub(crate) fn take_over(&self, adopted: AdoptedMeasure, number: u32) -> Result<TakenOverStep> {
        let context = self.context();
        let Adoption { call, flow, .. } = adopted.slot.call.adoption.clone();
        let alive = context.active_work.note(call.role.name(), None);
        for entry in flow.entries() {
            self.sessions.room.note_made(entry);
        }
        let issues = self.issues()?;
        let base = adopted.slot.taken.base;
        let made = flow.entries().into_iter().cloned().collect();
        let (of, step) = if let FlowPlace::Closing(ClosingPlace { group, .. }) = flow {
            let about = (group.as_str(), call.round);
            let reading = match self.reading(about, base, &issues)? {
                Some(reading) => reading,
                None => nothing_to_read(&group, base, &issues)?.0,
            };
            (MeasureOf::ClosingReview, AdoptedStep::Closing(Box::new(reading)))
        } else {
            let warn = &mut |what| context.warn(what);
            let told = prompt_inputs::plan_context(&context.project, &issues, base, warn)?;
            let told = PlanContext {
                attempt: call.attempt,
                ..told
            };
            let documents = context.project.built_from(base, &issues.build().documents)?;
            (MeasureOf::Plan, AdoptedStep::Plan(Box::new(told), documents))
        };
        let purpose = Purpose {
            round: call.round,
            ..self.purpose(call.role, number)
        };
        Ok(TakenOverStep {
            session: self.sessions.enter_again(purpose, adopted.slot, &issues)?,
            calls: Calls {
                number,
                of,
                made,
                below: String::new(),
                issues,
            },
            step,
            alive,
        })
    }

    /// Goes on with a call about groups of a run that died, as if that had not.
    pub(crate) async fn go_on(&self, taken_over: TakenOverStep, interruption: &Interruption) -> Result<MeasureOutcome> {
        let TakenOverStep {
            mut session,
            mut calls,
            step,
            alive,
        } = taken_over;
        let done = match step {
            AdoptedStep::Plan(told, documents) => {
                self.tell_asked(&told);
                let asked = self.ask_for_plan(&mut session, &mut calls, (*told, &documents), interruption);
                Box::pin(asked).await
            }
            AdoptedStep::Closing(reading) => {
                Box::pin(self.read_batch(&mut session, &mut calls, &reading, interruption)).await
            }
        };
        let done = self.leave(session, &calls, done).await;
        drop(alive);
        done
    }
}

/// Returns whether a place in the flow is one of those about groups.
pub(crate) fn is_about_groups(place: &FlowPlace) -> bool {
    matches!(place, FlowPlace::Plan(_) | FlowPlace::Closing(_))
}
