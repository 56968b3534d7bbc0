//! The review of proposals before they are filed: another session reads them, and says what is to become of each.

use std::time::Instant;

use super::Measure;
use super::answer::{Ended, ended, validate};
use super::filing::FiledAs;
use super::stages::{Answered, MeasureOutcome, MeasureSoFar, Reviewed};
use crate::accounting::budget::Scope;
use crate::agent::CallReport;
use crate::base::crash::crash_point;
use crate::base::error::{ErrorKind, Result};
use crate::base::interruption::Interruption;
use crate::git::Oid;
use crate::issues::proposal::Validated;
use crate::issues::proposal::review::{Action, Change, ProposalsReview, json_schema};
use crate::issues::review::MOST_ANSWERS;
use crate::model::{PromptName, Role};
use crate::prompt::render_proposals_review;
use crate::record::event::{CallName, EventKind, ProposalsReviewed, Step};
use crate::run::call::{FlowPlace, ProposalsPlace};
use crate::run::prompt_inputs;
use crate::run::session::{Ask, Session};

/// What one answer came to.
enum Heard {
    /// What is to be filed, and what was changed to get there.
    Decided(Validated, Vec<Change>),
    /// Nothing, and another answer may be better: what was wrong, in sentences.
    Nothing(Vec<String>),
    /// There is none, and no other call would give one now.
    Ended(MeasureOutcome, String),
}

/// Returns what another run needs to go on with the review of an answer.
fn place_of(asked: &MeasureSoFar, answered: &Answered) -> ProposalsPlace {
    ProposalsPlace {
        measure: asked.place(),
        slot: answered.slot,
        resume: answered.resume.clone(),
        session: answered.session.clone(),
        round: answered.told.attempt,
        validated: answered.validated.clone(),
    }
}

impl Measure {
    /// Has the proposals of an answer reviewed, by a session of its own in a worktree of `base` that it cannot write.
    pub(super) async fn review(
        &self,
        (base, under_way): (Oid, Option<Box<Session>>),
        asked: &mut MeasureSoFar,
        answered: Answered,
        interruption: &Interruption,
    ) -> Result<Reviewed> {
        let context = self.context();
        let _alive = context.active_work.note(Role::Review.name(), None);
        let mut session = match under_way {
            Some(session) => session,
            None => self
                .sessions
                .enter_beside(self.purpose_of_review(asked.cycle, 1), base)?,
        };
        let reviewed = Box::pin(self.ask_for_review(&mut session, asked, answered, interruption)).await;
        let is_over = self.sessions.leave_beside(session, reviewed.is_err()).await?;
        match reviewed {
            Err(error) if error.kind() == ErrorKind::Engine && is_over => {
                let reason = error.in_a_line();
                Ok(Reviewed::Ended(MeasureOutcome::Failed(reason.clone()), reason))
            }
            reviewed => reviewed,
        }
    }

    /// Asks until there is an answer that can be used.
    async fn ask_for_review(
        &self,
        session: &mut Session,
        asked: &mut MeasureSoFar,
        answered: Answered,
        interruption: &Interruption,
    ) -> Result<Reviewed> {
        let mut problems = Vec::new();
        let first = session.first_round();
        for number in first..=MOST_ANSWERS {
            if number > first {
                session.begin_round(number)?;
            }
            let begun = Instant::now();
            let heard = self
                .call_for_review(session, asked, (&answered, number, &problems), interruption)
                .await?;
            let report = |kept, changes, problems| {
                let reviewed = ProposalsReviewed {
                    number,
                    kept,
                    changes,
                    problems,
                    seconds: begun.elapsed().as_secs_f64(),
                };
                self.context().recorder.emit(EventKind::ProposalsReviewed(reviewed));
            };
            match heard {
                Heard::Decided(validated, changes) => {
                    let about_proposed = changes.iter().filter(|change| change.action != Action::Add).count();
                    report(answered.validated.accepted.len() - about_proposed, changes, Vec::new());
                    return Ok(Reviewed::Passed(validated));
                }
                Heard::Nothing(found) => {
                    report(0, Vec::new(), found.clone());
                    problems = found;
                }
                Heard::Ended(done, reason) => {
                    return Ok(Reviewed::Ended(done, format!("the review of its proposals: {reason}")));
                }
            }
        }
        let why = format!(
            "came to nothing: {MOST_ANSWERS} answers of it cannot be used: {}",
            problems.join(" ")
        );
        Ok(Reviewed::Not(answered.validated, why))
    }

