//! How an attempt ends: written into the store, reported, and handed to the driver.

use jiff::Timestamp;
use tokio::task::block_in_place;

use super::Stitch;
use super::stages::{Attempting, Ended, Work};
use crate::accounting::budget::Scope;
use crate::agent::CallOutcome;
use crate::base::crash::crash_point;
use crate::base::error::{ErrorKind, Result};
use crate::base::text::one_line;
use crate::issues::attempt::{Attempt, Candidate, InterfaceChanges, Outcome};
use crate::issues::questions::{self, AskedBy};
use crate::issues::round::FailedCheck;
use crate::model::CommitId;
use crate::project::interfaces;
use crate::record::event::{CandidateEnded, EventKind, QuestionAsked};
use crate::run::attempt_verdict::{AttemptVerdict, refusal};
use crate::run::context::RunContext;
use crate::run::stuck::{Fate, fate};

/// How many interfaces that changed are told at once.
const TOLD: usize = 5;

/// What became of an attempt.
#[derive(Clone, Debug)]
pub(crate) struct StitchOutcome {
    pub(crate) outcome: Outcome,
    /// Why, in a line; may be empty.
    pub(crate) reason: String,
    /// A refusal that no retry fixes.
    pub(crate) refused: Option<String>,
    /// The budget that it met, when that is not the task's fault.
    pub(crate) spent: Option<Scope>,
    /// Its request was refused for what is in it: what may be fixed, in a sentence.
    pub(crate) request_refused: Option<String>,
    /// The session that was to go on is not there any more: a fresh attempt can begin at once.
    pub(crate) session_lost: bool,
}

impl StitchOutcome {
    fn of(ended: &Ended, verdict: AttemptVerdict) -> Self {
        let report = ended.report();
        let of_request = report.filter(|report| report.request_refused && !report.session_lost);
        let of_all = report.filter(|report| {
            report.outcome == CallOutcome::Permanent && !report.session_lost && !report.request_refused
        });
        let later = verdict.later;
        let spent = later.spent.or(ended.spent());
        Self {
            refused: later.refused.or(of_all.map(refusal)),
            spent: spent.filter(|_| verdict.outcome == Outcome::BudgetSpent),
            request_refused: of_request.map(refusal),
            session_lost: report.is_some_and(|report| report.session_lost),
            outcome: verdict.outcome,
            reason: verdict.reason,
        }
    }
}

impl Ended {
    /// Returns the budget that ended it, if one did.
    fn spent(&self) -> Option<Scope> {
        let met = self.called.as_ref();
        let met = met.filter(|called| called.report.outcome == CallOutcome::Budget);
        self.no_room.or(met.map(|called| called.met))
    }

    /// Returns the gate that was red when it ended: the one that it failed by, or the one that a round was to make pass
    /// which did not come to its own end.
    pub(super) fn red(&self, verdict: &AttemptVerdict) -> Option<FailedCheck> {
        let unfinished = match verdict.outcome {
            Outcome::AgentFailed
            | Outcome::TimedOut
            | Outcome::Limited
            | Outcome::BudgetSpent
            | Outcome::InfrastructureFailed
            | Outcome::Cancelled => self.calls.rounds.last(),
            _ => None,
        };
        let red = unfinished.map(|round| round.red.clone());
        verdict.red.clone().or(red)
    }
}

impl Stitch {
    /// Ends an attempt, in the store first: whatever ends the run, the task must not stay claimed by it. An error is
    /// one that ends the run.
    pub(super) fn conclude(&self, attempting: &Attempting, ended: Ended) -> Result<StitchOutcome> {
        let verdict = ended.verdict();
        let interfaces = self.changed_interfaces(attempting, &verdict);
        let written = self.write(attempting, &ended, (&verdict, interfaces));
        if verdict.commit.is_some() {
            // Not before: it writes to the disk that the store waits for.
            self.sessions.slots.make_next_ready();
        }
        let done = StitchOutcome::of(&ended, verdict);
        match ended.judged {
            Err(error) if error.kind() != ErrorKind::Engine => Err(error),
            _ => written.map(|()| done),
        }
    }

