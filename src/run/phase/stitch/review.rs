//! The review of work that passed its gates: another session reads it, in a worktree of its own that it cannot write.

use std::collections::BTreeMap;
use std::path::Path;

use super::Stitch;
use super::later::{Asked, Question, note, of_stage_call};
use super::stages::Attempting;
use crate::accounting::budget::Scope;
use crate::agent::CallReport;
use crate::base::error::Result;
use crate::base::interruption::Interruption;
use crate::base::text::line_count;
use crate::config::{RoleConfig, Stage};
use crate::git::{Git, Oid, path_in_tree};
use crate::issues::attempt::Outcome;
use crate::issues::review::{self, Answer, MOST_ANSWERS, Review, Threshold};
use crate::issues::round::{Calls, CheckKind, FailedCheck};
use crate::issues::stage::StageRun;
use crate::model::{CommitId, IssueId, PromptName, Role, Severity};
use crate::prompt::{ReviewContext, render_review};
use crate::record::event::EventKind;
use crate::run::attempt_verdict::AttemptVerdict;
use crate::run::call::WaitingWork;
use crate::run::gate;
use crate::run::session::Session;

/// How much of a review the session that did the work is told, in bytes.
const TOLD: usize = 8 * 1024;
/// How many findings an event tells.
const WEIGHTIEST: usize = 2;

/// The commit that a review is about, and the work that waits for it.
type AskedAbout = (Oid, Option<WaitingWork>);

/// What came of one call.
enum Heard {
    /// An answer.
    Answer(Answer),
    /// None, and another call may give one: what was wrong, in a sentence.
    Nothing(String),
    /// None, and no other call would give one now.
    Ended(AttemptVerdict),
}

impl Stitch {
    /// Has what an attempt left reviewed. Returns the verdict that keeps it from being merged; `None` where it passes.
    /// `gates` are what the gates said, and the work waits as `waiting` says.
    pub(super) async fn review(
        &self,
        attempting: &Attempting,
        work: gate::Work<'_>,
        ((gates, waiting), calls): ((Vec<String>, Option<WaitingWork>), &mut Calls),
        interruption: &Interruption,
    ) -> Result<Option<AttemptVerdict>> {
        let context = self.context();
        let task = Some(attempting.issue.id.clone());
        let _alive = context.active_work.note(Role::Review.name(), task);
        // It only reads, and needs nothing built.
        let mut session = self.enter_stage(Role::Review, attempting, (work.commit, None), calls)?;
        let threshold = threshold(&context.project.config.review);
        let told = self.work_context(work, gates);
        let asked = match told.map(|work| ReviewContext::new(work, threshold)) {
            Ok(told) => {
                let work = ((work.commit, waiting), told, threshold);
                let asked = self.ask_for_review(&mut session, (attempting, work), calls, interruption);
                Box::pin(asked).await.map(Ok)
            }
            Err(error) => Err(error),
        };
        let asked = self.leave_stage(session, asked).await?;
        Ok(asked.unwrap_or_else(|verdict| Some(*verdict)))
    }

