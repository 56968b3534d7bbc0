//! What is known of an attempt, and grows as it goes on.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use crate::accounting::budget::Scope;
use crate::agent::{CallOutcome, CallReport};
use crate::base::error::{Error, Result};
use crate::base::interruption::LeftoverGuard;
use crate::git::{DiffStat, FileDiff, Oid, Snapshot};
use crate::issues::attempt::{Candidate, Ignored, Outcome, Override};
use crate::issues::issue::{Issue, Issues};
use crate::issues::round::Calls;
use crate::model::{GateResult, Role};
use crate::record::event::CallName;
use crate::record::recorder::CallFolder;
use crate::run::active_work::ActiveWorkGuard;
use crate::run::attempt_verdict::AttemptVerdict;
use crate::run::call::FlowPlace;
use crate::run::race::Race;
use crate::run::seats::Seat;
use crate::run::session::Session;

/// Why an attempt ends that was interrupted.
pub(super) const INTERRUPTED: &str = "the run was interrupted";

/// A task that is claimed for this run, and not tried yet.
pub(crate) struct Claimed {
    pub(super) issue: Issue,
    /// All issues, as they stood when it was claimed.
    pub(super) issues: Issues,
    /// The generation's tip when it was claimed.
    pub(super) base: Oid,
    pub(super) at: Timestamp,
    pub(super) alive: ActiveWorkGuard,
}

/// An attempt of a run that died, taken over by this one.
pub(crate) struct TakenOver {
    pub(super) claimed: Claimed,
    /// Its candidates; itself where it has none.
    pub(super) parts: Vec<TakenPart>,
    /// The candidates of the attempt; `None` where it has none.
    pub(super) race: Option<Arc<Race>>,
}

/// An attempt that is taken over, or a candidate of it.
pub(super) struct TakenPart {
    pub(super) candidate: u32,
    /// The session that does the work; `None` where that is done, and waits in its slot.
    pub(super) session: Option<Box<Session>>,
    /// What takes over the report of the call that is under way.
    pub(super) flow: Option<FlowPlace>,
    /// The stage whose call that is, with its session; else it is the work's own.
    pub(super) stage: Option<(Role, Box<Session>)>,
    /// The calls of one whose work is done.
    pub(super) calls: Calls,
}

/// An attempt that has begun.
pub(super) struct Begun {
    pub(super) issue: Issue,
    /// All issues, as they stood when it was claimed.
    pub(super) issues: Issues,
    pub(super) at: Timestamp,
    pub(super) since: std::time::Instant,
    pub(super) known: Arc<Known>,
    /// Where its agent, or those of its candidates, begin.
    pub(super) seat: Seat,
}

/// By what an attempt is known to whoever ends the program meanwhile, and to whoever recovers.
pub(super) type Known = (LeftoverGuard, ActiveWorkGuard);

/// An attempt that goes on, or a candidate of it.
pub(super) struct Attempting {
    pub(super) issue: Issue,
    /// All issues, as they stood when it was claimed.
    pub(super) issues: Issues,
    pub(super) name: CallName,
    pub(super) folder: CallFolder,
    /// What rules have set of how its agent is called.
    pub(super) overrides: Vec<Override>,
    pub(super) started_at: Timestamp,
    pub(super) begun: std::time::Instant,
    /// The candidates of the attempt; `None` where it has none.
    pub(super) race: Option<Arc<Race>>,
    /// What it has while an agent works on it.
    pub(super) seat: Seat,
    /// Where it goes on that a dead run was at, until it does.
    pub(super) flow: Mutex<Option<FlowPlace>>,
    /// The stage whose call a dead run has made, with its session, until it is listened to.
    pub(super) stage: Mutex<Option<(Role, Box<Session>)>>,
    /// The calls that a dead run has made of it, where its work was done; until it goes on.
    pub(super) calls: Mutex<Calls>,
    pub(super) _known: Arc<Known>,
}

