//! The review of work that passed its gates: another session reads it, in a worktree of its own that it cannot write.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use super::Stitch;
use super::stages::{Attempting, INTERRUPTED};
use crate::accounting::budget::Scope;
use crate::agent::{CallOutcome, CallReport};
use crate::base::crash::crash_point;
use crate::base::error::{Context as _, ErrorKind, Result};
use crate::base::interruption::Interruption;
use crate::config::{RoleConfig, Stage};
use crate::git::{Git, Oid};
use crate::issues::attempt::Outcome;
use crate::issues::review::{self, Answer, Review, Threshold};
use crate::issues::round::{Calls, RedBy, RedGate};
use crate::issues::stage::StageRun;
use crate::model::{CommitId, IssueId, Role, Severity};
use crate::prompt::{CHANGES_BUDGET, ReviewContext, render_review};
use crate::record::event::{CallName, EventKind, Step};
use crate::record::recorder::{CallFolder, STAGE_FILE};
use crate::run::attempt_verdict::{AttemptVerdict, LaterCall, of_report, refusal};
use crate::run::gate;
use crate::run::prompt_inputs::path_in_tree;
use crate::run::session::{Ask, Next, Purpose, Session};

/// How often a reviewer is asked for an answer that can be read.
const MOST_ANSWERS: u32 = 2;
/// How much of a review the session that did the work is told, in bytes.
const TOLD: usize = 8 * 1024;
/// How many findings an event tells.
const WEIGHTIEST: usize = 2;

/// What came of one call.
enum Heard {
    /// An answer.
    Answer(Answer),
    /// None, and another call may give one: what was wrong, in a sentence.
    Nothing(String),
    /// None, and no other call would give one now.
    Ended(AttemptVerdict),
}

/// One call of a review that was made, or is about to be.
struct Asked {
    task: IssueId,
    name: CallName,
    folder: CallFolder,
    begun: Instant,
}

impl Stitch {
    /// Has what an attempt left reviewed, where `stages` has that. Returns the verdict that keeps it from being merged;
    /// `None` where it passes. `gates` are what the gates said.
    pub(super) async fn review(
        &self,
        attempting: &Attempting,
        work: gate::Work<'_>,
        (gates, calls): (Vec<String>, &mut Calls),
        interruption: &Interruption,
    ) -> Result<Option<AttemptVerdict>> {
        let context = self.context();
        if !context.project.config.has_review() {
            return Ok(None);
        }
        let task = Some(attempting.issue.id.clone());
        let _alive = context.active_work.note(Role::Review.name(), task.clone());
        let purpose = Purpose {
            role: Role::Review,
            settings: context.project.config.review.clone(),
            task: task.clone(),
            attempt: attempting.name.attempt,
            round: next_number(calls),
            cycle: 0,
            writable: false,
            // It only reads, and needs nothing built.
            layer: None,
        };
        let mut session = self.sessions.enter_to_read(purpose, work.commit)?;
        let asked = Box::pin(self.ask_for_review(&mut session, (attempting, work), (gates, calls), interruption)).await;
        let is_over = asked.is_ok() || self.sessions.is_over(Role::Review, task.as_ref()).await;
        session.leave(if is_over { Next::Release } else { Next::Keep })?;
        match asked {
            // The work is done, and waits for its review.
            Err(error) if error.kind() == ErrorKind::Engine && is_over => Ok(Some(AttemptVerdict::of(
                Outcome::InfrastructureFailed,
                error.in_a_line(),
            ))),
            asked => asked,
        }
    }

