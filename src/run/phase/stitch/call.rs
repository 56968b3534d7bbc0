//! The calls of an attempt: the first one, and those that make red gates pass.

use super::Stitch;
use super::newer::MOST_CONFLICT_ROUNDS;
use super::stages::{Attempting, Called, Ended, INTERRUPTED, Kept};
use crate::accounting::budget::Scope;
use crate::agent::CallReport;
use crate::base::crash::crash_point;
use crate::base::error::{Context as _, ErrorKind, Result};
use crate::base::interruption::Interruption;
use crate::base::text::one_line;
use crate::git::Oid;
use crate::issues::attempt::{Attempt, Outcome};
use crate::issues::issue::{Issue, Issues};
use crate::issues::round::{Calls, FailedCheck, Round};
use crate::model::{AttemptId, PromptName, Role};
use crate::prompt::{self, Templates};
use crate::record::event::{CallName, EventKind, Step};
use crate::record::recorder::{CallFolder, RED_FILE};
use crate::run::attempt_verdict::AttemptVerdict;
use crate::run::call::{FlowPlace, WorkPlace};
use crate::run::prompt_inputs;
use crate::run::room::Reserved;
use crate::run::session::{Ask, Session};

/// The prompts of a session that goes on, with those of what did not pass.
const GOES_ON: [PromptName; 5] = [
    PromptName::Continuation,
    PromptName::FixRound,
    PromptName::RedGate,
    PromptName::RefusedWork,
    PromptName::Conflict,
];

/// One call that is about to be made.
struct Asked {
    name: CallName,
    folder: CallFolder,
    prompt: String,
    /// The tree that is in the slot before a round.
    before: Option<Oid>,
}

impl Stitch {
    /// Makes the first call; an attempt that gets no further than this is reported as it ended. A session that had done
    /// its work when it was suspended is not called, unless people have said something since. It begins with what
    /// another attempt left, if one is given; what it is `told` beside the task stands at the end of its prompt.
    pub(super) async fn first_call(
        &self,
        (session, calls): (&mut Session, &mut Calls),
        attempting: &Attempting,
        (from, told): (Option<AttemptId>, &str),
        interruption: &Interruption,
    ) -> Result<Called, Box<Ended>> {
        let issue = &attempting.issue;
        let said = said_since(issue);
        // What a dead run's call said is heard already.
        if session.resumes().is_some() && calls.summary.is_none() {
            let last = issue.attempts.last();
            let summary = last.and_then(|last| last.summary_of(attempting.name.candidate));
            calls.summary = summary.cloned();
        }
        if let Some(report) = session
            .done_before(calls.question.is_some())
            .filter(|_| said.is_empty() || calls.first.is_some())
        {
            // The last one is counted when the session goes on.
            let made: Vec<_> = calls.of_session().collect();
            session.count_before(made.split_last().into_iter().flat_map(|(_, earlier)| earlier).copied());
            let what = format!("{}: its agent had done its work; what is left is to judge it", issue.id);
            self.context().recorder.emit(EventKind::Recovered { what });
            attempting.seat.give_up();
            return Ok(Called {
                met: Scope::Call,
                report,
                name: attempting.name.clone(),
                folder: attempting.folder.clone(),
            });
        }
        session.count_before(calls.of_session());
        session.work_goes_on();
        let prompt = match session.resumes() {
            Some(_)
                if last_called(issue)
                    .is_some_and(|last| last.outcome_of(attempting.name.candidate) == Outcome::Asked) =>
            {
                self.templates(&[PromptName::Answered])
                    .and_then(|templates| prompt::answered(&templates, attempting.name.attempt, &said))
            }
            Some(_) => {
                let red = issue
                    .attempts
                    .last()
                    .and_then(|last| last.red_of(attempting.name.candidate));
                self.templates(&GOES_ON)
                    .and_then(|templates| prompt::continuation(&templates, attempting.name.attempt, &said, red))
            }
            None => prompt_inputs::stitch_prompt(self.context(), &self.protected, (issue, from), session.base()),
        };
        let asked = Asked {
            name: attempting.name.clone(),
            folder: attempting.folder.clone(),
            prompt: prompt.map_err(|error| Box::new(Ended::before_call(Err(error))))? + told,
            before: None,
        };
        self.call((session, calls), attempting, asked, interruption).await
    }

