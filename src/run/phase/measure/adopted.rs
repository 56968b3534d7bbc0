//! A measure of a run that died, which goes on as if that had not: its call, or the review of its proposals, is under way.

use super::stages::{Answered, MeasureOutcome, MeasureSoFar};
use super::{Measure, name};
use crate::base::error::Result;
use crate::base::interruption::Interruption;
use crate::git::Oid;
use crate::issues::issue::Issues;
use crate::model::Role;
use crate::prompt::MeasureContext;
use crate::record::event::EventKind;
use crate::run::active_work::ActiveWorkGuard;
use crate::run::call::{Adoption, FlowPlace, MeasurePlace};
use crate::run::prompt_inputs;
use crate::run::recover::AdoptedMeasure;
use crate::run::session::{Purpose, Session};

/// A measure of a run that died, taken over by this one.
pub(crate) struct TakenOverMeasure {
    session: Box<Session>,
    asked: MeasureSoFar,
    alive: ActiveWorkGuard,
}

impl Measure {
    /// Takes a measure of a run that died, whose call is under way, for the `cycle`th one of this run; what is set aside for the
    /// call is from then on.
    pub(crate) fn take_over(&self, adopted: AdoptedMeasure, cycle: u32) -> Result<TakenOverMeasure> {
        let context = self.context();
        let alive = context.active_work.note(Role::Measure.name(), None);
        let AdoptedMeasure { slot, proposed } = adopted;
        let Adoption { call, flow, .. } = slot.call.adoption.clone();
        for entry in flow.entries() {
            self.sessions.room.note_made(entry);
        }
        let issues = context.store.read()?;
        let sessions = &self.sessions;
        let (session, in_review, so_far) = match (flow, proposed) {
            (FlowPlace::Proposals(at), Some(proposed)) => {
                let mut told = self.told(&issues, at.measure.group.as_deref(), proposed.base)?;
                told.attempt = at.round;
                let review = sessions.enter_again(self.purpose_of_review(cycle, call.round), slot, &issues)?;
                let session = sessions.enter_waiting(self.purpose(cycle), proposed, at.resume.clone())?;
                let answered = Answered {
                    told,
                    validated: at.validated,
                    session: at.session,
                    slot: at.slot,
                    resume: at.resume,
                };
                (session, Some((Box::new(answered), review)), Some(at.measure))
            }
            (flow, _) => {
                let so_far = match flow {
                    FlowPlace::Measure(at) => Some(at),
                    _ => None,
                };
                (sessions.enter_again(self.purpose(cycle), slot, &issues)?, None, so_far)
            }
        };
        let folder = context.recorder.call_folder(&name(session.attempt()), cycle)?;
        let has_groups = context.project.config.mode.kind.has_groups();
        let mut asked = MeasureSoFar::new(cycle, folder, issues, has_groups);
        if let Some(MeasurePlace {
            group,
            calls,
            filed,
            dropped,
        }) = so_far
        {
            (asked.group, asked.calls, asked.filed, asked.dropped) = (group, calls, filed, dropped);
        }
        asked.in_review = in_review;
        Ok(TakenOverMeasure { session, asked, alive })
    }

    /// Goes on with a measure of a run that died, as if that had not.
    pub(crate) async fn go_on(
        &self,
        taken_over: TakenOverMeasure,
        interruption: &Interruption,
    ) -> Result<MeasureOutcome> {
        let TakenOverMeasure { session, asked, alive } = taken_over;
        self.context().recorder.emit(EventKind::MeasureStarted {
            group: asked.group.clone(),
            cycle: asked.issues.cycle().saturating_add(1),
        });
        let done = self.ask(session, asked, interruption).await;
        drop(alive);
        done
    }

    /// Returns what is asked at a commit, of a group where the work has groups.
    pub(super) fn told(&self, issues: &Issues, group: Option<&str>, base: Oid) -> Result<MeasureContext> {
        let context = self.context();
        let group = group.map(|key| issues.group(key)).transpose()?;
        prompt_inputs::group_context(&context.project, issues, (base, group), &mut |what| {
            context.warn(what);
        })
    }

    /// Returns what the session of a measure is for.
    pub(super) fn purpose(&self, cycle: u32) -> Purpose {
        Purpose {
            role: Role::Measure,
            settings: self.context().project.config.measure.clone(),
            task: None,
            attempt: 1,
            candidate: 0,
            race: None,
            round: 0,
            cycle,
            writable: false,
            // It only reads, and needs nothing built.
            layer: None,
        }
    }

    /// Returns what the session of a review of proposals is for, by the number of its first call.
    pub(super) fn purpose_of_review(&self, cycle: u32, round: u32) -> Purpose {
        Purpose {
            role: Role::Review,
            settings: self.context().project.config.review.clone(),
            round,
            ..self.purpose(cycle)
        }
    }
}
