//! Stitch: one task, from its claim to its merge. Every step is durable before the next begins and can be done twice.
//! What is known of an attempt grows by types, see `stages`: claimed, attempting, called, kept, ended.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use tokio::task::block_in_place;

use crate::base::crash::crash_point;
use crate::base::error::Result;
use crate::base::interruption::Interruption;
use crate::base::text::one_line;
use crate::git::Oid;
use crate::issues::attempt::Outcome;
use crate::issues::issue::Claim;
use crate::model::{CommitId, IssueId, Role};
use crate::project::protected::ProtectedPaths;
use crate::record::event::{CallName, EventKind};
use crate::run::attempt_verdict::AttemptVerdict;
use crate::run::context::RunContext;
use crate::run::gate::Gates;
use crate::run::overrides::settings_of;
use crate::run::race::Race;
use crate::run::seats::Seat;
use crate::run::session::{Entered, Next, Purpose, Session, Sessions};

mod adopted;
mod call;
mod candidates;
mod conclusion;
mod earlier;
mod judge;
mod keep;
mod known;
mod later;
mod merge;
mod newer;
mod own;
mod proof;
mod review;
pub(in crate::run::phase) use self::review::lines_of;
mod rounds;
mod stack;
mod stages;
mod unfinished;
mod weakened;

pub(crate) use self::conclusion::StitchOutcome;
pub(crate) use self::merge::Landings;
use self::stages::{Attempting, Begun, Ended};
pub(crate) use self::stages::{Claimed, TakenOver};
use self::unfinished::unfinished;

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
                if let Some(key) = issues.get(id)?.group.clone() {
                    issues.begin_group(&key, &CommitId::from(base), false);
                }
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

    /// Makes one attempt at a task, which has a seat for its agent. An error is one that ends the run; all else is the attempt's outcome.
    pub(crate) async fn attempt(
        self: &Arc<Self>,
        claimed: Claimed,
        seat: Seat,
        interruption: &Interruption,
    ) -> Result<StitchOutcome> {
        let base = claimed.base;
        let begun = self.begin(claimed, seat);
        let candidates = self.candidates(&begun)?;
        if !candidates.is_empty() {
            return Box::pin(self.best_of(&begun, candidates, base, interruption)).await;
        }
        let attempting = self.attempting(&begun, 0, None)?;
        begun.seat.give_up();
        let ended = self.enter(&attempting, base, interruption).await;
        block_in_place(|| self.conclude(&attempting, ended))
    }

    /// Reports that an attempt begins.
    fn begin(&self, claimed: Claimed, seat: Seat) -> Begun {
        let Claimed {
            issue,
            issues,
            at,
            alive,
            ..
        } = claimed;
        let context = self.context();
        let leftovers = &context.project.environment.leftovers;
        let left = leftovers.note(format!("the claim of {}", issue.id));
        context.recorder.emit(EventKind::TaskClaimed {
            task: issue.id.clone(),
            title: one_line(&issue.title, 120),
            attempt: issue.next_attempt(),
        });
        let age = std::time::Duration::try_from(context.now().duration_since(at)).unwrap_or_default();
        let now = std::time::Instant::now();
        Begun {
            issue,
            issues,
            at,
            since: now.checked_sub(age).unwrap_or(now),
            known: Arc::new((left, alive)),
            seat,
        }
    }

    /// Opens the records of an attempt, or of a candidate of it.
    fn attempting(&self, begun: &Begun, candidate: u32, race: Option<Arc<Race>>) -> Result<Attempting> {
        let context = self.context();
        let issue = begun.issue.clone();
        let name = CallName {
            role: Role::Stitch,
            task: Some(issue.id.clone()),
            attempt: issue.next_attempt(),
            round: 0,
            candidate,
        };
        Ok(Attempting {
            folder: context.recorder.call_folder(&name, 0)?,
            begun: begun.since,
            started_at: begun.at,
            overrides: settings_of(&context.project.config, &issue, name.attempt).1,
            issue,
            issues: begun.issues.clone(),
            name,
            race,
            seat: begun.seat.shared(),
            flow: Mutex::default(),
            stage: Mutex::default(),
            calls: Mutex::default(),
            _known: Arc::clone(&begun.known),
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
            candidate: attempting.name.candidate,
            race: attempting.race.clone(),
            layer,
            ..self.purpose(&attempting.issue, attempting.name.attempt)
        };
        let session = match self.sessions.enter(purpose, base, &attempting.issues) {
            Ok(Entered::Ready(session)) => session,
            Ok(Entered::Refused(error)) => {
                let refused = AttemptVerdict::held(Outcome::ProtectedPath, error.in_a_line());
                return Ended::before_call(Ok(refused));
            }
            Err(error) => return Ended::before_call(Err(error)),
        };
        crash_point!("stitch.checkout");
        self.work_in(session, attempting, interruption).await
    }

    /// Has the task done in a slot, and leaves that.
    async fn work_in(&self, mut session: Box<Session>, attempting: &Attempting, interruption: &Interruption) -> Ended {
        let mut ended = self.work(&mut session, attempting, interruption).await;
        let is_safe = ended.judged.is_ok() || self.is_safe(&mut session, attempting, &mut ended).await;
        let has_lost = attempting.has_lost().await;
        let next = match unfinished(&session, &ended) {
            _ if !is_safe => Next::Keep,
            Some(waiting) if !has_lost => Next::Suspend(waiting),
            _ => Next::Release,
        };
        if let Err(error) = session.leave(next) {
            ended.judged = Err(error);
        }
        crash_point!("stitch.released");
        ended
    }

    async fn work(&self, session: &mut Session, attempting: &Attempting, interruption: &Interruption) -> Ended {
        let mut calls = attempting.take_calls();
        let mut ended = Box::pin(self.work_in_rounds(session, attempting, &mut calls, interruption)).await;
        ended.calls = calls;
        ended
    }

    /// Takes care of a slot in which something failed that was not the agent: what is in it is kept on the task's ref.
    /// Returns whether the slot may be used again.
    async fn is_safe(&self, session: &mut Session, attempting: &Attempting, ended: &mut Ended) -> bool {
        let is_over = self.sessions.is_over(&attempting.name).await;
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
