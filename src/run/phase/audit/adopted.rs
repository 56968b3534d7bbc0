//! The reading of a part of the files by a run that died, which goes on as if that had not.

use super::{Asked, Audit, FileToRead};
use crate::base::error::Result;
use crate::base::interruption::Interruption;
use crate::git::Oid;
use crate::model::Role;
use crate::prompt::AuditContext;
use crate::run::active_work::ActiveWorkGuard;
use crate::run::call::{Adoption, FlowPlace, PartPlace};
use crate::run::phase::measure::MeasureOutcome;
use crate::run::recover::AdoptedMeasure;
use crate::run::session::{Purpose, Session};

/// A part that a run was reading which died, taken over by this one.
pub(crate) struct TakenOverPart {
    /// The paths of its files.
    pub(super) files: Vec<String>,
    session: Box<Session>,
    asked: Asked,
    alive: ActiveWorkGuard,
}

impl Audit {
    /// Takes a part that a run was reading which died for the `cycle`th one of this run; what is set aside for its call is from then on.
    pub(crate) fn take_over(&self, adopted: AdoptedMeasure, cycle: u32) -> Result<TakenOverPart> {
        let context = self.context();
        let Adoption { call, flow, .. } = adopted.slot.call.adoption.clone();
        let alive = context.active_work.note(Role::Review.name(), None);
        for entry in flow.entries() {
            self.sessions.room.note_made(entry);
        }
        let (files, calls) = match flow {
            FlowPlace::Part(PartPlace { files, calls }) => (files, calls),
            _ => (Vec::new(), Vec::new()),
        };
        let purpose = Purpose {
            round: call.round,
            ..self.purpose(cycle)
        };
        let issues = context.store.read()?;
        Ok(TakenOverPart {
            session: self.sessions.enter_again(purpose, adopted.slot, &issues)?,
            asked: Asked {
                cycle,
                files: files.clone(),
                calls,
            },
            files,
            alive,
        })
    }

    /// Goes on with the part that a run was reading which died, and reads all others.
    pub(crate) async fn go_on(&self, taken_over: TakenOverPart, interruption: &Interruption) -> Result<MeasureOutcome> {
        self.read_all(Some(taken_over), interruption).await
    }

    /// Has the part read to its end that a run was reading which died.
    pub(super) async fn part_under_way(
        &self,
        what: (Oid, AuditContext, &[FileToRead]),
        taken_over: TakenOverPart,
        interruption: &Interruption,
    ) -> Result<Option<(MeasureOutcome, String)>> {
        let TakenOverPart {
            session, asked, alive, ..
        } = taken_over;
        let done = self.part_in((session, asked), what, interruption).await;
        drop(alive);
        done
    }
}
