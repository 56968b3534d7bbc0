//! Stitch: one task, from its claim to its merge. Every step is durable before the next begins and can be done twice.

use jiff::Timestamp;

use crate::accounting::budget::{Reservation, Scope};
use crate::accounting::ledger::{Entry, learned_rates};
use crate::agent::{CallOutcome, CallReport};
use crate::base::crash::crash_point;
use crate::base::error::{ErrorKind, Result};
use crate::base::interruption::{Interruption, Left};
use crate::base::text::one_line;
use crate::git::{Oid, Slot, Snapshot, SnapshotLimits};
use crate::issues::attempt::{Attempt, Ignored, Outcome};
use crate::issues::issue::{Claim, Issue};
use crate::model::IssueId;
use crate::model::Role;
use crate::project::obeyed;
use crate::prompt;
use crate::record::event::{CallName, Happening};
use crate::record::recorder::CallFolder;
use crate::run::call::{self, Call, Resume, Sandbox};
use crate::run::context::{Work, Workplace, cycle_of};
use crate::run::gate;
use crate::run::judgement::{self, Judgement, hold_reason, limit_of, refusal};
use crate::run::land::{keep_snapshot, message};
use crate::run::prompt_inputs;
use crate::run::waiting::suspend::{SlotOwner, suspend};

mod merge;
mod place;

use self::merge::merge;
use self::place::{Entered, enter, leave, note_unfinished, unfinished};

/// What a task may leave behind at most. A larger file is better fetched than committed; more files are a mistake.
pub(crate) const SNAPSHOT_LIMITS: SnapshotLimits = SnapshotLimits {
    max_file_bytes: 50 * 1024 * 1024,
    max_files: 20_000,
    max_bytes: 1 << 30,
};

/// How many of the things that were left out are told: an agent can make a million sockets.
const SKIPPED_TOLD: usize = 20;

/// What became of an attempt.
#[derive(Clone, Debug)]
pub(crate) struct Done {
    pub(crate) outcome: Outcome,
    /// Why, in a line; may be empty.
    pub(crate) reason: String,
    /// A refusal that no retry mends.
    pub(crate) refused: Option<String>,
    /// The budget that it met, when that says nothing of the task.
    pub(crate) spent: Option<Scope>,
    /// Its request was refused for what is in it: what may be mended, in a sentence.
    pub(crate) request_refused: Option<String>,
    /// The session that was to go on is not there any more: a fresh attempt can begin at once.
    pub(crate) session_lost: bool,
}

/// What is known of an attempt while it goes on; becomes the store's record of it.
struct Trial {
    issue: Issue,
    number: u32,
    started_at: Timestamp,
    begun: std::time::Instant,
    name: CallName,
    folder: CallFolder,
    /// The commit that the slot was made from: the generation's tip when the attempt, or the session, began.
    base: Oid,
    /// The session that goes on.
    resumes: Option<Resume>,
    snapshot: Option<Oid>,
    /// What ignore rules left out of it.
    ignored: Option<Ignored>,
    report: Option<CallReport>,
    entry: Option<Entry>,
    /// The budget that it met.
    spent: Option<Scope>,
    /// Told to whoever ends the program meanwhile.
    _left: Left,
}

/// A task that is claimed for this run, and not tried yet.
pub(crate) struct Claimed {
    issue: Issue,
    /// The generation's tip when it was claimed.
    base: Oid,
    at: Timestamp,
}

/// Claims a ready task. Fails with [`ErrorKind::Precondition`] when it is not ready, or not any more.
pub(crate) fn claim(work: &Work<'_>, id: &IssueId) -> Result<Claimed> {
    let base = work.tip()?;
    let now = work.now();
    let claim = Claim {
        run: work.recorder.run().to_owned(),
        repository: Some(work.repository.clone()),
        at: now,
    };
    let issue = work.store.update(&format!("claim {id}"), now, |issues| {
        issues.claim_as(id, claim.clone())?;
        issues.get(id).cloned()
    })?;
    crash_point!("stitch.claimed");
    Ok(Claimed { issue, base, at: now })
}

