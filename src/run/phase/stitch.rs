//! Stitch: one task, from its claim to its merge. Every step is durable before the next begins and can be done twice.
//!
//! What is known of an attempt grows by types: [`Claimed`], [`Attempting`], [`Called`], [`Kept`], [`Ended`].

use std::sync::Arc;

use jiff::Timestamp;

use crate::accounting::budget::Scope;
use crate::accounting::ledger::Entry;
use crate::agent::{CallOutcome, CallReport};
use crate::base::crash::crash_point;
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::interruption::{Interruption, Left};
use crate::base::text::one_line;
use crate::git::{Oid, Snapshot};
use crate::issues::attempt::{Ignored, Outcome};
use crate::issues::issue::{Claim, Issue};
use crate::model::{IssueId, Role};
use crate::project::obeyed;
use crate::project::protected::ProtectedPaths;
use crate::prompt;
use crate::record::event::{CallName, Happening};
use crate::record::recorder::CallFolder;
use crate::run::context::RunContext;
use crate::run::gate::{self, Gates};
use crate::run::judgement::{self, Judgement};
use crate::run::land::{Contribution, keep_snapshot, left_out, message};
use crate::run::prompt_inputs;
use crate::run::session::{Ask, Entered, Next, Purpose, Session, Sessions};

mod conclusion;
mod merge;

pub(crate) use self::conclusion::Done;

/// The interruption, told where an attempt ends by it.
const INTERRUPTED: &str = "the run was interrupted";

/// The phase that does tasks.
pub(crate) struct Stitch {
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) gates: Arc<Gates>,
    pub(crate) protected: ProtectedPaths,
}

/// A task that is claimed for this run, and not tried yet.
pub(crate) struct Claimed {
    issue: Issue,
    /// The generation's tip when it was claimed.
    base: Oid,
    at: Timestamp,
}

/// An attempt that goes on.
struct Attempting {
    issue: Issue,
    name: CallName,
    folder: CallFolder,
    started_at: Timestamp,
    begun: std::time::Instant,
    /// Told to whoever ends the program meanwhile.
    _left: Left,
}

/// A call that was made.
struct Called {
    report: CallReport,
    entry: Entry,
    /// The budget that it met, where it ended for one.
    met: Scope,
}

/// What the agent left after a call, which is safe now.
struct Kept {
    called: Called,
    left: Work,
}

/// What is in a slot, kept on the task's ref.
struct Work {
    snapshot: Snapshot,
    /// The commit; `None` where nothing changed.
    commit: Option<Oid>,
    /// What ignore rules left out of it.
    ignored: Option<Ignored>,
}

/// How far an attempt came, and how it ended there.
struct Ended {
    called: Option<Called>,
    left: Option<Work>,
    /// The budget that had no room for a call.
    no_room: Option<Scope>,
    judged: Result<Judgement>,
}

impl Ended {
    /// An attempt that ended before its call.
    fn before_call(judged: Result<Judgement>) -> Self {
        Self {
            called: None,
            left: None,
            no_room: None,
            judged,
        }
    }

    /// An attempt that ended with its call.
    fn with_call(called: Called, error: Error) -> Self {
        Self {
            called: Some(called),
            ..Self::before_call(Err(error))
        }
    }

    /// An attempt whose work was judged.
    fn with_work(kept: Kept, judged: Result<Judgement>) -> Self {
        Self {
            called: Some(kept.called),
            left: Some(kept.left),
            ..Self::before_call(judged)
        }
    }

    fn report(&self) -> Option<&CallReport> {
        self.called.as_ref().map(|called| &called.report)
    }
}

impl Stitch {
    fn context(&self) -> &RunContext {
        &self.sessions.context
    }

    /// Claims a ready task. Fails with [`ErrorKind::Precondition`] when it is not ready, or not any more.
    pub(crate) fn claim(&self, id: &IssueId) -> Result<Claimed> {
        let context = self.context();
        let base = context.tip()?;
        let now = context.now();
        let claim = Claim {
            run: context.recorder.run().to_owned(),
            repository: Some(context.repository.clone()),
            at: now,
        };
        let issue = context.store.update(&format!("claim {id}"), now, |issues| {
            issues.claim_as(id, claim.clone())?;
            issues.get(id).cloned()
        })?;
        crash_point!("stitch.claimed");
        Ok(Claimed { issue, base, at: now })
    }

    /// Makes one attempt at a task. An error is one that ends the run; all else is the attempt's outcome.
    pub(crate) async fn attempt(&self, claimed: Claimed, interruption: &Interruption) -> Result<Done> {
        let base = claimed.base;
        let attempting = self.begin(claimed)?;
        let ended = self.enter(&attempting, base, interruption).await;
        self.conclude(&attempting, ended)
    }