    /// Makes one call, and takes in what it answers.
    async fn call_for_review(
        &self,
        session: &Session,
        asked: &mut MeasureSoFar,
        (answered, number, problems): (&Answered, u32, &[String]),
        interruption: &Interruption,
    ) -> Result<Heard> {
        let context = self.context();
        let cancelled = || Heard::Ended(MeasureOutcome::Cancelled, "the run was interrupted".to_owned());
        let (reservation, adopted) = match session.take_or_reserve(&asked.issues, interruption).await {
            Ok(Some(taken)) => taken,
            Ok(None) => return Ok(cancelled()),
            Err(spent) => return Ok(Heard::Ended(MeasureOutcome::Spent(spent.reason.clone()), spent.reason)),
        };
        let name = CallName {
            role: Role::Review,
            task: None,
            attempt: 1,
            round: number,
            candidate: 0,
        };
        let folder = context.recorder.call_folder(&name, asked.cycle)?;
        let proposals = &answered.validated.accepted;
        let told = prompt_inputs::proposals_review_context(context, &answered.told, session.base())?;
        let templates = prompt_inputs::templates_of(&context.project, &[PromptName::ProposalsReview])?;
        let prompt = render_proposals_review(&templates, &told, proposals, (number, problems))?;
        let place = || FlowPlace::Proposals(Box::new(place_of(asked, answered)));
        let place = (self.filed_as != FiledAs::Planned).then(place);
        let ask = Ask {
            name: &name,
            folder: &folder,
            prompt: &prompt,
            json_schema: Some(json_schema(answered.told.needs_proof)),
            reservation: &reservation,
            issues: &asked.issues,
            flow: place.as_ref(),
            on_end: None,
        };
        context.step(&name, Step::Container);
        let made = match session.call_or_go_on(&ask, adopted.as_ref(), interruption).await {
            // While its services were awaited.
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(cancelled()),
            made => made?,
        };
        crash_point!("measure.reviewed");
        let met = reservation.scope_met(&made.entry.charged());
        asked.calls.push(made.entry);
        if let Some(failure) = made.failure {
            return Err(failure);
        }
        // Whatever people have written while it was at work counts.
        asked.issues = context.store.read()?;
        Ok(self.heard(asked, answered, &made.report, met))
    }

    /// Returns what a call came to, given the budget that it met.
    fn heard(&self, asked: &MeasureSoFar, answered: &Answered, report: &CallReport, met: Scope) -> Heard {
        match ended(report, met) {
            Ended::Answered => {}
            Ended::Otherwise(done, reason) => return Heard::Ended(done, reason),
            Ended::Badly(how) => return Heard::Nothing(vec![format!("The call {how}.")]),
        }
        let before = &answered.validated;
        let applied = ProposalsReview::read(report)
            .map_err(|problem| vec![problem])
            .and_then(|review| review.apply(&before.accepted));
        let (proposals, changes) = match applied {
            Ok(applied) => applied,
            Err(problems) => return Heard::Nothing(problems),
        };
        let mut validated = validate(self.context(), asked, proposals.into());
        if !validated.problems.is_empty() {
            return Heard::Nothing(validated.problems);
        }
        validated
            .dropped_duplicates
            .splice(..0, before.dropped_duplicates.clone());
        validated.problems.clone_from(&before.problems);
        Heard::Decided(validated, changes)
    }
}