/// Makes one attempt at a task. An error is one that ends the run; all else is the attempt's outcome.
pub(crate) async fn attempt(work: &Work<'_>, claimed: Claimed, interruption: &Interruption) -> Result<Done> {
    let mut trial = begin(work, claimed)?;
    let tried = try_it(work, &mut trial, interruption).await;
    let (judgement, failure) = match tried {
        Ok(judgement) => (judgement, None),
        Err(error) => {
            let failed = Judgement::of(Outcome::InfrastructureFailed, error.in_a_line());
            let goes_on = error.kind() == ErrorKind::Engine;
            (failed, Some(error).filter(|_| !goes_on))
        }
    };
    // Whatever ends the run, the task must not stay claimed by it.
    let concluded = conclude(work, &trial, &judgement);
    if let Some(failure) = failure {
        return Err(failure);
    }
    concluded?;
    Ok(Done {
        outcome: judgement.outcome,
        reason: judgement.reason,
        refused: refused(&trial),
        spent: trial.spent.filter(|_| judgement.outcome == Outcome::BudgetSpent),
        request_refused: trial
            .report
            .as_ref()
            .filter(|report| report.request_refused && !report.session_lost)
            .map(refusal),
        session_lost: trial.report.as_ref().is_some_and(|report| report.session_lost),
    })
}

/// Opens the records of an attempt.
fn begin(work: &Work<'_>, claimed: Claimed) -> Result<Trial> {
    let Claimed { issue, base, at } = claimed;
    let number = issue.next_attempt();
    let name = CallName {
        role: Role::Stitch,
        task: Some(issue.id.clone()),
        attempt: number,
    };
    let left = work
        .project
        .surroundings
        .left_behind
        .note(format!("the claim of {}", issue.id));
    work.recorder.emit(Happening::TaskClaimed {
        task: issue.id.clone(),
        title: one_line(&issue.title, 120),
        attempt: number,
    });
    Ok(Trial {
        folder: work.recorder.call_folder(&name, 0)?,
        begun: std::time::Instant::now(),
        issue,
        number,
        started_at: at,
        name,
        base,
        resumes: None,
        snapshot: None,
        ignored: None,
        report: None,
        entry: None,
        spent: None,
        _left: left,
    })
}

/// Checks a slot out, lets the agent work in it, and merges what it left.
async fn try_it(work: &Work<'_>, trial: &mut Trial, interruption: &Interruption) -> Result<Judgement> {
    step(work, trial, "checkout");
    let owner = work.owner(Some(trial.issue.id.clone()), trial.number, 0);
    let (mut slot, place) = match enter(work, trial, &owner)? {
        Entered::Ready(entered) => *entered,
        Entered::Refused(judgement) => return Ok(judgement),
    };
    crash_point!("stitch.checkout");
    let judged = work_in_slot(work, trial, &mut slot, &owner, &place, interruption).await;
    let is_over = judged.is_ok() || leave(work, trial, &mut slot).await;
    match unfinished(trial, judged.as_ref().ok()) {
        Some(session) if is_over => suspend(slot, owner, trial.base, session)?,
        None if is_over => {
            work.release(slot);
            crash_point!("stitch.released");
        }
        // Nobody knows who still writes in it: the next recovery sees to that.
        _ => {}
    }
    judged
}

fn step(work: &Work<'_>, trial: &Trial, name: &str) {
    work.recorder.emit(Happening::StepStarted {
        call: trial.name.clone(),
        step: name.to_owned(),
    });
}

