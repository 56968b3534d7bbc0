//! A session of an agent in a slot: entered fresh or where it was suspended, called, and left.
//!
//! Whatever an agent is called for goes this way: [`Sessions::enter`] takes a slot, [`Session::reserve`] sets aside
//! what a call may use, [`Session::call`] makes it, and [`Session::leave`] decides what becomes of the slot.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::accounting::budget::Spent;
use crate::accounting::ledger::{Entry, Sum, learned_rates};
use crate::agent::{CallOutcome, CallReport, StopCause};
use crate::base::error::{Error, Result};
use crate::base::interruption::Interruption;
use crate::git::{Oid, Slot, Snapshot};
use crate::issues::issue::Issues;
use crate::model::{CommitId, IssueId, Role, SessionId};
use crate::project::labels::{CANDIDATE_LABEL, RUN_LABEL, TASK_LABEL};
use crate::project::layers::Layer;
use crate::record::event::{CallName, Step};
use crate::record::recorder::CallFolder;
use crate::run::attempt_verdict::limit_of;
use crate::run::call::{self, AdoptedCall, Call, CallResult, Sandbox};
use crate::run::context::RunContext;
use crate::run::land::SNAPSHOT_LIMITS;
use crate::run::preflight;
pub(crate) use crate::run::purpose::Purpose;
use crate::run::room::{Place, Reserved, Room};
use crate::run::slots::{Resume, SlotMounts, Slots, Under};
use crate::run::waiting::pausing::{LimitsSeen, Pauses};
use crate::run::waiting::suspend::{self, SlotOwner, Suspended, suspend};
use crate::sandbox::credential::CredentialSource;
use crate::sandbox::engine::{Engine, FoundContainer, UserChoice};

mod adopted;
mod ask;
mod beside;
mod fit;
mod newer_work;
mod questions;

pub(crate) use self::adopted::{AdoptedSlot, TakenSlot};
pub(crate) use self::ask::Ask;
use self::fit::{about, unfit};

/// What the sessions of a run are made with.
pub(crate) struct Sessions {
    pub(crate) context: Arc<RunContext>,
    pub(crate) engine: Engine,
    pub(crate) pauses: Pauses,
    pub(crate) slots: Slots,
    /// Where gateways have the credential from; `None` where nobody asks for one.
    credential: Option<CredentialSource>,
    /// What is left of the budgets.
    pub(crate) room: Room,
    /// Held by whoever frees slots of sessions that wait for answers.
    parking: Mutex<()>,
}

/// What became of the way into a slot.
pub(crate) enum Entered {
    /// The agent can begin, or go on.
    Ready(Box<Session>),
    /// What the agent has left there must not meet its client again.
    Refused(Error),
}

/// What becomes of a slot.
pub(crate) enum Next {
    /// This session goes on in it later.
    Suspend(SessionId),
    /// It is free.
    Release,
    /// It is not known who still writes in it, or what it used is not noted: the next recovery sees to that.
    Keep,
}

impl Sessions {
    pub(crate) fn new(context: Arc<RunContext>, engine: Engine) -> Self {
        let project = &context.project;
        let user = UserChoice::of(project.config.container.user.as_deref());
        let credential = project.credential();
        Self {
            pauses: Pauses::new(Arc::clone(&context), credential.clone()),
            slots: Slots::new(
                Arc::clone(&context),
                engine.slot_owner_for(&user),
                Under::of(&engine, project),
            ),
            room: Room::new(project.config.budget, context.recorder.run().clone()),
            credential,
            engine,
            context,
            parking: Mutex::default(),
        }
    }

    /// Takes up the slot in which a session for this purpose waits, as it was left; else a free one, brought to
    /// `base`.
    pub(crate) fn enter(self: &Arc<Self>, purpose: Purpose, base: Oid, issues: &Issues) -> Result<Entered> {
        let owner = SlotOwner {
            about: about(&purpose, issues),
            ..self.owner(&purpose)
        };
        let whose = (purpose.task.as_ref(), purpose.candidate);
        let Some(suspended) = self.slots.suspended(whose, issues)? else {
            return self.begin(purpose, owner, base).map(Entered::Ready);
        };
        let before = issues.session(suspended.session.as_str());
        let slot = self.slots.adopt(&suspended)?;
        let task = purpose.task.as_ref().and_then(|id| issues.get(id).ok());
        let unfit = unfit((&purpose, task), &owner, &suspended, base);
        if let Some(why) = unfit.or(self.slots.unfit(&slot, purpose.writable)) {
            let name = purpose.call_name();
            self.context.warn(format!("{name}: {why}, so it is started again"));
            self.slots.release(slot, None);
            return self.begin(purpose, owner, base).map(Entered::Ready);
        }
        if purpose.writable {
            match preflight::settings_in(&self.context.project, &slot) {
                Ok(ignored) => ignored.into_iter().for_each(|what| self.context.warn(what)),
                Err(error) => {
                    // What is in it is on the task's ref; begun afresh, the agent would only do it again.
                    self.slots.release(slot, None);
                    return Ok(Entered::Refused(error));
                }
            }
        }
        self.go_on(purpose, (slot, owner), suspended, before)
    }

