//! A stage of the project's own: another session goes on from what the work left, held to the files that it may change.
//! What it leaves is checked as the work is, and becomes part of it, or is thrown away.

use std::path::Path;

use super::Stitch;
use super::keep::contribution;
use super::known::{Known, known};
use super::later::{Answered, Asked, OrEnds, Question, note, of_stage_call, stage_run, waiting_work};
use super::stages::{Attempting, Checked, INTERRUPTED, Kept, Work};
use crate::base::crash::crash_point;
use crate::base::error::Result;
use crate::base::interruption::Interruption;
use crate::base::text::one_line;
use crate::config::OwnStage;
use crate::git::{DiffStat, Git, Globs, Oid, Snapshot};
use crate::issues::attempt::Outcome;
use crate::issues::round::Calls;
use crate::issues::stage::StageRun;
use crate::model::{CommitId, Role};
use crate::project::obeyed;
use crate::prompt::StageContext;
use crate::record::event::{CallName, EventKind, StageEnded, Step};
use crate::record::recorder::CallFolder;
use crate::run::attempt_verdict::{self, AttemptVerdict};
use crate::run::commit_message::message;
use crate::run::land::{keep_snapshot, left_out};
use crate::run::prompt_inputs::stage_prompt;
use crate::run::session::Session;
use crate::run::{context::RunContext, gate};

/// How many paths are named that a stage may not change.
const PATHS_NAMED: usize = 3;

/// What a stage left: a commit that may become part of the work, or why it failed.
type Left = std::result::Result<Oid, String>;

/// A stage that was called, or has left something before.
struct Called {
    name: CallName,
    /// Where its records are; `None` where it was called in an earlier attempt.
    folder: Option<CallFolder>,
    seconds: f64,
}

impl Stitch {
    /// Has a stage go on from the work, where it needs to. Returns the verdict that the attempt ends with, if it does.
    pub(super) async fn own_stage(
        &self,
        (stage, attempting): (&OwnStage, &Attempting),
        (session, kept): (&mut Session, &mut Kept),
        (checked, calls): (&mut Checked, &mut Calls),
        interruption: &Interruption,
    ) -> Result<Option<AttemptVerdict>> {
        let git = &self.context().project.git;
        let role = Role::Stage(stage.name);
        // One whose call is under way was needed, and is not done.
        let is_under_way = attempting.is_at_stage(role);
        if !is_under_way && !is_needed(stage, kept)? {
            return Ok(None);
        }
        let given = kept.left.commit.unwrap_or(session.base());
        let attempts = attempting.issue.attempts.iter();
        let earlier = attempts.flat_map(|attempt| attempt.stages_of(attempting.name.candidate));
        let earlier = earlier.filter(|_| session.resumes().is_some());
        let runs: Vec<&StageRun> = earlier.chain(&calls.stages).collect();
        let known = if is_under_way {
            Known::Nothing
        } else {
            known(git, stage, &runs, kept.left.snapshot.tree)?
        };
        let (called, left) = match known {
            Known::Done => return Ok(None),
            Known::Left(commit) => {
                let name = CallName {
                    role,
                    round: calls.next_of(role),
                    ..attempting.name.clone()
                };
                let run = StageRun {
                    left: Some(CommitId::from(commit)),
                    changed: changed(git, given, commit)?,
                    ..stage_run(role, given, calls)
                };
                calls.stages.push(run);
                let (folder, seconds) = (None, 0.0);
                (Called { name, folder, seconds }, Ok(commit))
            }
            Known::Nothing => {
                let call = self.call_own((stage, attempting), (session, kept), (checked, calls), interruption);
                match Box::pin(call).await? {
                    Ok(came_to) => came_to,
                    Err(verdict) => return Ok(Some(*verdict)),
                }
            }
        };
        let left = match left {
            Ok(commit) if commit != given => {
                let again = (session as &Session, &*kept, attempting);
                match self
                    .check_again(again, (&called, commit), checked, interruption)
                    .await?
                {
                    Ok(left) => left.map(|()| commit),
                    Err(verdict) => return Ok(Some(*verdict)),
                }
            }
            left => left,
        };
        self.end_own((stage, attempting), (session, kept), (&called, given, left), calls)
    }