async fn work_in_slot(
    work: &Work<'_>,
    trial: &mut Trial,
    slot: &mut Slot,
    owner: &SlotOwner,
    place: &Workplace,
    interruption: &Interruption,
) -> Result<Judgement> {
    let prompt = match trial.resumes {
        Some(_) => prompt::continuation(trial.number, &said_since(&trial.issue)),
        None => prompt_inputs::stitch_prompt(work, &trial.issue, trial.base)?,
    };
    let reserved = work.reserve(Role::Stitch, Some(&trial.issue.id), &work.store.read()?);
    let reservation = match reserved {
        Ok(reservation) => reservation,
        Err(spent) => {
            trial.spent = Some(spent.scope);
            return Ok(Judgement::of(Outcome::BudgetSpent, spent.reason));
        }
    };
    if interruption.is_asked() {
        return Ok(Judgement::of(Outcome::Cancelled, "the run was interrupted"));
    }
    step(work, trial, "container");
    let folder = trial.folder.clone();
    let call = call_for(work, trial, slot, place, &prompt, &folder, &reservation)?;
    let made = Box::pin(call::make(&call, work.engine, work.recorder, interruption)).await?;
    crash_point!("stitch.called");
    let report = made.report;
    let charged = made.entry.charged();
    if made.failure.is_none() {
        note_unfinished(trial, slot, owner, &report)?;
    }
    if let Some(limit) = limit_of(&report) {
        work.note_limit(Role::Stitch, &limit)?;
    }
    trial.report = Some(report.clone());
    trial.entry = Some(made.entry);
    if let Some(failure) = made.failure {
        return Err(failure);
    }
    if report.outcome == CallOutcome::Budget {
        trial.spent = Some(reservation.scope_met(&charged));
    }
    step(work, trial, "snapshot");
    let snapshot = keep(work, trial, slot)?;
    crash_point!("stitch.kept");
    let git = &work.project.git;
    let brought = git.hazards_brought(trial.base, snapshot.tree)?;
    let touched = obeyed::touched(git, &work.protected, trial.base, snapshot.tree)?;
    if let Some(judgement) = judgement::of_report(&call, &report, &charged)
        .or_else(|| judgement::of_snapshot(&snapshot, trial.snapshot.is_some(), &touched, &brought))
    {
        return Ok(judgement);
    }
    let not_yet = match ask_gates(work, trial, &call.sandbox, snapshot.tree, interruption).await? {
        gate::Verdict::Passed { not_yet } => not_yet,
        gate::Verdict::Failed { reason } => return Ok(Judgement::of(Outcome::GateFailed, reason)),
        gate::Verdict::Cancelled => return Ok(Judgement::of(Outcome::Cancelled, "the run was interrupted")),
        gate::Verdict::NotRun { reason } => return Ok(Judgement::of(Outcome::InfrastructureFailed, reason)),
    };
    step(work, trial, "merge");
    let mut judgement = merge(work, trial, &snapshot)?;
    if judgement.outcome == Outcome::Merged && !not_yet.is_empty() {
        judgement.reason = one_line(&format!("not yet: {}", not_yet.join("; ")), 500);
    }
    Ok(judgement)
}

/// Asks every gate. Where something fails under them, and nothing of them runs any more, the session can go on: only the
/// gates are missing.
async fn ask_gates(
    work: &Work<'_>,
    trial: &Trial,
    sandbox: &Sandbox<'_>,
    tree: Oid,
    interruption: &Interruption,
) -> Result<gate::Verdict> {
    let id = &trial.issue.id;
    match Box::pin(gate::judge(work, sandbox, id, tree, interruption)).await {
        Err(error) if error.kind() == ErrorKind::Engine && work.is_over(Some(id)).await => Ok(gate::Verdict::NotRun {
            reason: error.in_a_line(),
        }),
        judged => judged,
    }
}

/// What people said of a task since its last attempt ended.
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

fn call_for<'a>(
    work: &Work<'a>,
    trial: &Trial,
    slot: &Slot,
    place: &'a Workplace,
    prompt: &'a str,
    folder: &'a CallFolder,
    reservation: &'a Reservation,
) -> Result<Call<'a>> {
    let issues = work.store.read()?;
    Ok(Call {
        sandbox: Sandbox {
            name: trial.name.clone(),
            config: &work.project.config,
            image: work.image,
            labels: work.labels(Some(&trial.issue.id)),
            root: work.project.git.workdir(),
            slot: slot.path().to_owned(),
            place,
            writable: true,
            folder,
        },
        cycle: cycle_of(Role::Stitch, &issues),
        rates: learned_rates(issues.ledger()),
        role: &work.project.config.stitch,
        credential: work.credential.clone(),
        proxy: work.project.surroundings.proxy.clone(),
        resume: trial.resumes.clone(),
        prompt,
        json_schema: None,
        reservation,
    })
}

