//! Stitch: one task, from its claim to its merge. Every step is durable before the next begins and can be done twice.
//!
//! What is known of an attempt grows by types, see `stages`: claimed, attempting, called, kept, ended.

use std::ops::ControlFlow;
use std::sync::Arc;

use tokio::task::block_in_place;

use crate::agent::CallOutcome;
use crate::base::crash::crash_point;
use crate::base::error::{ErrorKind, Result};
use crate::base::interruption::Interruption;
use crate::base::text::one_line;
use crate::git::Oid;
use crate::issues::attempt::Outcome;
use crate::issues::issue::Claim;
use crate::issues::round::Calls;
use crate::model::{IssueId, Role, SessionId};
use crate::project::protected::ProtectedPaths;
use crate::record::event::{CallName, EventKind};
use crate::run::attempt_verdict::AttemptVerdict;
use crate::run::context::RunContext;
use crate::run::gate::Gates;
use crate::run::overrides::settings_of;
use crate::run::session::{Entered, Next, Purpose, Session, Sessions};

mod call;
mod conclusion;
mod judge;
mod keep;
mod known;
mod later;
mod merge;
mod newer;
mod own;
mod proof;
mod review;
mod rounds;
mod stack;
mod stages;
mod weakened;

pub(crate) use self::conclusion::StitchOutcome;
pub(crate) use self::merge::Landings;
pub(crate) use self::stages::Claimed;
use self::stages::{Attempting, Ended};

/// The phase that does tasks.
pub(crate) struct Stitch {
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) gates: Arc<Gates>,
    pub(crate) protected: ProtectedPaths,
    pub(crate) landings: Landings,
}

impl Stitch {
    fn context(&self) -> &RunContext {
        &self.sessions.context
    }

    /// Claims a ready task, whose work begins from the commit `base` of the generation.
    ///
    /// # Errors
    ///
    /// Of kind [`Precondition`](crate::base::error::ErrorKind::Precondition), where the task is not ready (any more).
    pub(crate) fn claim(&self, id: &IssueId, base: Oid) -> Result<Claimed> {
        let context = self.context();
        let now = context.now();
        let claim = Claim {
            run: context.recorder.run().clone(),
            repository: Some(context.repository.clone()),
            at: now,
        };
        // Before the store has the claim: at no moment is it anybody's left behind.
        let alive = context.active_work.note(Role::Stitch.name(), Some(id.clone()));
        let issues = block_in_place(|| {
            context.store.update(&format!("claim {id}"), now, |issues| {
                issues.claim_as(id, claim.clone())?;
                Ok(issues.clone())
            })
        })?;
        crash_point!("stitch.claimed");
        Ok(Claimed {
            issue: issues.get(id)?.clone(),
            issues,
            base,
            at: now,
            alive,
        })
    }

    /// Makes one attempt at a task. An error is one that ends the run; all else is the attempt's outcome.
    pub(crate) async fn attempt(&self, claimed: Claimed, interruption: &Interruption) -> Result<StitchOutcome> {
        let base = claimed.base;
        let attempting = self.begin(claimed)?;
        let ended = self.enter(&attempting, base, interruption).await;
        block_in_place(|| self.conclude(&attempting, ended))
    }

    /// Opens the records of an attempt.
    fn begin(&self, claimed: Claimed) -> Result<Attempting> {
        let Claimed {
            issue,
            issues,
            at,
            alive,
            ..
        } = claimed;
        let context = self.context();
        let name = CallName {
            role: Role::Stitch,
            task: Some(issue.id.clone()),
            attempt: issue.next_attempt(),
            round: 0,
        };
        let leftovers = &context.project.environment.leftovers;
        let left = leftovers.note(format!("the claim of {}", issue.id));
        context.recorder.emit(EventKind::TaskClaimed {
            task: issue.id.clone(),
            title: one_line(&issue.title, 120),
            attempt: name.attempt,
        });
        Ok(Attempting {
            folder: context.recorder.call_folder(&name, 0)?,
            begun: std::time::Instant::now(),
            started_at: at,
            overrides: settings_of(&context.project.config, &issue, name.attempt).1,
            issue,
            issues,
            name,
            _left: left,
            _alive: alive,
        })
    }

