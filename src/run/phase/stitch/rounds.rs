//! The rounds of an attempt: its first call, and those that make red gates pass.

use tokio::task::block_in_place;

use super::Stitch;
use super::newer::Newer;
use super::stages::{Attempting, Called, Checked, Ended, INTERRUPTED, Kept, Work};
use crate::accounting::budget::Scope;
use crate::agent::{CallOutcome, CallReport};
use crate::base::crash::crash_point;
use crate::base::error::{Context as _, Result};
use crate::base::interruption::Interruption;
use crate::git::{Oid, Snapshot};
use crate::issues::attempt::Outcome;
use crate::issues::last_word;
use crate::issues::round::{Calls, CheckKind, FailedCheck};
use crate::record::event::{CallName, Step};
use crate::run::attempt_verdict::AttemptVerdict;
use crate::run::call::{FlowPlace, StagePlace};
use crate::run::session::Session;
use crate::run::stuck::findings_that_stay;

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
        let mut at = match Box::pin(self.begin_or_go_on(session, attempting, calls, interruption)).await {
            Ok(at) => at,
            Err(ended) => return *ended,
        };
        loop {
            let (kept, judged) = match at {
                At::Called(called, before) => {
                    let mut kept = match self.keep_left(session, attempting, (*called, before), calls) {
                        Ok(kept) => kept,
                        Err(ended) => return *ended,
                    };
                    let judged = Box::pin(self.judge(session, attempting, (&mut kept, calls), interruption)).await;
                    (kept, judged)
                }
                At::Checked(of) => {
                    let (mut kept, checked) = *of;
                    let by = (&mut *session, attempting);
                    let judging = self.judge_checked(by, (&mut kept, calls), checked, interruption);
                    let judged = Box::pin(judging).await;
                    (kept, judged)
                }
            };
            let next = self.next_round((session, attempting), (&kept, calls), judged, interruption);
            let (red, tree) = match Box::pin(next).await {
                Ok(NextRound::Ask(red, tree)) => (red, tree),
                Ok(NextRound::JudgeAgain) => {
                    at = At::Called(Box::new(kept.called), None);
                    continue;
                }
                Ok(NextRound::None(verdict)) => return Ended::with_work(kept, Ok(*verdict)),
                Err(error) => return Ended::with_work(kept, Err(error)),
            };
            at = match self
                .fix((session, calls), attempting, (&kept, &red, tree), interruption)
                .await
            {
                Ok(called) => At::Called(Box::new(called), Some(tree)),
                Err(mut ended) => {
                    // What failed under a round may have left something else in the slot, which is kept then.
                    ended.left = ended.judged.is_ok().then_some(kept.left);
                    return *ended;
                }
            };
        }
    }
}

/// Where the rounds of an attempt are.
enum At {
    /// The session was called; a round with this tree in its slot.
    Called(Box<Called>, Option<Oid>),
    /// What it left has passed the gates, and a stage after it is under way.
    Checked(Box<(Kept, Checked)>),
}

impl Stitch {
    /// Makes the first call, or goes on where a dead run was.
    async fn begin_or_go_on(
        &self,
        session: &mut Session,
        attempting: &Attempting,
        calls: &mut Calls,
        interruption: &Interruption,
    ) -> Result<At, Box<Ended>> {
        let ends = |error| Box::new(Ended::before_call(Err(error)));
        match attempting.take_flow() {
            None
            | Some(
                FlowPlace::Measure(_)
                | FlowPlace::Proposals(_)
                | FlowPlace::Plan(_)
                | FlowPlace::Closing(_)
                | FlowPlace::Part(_),
            ) => {
                let told = self.see_the_proof(session, attempting, interruption).await?;
                let (from, earlier) = self.begin_from_earlier(session, attempting)?.unzip();
                let told = earlier.unwrap_or_default() + &told;
                let first = self.first_call((session, calls), attempting, (from, &told), interruption);
                Ok(At::Called(Box::new(first.await?), None))
            }
            Some(FlowPlace::Work(at)) => {
                let before = at.before.as_deref().map(Oid::from_str).transpose();
                let before = before.context("cannot read the tree of a round").map_err(ends)?;
                *calls = at.calls;
                let again = self.call_again((session, calls), attempting, before, interruption);
                Ok(At::Called(Box::new(again.await?), before))
            }
            Some(FlowPlace::Stage(at)) => {
                let again = block_in_place(|| self.kept_again(session, attempting, &at));
                let (kept, checked) = again.map_err(ends)?;
                *calls = at.calls;
                Ok(At::Checked(Box::new((kept, checked))))
            }
        }
    }