    fn owner(&self, purpose: &Purpose) -> SlotOwner {
        SlotOwner {
            candidate: purpose.candidate,
            ..self.slots.owner(purpose.task.clone(), purpose.attempt, purpose.cycle)
        }
    }

    fn begin(self: &Arc<Self>, purpose: Purpose, owner: SlotOwner, base: Oid) -> Result<Box<Session>> {
        self.context.step(&purpose.call_name(), Step::Checkout);
        let mut slot = self.slots.acquire(&owner)?;
        Ok(Box::new(Session {
            mounts: self.slots.checkout(
                &mut slot,
                owner.clone(),
                (base, purpose.writable),
                purpose.layer.as_ref(),
            )?,
            sessions: Arc::clone(self),
            purpose,
            owner,
            slot,
            base,
            resume: None,
            adopted: Mutex::default(),
        }))
    }

    fn go_on(
        self: &Arc<Self>,
        purpose: Purpose,
        (mut slot, owner): (Slot, SlotOwner),
        suspended: Suspended,
        before: Sum,
    ) -> Result<Entered> {
        // The rounds of a measure count on.
        let attempt = match purpose.task {
            Some(_) => owner.attempt,
            None => suspended.owner.attempt,
        };
        let owner = SlotOwner {
            attempt,
            done: suspended.owner.done,
            asks: suspended.owner.asks,
            ..owner
        };
        let name = Purpose {
            attempt,
            ..purpose.clone()
        }
        .call_name();
        self.context.step(&name, Step::Checkout);
        let under = (purpose.layer.as_ref(), purpose.writable);
        Ok(Entered::Ready(Box::new(Session {
            base: self.context.project.git.resolve(suspended.base.as_str())?,
            mounts: self.slots.go_on(&mut slot, &suspended, owner.clone(), under)?,
            resume: Some(Resume {
                session: suspended.session,
                before,
            }),
            sessions: Arc::clone(self),
            purpose,
            owner,
            slot,
            adopted: Mutex::default(),
        })))
    }

    /// Returns the budget that has no room for a call, if one has none.
    pub(crate) fn spent(&self, role: Role, task: Option<&IssueId>, issues: &Issues) -> Option<Spent> {
        let settings = self.context.project.config.role(role);
        let place = Place {
            task,
            cycle: cycle_of(role, task, issues),
            beside: 1,
        };
        self.room.spent((role, settings), place, issues)
    }

    /// Ends whatever still runs of a call, and of its gates, after something failed under it; returns whether that is
    /// known. Else its slot may still be written, and stays as it is for the next recovery.
    pub(crate) async fn is_over(&self, call: &CallName) -> bool {
        match self.end_containers(call).await {
            Ok(()) => true,
            Err(error) => {
                let error = error.in_a_line();
                self.context.warn(format!(
                    "its container may still be running, so its worktree is not touched: {error}"
                ));
                false
            }
        }
    }
}

impl Sessions {
    /// Ends the containers of a role's calls about the very task of this one, or about none, and of no other candidate.
    async fn end_containers(&self, call: &CallName) -> Result<()> {
        let mut labels = self.labels(call);
        // The run may have gone on with one that a dead run has started.
        labels.remove(RUN_LABEL);
        let is_same = |container: &FoundContainer, label| container.labels.get(label) == labels.get(label);
        for container in self.engine.list(&labels).await? {
            if is_same(&container, TASK_LABEL) && is_same(&container, CANDIDATE_LABEL) {
                self.engine.remove(&container).await?;
            }
        }
        Ok(())
    }

    /// Returns the labels of a call's container.
    fn labels(&self, call: &CallName) -> BTreeMap<String, String> {
        let mut labels = self.context.labels(call.role.name(), call.task.as_ref());
        if call.candidate > 0 {
            labels.insert(CANDIDATE_LABEL.to_owned(), call.candidate.to_string());
        }
        labels
    }
}

/// Returns the cycle that a call of a role begins in, or goes on with.
fn cycle_of(role: Role, task: Option<&IssueId>, issues: &Issues) -> u32 {
    match (role, task) {
        (Role::Measure, _) | (Role::Review, None) => issues.cycle().saturating_add(1),
        _ => issues.cycle(),
    }
}