    /// Calls a stage, and keeps what it left where that may become part of the work.
    async fn call_own(
        &self,
        (stage, attempting): (&OwnStage, &Attempting),
        (session, kept): (&Session, &Kept),
        (checked, calls): (&Checked, &mut Calls),
        interruption: &Interruption,
    ) -> Result<OrEnds<(Called, Left)>> {
        let context = self.context();
        let role = Role::Stage(stage.name);
        let _alive = context.active_work.note(role.name(), Some(attempting.issue.id.clone()));
        let base = session.base();
        let work = gate::Work::of(&attempting.issue, base, kept.left.commit.unwrap_or(base));
        let told = StageContext {
            work: self.work_context(work, checked.said())?,
            stage: stage.name.as_str().to_owned(),
            attempt: attempting.name.attempt,
            may_change: stage.may_change.clone(),
            protected_paths: self.protected.listed().to_vec(),
        };
        let question = Question {
            commit: work.commit,
            prompt: stage_prompt(&context.project, stage, &told)?,
            json_schema: None,
            work: waiting_work(session, kept, checked),
        };
        let mut beside = self.enter_stage(role, attempting, (work.commit, session.layer()), calls)?;
        let called = self.call_stage(&beside, (role, attempting), (question, calls), interruption);
        let came_to = match Box::pin(called).await {
            Ok(Ok(answered)) => self.left_by(stage, &mut beside, (attempting, work), (answered, calls)),
            Ok(Err(verdict)) => Ok(Err(verdict)),
            Err(error) => Err(error),
        };
        Box::pin(self.leave_stage(beside, came_to)).await
    }