    /// Returns what a dead run had kept and checked when it called a stage for it.
    fn kept_again(&self, session: &Session, attempting: &Attempting, at: &StagePlace) -> Result<(Kept, Checked)> {
        let (context, work) = (self.context(), &at.work);
        let git = &context.project.git;
        let commit = git.resolve(work.commit.as_str())?;
        let tree = git.tree_of(commit)?;
        let name = CallName {
            round: at.calls.round(),
            ..attempting.name.clone()
        };
        let called = Called {
            folder: context.recorder.call_folder(&name, 0)?,
            name,
            report: CallReport::of_success(work.session.as_str()),
            met: Scope::Call,
        };
        let left = Work {
            snapshot: Snapshot {
                tree,
                changed: Vec::new(),
                skipped: Vec::new(),
                refused: Vec::new(),
                ignored: Vec::new(),
            },
            commit: Some(commit),
            changed: git.file_diffs(session.base(), tree)?,
            ignored: work.ignored.clone(),
        };
        let checked = Checked {
            remarks: work.remarks.clone(),
            results: work.results.clone(),
        };
        Ok((Kept { called, left }, checked))
    }

    /// Keeps what a call left, and notes that it is done where it is. An attempt that gets no further is reported as it ended.
    fn keep_left(
        &self,
        session: &mut Session,
        attempting: &Attempting,
        (called, before): (Called, Option<Oid>),
        calls: &Calls,
    ) -> Result<Kept, Box<Ended>> {
        self.context().step(&called.name, Step::Snapshot);
        let left = match block_in_place(|| self.keep(session, attempting, calls)) {
            Ok(left) => left,
            Err(error) => return Err(Box::new(Ended::with_call(called, error))),
        };
        crash_point!("stitch.kept");
        let kept = Kept { called, left };
        // A dead run may have heard it.
        let question = last_word::question(&kept.called.report).or_else(|| calls.question.clone());
        if let Err(error) = note_ended(session, &kept, question.is_some()) {
            return Err(Box::new(Ended::with_work(kept, Err(error))));
        }
        if let Some(question) = question {
            return Err(Box::new(Ended::with_work(kept, Ok(AttemptVerdict::asks(&question)))));
        }
        match changed_nothing(&kept, before, calls) {
            Some(verdict) => Err(Box::new(Ended::with_work(kept, Ok(verdict)))),
            None => Ok(kept),
        }
    }
}

/// What an attempt goes on with after its work was judged.
enum NextRound {
    /// Its session is asked to have this pass, with these files in its slot.
    Ask(FailedCheck, Oid),
    /// Its work is on newer work now, and is judged there.
    JudgeAgain,
    /// Nothing: it ends with this verdict.
    None(Box<AttemptVerdict>),
}

impl Stitch {
    /// Decides whether another round is made: one that makes a red gate pass, or one that fits the work on newer work, whose
    /// slot has that then.
    async fn next_round(
        &self,
        (session, attempting): (&mut Session, &Attempting),
        (kept, calls): (&Kept, &Calls),
        judged: Result<AttemptVerdict>,
        interruption: &Interruption,
    ) -> Result<NextRound> {
        let ends = |verdict| Ok(NextRound::None(Box::new(verdict)));
        let verdict = judged?;
        if verdict.outcome == Outcome::Conflict {
            let brought = self.bring_newer_work(session, attempting, (kept, calls, &verdict), interruption);
            return match Box::pin(brought).await? {
                Newer::Brought(red, tree) => Ok(NextRound::Ask(red, tree)),
                Newer::Fits => Ok(NextRound::JudgeAgain),
                Newer::No => ends(verdict),
                Newer::Cancelled => ends(AttemptVerdict::of(Outcome::Cancelled, INTERRUPTED)),
            };
        }
        let Some(red) = verdict.red.clone() else {
            return ends(verdict);
        };
        let most = self.context().project.config.stitch.fix_rounds.unwrap_or_default();
        match is_given_up(&red, calls, most) {
            Some(verdict) => ends(verdict),
            // With what later stages made of it.
            None => Ok(NextRound::Ask(red, kept.left.snapshot.tree)),
        }
    }
}

/// Notes that what is kept is what the session was called for, where it succeeded and changed anything; or that it asks a person
/// something, and has work to do then.
fn note_ended(session: &mut Session, kept: &Kept, asks: bool) -> Result<()> {
    let is_done = kept.called.report.outcome == CallOutcome::Success && kept.left.commit.is_some();
    if is_done || asks {
        session.note_ended(&kept.called.report, !asks)?;
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
        let kind = if round.is_of_conflict() { "conflict" } else { "fix" };
        let number = calls.count_of(round.is_of_conflict());
        verdict
            .reason
            .push_str(&format!("; {kind} round {number} changed nothing"));
        verdict
    })
}

/// Returns the verdict on work on which a gate is red, where no further round is made.
fn is_given_up(red: &FailedCheck, calls: &Calls, most: u32) -> Option<AttemptVerdict> {
    let rounds = calls.count_of(false);
    let why = match calls.rounds_of(false).last() {
        Some(last) if last.red.is_like(red) => format!("; fix round {rounds} did not change that"),
        Some(_) if red.by == CheckKind::Review && findings_that_stay(&calls.stages).is_some() => {
            format!("; after fix round {rounds} all findings of the review before are there again")
        }
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