    /// Goes on with the call of a run that died, which is the last one of `calls`.
    pub(super) async fn call_again(
        &self,
        (session, calls): (&mut Session, &mut Calls),
        attempting: &Attempting,
        before: Option<Oid>,
        interruption: &Interruption,
    ) -> Result<Called, Box<Ended>> {
        let name = CallName {
            round: calls.round(),
            ..attempting.name.clone()
        };
        let folder = self.context().recorder.call_folder(&name, 0);
        let asked = Asked {
            folder: folder.map_err(|error| Box::new(Ended::before_call(Err(error))))?,
            name,
            // It has it.
            prompt: String::new(),
            before,
        };
        // What the marker says of earlier work is over: a call is under way.
        session.work_goes_on();
        self.call((session, calls), attempting, asked, interruption).await
    }

    /// Has the session go on after a gate was red on what it left, which is this tree in its slot. From here on a death does not
    /// lose it: its slot waits for it.
    pub(super) async fn fix(
        &self,
        (session, calls): (&mut Session, &mut Calls),
        attempting: &Attempting,
        (kept, red, tree): (&Kept, &FailedCheck, Oid),
        interruption: &Interruption,
    ) -> Result<Called, Box<Ended>> {
        let asked = self
            .begin_round((session, calls), attempting, (kept, red, tree))
            .map_err(|error| Box::new(Ended::before_call(Err(error))))?;
        let Some(asked) = asked else {
            let mut verdict = AttemptVerdict::red(red.clone());
            verdict.reason.push_str("; its session cannot go on");
            return Err(Box::new(Ended::before_call(Ok(verdict))));
        };
        let made = self.call((session, calls), attempting, asked, interruption).await;
        made.map_err(|mut ended| {
            if let Ok(verdict) = &mut ended.judged {
                verdict.red.get_or_insert_with(|| red.clone());
            }
            ended
        })
    }

    /// Writes down that a round begins; `None` where there is no session to go on with.
    fn begin_round(
        &self,
        (session, calls): (&mut Session, &mut Calls),
        attempting: &Attempting,
        (kept, red, tree): (&Kept, &FailedCheck, Oid),
    ) -> Result<Option<Asked>> {
        let context = self.context();
        let number = calls.round().saturating_add(1);
        let name = CallName {
            round: number,
            ..attempting.name.clone()
        };
        // Before anything is written: a template may have changed since the run began.
        let prompt = prompt::fix_round(&self.templates(&GOES_ON)?, name.attempt, red)?;
        let folder = context.recorder.call_folder(&name, 0)?;
        folder.replace(RED_FILE, &serde_json::to_vec(red).context("cannot write JSON")?)?;
        if !session.go_on(&kept.called.report, calls.of_session().last())? {
            return Ok(None);
        }
        crash_point!("round.begun");
        context.recorder.emit(EventKind::RoundStarted {
            task: attempting.issue.id.clone(),
            attempt: name.attempt,
            candidate: name.candidate,
            round: calls.count_of(red.onto.is_some()).saturating_add(1),
            of: match red.onto {
                Some(_) => MOST_CONFLICT_ROUNDS,
                None => context.project.config.stitch.fix_rounds.unwrap_or_default(),
            },
            onto: red.onto.clone(),
            by: red.by,
            gate: red.gate.clone(),
            how: one_line(&red.how, 300),
        });
        calls.rounds.push(Round {
            number,
            red: red.clone(),
            records: Some(folder.below.clone()),
            call: None,
        });
        Ok(Some(Asked {
            prompt,
            name,
            folder,
            before: Some(tree),
        }))
    }

