//! Measure: asks for tasks, checks the answer in code, and files what is right with it.

use std::sync::Arc;

use crate::accounting::budget::Spent;
use crate::base::crash::crash_point;
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::interruption::Interruption;
use crate::git::Oid;
use crate::issues::proposal;
use crate::model::{Role, SessionId};
use crate::prompt::MeasureContext;
use crate::record::event::{CallName, EventKind, Step};
use crate::record::recorder::CallFolder;
use crate::run::call::{CallResult, FlowPlace};
use crate::run::context::RunContext;
use crate::run::gate;
use crate::run::prompt_inputs;
use crate::run::session::{Ask, Entered, Next, Session, Sessions};

mod adopted;
mod answer;
mod filing;
mod review;
mod stages;
mod unfiled;

pub(crate) use self::adopted::TakenOverMeasure;
pub(in crate::run::phase) use self::answer::answer_text;
pub(crate) use self::answer::{Ended, ended};
pub(in crate::run::phase) use self::filing::hold_of;
pub(crate) use self::filing::{FiledAs, filed_task};
pub(crate) use self::stages::MeasureOutcome;
use self::stages::{Answer, Answered, MeasureSoFar, Reviewed, Round, asked_group};
pub(crate) use self::unfiled::PLAN_FILE;

/// The phase that asks for tasks.
pub(crate) struct Measure {
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) filed_as: FiledAs,
}

impl Measure {
    fn context(&self) -> &RunContext {
        &self.sessions.context
    }

    /// Asks for tasks until an answer is valid, at most `measure.max_attempts` times; `cycle` counts the measures of
    /// this run and names the records.
    pub(crate) async fn measure(&self, cycle: u32, interruption: &Interruption) -> Result<MeasureOutcome> {
        let context = self.context();
        let (base, issues) = (context.tip()?, context.store.read()?);
        let has_groups = context.project.config.mode.kind.has_groups();
        context.recorder.emit(EventKind::MeasureStarted {
            group: asked_group(&issues, has_groups),
            cycle: issues.cycle().saturating_add(1),
        });
        let _alive = context.active_work.note(Role::Measure.name(), None);
        let session = match self.sessions.enter(self.purpose(cycle), base, &issues) {
            Ok(Entered::Ready(session)) => session,
            Ok(Entered::Refused(failure)) | Err(failure) => {
                let asked = MeasureSoFar::new(cycle, self.records(cycle, 1)?, issues, has_groups);
                return self.broken(&asked, failure).await;
            }
        };
        let asked = MeasureSoFar::new(cycle, self.records(cycle, session.attempt())?, issues, has_groups);
        self.ask(session, asked, interruption).await
    }

    /// Asks in a slot, and leaves that.
    async fn ask(
        &self,
        mut session: Box<Session>,
        mut asked: MeasureSoFar,
        interruption: &Interruption,
    ) -> Result<MeasureOutcome> {
        // Not before what it used is noted: until then the slot shows a recovery that it is not.
        match self.rounds(&mut session, &mut asked, interruption).await {
            Ok((done, unfinished)) => {
                session.leave(unfinished.map_or(Next::Release, Next::Suspend))?;
                Ok(done)
            }
            Err(error) => {
                tracing::debug!(%error, "a measure leaves its slot to the next recovery");
                session.leave(Next::Keep)?;
                Err(error)
            }
        }
    }

    /// Opens the records of a round.
    fn records(&self, cycle: u32, round: u32) -> Result<CallFolder> {
        self.context().recorder.call_folder(&name(round), cycle)
    }

    /// Asks until an answer is valid or there is no use in asking; returns the session that is to go on later, too.
    async fn rounds(
        &self,
        session: &mut Session,
        asked: &mut MeasureSoFar,
        interruption: &Interruption,
    ) -> Result<(MeasureOutcome, Option<SessionId>)> {
        let context = self.context();
        if let Some((answered, review)) = asked.in_review.take() {
            let review = Some(review);
            return self
                .conclude((session.base(), review), asked, answered, interruption)
                .await;
        }
        let mut told = self.told(&asked.issues, asked.group.as_deref(), session.base())?;
        told.coverage = gate::uncovered(&context.project, session.base(), &mut |what| context.warn(what))?;
        told.attempt = session.attempt();
        loop {
            match self.round(session, asked, told, interruption).await? {
                Round::Again(next) => told = *next,
                Round::Answered(answered) => {
                    return self
                        .conclude((session.base(), None), asked, answered, interruption)
                        .await;
                }
                Round::Over(done, unfinished) => return Ok((done, unfinished)),
            }
            asked.folder = self.records(asked.cycle, told.attempt)?;
            context.step(&name(told.attempt), Step::Checkout);
            if let Err(failure) = session.begin_round(told.attempt) {
                return Ok((self.broken(asked, failure).await?, None));
            }
        }
    }