/// A session in its slot.
pub(crate) struct Session {
    sessions: Arc<Sessions>,
    purpose: Purpose,
    owner: SlotOwner,
    slot: Slot,
    base: Oid,
    mounts: SlotMounts,
    /// The session that calls go on with.
    resume: Option<Resume>,
    /// A call that is under way in it, of a run that died, with what is set aside for it.
    adopted: Mutex<Option<(Reserved, AdoptedCall)>>,
}

impl Session {
    /// Returns the commit that the slot was made from.
    pub(crate) fn base(&self) -> Oid {
        self.base
    }

    /// Returns what was prepared for the commit that the session began from.
    pub(crate) fn layer(&self) -> Option<Arc<Layer>> {
        self.purpose.layer.clone()
    }

    /// Returns the attempt, or the round, that the session is at.
    pub(crate) fn attempt(&self) -> u32 {
        self.owner.attempt
    }

    /// Returns the client's session that calls go on with; `None` where the first call begins one.
    pub(crate) fn resumes(&self) -> Option<&SessionId> {
        self.resume.as_ref().map(|resume| &resume.session)
    }

    /// Returns the report of a session that goes on and had done its work before, or asked: nothing is left but to judge that.
    pub(crate) fn done_before(&self, asks: bool) -> Option<CallReport> {
        let session = self.resumes().filter(|_| self.owner.done || self.owner.asks && asks)?;
        Some(CallReport::of_success(session.as_str()))
    }

    /// Notes in the slot's marker that the session of a call has ended, and whether it has done its work, which is kept: whatever
    /// comes before that is judged, nobody asks for it again. Where the client has told no session, there is none to come back to.
    pub(crate) fn note_ended(&mut self, report: &CallReport, done: bool) -> Result<()> {
        (self.owner.done, self.owner.asks) = (done, !done);
        match self.can_go_on(Some(report)) {
            Some(session) => suspend::note(&self.slot, self.owner(), self.base, &session),
            None => Ok(()),
        }
    }

    /// Notes that the session has work to do again.
    pub(crate) fn work_goes_on(&mut self) {
        (self.owner.done, self.owner.asks) = (false, false);
    }

    /// Begins another session in the same slot, which is brought to its commit again, as another round.
    pub(crate) fn begin_round(&mut self, round: u32) -> Result<()> {
        self.owner.attempt = round;
        self.resume = None;
        let (owner, slots) = (self.owner.clone(), &self.sessions.slots);
        let what = (self.base, self.purpose.writable);
        self.mounts = slots.checkout(&mut self.slot, owner, what, self.purpose.layer.as_ref())?;
        Ok(())
    }

    /// Sets aside what a call may use, or returns which budget has no room for it. What other calls hold is waited for.
    /// `None` when the run is to end.
    pub(crate) async fn reserve(
        &self,
        issues: &Issues,
        interruption: &Interruption,
    ) -> Result<Option<Reserved>, Spent> {
        let Purpose {
            role, settings, task, ..
        } = &self.purpose;
        let place = Place {
            task: task.as_ref(),
            cycle: cycle_of(*role, task.as_ref(), issues),
            beside: self.purpose.beside(),
        };
        let room = &self.sessions.room;
        room.reserve((*role, settings), place, issues, interruption).await
    }

    /// Makes a call, and notes the limit that it met, before anything else is done about it. An error is the
    /// infrastructure's, before the agent began.
    pub(crate) async fn call(&self, ask: &Ask<'_>, interruption: &Interruption) -> Result<CallResult> {
        let Sessions { context, engine, .. } = &*self.sessions;
        let seen = self.sessions.pauses.seen();
        let made = call::make(&self.of_ask(ask), engine, &context.recorder, interruption).await?;
        Ok(self.noted(made, seen))
    }

    /// Returns the call that is asked for.
    fn of_ask<'a>(&'a self, ask: &Ask<'a>) -> Call<'a> {
        let Sessions {
            context,
            pauses,
            credential,
            ..
        } = &*self.sessions;
        Call {
            sandbox: self.sandbox(ask.name, ask.folder),
            cycle: cycle_of(self.purpose.role, self.purpose.task.as_ref(), ask.issues),
            rates: learned_rates(ask.issues.ledger()),
            role: &self.purpose.settings,
            credential: credential.clone(),
            proxy: context.project.environment.proxy.clone(),
            pauses,
            resume: self.resume.clone(),
            prompt: ask.prompt,
            json_schema: ask.json_schema.clone(),
            reservation: ask.reservation,
            conversations: &context.conversations,
            slot: self.slot.number(),
            flow: ask.flow,
            on_end: ask.on_end,
        }
    }