    /// Writes an attempt's end into the store: recorded, and closed, held or given back, all in one commit.
    fn write(
        &self,
        attempting: &Attempting,
        ended: &Ended,
        (verdict, interfaces): (&AttemptVerdict, Option<InterfaceChanges>),
    ) -> Result<()> {
        let context = self.context();
        let now = context.now();
        let id = &attempting.issue.id;
        let number = attempting.name.attempt;
        let attempt = Attempt {
            interfaces,
            ..record(context, attempting, ended, verdict, now)
        };
        let asked = verdict.question.as_deref();
        let asked = asked.map(|own| questions::different(own, &ended.candidates));
        let why = format!("{id}: attempt {number} ended: {}", verdict.outcome);
        let fate = context.store.update(&why, now, |issues| {
            issues.record_attempt(id, attempt.clone(), now)?;
            if let Some(commit) = verdict.commit {
                issues.close(id, "merged", Some(&CommitId::from(commit)), now)?;
                return Ok(Fate::Again);
            }
            issues.release_claim(id, context.recorder.run(), now)?;
            if let Some(asked) = &asked {
                issues.ask(id, &questions::in_one_text(asked), now)?;
                return Ok(issues.get(id)?.hold.clone().map_or(Fate::Again, Fate::Held));
            }
            let fate = fate(&context.project.config, issues.get(id)?, verdict);
            match &fate {
                Fate::Held(reason) => issues.hold(id, reason, now)?,
                Fate::Stuck(reason) => issues.hold_stuck(id, reason, now)?,
                Fate::Again | Fate::Stronger(_) => {}
            }
            Ok(fate)
        })?;
        crash_point!("stitch.concluded");
        self.tell(attempting, ended, (verdict, &attempt));
        match fate {
            Fate::Held(reason) | Fate::Stuck(reason) => context.recorder.emit(EventKind::TaskHeld {
                task: id.clone(),
                reason,
            }),
            Fate::Stronger(why) => context.warn(format!("{id} is stuck: {why}")),
            Fate::Again => {}
        }
        match asked {
            Some(asked) => self.tell_questions(attempting, asked),
            None => Ok(()),
        }
    }
}

impl Stitch {
    /// Reports an attempt's end.
    fn tell(&self, attempting: &Attempting, ended: &Ended, (verdict, attempt): (&AttemptVerdict, &Attempt)) {
        self.tell_candidates(attempting, &ended.candidates);
        let interfaces = attempt.interfaces.as_ref();
        self.context().recorder.emit(EventKind::AttemptEnded {
            task: attempting.issue.id.clone(),
            title: one_line(&attempting.issue.title, 120),
            attempt: attempting.name.attempt,
            outcome: verdict.outcome,
            reason: verdict.reason.clone(),
            commit: verdict.commit.map(CommitId::from),
            changed: ended.left.as_ref().and_then(Work::stat),
            usage: attempt.usage(),
            interfaces: interfaces.map_or_else(Vec::new, |changes| changes.in_lines(TOLD)),
            seconds: attempting.begun.elapsed().as_secs_f64(),
        });
    }

    /// Returns the public interfaces that landed work has changed, in a mode in which existing tests stay: there it should
    /// change none, and a person wants to know of each. What keeps them from being found is a warning, for the work has landed.
    fn changed_interfaces(&self, attempting: &Attempting, verdict: &AttemptVerdict) -> Option<InterfaceChanges> {
        let context = self.context();
        let commit = verdict.commit.filter(|_| context.project.config.mode.keep_tests)?;
        let (git, id) = (&context.project.git, &attempting.issue.id);
        block_in_place(|| interfaces::of_landed(git, id, commit, |why| context.warn(why)))
    }

    /// Reports what agents ask a person, whose sessions wait for the answer, and sees to it that not too many do.
    fn tell_questions(&self, attempting: &Attempting, asked: Vec<AskedBy>) -> Result<()> {
        for AskedBy { candidates, question } in asked {
            self.context().recorder.emit(EventKind::QuestionAsked(QuestionAsked {
                task: attempting.issue.id.clone(),
                attempt: attempting.name.attempt,
                candidates,
                question,
            }));
        }
        self.sessions.bound_questions()
    }

    /// Reports what each candidate of an attempt came to.
    fn tell_candidates(&self, attempting: &Attempting, candidates: &[Candidate]) {
        for one in candidates {
            self.context().recorder.emit(EventKind::CandidateEnded(CandidateEnded {
                task: attempting.issue.id.clone(),
                attempt: attempting.name.attempt,
                candidate: one.number,
                chosen: one.chosen,
                outcome: one.outcome,
                reason: one.reason.clone(),
                score: one.score,
                changed: one.changed,
            }));
        }
    }
}

/// Builds the store's record of an attempt.
fn record(
    context: &RunContext,
    attempting: &Attempting,
    ended: &Ended,
    verdict: &AttemptVerdict,
    now: Timestamp,
) -> Attempt {
    let left = ended.left.as_ref();
    let commit = left.and_then(|left| left.commit);
    Attempt {
        number: attempting.name.attempt,
        run: context.recorder.run().clone(),
        outcome: verdict.outcome,
        reason: verdict.reason.clone(),
        snapshot: commit.map(CommitId::from),
        ignored: left.and_then(|left| left.ignored.clone()),
        overrides: attempting.overrides.clone(),
        records: Some(attempting.folder.below.clone()),
        started_at: attempting.started_at,
        ended_at: now,
        call: ended.calls.first.clone(),
        rounds: ended.calls.rounds.clone(),
        stages: ended.calls.stages.clone(),
        red: ended.red(verdict),
        summary: ended.calls.summary.clone(),
        interfaces: None,
        person: None,
        candidates: ended.candidates.clone(),
    }
}
