//! An attempt of a run that died, which goes on as if that had not: its call is under way.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use tokio::task::block_in_place;

use super::Stitch;
use super::conclusion::StitchOutcome;
use super::stages::{Attempting, Claimed, TakenOver, TakenPart};
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::interruption::Interruption;
use crate::issues::issue::{Issue, Issues};
use crate::issues::round::Calls;
use crate::model::Role;
use crate::record::event::CallName;
use crate::run::call::{Adoption, FlowPlace};
use crate::run::overrides::settings_of;
use crate::run::race::Race;
use crate::run::recover::{Adopted, AdoptedPart, CallUnderWay, PartAt};
use crate::run::seats::Seat;
use crate::run::session::Purpose;

impl Stitch {
    /// Takes an attempt of a run that died, whose call is under way, or calls of its candidates, for this run's own; what is set
    /// aside for them is from then on.
    pub(crate) fn take_over(&self, adopted: Adopted) -> Result<TakenOver> {
        let Adopted {
            issue,
            issues,
            at,
            alive,
            parts,
        } = adopted;
        let numbers: BTreeSet<u32> = parts.iter().map(|part| part.candidate).collect();
        let race = (numbers != [0].into()).then(|| Arc::new(Race::new(numbers)));
        let (mut base, mut taken) = (None, Vec::new());
        for AdoptedPart { candidate, at } in parts {
            let purpose = Purpose {
                candidate,
                race: race.clone(),
                ..self.purpose(&issue, issue.next_attempt())
            };
            let part = self.take_part(purpose, at, &issues)?;
            base = base.or(part.session.as_ref().map(|session| session.base()));
            taken.push(part);
        }
        Ok(TakenOver {
            claimed: Claimed {
                // Where no call is under way, nothing is taken over.
                base: base.map_or_else(|| self.context().tip(), Ok)?,
                issue,
                issues,
                at,
                alive,
            },
            parts: taken,
            race,
        })
    }

    /// Takes over a candidate, whose work is for this.
    fn take_part(&self, purpose: Purpose, at: PartAt, issues: &Issues) -> Result<TakenPart> {
        let candidate = purpose.candidate;
        let (slot, work) = match at {
            PartAt::Call(call) => {
                let CallUnderWay { slot, work } = *call;
                (slot, work)
            }
            PartAt::Waits(calls) => {
                for entry in calls.entries() {
                    self.sessions.room.note_made(entry);
                }
                return Ok(TakenPart {
                    candidate,
                    session: None,
                    flow: None,
                    stage: None,
                    calls: *calls,
                });
            }
        };
        let Adoption { call, flow, .. } = slot.call.adoption.clone();
        for entry in flow.entries() {
            self.sessions.room.note_made(entry);
        }
        let (session, stage) = match (&flow, work) {
            (FlowPlace::Stage(at), Some(work)) => {
                let of_stage = Purpose {
                    race: purpose.race.clone(),
                    ..self.purpose_of_stage(call.role, &call, call.round)
                };
                let beside = self.sessions.enter_again(of_stage, slot, issues)?;
                let resume = at.work.resume.clone();
                let session = self.sessions.enter_waiting(purpose, work, resume)?;
                (session, Some((call.role, beside)))
            }
            _ => (self.sessions.enter_again(purpose, slot, issues)?, None),
        };
        Ok(TakenPart {
            candidate,
            session: Some(session),
            flow: Some(flow),
            stage,
            calls: Calls::default(),
        })
    }

    /// Goes on with an attempt of a run that died, as if that had not.
    pub(crate) async fn go_on(
        self: &Arc<Self>,
        taken_over: TakenOver,
        seat: Seat,
        interruption: &Interruption,
    ) -> Result<StitchOutcome> {
        let TakenOver { claimed, parts, race } = taken_over;
        let base = claimed.base;
        let begun = self.begin(claimed, seat);
        let mut all = Vec::new();
        for part in parts {
            let attempting = Attempting {
                flow: Mutex::new(part.flow),
                stage: Mutex::new(part.stage),
                calls: Mutex::new(part.calls),
                ..self.attempting(&begun, part.candidate, race.clone())?
            };
            // Before the other hold on it goes: whoever waits for a seat must not have it in between.
            attempting.seat.take(interruption).await;
            all.push((attempting, part.session));
        }
        if let Some(race) = race {
            return Box::pin(self.run_race(&begun, (race, all), base, interruption)).await;
        }
        begun.seat.give_up();
        let Some((attempting, Some(session))) = all.pop() else {
            let what = format!("nothing of {} is under way", begun.issue.id);
            return Err(Error::new(ErrorKind::Unexpected, what));
        };
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
