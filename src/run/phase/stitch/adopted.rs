//! An attempt of a run that died, which goes on as if that had not: its call is under way.

use std::sync::Arc;

use tokio::task::block_in_place;

use super::Stitch;
use super::conclusion::StitchOutcome;
use super::stages::{Claimed, TakenOver};
use crate::base::error::Result;
use crate::base::interruption::Interruption;
use crate::issues::issue::Issue;
use crate::model::Role;
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
        } = adopted;
        let purpose = self.purpose(&issue, issue.next_attempt());
        let base = slot.base;
        let session = self.sessions.enter_again(purpose, slot, &issues)?;
        Ok(TakenOver {
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
        let TakenOver { claimed, session } = taken_over;
        let begun = self.begin(claimed, seat);
        let attempting = self.attempting(&begun, 0, None)?;
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
}