    /// Asks until there is an answer that can be read, and weighs it.
    async fn ask_for_review(
        &self,
        session: &mut Session,
        (attempting, (work, mut told, threshold)): (&Attempting, (AskedAbout, ReviewContext, Threshold)),
        calls: &mut Calls,
        interruption: &Interruption,
    ) -> Result<Option<AttemptVerdict>> {
        let git = &self.context().project.git;
        let (commit, waiting) = work;
        for answers in answers_before(calls, commit) + 1.. {
            told.number = calls.next_of(Role::Review);
            let question = Question {
                commit,
                prompt: render_review(&self.templates(&[PromptName::Review, PromptName::Work])?, &told)?,
                json_schema: Some(review::json_schema()),
                work: waiting.clone(),
            };
            let called = self.call_stage(session, (Role::Review, attempting), (question, calls), interruption);
            let answered = match Box::pin(called).await? {
                Ok(answered) => answered,
                Err(verdict) => return Ok(Some(*verdict)),
            };
            let asked = (&attempting.issue.id, &answered.asked);
            match heard(&answered.report, answered.met) {
                Heard::Answer(answer) => {
                    let review = answer.weigh(threshold, |path| lines_of(git, commit, path))?;
                    return self.reviewed(asked, calls, &review);
                }
                Heard::Ended(verdict) => {
                    if verdict.outcome == Outcome::ReviewFailed {
                        self.review_failed(asked, calls, &verdict.reason)?;
                    }
                    return Ok(Some(verdict));
                }
                Heard::Nothing(problem) => {
                    self.review_failed(asked, calls, &problem)?;
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

    /// Notes and reports what a review came to. Returns the verdict on work that it does not pass.
    fn reviewed(
        &self,
        (task, asked): (&IssueId, &Asked),
        calls: &mut Calls,
        review: &Review,
    ) -> Result<Option<AttemptVerdict>> {
        let how = review.in_words();
        note(Some(&asked.folder), calls, |run| run.review = Some(review.clone()))?;
        let mut findings = BTreeMap::<Severity, u32>::new();
        for finding in &review.findings {
            *findings.entry(finding.severity).or_default() += 1;
        }
        let weightiest = review.findings.iter().take(WEIGHTIEST);
        self.context().recorder.emit(EventKind::ReviewEnded {
            task: task.clone(),
            attempt: asked.name.attempt,
            candidate: asked.name.candidate,
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
            AttemptVerdict::red(FailedCheck {
                by: CheckKind::Review,
                gate: Stage::Review.name().to_owned(),
                how,
                output: review.told(TOLD),
                onto: None,
            })
        }))
    }

    /// Notes and reports that a call came to nothing.
    fn review_failed(&self, (task, asked): (&IssueId, &Asked), calls: &mut Calls, why: &str) -> Result<()> {
        note(Some(&asked.folder), calls, |run| run.failed = Some(why.to_owned()))?;
        self.context().recorder.emit(EventKind::ReviewEnded {
            task: task.clone(),
            attempt: asked.name.attempt,
            candidate: asked.name.candidate,
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

/// Returns how many answers about a commit, of the last round, came to nothing: a dead run may have asked for them.
fn answers_before(calls: &Calls, commit: Oid) -> u32 {
    let commit = CommitId::from(commit);
    let is_one = |run: &&StageRun| {
        run.is_review() && run.round == calls.round() && run.commit.as_ref() == Some(&commit) && run.failed.is_some()
    };
    u32::try_from(calls.stages.iter().filter(is_one).count()).unwrap_or(u32::MAX)
}

/// Returns what a review must come to.
fn threshold(settings: &RoleConfig) -> Threshold {
    Threshold {
        min_score: settings.min_score.unwrap_or(review::BEST_SCORE),
        block: settings.block.unwrap_or(Severity::Low),
    }
}

/// Returns what a call came to, given the budget that it met.
fn heard(report: &CallReport, met: Scope) -> Heard {
    let Some(mut verdict) = of_stage_call("its review", report, met) else {
        return Answer::read(report).map_or_else(Heard::Nothing, Heard::Answer);
    };
    if matches!(verdict.outcome, Outcome::AgentFailed | Outcome::TimedOut) {
        verdict.outcome = Outcome::ReviewFailed;
        if !verdict.hold {
            return Heard::Nothing(format!("The call ended as {}: {}.", report.outcome, verdict.reason));
        }
    }
    Heard::Ended(verdict)
}

/// Returns how many lines a file of a commit has, by its path as a reviewer wrote it; `None` where there is none.
pub(in crate::run::phase) fn lines_of(git: &Git, commit: Oid, path: &str) -> Result<Option<u64>> {
    let Some(path) = path_in_tree(Path::new(path)) else {
        return Ok(None);
    };
    let content = git.read_file(commit, path)?;
    Ok(content.map(|content| line_count(&content)))
}