/// Records what is in the slot, as a commit on the task's ref. The container is gone by now.
fn keep(work: &Work<'_>, trial: &mut Trial, slot: &mut Slot) -> Result<Snapshot> {
    let base = trial.base;
    let snapshot = tokio::task::block_in_place(|| slot.snapshot(base, &SNAPSHOT_LIMITS))?;
    for (path, why) in snapshot.skipped.iter().take(SKIPPED_TOLD) {
        let what = format!("{}: left out `{}`: {why}", trial.issue.id, path.display());
        work.warn(what);
    }
    if let Some(more @ 1..) = snapshot.skipped.len().checked_sub(SKIPPED_TOLD) {
        work.warn(format!("{}: left out {more} more", trial.issue.id));
    }
    trial.ignored = Ignored::of(&snapshot.ignored);
    if let Some(ignored) = &trial.ignored {
        work.warn(format!("{}: ignore rules leave out {ignored}", trial.issue.id));
    }
    if snapshot.tree != work.project.git.commit_info(base)?.tree {
        let name = work.attempt(&trial.issue.id, trial.number);
        let text = message(&name, &trial.issue, trial.entry.as_ref());
        let id = &trial.issue.id;
        let kept = keep_snapshot(work.project, work.generation, id, base, snapshot.tree, &text)?;
        trial.snapshot = Some(kept);
    }
    Ok(snapshot)
}

/// Writes an attempt's end into the store: recorded, and closed, held or given back, all in one commit.
fn conclude(work: &Work<'_>, trial: &Trial, judgement: &Judgement) -> Result<()> {
    let now = work.now();
    let id = &trial.issue.id;
    let attempt = record(work, trial, judgement, now);
    let usage = attempt.usage();
    let most = work.project.config.stitch.max_attempts;
    let why = format!("{id}: attempt {} ended: {}", trial.number, judgement.outcome);
    let held = work.store.update(&why, now, |issues| {
        issues.record_attempt(id, attempt.clone(), now)?;
        if let Some(commit) = judgement.commit {
            issues.close(id, "merged", Some(&commit.to_string()), now)?;
            return Ok(None);
        }
        issues.release_claim(id, work.recorder.run(), now)?;
        let hold = hold_reason(issues.get(id)?, judgement, most);
        if let Some(reason) = &hold {
            issues.hold(id, reason, now)?;
        }
        Ok(hold)
    })?;
    crash_point!("stitch.concluded");
    work.recorder.emit(Happening::AttemptEnded {
        task: id.clone(),
        title: one_line(&trial.issue.title, 120),
        attempt: trial.number,
        outcome: judgement.outcome,
        reason: judgement.reason.clone(),
        commit: judgement.commit.map(|commit| commit.to_string()),
        usage,
        seconds: trial.begun.elapsed().as_secs_f64(),
    });
    if let Some(reason) = held {
        work.recorder.emit(Happening::TaskHeld {
            task: id.clone(),
            reason,
        });
    }
    Ok(())
}

fn record(work: &Work<'_>, trial: &Trial, judgement: &Judgement, now: Timestamp) -> Attempt {
    Attempt {
        number: trial.number,
        run: work.recorder.run().to_owned(),
        outcome: judgement.outcome,
        reason: judgement.reason.clone(),
        snapshot: trial.snapshot.map(|id| id.to_string()),
        ignored: trial.ignored.clone(),
        records: Some(trial.folder.below.clone()),
        started_at: trial.started_at,
        ended_at: now,
        call: trial.entry.clone(),
    }
}

/// A refusal that no retry mends.
fn refused(trial: &Trial) -> Option<String> {
    let report = trial.report.as_ref()?;
    let of_all = report.outcome == CallOutcome::Permanent && !report.session_lost && !report.request_refused;
    of_all.then(|| refusal(report))
}
