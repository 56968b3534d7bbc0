//! Best of several: candidates attempt a task side by side, from the same commit, each as an attempt without others does it,
//! up to its merge. Then one of them is chosen, and lands; what the others left stays on the task's ref.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::task::{JoinSet, block_in_place};

use super::Stitch;
use super::conclusion::StitchOutcome;
use super::stages::{Attempting, Begun, Checked, Ended, Kept, Work};
use crate::base::error::{ErrorKind, Result};
use crate::base::interruption::Interruption;
use crate::git::{DiffStat, Oid};
use crate::issues::attempt::{Candidate, Outcome};
use crate::issues::round::Calls;
use crate::model::CommitId;
use crate::run::attempt_verdict::AttemptVerdict;
use crate::run::choice::{Standing, distance};
use crate::run::overrides::candidates_of;
use crate::run::race::Race;
use crate::run::session::Session;

/// A candidate that begins, with the session in which it goes on, if it has one.
type Entering = (Attempting, Option<Box<Session>>);

/// A candidate that is at work until this is dropped, however it ends.
struct Entrant {
    race: Arc<Race>,
    number: u32,
}

impl Drop for Entrant {
    fn drop(&mut self) {
        self.race.ended(self.number);
    }
}

impl Stitch {
    /// Returns the candidates of an attempt, by number; none where it has none. Where sessions about the task wait, those go
    /// on, and nobody else begins beside them.
    pub(super) fn candidates(&self, begun: &Begun) -> Result<BTreeSet<u32>> {
        let Begun { issue, issues, .. } = begun;
        let waiting = self.sessions.slots.suspended_candidates(&issue.id, issues)?;
        if !waiting.is_empty() {
            let is_single = waiting == [0].into();
            return Ok(if is_single { BTreeSet::new() } else { waiting });
        }
        let config = &self.context().project.config;
        Ok(match candidates_of(config, issue, issue.next_attempt()) {
            0 | 1 => BTreeSet::new(),
            most => (1..=most).collect(),
        })
    }

    /// Has the candidates attempt the task, and one of them land.
    pub(super) async fn best_of(
        self: &Arc<Self>,
        begun: &Begun,
        candidates: BTreeSet<u32>,
        base: Oid,
        interruption: &Interruption,
    ) -> Result<StitchOutcome> {
        let race = Arc::new(Race::new(candidates.clone()));
        let attempting = |number: &u32| self.attempting(begun, *number, Some(Arc::clone(&race)));
        let all = candidates.iter().map(|number| Ok((attempting(number)?, None)));
        let all = all.collect::<Result<Vec<_>>>()?;
        Box::pin(self.run_race(begun, (race, all), base, interruption)).await
    }

    /// Has candidates attempt a task, each in the session that it has, and one of them land.
    pub(super) async fn run_race(
        self: &Arc<Self>,
        begun: &Begun,
        (race, all): (Arc<Race>, Vec<Entering>),
        base: Oid,
        interruption: &Interruption,
    ) -> Result<StitchOutcome> {
        begun.seat.give_up();
        // Tasks of the runtime of their own: nothing that blocks one of them keeps the stream of another from being read.
        let mut running = JoinSet::new();
        for (attempting, session) in all {
            let (stitch, interruption) = (Arc::clone(self), interruption.clone());
            let entrant = Entrant {
                race: Arc::clone(&race),
                number: attempting.name.candidate,
            };
            running.spawn(async move {
                let ended = match session {
                    Some(session) => Box::pin(stitch.work_in(session, &attempting, &interruption)).await,
                    None => Box::pin(stitch.enter(&attempting, base, &interruption)).await,
                };
                drop(entrant);
                (attempting, ended)
            });
        }
        let mut ended = Vec::new();
        while let Some(one) = running.join_next().await {
            match one {
                Ok(one) => ended.push(one),
                // Nobody aborts one, so it has panicked: as if it had been called here.
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            }
        }
        let winner = race.winner().await;
        block_in_place(|| self.conclude_best(ended, winner))
    }

    /// Ends an attempt whose candidates have come to their end: it comes to what the one comes to that was chosen, else to
    /// what the nearest one does.
    fn conclude_best(&self, mut all: Vec<(Attempting, Ended)>, winner: Option<u32>) -> Result<StitchOutcome> {
        all.sort_by_key(|(attempting, ended)| {
            let number = attempting.name.candidate;
            (Some(number) != winner, distance(&ended.verdict()), number)
        });
        let mut candidates: Vec<_> = all
            .iter()
            .map(|(attempting, ended)| candidate(attempting, ended))
            .collect();
        if let Some(chosen) = candidates.first_mut() {
            chosen.choose();
        }
        candidates.sort_by_key(|one| one.number);
        let mut all = all.into_iter();
        let (attempting, mut ended) = all.next().expect("an attempt with candidates has one at least");
        ended.candidates = candidates;
        let done = self.conclude(&attempting, ended)?;
        // What ends the run does so whichever of them met it.
        for (_, other) in all {
            match other.judged {
                Err(error) if error.kind() != ErrorKind::Engine => return Err(error),
                _ => {}
            }
        }
        Ok(done)
    }
}

impl Attempting {
    /// Returns the verdict that keeps work from being merged since another candidate is chosen; `None` where this is the one,
    /// or the only one. It waits until all have come to their end.
    pub(super) async fn is_beaten(&self, kept: &Kept, calls: &Calls, checked: &Checked) -> Option<AttemptVerdict> {
        let standing = Standing {
            candidate: self.name.candidate,
            not_passed: Standing::not_passed(&checked.results),
            score: calls.review().map(|(_, review)| review.score),
            lines: kept.left.stat().map_or(0, DiffStat::lines),
        };
        let is_beaten = match &self.race {
            Some(race) => !race.may_land(standing).await,
            None => false,
        };
        is_beaten.then(|| AttemptVerdict::of(Outcome::NotChosen, "another candidate was taken"))
    }

    /// Returns whether another candidate was chosen, so that nothing goes on here. It waits until all have come to their end.
    pub(super) async fn has_lost(&self) -> bool {
        let Some(race) = &self.race else { return false };
        race.ended(self.name.candidate);
        race.winner().await.is_some_and(|winner| winner != self.name.candidate)
    }
}

/// Returns the record of a candidate.
fn candidate(attempting: &Attempting, ended: &Ended) -> Candidate {
    let verdict = ended.verdict();
    let left = ended.left.as_ref();
    Candidate {
        number: attempting.name.candidate,
        chosen: false,
        outcome: verdict.outcome,
        snapshot: left.and_then(|left| left.commit).map(CommitId::from),
        score: ended.calls.review().map(|(_, review)| review.score),
        changed: left.and_then(Work::stat),
        records: Some(attempting.folder.below.clone()),
        call: ended.calls.first.clone(),
        rounds: ended.calls.rounds.clone(),
        stages: ended.calls.stages.clone(),
        red: ended.red(&verdict),
        summary: ended.calls.summary.clone(),
        question: verdict.question,
        reason: verdict.reason,
    }
}