    /// Looks at what a call of a stage left. What may become part of the work is on the task's ref when this returns, and
    /// noted: from here on the stage is not called for the same work again.
    fn left_by(
        &self,
        stage: &OwnStage,
        beside: &mut Session,
        (attempting, work): (&Attempting, gate::Work<'_>),
        (answered, calls): (Answered, &mut Calls),
    ) -> Result<OrEnds<(Called, Left)>> {
        let Answered { asked, report, met } = answered;
        let whose = format!("the stage `{}`", stage.name);
        let left = match of_stage_call(&whose, &report, met) {
            Some(verdict) if is_its_own_failure(&verdict) => {
                let why = one_line(&report.reason, 400);
                Err(format!("its call ended as {}: {why}", report.outcome))
            }
            Some(verdict) => return Ok(Err(Box::new(verdict))),
            None => {
                self.context().step(&asked.name, Step::Snapshot);
                let snapshot = beside.snapshot()?;
                self.keep_of_stage(stage, &snapshot, (attempting, work), calls)?
            }
        };
        if let Ok(commit) = left {
            let changed = changed(&self.context().project.git, work.commit, commit)?;
            note(Some(&asked.folder), calls, |run| {
                run.left = Some(CommitId::from(commit));
                run.changed = changed;
            })?;
        }
        let Asked { name, folder, begun } = asked;
        let seconds = begun.elapsed().as_secs_f64();
        let folder = Some(folder);
        Ok(Ok((Called { name, folder, seconds }, left)))
    }

    /// Checks the files that a stage left, and commits them to the task's ref.
    fn keep_of_stage(
        &self,
        stage: &OwnStage,
        snapshot: &Snapshot,
        (attempting, work): (&Attempting, gate::Work<'_>),
        calls: &Calls,
    ) -> Result<Left> {
        let context = self.context();
        let git = &context.project.git;
        for what in left_out(&snapshot.skipped) {
            context.warn(format!("{}: {what}", work.issue.id));
        }
        if let Some(why) = self.refused(stage, snapshot, attempting, work)? {
            return Ok(Err(why));
        }
        if snapshot.tree == git.tree_of(work.commit)? {
            return Ok(Ok(work.commit));
        }
        let text = message(
            &context
                .attempt(&work.issue.id, attempting.name.attempt)
                .of_candidate(attempting.name.candidate),
            work.issue,
            calls,
            context.project.config.commits.style,
        );
        let made = contribution(context, &work.issue.id, work.base, snapshot);
        let commit = keep_snapshot(&context.project, made, &text)?;
        crash_point!("stage.kept");
        Ok(Ok(commit))
    }

    /// Returns why what a stage left may not become part of the work.
    fn refused(
        &self,
        stage: &OwnStage,
        snapshot: &Snapshot,
        attempting: &Attempting,
        work: gate::Work<'_>,
    ) -> Result<Option<String>> {
        let git = &self.context().project.git;
        let (given, tree) = (work.commit, snapshot.tree);
        let allowed = Globs::new(stage.may_change.iter().map(String::as_str))?;
        let changes = git.changes(given, tree)?;
        let paths = changes.iter().map(|change| change.path.as_path());
        let outside: Vec<&Path> = paths.filter(|path| !allowed.matches(path)).collect();
        if let Some(what) = named(&outside) {
            return Ok(Some(format!("it changed {what}, which `may_change` does not allow")));
        }
        let touched = obeyed::touched(git, &self.protected, given, tree)?;
        let brought = git.hazards_brought(given, tree)?;
        if let Some(verdict) = attempt_verdict::of_snapshot(snapshot, true, &touched, &brought) {
            return Ok(Some(verdict.reason));
        }
        if tree == git.tree_of(work.base)? {
            return Ok(Some("it took back all that the work had changed".to_owned()));
        }
        let (all, estimate) = (git.file_diffs(work.base, tree)?, work.issue.plan.estimated_lines);
        let most = self.context().project.config.max_changed_lines;
        if let Some(verdict) = attempt_verdict::of_size(&all, estimate, most) {
            return Ok(Some(format!("with it, {}", verdict.reason)));
        }
        Ok(self.weakened(attempting, given, tree)?.map(|verdict| verdict.reason))
    }

    /// Has the gates judge what a stage left. `Ok(Err)` has the verdict that the attempt ends with.
    async fn check_again(
        &self,
        (session, kept, attempting): (&Session, &Kept, &Attempting),
        (called, commit): (&Called, Oid),
        checked: &mut Checked,
        interruption: &Interruption,
    ) -> Result<OrEnds<std::result::Result<(), String>>> {
        let work = gate::Work::of(&attempting.issue, session.base(), commit);
        let folder = called.folder.as_ref().unwrap_or(&kept.called.folder);
        let ends = |outcome, reason: &str| Ok(Err(Box::new(AttemptVerdict::of(outcome, reason))));
        match self
            .ask_gates(session, (&called.name, folder), work, interruption)
            .await?
        {
            gate::GateVerdict::Passed { remarks, results } => {
                *checked = Checked { remarks, results };
                Ok(Ok(Ok(())))
            }
            gate::GateVerdict::Failed(red) => Ok(Ok(Err(format!("with it, {} {}", red.subject(), red.how)))),
            gate::GateVerdict::Unproven(why) => Ok(Err(Box::new(AttemptVerdict::held(Outcome::Unproven, why)))),
            gate::GateVerdict::Cancelled => ends(Outcome::Cancelled, INTERRUPTED),
            gate::GateVerdict::NotRun { reason } => ends(Outcome::InfrastructureFailed, &reason),
        }
    }

    /// Makes what a stage left part of the work, or throws it away, and reports that.
    fn end_own(
        &self,
        (stage, attempting): (&OwnStage, &Attempting),
        (session, kept): (&mut Session, &mut Kept),
        (called, given, left): (&Called, Oid, Left),
        calls: &mut Calls,
    ) -> Result<Option<AttemptVerdict>> {
        let git = &self.context().project.git;
        let passed = left.is_ok();
        match left {
            Ok(commit) if commit == given => {}
            Ok(commit) => {
                session.bring(given, commit)?;
                crash_point!("stage.brought");
                kept.left.snapshot.tree = git.tree_of(commit)?;
                kept.left.changed = git.file_diffs(session.base(), kept.left.snapshot.tree)?;
                kept.left.commit = Some(commit);
            }
            Err(why) => {
                let had_left = calls.stages.last().is_some_and(|run| run.left.is_some());
                note(called.folder.as_ref(), calls, |run| {
                    run.failed = Some(one_line(&why, 500));
                    (run.left, run.changed) = (None, None);
                })?;
                if had_left {
                    // The last commit of the task's ref is what goes on.
                    self.keep_again(session, &kept.left, attempting, calls)?;
                }
            }
        }
        let Some(run) = calls.stages.last() else {
            return Ok(None);
        };
        self.context().recorder.emit(EventKind::StageEnded(StageEnded {
            task: attempting.issue.id.clone(),
            attempt: called.name.attempt,
            candidate: called.name.candidate,
            stage: stage.name.as_str().to_owned(),
            number: called.name.round,
            passed,
            required: stage.required,
            how: run.in_words(),
            changed: run.changed,
            seconds: called.seconds,
        }));
        let held = || {
            let reason = format!("the stage `{}` {}", stage.name, run.in_words());
            AttemptVerdict::held(Outcome::StageFailed, reason)
        };
        Ok((!passed && stage.required).then(held))
    }

    /// Commits what the work was before a stage to the task's ref once more.
    fn keep_again(&self, session: &Session, left: &Work, attempting: &Attempting, calls: &Calls) -> Result<()> {
        let context: &RunContext = self.context();
        let issue = &attempting.issue;
        let name = context.attempt(&issue.id, attempting.name.attempt);
        let style = context.project.config.commits.style;
        let text = message(&name.of_candidate(attempting.name.candidate), issue, calls, style);
        let made = contribution(context, &issue.id, session.base(), &left.snapshot);
        keep_snapshot(&context.project, made, &text).map(drop)
    }
}

/// Returns whether a stage is to be called: where the attempt changed a file that it needs.
fn is_needed(stage: &OwnStage, kept: &Kept) -> Result<bool> {
    let needs = Globs::new(stage.needs.iter().map(String::as_str))?;
    let mut changed = kept.left.changed.iter();
    Ok(stage.needs.is_empty() || changed.any(|file| needs.matches(Path::new(&file.path))))
}

/// Returns whether a call says of the stage itself that it failed, and not of the account or the machine.
fn is_its_own_failure(verdict: &AttemptVerdict) -> bool {
    match verdict.outcome {
        Outcome::AgentFailed | Outcome::TimedOut => true,
        Outcome::BudgetSpent => verdict.hold,
        _ => false,
    }
}

/// Returns how much differs between two commits; `None` where nothing does.
fn changed(git: &Git, given: Oid, commit: Oid) -> Result<Option<DiffStat>> {
    if given == commit {
        return Ok(None);
    }
    Ok(Some(git.file_diffs(given, git.tree_of(commit)?)?.iter().collect()))
}

/// Returns paths in a line; `None` where there are none.
fn named(paths: &[&Path]) -> Option<String> {
    let shown = |path: &&Path| format!("`{}`", one_line(&path.display().to_string(), 200));
    let some: Vec<_> = paths.iter().take(PATHS_NAMED).map(shown).collect();
    let more = match paths.len().saturating_sub(PATHS_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    (!some.is_empty()).then(|| format!("{}{more}", some.join(", ")))
}