    /// Notes what is to be known of a call that was made, whatever comes after it: `seen` are the limits that were known before.
    fn noted(&self, mut made: CallResult, seen: LimitsSeen) -> CallResult {
        // A call that was made is always returned, with what it used: that must come into the ledger.
        let suspended = match made.failure {
            None => self.note_unfinished(&made.report),
            Some(_) => Ok(()),
        };
        let note = |limit| self.sessions.pauses.note(self.purpose.role, &limit, seen);
        let paused = limit_of(&made.report).map_or(Ok(()), note);
        made.failure = made.failure.or(suspended.err()).or(paused.err());
        made
    }

    /// Returns the recipe for containers on this slot.
    pub(crate) fn sandbox<'a>(&'a self, name: &CallName, folder: &'a CallFolder) -> Sandbox<'a> {
        let project = &self.sessions.context.project;
        Sandbox {
            name: name.clone(),
            config: &project.config,
            labels: self.sessions.labels(&self.purpose.call_name()),
            root: project.git.workdir(),
            host_credentials: project.host_credentials(),
            slot: self.slot.path().to_owned(),
            mounts: &self.mounts,
            writable: self.purpose.writable,
            folder,
        }
    }

    /// Reads what is in the slot. No container may be at work in it.
    pub(crate) fn snapshot(&mut self) -> Result<Snapshot> {
        tokio::task::block_in_place(|| self.slot.snapshot(self.base, &SNAPSHOT_LIMITS))
    }

    /// Returns the session that a later call can go on with: the one that a call told, unless it is lost, else the one
    /// that was to go on.
    pub(crate) fn can_go_on(&self, report: Option<&CallReport>) -> Option<SessionId> {
        let told = report.and_then(told_session);
        let is_lost = report.is_some_and(|report| report.session_lost);
        told.or_else(|| self.resumes().cloned()).filter(|_| !is_lost)
    }

    /// Notes in the slot's marker, as soon as a call about a task has ended, that its session is to go on, so that
    /// nothing that comes between that and the attempt's end can lose it. A measure's session is worth nothing before
    /// its calls are noted.
    fn note_unfinished(&self, report: &CallReport) -> Result<()> {
        let interrupted = report.cut == Some(StopCause::Cancelled);
        let passing = matches!(
            report.outcome,
            CallOutcome::Limited | CallOutcome::Overage | CallOutcome::Transient
        );
        match told_session(report) {
            Some(session) if self.purpose.task.is_some() && !self.owner.expendable && (interrupted || passing) => {
                suspend::note(&self.slot, self.owner(), self.base, &session)
            }
            _ => Ok(()),
        }
    }

    /// Has the next call go on with the session of a call that has ended, with what that used, and notes in the slot's
    /// marker that it goes on there: no death from here on loses it. Returns whether there is such a session.
    pub(crate) fn go_on(&mut self, report: &CallReport, used: Option<&Entry>) -> Result<bool> {
        let Some(session) = self.can_go_on(Some(report)) else {
            return Ok(false);
        };
        let known = self.resume.take().filter(|resume| resume.session == session);
        let mut before = known.map(|resume| resume.before).unwrap_or_default();
        if let Some(used) = used {
            before += used;
        }
        self.work_goes_on();
        suspend::note(&self.slot, self.owner(), self.base, &session)?;
        self.resume = Some(Resume { session, before });
        Ok(true)
    }

    /// Returns whose the slot is, with what is known of it by now.
    fn owner(&self) -> SlotOwner {
        SlotOwner {
            disk: self.mounts.written.before(),
            ..self.owner.clone()
        }
    }

    /// Leaves the slot.
    pub(crate) fn leave(self, next: Next) -> Result<()> {
        match next {
            Next::Suspend(session) => {
                let owner = self.owner();
                suspend(self.slot, owner, self.base, &session)
            }
            Next::Release => {
                self.sessions.slots.release(self.slot, Some(&self.mounts));
                Ok(())
            }
            // A session may be noted in its marker, which would say that nobody writes in it.
            Next::Keep => {
                let base = Some(CommitId::from(self.base));
                self.slot.mark(&SlotOwner { base, ..self.owner() }.to_text()?)
            }
        }
    }
}

/// Returns the session that the client named, if it is still there.
fn told_session(report: &CallReport) -> Option<SessionId> {
    let told = report.session_id.as_deref().and_then(SessionId::parse);
    told.filter(|_| !report.session_lost)
}