    /// Makes one call, and takes in what it answers.
    async fn round(
        &self,
        session: &Session,
        asked: &mut MeasureSoFar,
        told: MeasureContext,
        interruption: &Interruption,
    ) -> Result<Round> {
        let context = self.context();
        // While no call is made, a session that was to go on is as it was.
        let untouched = session.can_go_on(None);
        let (reservation, adopted) = match session.take_or_reserve(&asked.issues, interruption).await {
            Ok(Some(taken)) => taken,
            Ok(None) => {
                let done = self.fail(asked, MeasureOutcome::Cancelled, "the run was interrupted")?;
                return Ok(Round::Over(done, untouched));
            }
            Err(Spent { reason, .. }) => {
                let done = self.fail(asked, MeasureOutcome::Spent(reason.clone()), &reason)?;
                return Ok(Round::Over(done, untouched));
            }
        };
        let prompt = match session.resumes() {
            _ if adopted.is_some() => String::new(),
            Some(_) => prompt_inputs::measure_continuation(&context.project, told.attempt)?,
            None => prompt_inputs::measure_prompt(&context.project, &told)?,
        };
        // Whoever goes on after a death files what is proposed, and this files nothing.
        let place = (self.filed_as != FiledAs::Planned).then(|| FlowPlace::Measure(asked.place()));
        let ask = Ask {
            name: &name(told.attempt),
            folder: &asked.folder.clone(),
            prompt: &prompt,
            json_schema: Some(proposal::json_schema(told.needs_proof)),
            reservation: &reservation,
            issues: &asked.issues,
            flow: place.as_ref(),
            on_end: None,
        };
        context.step(ask.name, Step::Container);
        let made = session.call_or_go_on(&ask, adopted.as_ref(), interruption).await;
        crash_point!("measure.called");
        let CallResult { report, entry, failure } = match made {
            Ok(made) => made,
            Err(failure) => return Ok(Round::Over(self.broken(asked, failure).await?, untouched)),
        };
        let met = reservation.scope_met(&entry.charged());
        asked.calls.push(entry);
        if let Some(failure) = failure {
            return Ok(Round::Over(self.broken(asked, failure).await?, None));
        }
        // Whatever people have written while the agent was at work counts.
        asked.issues = context.store.read()?;
        match answer::read(context, asked, &report, met) {
            Answer::Given(validated, answer) => {
                let answered = Answered::by(session, &report, told, validated);
                self.answered(asked, answered, answer)
            }
            Answer::None(done, reason) => {
                let unfinished = session.can_go_on(Some(&report)).filter(|_| done.goes_on());
                Ok(Round::Over(self.fail(asked, done, &reason)?, unfinished))
            }
        }
    }

    /// Files what a measure answered, after its review where there is to be one.
    async fn conclude(
        &self,
        (base, under_way): (Oid, Option<Box<Session>>),
        asked: &mut MeasureSoFar,
        answered: Box<Answered>,
        interruption: &Interruption,
    ) -> Result<(MeasureOutcome, Option<SessionId>)> {
        let unfinished = answered.session.clone();
        let is_reviewed = under_way.is_some() || self.reviews() && !answered.validated.accepted.is_empty();
        let reviewed = if is_reviewed {
            Box::pin(self.review((base, under_way), asked, *answered, interruption)).await?
        } else {
            Reviewed::Passed(answered.validated)
        };
        Ok(match reviewed {
            Reviewed::Passed(validated) => (self.end(asked, validated, None)?, None),
            Reviewed::Not(validated, why) => {
                let reason = format!("the review of its proposals {why}");
                let _ = self.end(asked, validated, Some(&format!("nobody has reviewed it: {reason}")))?;
                (MeasureOutcome::Refused(format!("{reason}; they wait for you")), None)
            }
            // It answers once more when it goes on.
            Reviewed::Ended(done, reason) => (self.fail(asked, done, &reason)?, unfinished),
        })
    }

    /// Ends a measure under which something failed that was not the agent.
    async fn broken(&self, asked: &MeasureSoFar, failure: Error) -> Result<MeasureOutcome> {
        let reason = failure.in_a_line();
        // Its files are read-only in the container: whether that still runs only decides who ends it.
        self.sessions.is_over(&name(0)).await;
        let done = self.fail(asked, MeasureOutcome::Failed(reason.clone()), &reason)?;
        match failure.kind() {
            ErrorKind::Engine => Ok(done),
            _ => Err(failure),
        }
    }
}

/// Names a round of a measure.
fn name(round: u32) -> CallName {
    CallName {
        role: Role::Measure,
        task: None,
        attempt: round,
        round: 0,
        candidate: 0,
    }
}