    /// Asks until there is an answer that can be read, and weighs it.
    async fn ask_for_review(
        &self,
        session: &mut Session,
        (attempting, work): (&Attempting, gate::Work<'_>),
        (gates, calls): (Vec<String>, &mut Calls),
        interruption: &Interruption,
    ) -> Result<Option<AttemptVerdict>> {
        let context = self.context();
        let git = &context.project.git;
        let threshold = threshold(&context.project.config.review);
        let patch = git.patch(work.base, work.commit, CHANGES_BUDGET)?;
        let mut told = ReviewContext::new(work.issue, threshold, (patch.text, &patch.left_out), gates);
        for answers in 1.. {
            let (asked, heard) = match self
                .call_for_review(session, attempting, (work.commit, &mut told, calls), interruption)
                .await?
            {
                Ok(heard) => heard,
                Err(verdict) => return Ok(Some(*verdict)),
            };
            match heard {
                Heard::Answer(answer) => {
                    let review = answer.weigh(threshold, |path| lines_of(git, work.commit, path))?;
                    return self.reviewed(&asked, calls, &review);
                }
                Heard::Ended(verdict) => {
                    if verdict.outcome == Outcome::ReviewFailed {
                        self.review_failed(&asked, calls, &verdict.reason)?;
                    }
                    return Ok(Some(verdict));
                }
                Heard::Nothing(problem) => {
                    self.review_failed(&asked, calls, &problem)?;
                    if answers >= MOST_ANSWERS {
                        let reason = format!("{MOST_ANSWERS} answers of it cannot be used: {problem}");
                        return Ok(Some(AttemptVerdict::held(Outcome::ReviewFailed, reason)));
                    }
                    told.problem = Some(problem);
                    session.begin_round(attempting.name.attempt)?;
                }
            }
        }
        Ok(None)
    }

    /// Makes one call; an attempt that gets no further than this ends with the verdict.
    async fn call_for_review(
        &self,
        session: &Session,
        attempting: &Attempting,
        (commit, told, calls): (Oid, &mut ReviewContext, &mut Calls),
        interruption: &Interruption,
    ) -> Result<Result<(Asked, Heard), Box<AttemptVerdict>>> {
        let context = self.context();
        let ends = |verdict| Ok(Err(Box::new(verdict)));
        let cancelled = || AttemptVerdict::of(Outcome::Cancelled, INTERRUPTED);
        let issues = &attempting.issues;
        let reservation = match session.reserve(issues) {
            Ok(reservation) => reservation,
            Err(spent) => {
                return ends(AttemptVerdict {
                    later: LaterCall {
                        spent: Some(spent.scope),
                        refused: None,
                    },
                    ..AttemptVerdict::of(Outcome::BudgetSpent, spent.reason)
                });
            }
        };
        if interruption.is_asked() {
            return ends(cancelled());
        }
        told.number = next_number(calls);
        let (asked, mut stage) = self.begin_review(attempting, commit, calls)?;
        let prompt = render_review(told)?;
        let ask = Ask {
            name: &asked.name,
            folder: &asked.folder,
            prompt: &prompt,
            json_schema: Some(review::json_schema()),
            reservation: &reservation,
            issues,
        };
        context.step(ask.name, Step::Container);
        let made = match Box::pin(session.call(&ask, interruption)).await {
            // While its services were awaited.
            Err(error) if error.kind() == ErrorKind::Interrupted => return ends(cancelled()),
            made => made?,
        };
        crash_point!("review.called");
        let met = reservation.scope_met(&made.entry.charged());
        stage.call = Some(made.entry);
        calls.stages.push(stage);
        match made.failure {
            Some(failure) => Err(failure),
            None => Ok(Ok((asked, heard(&made.report, met)))),
        }
    }

    /// Opens the records of a call, and writes down what it is for.
    fn begin_review(&self, attempting: &Attempting, commit: Oid, calls: &Calls) -> Result<(Asked, StageRun)> {
        let number = next_number(calls);
        let name = CallName {
            role: Role::Review,
            round: number,
            ..attempting.name.clone()
        };
        let folder = self.context().recorder.call_folder(&name, 0)?;
        let stage = StageRun {
            stage: Stage::Review.name().to_owned(),
            number,
            round: calls.round(),
            commit: Some(CommitId::from(commit)),
            records: Some(folder.below.clone()),
            call: None,
            review: None,
            failed: None,
        };
        write(&folder, &stage)?;
        crash_point!("review.begun");
        let asked = Asked {
            task: attempting.issue.id.clone(),
            name,
            folder,
            begun: Instant::now(),
        };
        Ok((asked, stage))
    }

    /// Notes and reports what a review came to. Returns the verdict on work that it does not pass.
    fn reviewed(&self, asked: &Asked, calls: &mut Calls, review: &Review) -> Result<Option<AttemptVerdict>> {
        let how = review.in_words();
        if let Some(stage) = calls.stages.last_mut() {
            stage.review = Some(review.clone());
            write(&asked.folder, stage)?;
        }
        crash_point!("review.noted");
        let mut findings = BTreeMap::<Severity, u32>::new();
        for finding in &review.findings {
            *findings.entry(finding.severity).or_default() += 1;
        }
        let weightiest = review.findings.iter().take(WEIGHTIEST);
        self.context().recorder.emit(EventKind::ReviewEnded {
            task: asked.task.clone(),
            attempt: asked.name.attempt,
            number: asked.name.round,
            passed: review.passed,
            score: Some(review.score),
            how: how.clone(),
            findings,
            dropped: review.dropped,
            weightiest: weightiest.map(ToString::to_string).collect(),
            seconds: asked.begun.elapsed().as_secs_f64(),
        });
        Ok((!review.passed).then(|| {
            AttemptVerdict::red(RedGate {
                by: RedBy::Review,
                gate: Stage::Review.name().to_owned(),
                how,
                output: review.told(TOLD),
            })
        }))
    }

    /// Notes and reports that a call came to nothing.
    fn review_failed(&self, asked: &Asked, calls: &mut Calls, why: &str) -> Result<()> {
        if let Some(stage) = calls.stages.last_mut() {
            stage.failed = Some(why.to_owned());
            write(&asked.folder, stage)?;
        }
        self.context().recorder.emit(EventKind::ReviewEnded {
            task: asked.task.clone(),
            attempt: asked.name.attempt,
            number: asked.name.round,
            passed: false,
            score: None,
            how: format!("came to nothing: {why}"),
            findings: BTreeMap::new(),
            dropped: 0,
            weightiest: Vec::new(),
            seconds: asked.begun.elapsed().as_secs_f64(),
        });
        Ok(())
    }
}

/// Returns the number of an attempt's next review.
fn next_number(calls: &Calls) -> u32 {
    let made = calls.stages.len();
    u32::try_from(made).unwrap_or(u32::MAX).saturating_add(1)
}

/// Returns what a review must come to.
fn threshold(settings: &RoleConfig) -> Threshold {
    Threshold {
        min_score: settings.min_score.unwrap_or(review::BEST_SCORE),
        block: settings.block.unwrap_or(Severity::Low),
    }
}

/// Writes a stage into the records of its call, where a recovery finds it.
fn write(folder: &CallFolder, stage: &StageRun) -> Result<()> {
    folder.write(STAGE_FILE, &serde_json::to_vec(stage).context("cannot write JSON")?)
}

/// Returns what a call came to, given the budget that it met.
fn heard(report: &CallReport, met: Scope) -> Heard {
    let Some(mut verdict) = of_report(report, met) else {
        return Answer::read(report).map_or_else(Heard::Nothing, Heard::Answer);
    };
    let is_refused = report.outcome == CallOutcome::Permanent && !report.request_refused;
    verdict.later = LaterCall {
        refused: is_refused.then(|| refusal(report)),
        spent: (verdict.outcome == Outcome::BudgetSpent).then_some(met),
    };
    if matches!(verdict.outcome, Outcome::AgentFailed | Outcome::TimedOut) {
        verdict.outcome = Outcome::ReviewFailed;
        if !verdict.hold {
            return Heard::Nothing(format!("The call ended as {}: {}.", report.outcome, verdict.reason));
        }
    } else {
        verdict.reason = format!("its review: {}", verdict.reason);
    }
    Heard::Ended(verdict)
}

/// Returns how many lines a file of a commit has, by its path as a reviewer wrote it; `None` where there is none.
fn lines_of(git: &Git, commit: Oid, path: &str) -> Result<Option<u64>> {
    let Some(path) = path_in_tree(Path::new(path)) else {
        return Ok(None);
    };
    let content = git.read_file(commit, path)?;
    Ok(content.map(|content| {
        let ends = memchr::memchr_iter(b'\n', &content).count();
        let rest = content.last().is_some_and(|last| *last != b'\n');
        ends as u64 + u64::from(rest)
    }))
}
