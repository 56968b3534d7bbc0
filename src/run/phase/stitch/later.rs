//! The stages after the work: each is a call of another session, on what the stages before it left. They go one way, in
//! the order of `stages`: those of the project's own, and the review.

use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;

use super::Stitch;
use super::stages::{Attempting, Checked, INTERRUPTED, Kept};
use crate::accounting::budget::Scope;
use crate::agent::{CallOutcome, CallReport};
use crate::base::crash::crash_point;
use crate::base::error::{Context as _, ErrorKind, Result};
use crate::base::interruption::Interruption;
use crate::config::Stage;
use crate::git::Oid;
use crate::issues::attempt::Outcome;
use crate::issues::issue::Issues;
use crate::issues::round::Calls;
use crate::issues::stage::StageRun;
use crate::model::{CommitId, Role};
use crate::project::layers::Layer;
use crate::prompt::{CHANGES_BUDGET, WorkContext};
use crate::record::event::{CallName, Step};
use crate::record::recorder::{CallFolder, STAGE_FILE};
use crate::run::attempt_verdict::{AttemptVerdict, LaterCall, of_report, refusal};
use crate::run::call::{FlowPlace, StagePlace, WaitingWork};
use crate::run::gate;
use crate::run::room::Reserved;
use crate::run::session::{Ask, Purpose, Session};

/// One call of a stage that was made, or is about to be.
pub(super) struct Asked {
    pub(super) name: CallName,
    pub(super) folder: CallFolder,
    pub(super) begun: Instant,
}

/// What a stage's session is asked.
pub(super) struct Question {
    /// The commit that it is about.
    pub(super) commit: Oid,
    pub(super) prompt: String,
    pub(super) json_schema: Option<Value>,
    /// The work that waits meanwhile; `None` where no other run could go on with it.
    pub(super) work: Option<WaitingWork>,
}

/// A call of a stage that was made.
pub(super) struct Answered {
    pub(super) asked: Asked,
    pub(super) report: CallReport,
    /// The budget that it met, where it ended for one.
    pub(super) met: Scope,
}

/// An attempt that gets no further than a stage ends with this verdict.
pub(super) type OrEnds<T> = std::result::Result<T, Box<AttemptVerdict>>;

impl Stitch {
    /// Has each stage after the work do its part, or returns the verdict that keeps the work from being merged. What
    /// stages of the project's own leave is part of the work from then on.
    pub(super) async fn later_stages(
        &self,
        (session, kept): (&mut Session, &mut Kept),
        attempting: &Attempting,
        (mut checked, calls): (Checked, &mut Calls),
        interruption: &Interruption,
    ) -> Result<OrEnds<Checked>> {
        for stage in &self.context().project.config.stages {
            let ends = match stage {
                Stage::Stitch => None,
                _ if attempting.is_past(stage.role()) => None,
                Stage::Own(own) => {
                    let work = (&mut *session, &mut *kept);
                    let stage = self.own_stage((own, attempting), work, (&mut checked, calls), interruption);
                    Box::pin(stage).await?
                }
                Stage::Review => {
                    let base = session.base();
                    let work = gate::Work::of(&attempting.issue, base, kept.left.commit.unwrap_or(base));
                    let told = (checked.said(), waiting_work(session, kept, &checked));
                    let review = self.review(attempting, work, (told, calls), interruption);
                    Box::pin(review).await?
                }
            };
            if let Some(verdict) = ends {
                return Ok(Err(Box::new(verdict)));
            }
        }
        Ok(Ok(checked))
    }

    /// Takes a slot for a stage, brought to what the stages before it left: the session that did the work waits in its own.
    pub(super) fn enter_stage(
        &self,
        role: Role,
        attempting: &Attempting,
        (commit, layer): (Oid, Option<Arc<Layer>>),
        calls: &Calls,
    ) -> Result<Box<Session>> {
        if let Some(session) = attempting.take_stage(role) {
            return Ok(session);
        }
        let purpose = Purpose {
            race: attempting.race.clone(),
            layer,
            ..self.purpose_of_stage(role, &attempting.name, calls.next_of(role))
        };
        self.sessions.enter_beside(purpose, commit)
    }

