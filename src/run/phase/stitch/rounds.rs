//! The rounds of an attempt: its first call, and those that make red gates pass.

use tokio::task::block_in_place;

use super::Stitch;
use super::stages::{Attempting, Ended, Kept};
use crate::agent::CallOutcome;
use crate::base::crash::crash_point;
use crate::base::error::Result;
use crate::base::interruption::Interruption;
use crate::git::Oid;
use crate::issues::attempt::Outcome;
use crate::issues::round::{Calls, FailedCheck};
use crate::record::event::Step;
use crate::run::attempt_verdict::AttemptVerdict;
use crate::run::session::Session;

impl Stitch {
    /// Makes the first call and judges what it left. While a gate is red, the session goes on with what the gate printed,
    /// and what it leaves then is judged from the top.
    pub(super) async fn work_in_rounds(
        &self,
        session: &mut Session,
        attempting: &Attempting,
        calls: &mut Calls,
        interruption: &Interruption,
    ) -> Ended {
        let told = match self.see_the_proof(session, attempting, interruption).await {
            Ok(told) => told,
            Err(ended) => return *ended,
        };
        let mut called = match self
            .first_call((session, calls), (attempting, &told), interruption)
            .await
        {
            Ok(called) => called,
            Err(ended) => return *ended,
        };
        let mut before = None;
        loop {
            self.context().step(&called.name, Step::Snapshot);
            let left = match block_in_place(|| self.keep(session, attempting, calls)) {
                Ok(left) => left,
                Err(error) => return Ended::with_call(called, error),
            };
            crash_point!("stitch.kept");
            let mut kept = Kept { called, left };
            if let Err(error) = note_done(session, &kept) {
                return Ended::with_work(kept, Err(error));
            }
            if let Some(verdict) = changed_nothing(&kept, before, calls) {
                return Ended::with_work(kept, Ok(verdict));
            }
            let judged = Box::pin(self.judge(session, attempting, (&mut kept, calls), interruption)).await;
            // What is red on newer work alone cannot be seen in this worktree: a fresh attempt begins with that work.
            let own = judged
                .as_ref()
                .ok()
                .filter(|verdict| verdict.outcome != Outcome::Conflict);
            let red = own.and_then(|verdict| verdict.red.clone());
            let Some(red) = red else {
                return Ended::with_work(kept, judged);
            };
            let most = self.context().project.config.stitch.fix_rounds.unwrap_or_default();
            if let Some(verdict) = is_given_up(&red, calls, most) {
                return Ended::with_work(kept, Ok(verdict));
            }
            // With what later stages made of it.
            before = Some(kept.left.snapshot.tree);
            called = match self
                .fix((session, calls), attempting, (&kept, &red), interruption)
                .await
            {
                Ok(called) => called,
                Err(mut ended) => {
                    // What failed under a round may have left something else in the slot, which is kept then.
                    ended.left = ended.judged.is_ok().then_some(kept.left);
                    return *ended;
                }
            };
        }
    }
}

/// Notes that what is kept is what the session was called for, where it succeeded and changed anything.
fn note_done(session: &mut Session, kept: &Kept) -> Result<()> {
    let is_done = kept.called.report.outcome == CallOutcome::Success && kept.left.commit.is_some();
    if is_done {
        session.note_done(&kept.called.report)?;
        crash_point!("stitch.done");
    }
    Ok(())
}

/// Returns the verdict on work after a round that succeeded and left the same tree as `before`.
fn changed_nothing(kept: &Kept, before: Option<Oid>, calls: &Calls) -> Option<AttemptVerdict> {
    let round = calls.rounds.last()?;
    let is_same = before == Some(kept.left.snapshot.tree) && kept.called.report.outcome == CallOutcome::Success;
    is_same.then(|| {
        let mut verdict = AttemptVerdict::red(round.red.clone());
        verdict
            .reason
            .push_str(&format!("; fix round {} changed nothing", round.number));
        verdict
    })
}

/// Returns the verdict on work on which a gate is red, where no further round is made.
fn is_given_up(red: &FailedCheck, calls: &Calls, most: u32) -> Option<AttemptVerdict> {
    let rounds = calls.round();
    let why = match calls.rounds.last() {
        Some(last) if last.red.is_like(red) => format!("; fix round {} did not change that", last.number),
        Some(_) if rounds >= most => format!("; after {}", rounds_in_words(rounds)),
        None if most == 0 => String::new(),
        _ => return None,
    };
    let mut verdict = AttemptVerdict::red(red.clone());
    verdict.reason.push_str(&why);
    Some(verdict)
}

fn rounds_in_words(rounds: u32) -> String {
    let rounds_word = if rounds == 1 { "round" } else { "rounds" };
    format!("{rounds} fix {rounds_word}")
}