    async fn call(
        &self,
        (session, calls): (&Session, &mut Calls),
        attempting: &Attempting,
        asked: Asked,
        interruption: &Interruption,
    ) -> Result<Called, Box<Ended>> {
        let before = |judged| Box::new(Ended::before_call(judged));
        let context = self.context();
        let issues = &attempting.issues;
        attempting.seat.take(interruption).await;
        let (reservation, adopted) = match session.take_adopted() {
            Some((reservation, adopted)) => (reservation, Some(adopted)),
            None => (self.reserved(session, issues, interruption).await?, None),
        };
        context.step(&asked.name, Step::Container);
        let flow = FlowPlace::Work(Box::new(WorkPlace {
            calls: calls.clone(),
            before: asked.before.map(|tree| tree.to_string()),
        }));
        // Another task begins while the container is removed.
        let give_seat_up = |report: &CallReport| attempting.give_seat_up_after(report);
        let ask = Ask {
            name: &asked.name,
            folder: &asked.folder,
            prompt: &asked.prompt,
            json_schema: None,
            reservation: &reservation,
            issues,
            flow: Some(&flow),
            on_end: Some(&give_seat_up),
        };
        let made = Box::pin(session.call_or_go_on(&ask, adopted.as_ref(), interruption)).await;
        let made = made.map_err(|error| match error.kind() {
            // While its services were awaited.
            ErrorKind::Interrupted => before(Ok(AttemptVerdict::of(Outcome::Cancelled, INTERRUPTED))),
            _ => before(Err(error)),
        })?;
        crash_point!("stitch.called");
        let called = Called {
            met: reservation.scope_met(&made.entry.charged()),
            report: made.report,
            name: asked.name,
            folder: asked.folder,
        };
        calls.add(made.entry);
        calls.hear(&called.report);
        match made.failure {
            None => Ok(called),
            Some(failure) => Err(Box::new(Ended::with_call(called, failure))),
        }
    }
}

impl Stitch {
    /// Reads the templates that are in force for prompts.
    pub(super) fn templates(&self, names: &[PromptName]) -> Result<Templates> {
        prompt_inputs::templates_of(&self.context().project, names)
    }

    /// Sets aside what a call may use, where nothing stands in the way of one.
    async fn reserved(
        &self,
        session: &Session,
        issues: &Issues,
        interruption: &Interruption,
    ) -> Result<Reserved, Box<Ended>> {
        let before = |judged| Box::new(Ended::before_call(judged));
        match self.sessions.pauses.now(Role::Stitch) {
            Ok(None) => {}
            Ok(Some(pause)) => return Err(before(Ok(AttemptVerdict::of(Outcome::Limited, pause.reason)))),
            Err(error) => return Err(before(Err(error))),
        }
        let reserved = session.reserve(issues, interruption).await.map_err(|spent| {
            Box::new(Ended {
                no_room: Some(spent.scope),
                ..Ended::before_call(Ok(AttemptVerdict::of(Outcome::BudgetSpent, spent.reason)))
            })
        })?;
        reserved.ok_or_else(|| before(Ok(AttemptVerdict::of(Outcome::Cancelled, INTERRUPTED))))
    }
}

/// Returns the last attempt whose agent was called: what ended before that has told it nothing.
fn last_called(issue: &Issue) -> Option<&Attempt> {
    issue.attempts.iter().rev().find(|attempt| attempt.call.is_some())
}

/// Returns what people said of a task since its agent was told anything.
fn said_since(issue: &Issue) -> Vec<String> {
    let Some(last) = last_called(issue) else {
        return Vec::new();
    };
    let later = issue
        .comments
        .iter()
        .filter(|comment| comment.created_at > last.ended_at);
    later.map(|comment| comment.text.clone()).collect()
}