    /// Opens the records of an attempt.
    fn begin(&self, claimed: Claimed) -> Result<Attempting> {
        let Claimed { issue, at, .. } = claimed;
        let context = self.context();
        let name = CallName {
            role: Role::Stitch,
            task: Some(issue.id.clone()),
            attempt: issue.next_attempt(),
        };
        let left_behind = &context.project.surroundings.left_behind;
        let left = left_behind.note(format!("the claim of {}", issue.id));
        context.recorder.emit(Happening::TaskClaimed {
            task: issue.id.clone(),
            title: one_line(&issue.title, 120),
            attempt: name.attempt,
        });
        Ok(Attempting {
            folder: context.recorder.call_folder(&name, 0)?,
            begun: std::time::Instant::now(),
            started_at: at,
            issue,
            name,
            _left: left,
        })
    }

    /// Enters a slot, has the task done there, and leaves it.
    async fn enter(&self, attempting: &Attempting, base: Oid, interruption: &Interruption) -> Ended {
        let context = self.context();
        context.step(&attempting.name, "checkout");
        let purpose = Purpose {
            role: Role::Stitch,
            task: Some(attempting.issue.id.clone()),
            attempt: attempting.name.attempt,
            cycle: 0,
            writable: true,
        };
        let issues = context.store.read();
        let mut session = match issues.and_then(|issues| self.sessions.enter(purpose, base, &issues)) {
            Ok(Entered::Ready(session)) => session,
            Ok(Entered::Refused(error)) => {
                let refused = Judgement::held(Outcome::ProtectedPath, error.in_a_line());
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
        let called = match self.call(session, attempting, interruption).await {
            Ok(called) => called,
            Err(ended) => return *ended,
        };
        self.context().step(&attempting.name, "snapshot");
        let left = match self.keep(session, attempting, Some(&called.entry)) {
            Ok(left) => left,
            Err(error) => return Ended::with_call(called, error),
        };
        crash_point!("stitch.kept");
        let kept = Kept { called, left };
        let judged = self.judge(session, attempting, &kept, interruption).await;
        Ended::with_work(kept, judged)
    }

    /// Makes the call; an attempt that gets no further than this is told as it ended.
    async fn call(
        &self,
        session: &Session,
        attempting: &Attempting,
        interruption: &Interruption,
    ) -> Result<Called, Box<Ended>> {
        let before = |judged| Box::new(Ended::before_call(judged));
        let context = self.context();
        let issue = &attempting.issue;
        let prompt = match session.resumes() {
            Some(_) => Ok(prompt::continuation(attempting.name.attempt, &said_since(issue))),
            None => prompt_inputs::stitch_prompt(context, &self.protected, issue, session.base()),
        };
        let prompt = prompt.map_err(|error| before(Err(error)))?;
        let issues = context.store.read().map_err(|error| before(Err(error)))?;
        let reservation = session.reserve(&issues).map_err(|spent| {
            Box::new(Ended {
                no_room: Some(spent.scope),
                ..Ended::before_call(Ok(Judgement::of(Outcome::BudgetSpent, spent.reason)))
            })
        })?;
        if interruption.is_asked() {
            return Err(before(Ok(Judgement::of(Outcome::Cancelled, INTERRUPTED))));
        }
        context.step(&attempting.name, "container");
        let ask = Ask {
            name: &attempting.name,
            folder: &attempting.folder,
            prompt: &prompt,
            json_schema: None,
            reservation: &reservation,
            issues: &issues,
        };
        let made = Box::pin(session.call(&ask, interruption)).await;
        let made = made.map_err(|error| before(Err(error)))?;
        crash_point!("stitch.called");
        let called = Called {
            met: reservation.scope_met(&made.entry.charged()),
            report: made.report,
            entry: made.entry,
        };
        match made.failure {
            None => Ok(called),
            Some(failure) => Err(Box::new(Ended::with_call(called, failure))),
        }
    }

    /// Records what is in the slot, as a commit on the task's ref. The container is gone by now.
    fn keep(&self, session: &mut Session, attempting: &Attempting, call: Option<&Entry>) -> Result<Work> {
        let context = self.context();
        let Attempting { issue, name, .. } = attempting;
        let base = session.base();
        let snapshot = session.snapshot()?;
        for what in left_out(&snapshot.skipped) {
            context.warn(format!("{}: {what}", issue.id));
        }
        let ignored = Ignored::of(&snapshot.ignored);
        if let Some(ignored) = &ignored {
            context.warn(format!("{}: ignore rules leave out {ignored}", issue.id));
        }
        let is_changed = snapshot.tree != context.project.git.commit_info(base)?.tree;
        let commit = is_changed.then(|| {
            let made = contribution(context, &issue.id, base, &snapshot);
            let text = message(&context.attempt(&issue.id, name.attempt), issue, call);
            keep_snapshot(&context.project, made, &text)
        });
        Ok(Work {
            commit: commit.transpose()?,
            snapshot,
            ignored,
        })
    }

    /// Judges what was kept: by its call, by what it is, by the gates, and by how it goes with what others did meanwhile.
    async fn judge(
        &self,
        session: &Session,
        attempting: &Attempting,
        kept: &Kept,
        interruption: &Interruption,
    ) -> Result<Judgement> {
        let Kept { called, left } = kept;
        let (git, base, tree) = (&self.context().project.git, session.base(), left.snapshot.tree);
        let brought = git.hazards_brought(base, tree)?;
        let touched = obeyed::touched(git, &self.protected, base, tree)?;
        if let Some(judgement) = judgement::of_report(&called.report, called.met)
            .or_else(|| judgement::of_snapshot(&left.snapshot, left.commit.is_some(), &touched, &brought))
        {
            return Ok(judgement);
        }
        let not_yet = match self.ask_gates(session, attempting, tree, interruption).await? {
            gate::Verdict::Passed { not_yet } => not_yet,
            gate::Verdict::Failed { reason } => return Ok(Judgement::of(Outcome::GateFailed, reason)),
            gate::Verdict::Cancelled => return Ok(Judgement::of(Outcome::Cancelled, INTERRUPTED)),
            gate::Verdict::NotRun { reason } => return Ok(Judgement::of(Outcome::InfrastructureFailed, reason)),
        };
        self.context().step(&attempting.name, "merge");
        let mut judgement = self.merge(attempting, base, kept)?;
        if judgement.outcome == Outcome::Merged && !not_yet.is_empty() {
            judgement.reason = one_line(&format!("not yet: {}", not_yet.join("; ")), 500);
        }
        Ok(judgement)
    }

    /// Asks every gate. Where something fails under them, and nothing of them runs any more, the session can go on: only
    /// the gates are missing.
    async fn ask_gates(
        &self,
        session: &Session,
        attempting: &Attempting,
        tree: Oid,
        interruption: &Interruption,
    ) -> Result<gate::Verdict> {
        let id = &attempting.issue.id;
        let sandbox = session.sandbox(&attempting.name, &attempting.folder);
        match Box::pin(self.gates.judge(&sandbox, id, tree, interruption)).await {
            Err(error) if error.kind() == ErrorKind::Engine && self.sessions.is_over(Some(id)).await => {
                Ok(gate::Verdict::NotRun {
                    reason: error.in_a_line(),
                })
            }
            judged => judged,
        }
    }

    /// Sees to a slot in which something failed that was not the agent: what is in it is kept on the task's ref. Returns
    /// whether the slot may be used again.
    async fn is_safe(&self, session: &mut Session, attempting: &Attempting, ended: &mut Ended) -> bool {
        let is_over = self.sessions.is_over(Some(&attempting.issue.id)).await;
        if ended.left.as_ref().is_some_and(|left| left.commit.is_some()) {
            return is_over;
        }
        let call = ended.called.as_ref().map(|called| &called.entry);
        match self.keep(session, attempting, call) {
            Ok(left) => {
                ended.left = Some(left);
                is_over
            }
            Err(error) => {
                let error = error.in_a_line();
                let what = format!("what it left stays in its worktree until it can be kept: {error}");
                self.context().warn(format!("{}: {what}", attempting.issue.id));
                false
            }
        }
    }
}

fn contribution<'a>(context: &'a RunContext, task: &'a IssueId, base: Oid, snapshot: &Snapshot) -> Contribution<'a> {
    Contribution {
        generation: &context.generation,
        task,
        base,
        tree: snapshot.tree,
    }
}

/// Returns the session that is to go on after an attempt that nothing of its own ended: a limit, a budget, a passing
/// failure, a person's word. One whose call was never made is as it was.
fn unfinished(session: &Session, ended: &Ended) -> Option<String> {
    let Some(report) = ended.report() else {
        return session.can_go_on(None);
    };
    let judgement = ended.judged.as_ref().ok()?;
    let goes_on = match judgement.outcome {
        Outcome::Limited | Outcome::Cancelled => true,
        Outcome::BudgetSpent => !judgement.hold,
        // After a call that succeeded it was the gates that could not run: the work is done, and waits for them.
        Outcome::InfrastructureFailed => matches!(report.outcome, CallOutcome::Transient | CallOutcome::Success),
        _ => false,
    };
    session.can_go_on(Some(report)).filter(|_| goes_on)
}

/// Returns what people said of a task since its last attempt ended.
fn said_since(issue: &Issue) -> Vec<String> {
    let Some(last) = issue.attempts.last() else {
        return Vec::new();
    };
    let later = issue
        .comments
        .iter()
        .filter(|comment| comment.created_at > last.ended_at);
    later.map(|comment| comment.text.clone()).collect()
}