    /// Leaves the slot of a stage. Where the engine failed under it, the work is done, and waits for the stage in a slot of its
    /// own, which nothing of the stage can write. That of the stage stays as it is while something of it may still run.
    pub(super) async fn leave_stage<T>(&self, session: Box<Session>, came_to: Result<OrEnds<T>>) -> Result<OrEnds<T>> {
        self.sessions.leave_beside(session, came_to.is_err()).await?;
        match came_to {
            Err(error) if error.kind() == ErrorKind::Engine => Ok(Err(Box::new(AttemptVerdict::of(
                Outcome::InfrastructureFailed,
                error.in_a_line(),
            )))),
            came_to => came_to,
        }
    }

    /// Makes one call of a stage. What it used is in `calls`, however it ended.
    pub(super) async fn call_stage(
        &self,
        session: &Session,
        (role, attempting): (Role, &Attempting),
        (question, calls): (Question, &mut Calls),
        interruption: &Interruption,
    ) -> Result<OrEnds<Answered>> {
        let context = self.context();
        let issues = &attempting.issues;
        attempting.seat.take(interruption).await;
        let (reservation, adopted) = match session.take_adopted() {
            Some((reservation, adopted)) => (reservation, Some(adopted)),
            None => match self.reserved_for_stage(session, (role, issues), interruption).await? {
                Ok(reservation) => (reservation, None),
                Err(verdict) => return Ok(Err(verdict)),
            },
        };
        let (mut asked, mut run) = self.begin_stage(role, attempting, question.commit, calls)?;
        if let Some(adopted) = &adopted {
            asked.begun = adopted.begun();
        }
        let flow = question.work.map(|work| {
            FlowPlace::Stage(Box::new(StagePlace {
                calls: calls.clone(),
                work,
            }))
        });
        let ask = Ask {
            name: &asked.name,
            folder: &asked.folder,
            prompt: &question.prompt,
            json_schema: question.json_schema,
            reservation: &reservation,
            issues,
            flow: flow.as_ref(),
            on_end: None,
        };
        context.step(ask.name, Step::Container);
        let made = match Box::pin(session.call_or_go_on(&ask, adopted.as_ref(), interruption)).await {
            // While its services were awaited.
            Err(error) if error.kind() == ErrorKind::Interrupted => {
                let cancelled = AttemptVerdict::of(Outcome::Cancelled, INTERRUPTED);
                return Ok(Err(Box::new(cancelled)));
            }
            made => made?,
        };
        crash_point!("stage.called");
        let met = reservation.scope_met(&made.entry.charged());
        run.call = Some(made.entry);
        calls.stages.push(run);
        if let Some(failure) = made.failure {
            return Err(failure);
        }
        attempting.give_seat_up_after(&made.report);
        Ok(Ok(Answered {
            asked,
            report: made.report,
            met,
        }))
    }

    /// Sets aside what a call of a stage may use, where nothing stands in the way of one.
    async fn reserved_for_stage(
        &self,
        session: &Session,
        (role, issues): (Role, &Issues),
        interruption: &Interruption,
    ) -> Result<OrEnds<Reserved>> {
        let ends = |verdict| Ok(Err(Box::new(verdict)));
        if let Some(pause) = self.sessions.pauses.now(role)? {
            return ends(AttemptVerdict::of(Outcome::Limited, pause.reason));
        }
        match session.reserve(issues, interruption).await {
            Ok(Some(reservation)) => Ok(Ok(reservation)),
            Ok(None) => ends(AttemptVerdict::of(Outcome::Cancelled, INTERRUPTED)),
            Err(spent) => ends(AttemptVerdict {
                later: LaterCall {
                    spent: Some(spent.scope),
                    refused: None,
                },
                ..AttemptVerdict::of(Outcome::BudgetSpent, spent.reason)
            }),
        }
    }