impl Attempting {
    /// Returns where it goes on that a dead run was at; `None` where it begins, or has gone on there.
    pub(super) fn take_flow(&self) -> Option<FlowPlace> {
        self.flow.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Returns the calls that a dead run has made of it, where its work was done.
    pub(super) fn take_calls(&self) -> Calls {
        std::mem::take(&mut self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns whether a dead run has called this stage, which nobody listens to yet.
    pub(super) fn is_at_stage(&self, role: Role) -> bool {
        self.stage().as_ref().is_some_and(|(at, _)| *at == role)
    }

    /// Returns whether a dead run has called a later stage than this one, which nobody listens to yet.
    pub(super) fn is_past(&self, role: Role) -> bool {
        self.stage().as_ref().is_some_and(|(at, _)| *at != role)
    }

    /// Takes the session of the stage that a dead run has called.
    pub(super) fn take_stage(&self, role: Role) -> Option<Box<Session>> {
        self.stage().take_if(|(at, _)| *at == role).map(|(_, session)| session)
    }

    fn stage(&self) -> MutexGuard<'_, Option<(Role, Box<Session>)>> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the seat up after a call that has done its work. What a call has met otherwise may show that others should not
    /// begin: then the seat is held until the driver knows.
    pub(super) fn give_seat_up_after(&self, report: &CallReport) {
        if report.outcome == CallOutcome::Success {
            self.seat.give_up();
        }
    }
}

/// A call that was made.
pub(super) struct Called {
    pub(super) name: CallName,
    pub(super) folder: CallFolder,
    pub(super) report: CallReport,
    /// The budget that it met, where it ended for one.
    pub(super) met: Scope,
}

/// What the agent left after a call, which is safe now.
pub(super) struct Kept {
    pub(super) called: Called,
    pub(super) left: Work,
}

/// What is in a slot, kept on the task's ref.
pub(super) struct Work {
    pub(super) snapshot: Snapshot,
    /// The commit; `None` where nothing changed.
    pub(super) commit: Option<Oid>,
    /// The files that differ from what the attempt began with.
    pub(super) changed: Vec<FileDiff>,
    /// What ignore rules left out of it.
    pub(super) ignored: Option<Ignored>,
}

impl Work {
    /// Returns how much was changed; `None` where nothing was.
    pub(super) fn stat(&self) -> Option<DiffStat> {
        self.commit.map(|_| self.changed.iter().collect())
    }
}

/// What the gates said of work that they let pass.
#[derive(Clone, Default)]
pub(super) struct Checked {
    /// What is to be told of gates that need not pass, and of those that passed otherwise than before.
    pub(super) remarks: Vec<String>,
    /// How each one that was run came out.
    pub(super) results: Vec<GateResult>,
}

impl Checked {
    /// Returns how each gate ended, in a line each.
    pub(super) fn said(&self) -> Vec<String> {
        self.results.iter().map(|result| result.said.clone()).collect()
    }
}

/// How far an attempt came, and how it ended there.
pub(super) struct Ended {
    /// The last call.
    pub(super) called: Option<Called>,
    /// All of its calls.
    pub(super) calls: Calls,
    pub(super) left: Option<Work>,
    /// The budget that had no room for a call.
    pub(super) no_room: Option<Scope>,
    pub(super) judged: Result<AttemptVerdict>,
    /// What its candidates came to, where it had several.
    pub(super) candidates: Vec<Candidate>,
}

impl Ended {
    /// Returns the verdict on it; where something failed under it, that it did.
    pub(super) fn verdict(&self) -> AttemptVerdict {
        match &self.judged {
            Ok(verdict) => verdict.clone(),
            Err(error) => AttemptVerdict::of(Outcome::InfrastructureFailed, error.in_a_line()),
        }
    }

    /// Builds the end of an attempt that ended before its call.
    pub(super) fn before_call(judged: Result<AttemptVerdict>) -> Self {
        Self {
            called: None,
            calls: Calls::default(),
            left: None,
            no_room: None,
            judged,
            candidates: Vec::new(),
        }
    }

    /// Builds the end of an attempt that ended with its call.
    pub(super) fn with_call(called: Called, error: Error) -> Self {
        Self {
            called: Some(called),
            ..Self::before_call(Err(error))
        }
    }

    /// Builds the end of an attempt whose work was judged.
    pub(super) fn with_work(kept: Kept, judged: Result<AttemptVerdict>) -> Self {
        Self {
            called: Some(kept.called),
            left: Some(kept.left),
            ..Self::before_call(judged)
        }
    }

    pub(super) fn report(&self) -> Option<&CallReport> {
        self.called.as_ref().map(|called| &called.report)
    }
}
