//! An attempt of a run that died, which goes on as if that had not: its call is under way.

use std::sync::{Arc, Mutex};

use tokio::task::block_in_place;

use super::Stitch;
use super::conclusion::StitchOutcome;
use super::stages::{Attempting, Claimed, TakenOver};
use crate::base::error::Result;
use crate::base::interruption::Interruption;
use crate::issues::issue::Issue;
use crate::model::Role;
use crate::record::event::CallName;
use crate::run::call::{Adoption, FlowPlace};
use crate::run::overrides::settings_of;
use crate::run::recover::Adopted;
use crate::run::seats::Seat;
use crate::run::session::Purpose;

impl Stitch {
    /// Takes an attempt of a run that died, whose call is under way, for this run's own; what is set aside for the call is from
    /// then on.
    pub(crate) fn take_over(&self, adopted: Adopted) -> Result<TakenOver> {
        let Adopted {
            issue,
            issues,
            at,
            alive,
            slot,
            work,
        } = adopted;
        let Adoption { call, flow, .. } = slot.call.adoption.clone();
        for entry in flow.entries() {
            self.sessions.room.note_made(entry);
        }
        let purpose = self.purpose(&issue, issue.next_attempt());
        let base = work.as_ref().map_or(slot.taken.base, |work| work.base);
        let (session, stage) = match (&flow, work) {
            (FlowPlace::Stage(at), Some(work)) => {
                let of_stage = self.purpose_of_stage(call.role, &call, call.round);
                let beside = self.sessions.enter_again(of_stage, slot, &issues)?;
                let resume = at.work.resume.clone();
                let session = self.sessions.enter_waiting(purpose, work, resume)?;
                (session, Some((call.role, beside)))
            }
            _ => (self.sessions.enter_again(purpose, slot, &issues)?, None),
        };
        Ok(TakenOver {
            flow,
            stage,
            claimed: Claimed {
                issue,
                issues,
                base,
                at,
                alive,
            },
            session,
        })
    }

    /// Goes on with an attempt of a run that died, as if that had not.
    pub(crate) async fn go_on(
        self: &Arc<Self>,
        taken_over: TakenOver,
        seat: Seat,
        interruption: &Interruption,
    ) -> Result<StitchOutcome> {
        let TakenOver {
            claimed,
            session,
            flow,
            stage,
        } = taken_over;
        let begun = self.begin(claimed, seat);
        let attempting = Attempting {
            flow: Mutex::new(Some(flow)),
            stage: Mutex::new(stage),
            ..self.attempting(&begun, 0, None)?
        };
        // Before the other hold on it goes: whoever waits for a seat must not have it in between.
        attempting.seat.take(interruption).await;
        begun.seat.give_up();
        let ended = self.work_in(session, &attempting, interruption).await;
        block_in_place(|| self.conclude(&attempting, ended))
    }

    /// Returns what the session of an attempt is for that has no candidates.
    pub(super) fn purpose(&self, issue: &Issue, attempt: u32) -> Purpose {
        Purpose {
            role: Role::Stitch,
            settings: settings_of(&self.context().project.config, issue, attempt).0,
            task: Some(issue.id.clone()),
            attempt,
            candidate: 0,
            race: None,
            round: 0,
            cycle: 0,
            writable: true,
            layer: None,
        }
    }

    /// Returns what the session of a stage is for, by a call of the attempt and the number of the stage's first one.
    pub(super) fn purpose_of_stage(&self, role: Role, of: &CallName, round: u32) -> Purpose {
        Purpose {
            role,
            settings: self.context().project.config.role(role).clone(),
            task: of.task.clone(),
            attempt: of.attempt,
            candidate: of.candidate,
            race: None,
            round,
            cycle: 0,
            writable: role != Role::Review,
            layer: None,
        }
    }
}