    /// Opens the records of a call, and writes down what it is for.
    fn begin_stage(
        &self,
        role: Role,
        attempting: &Attempting,
        commit: Oid,
        calls: &Calls,
    ) -> Result<(Asked, StageRun)> {
        let name = CallName {
            role,
            round: calls.next_of(role),
            ..attempting.name.clone()
        };
        let folder = self.context().recorder.call_folder(&name, 0)?;
        let run = StageRun {
            records: Some(folder.below.clone()),
            ..stage_run(role, commit, calls)
        };
        write(&folder, &run)?;
        crash_point!("stage.begun");
        let begun = Instant::now();
        Ok((Asked { name, folder, begun }, run))
    }

    /// Builds what every stage is told: the task, and what the attempt has come to by now.
    pub(super) fn work_context(&self, work: gate::Work<'_>, gates: Vec<String>) -> Result<WorkContext> {
        let patch = self
            .context()
            .project
            .git
            .patch(work.base, work.commit, CHANGES_BUDGET)?;
        Ok(WorkContext::new(work.issue, (patch.text, &patch.left_out), gates))
    }
}

/// Returns what another run needs to go on with work that waits while a stage is called for it; `None` where its client has told
/// no session, or there is no work.
pub(super) fn waiting_work(session: &Session, kept: &Kept, checked: &Checked) -> Option<WaitingWork> {
    Some(WaitingWork {
        slot: session.slot_number(),
        session: session.can_go_on(Some(&kept.called.report))?,
        resume: session.going_on().cloned(),
        prepared: session.is_prepared(),
        commit: CommitId::from(kept.left.commit?),
        ignored: kept.left.ignored.clone(),
        remarks: checked.remarks.clone(),
        results: checked.results.clone(),
    })
}

/// Returns the record of a call of a stage that is about to be made for a commit.
pub(super) fn stage_run(role: Role, commit: Oid, calls: &Calls) -> StageRun {
    StageRun {
        stage: role.name().to_owned(),
        number: calls.next_of(role),
        round: calls.round(),
        commit: Some(CommitId::from(commit)),
        records: None,
        call: None,
        left: None,
        changed: None,
        review: None,
        failed: None,
    }
}

/// Changes what is noted of the last call of a stage, in the records of that call, too, where a recovery finds it.
pub(super) fn note(folder: Option<&CallFolder>, calls: &mut Calls, change: impl FnOnce(&mut StageRun)) -> Result<()> {
    if let Some(run) = calls.stages.last_mut() {
        change(run);
        if let Some(folder) = folder {
            write(folder, run)?;
        }
    }
    crash_point!("stage.noted");
    Ok(())
}

fn write(folder: &CallFolder, run: &StageRun) -> Result<()> {
    folder.replace(STAGE_FILE, &serde_json::to_vec(run).context("cannot write JSON")?)
}

/// Returns the verdict on a call of a stage that did not succeed, given the budget that it met; `None` where it did. Where
/// it says nothing of the stage's agent itself, its reason names the stage.
pub(super) fn of_stage_call(whose: &str, report: &CallReport, met: Scope) -> Option<AttemptVerdict> {
    let mut verdict = of_report(report, met)?;
    let is_refused = report.outcome == CallOutcome::Permanent && !report.request_refused;
    verdict.later = LaterCall {
        refused: is_refused.then(|| refusal(report)),
        spent: (verdict.outcome == Outcome::BudgetSpent).then_some(met),
    };
    if !matches!(verdict.outcome, Outcome::AgentFailed | Outcome::TimedOut) {
        verdict.reason = format!("{whose}: {}", verdict.reason);
    }
    Some(verdict)
}