    /// Enters a slot, has the task done there, and leaves it.
    async fn enter(&self, attempting: &Attempting, base: Oid, interruption: &Interruption) -> Ended {
        let layer = match self.gates.layer_of(base, interruption).await {
            Ok(ControlFlow::Continue(layer)) => layer,
            Ok(ControlFlow::Break(())) => {
                let verdict = AttemptVerdict::of(Outcome::Cancelled, stages::INTERRUPTED);
                return Ended::before_call(Ok(verdict));
            }
            Err(error) => return Ended::before_call(Err(error)),
        };
        let purpose = Purpose {
            role: Role::Stitch,
            settings: settings_of(
                &self.context().project.config,
                &attempting.issue,
                attempting.name.attempt,
            )
            .0,
            task: Some(attempting.issue.id.clone()),
            attempt: attempting.name.attempt,
            round: 0,
            cycle: 0,
            writable: true,
            layer,
        };
        let mut session = match self.sessions.enter(purpose, base, &attempting.issues) {
            Ok(Entered::Ready(session)) => session,
            Ok(Entered::Refused(error)) => {
                let refused = AttemptVerdict::held(Outcome::ProtectedPath, error.in_a_line());
                return Ended::before_call(Ok(refused));
            }
            Err(error) => return Ended::before_call(Err(error)),
        };
        crash_point!("stitch.checkout");
        let mut ended = self.work(&mut session, attempting, interruption).await;
        let next = match unfinished(&session, &ended) {
            _ if ended.judged.is_err() && !self.is_safe(&mut session, attempting, &mut ended).await => Next::Keep,
            Some(waiting) => Next::Suspend(waiting),
            None => Next::Release,
        };
        if let Err(error) = session.leave(next) {
            ended.judged = Err(error);
        }
        crash_point!("stitch.released");
        ended
    }

    async fn work(&self, session: &mut Session, attempting: &Attempting, interruption: &Interruption) -> Ended {
        let mut calls = Calls::default();
        let mut ended = Box::pin(self.work_in_rounds(session, attempting, &mut calls, interruption)).await;
        ended.calls = calls;
        ended
    }

    /// Takes care of a slot in which something failed that was not the agent: what is in it is kept on the task's ref.
    /// Returns whether the slot may be used again.
    async fn is_safe(&self, session: &mut Session, attempting: &Attempting, ended: &mut Ended) -> bool {
        let is_over = self.sessions.is_over(Role::Stitch, Some(&attempting.issue.id)).await;
        if ended.left.as_ref().is_some_and(|left| left.commit.is_some()) {
            return is_over;
        }
        match block_in_place(|| self.keep(session, attempting, &ended.calls)) {
            Ok(left) => {
                ended.left = Some(left);
                is_over
            }
            Err(error) => {
                let error = error.in_a_line();
                let what = format!("its files stay in the worktree until they can be kept: {error}");
                self.context().warn(format!("{}: {what}", attempting.issue.id));
                false
            }
        }
    }
}

/// Returns the session that is to go on after an attempt that nothing of its own ended: a limit, a budget, a passing
/// failure, a person's word. One whose call was never made is as it was.
fn unfinished(session: &Session, ended: &Ended) -> Option<SessionId> {
    let Some(report) = ended.report() else {
        return session.can_go_on(None);
    };
    let verdict = match &ended.judged {
        Ok(verdict) => verdict,
        // The work is done, and waits for an image in which its gates or its review can run.
        Err(error) => {
            let waits = error.kind() == ErrorKind::Image && report.outcome == CallOutcome::Success;
            return session.can_go_on(Some(report)).filter(|_| waits);
        }
    };
    let goes_on = match verdict.outcome {
        // After a review that came to nothing, or a stage that failed, the work is done, and waits for another one; and so it
        // does for a proof that proves something.
        Outcome::Limited | Outcome::Cancelled | Outcome::ReviewFailed | Outcome::StageFailed | Outcome::Unproven => {
            true
        }
        Outcome::BudgetSpent => !verdict.hold || verdict.later.spent.is_some(),
        // After a call that succeeded it was the gates that could not run: the work is done, and waits for them.
        Outcome::InfrastructureFailed => matches!(report.outcome, CallOutcome::Transient | CallOutcome::Success),
        _ => false,
    };
    session.can_go_on(Some(report)).filter(|_| goes_on)
}
