//! Measure: asks for tasks, checks the answer in code, and files what is right with it.

use crate::accounting::budget::{Reservation, Scope, Spent};
use crate::accounting::ledger::{Entry, learned_rates};
use crate::agent::{CallOutcome, CallReport, Cut};
use crate::base::crash::crash_point;
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::interruption::Interruption;
use crate::base::text::one_line;
use crate::git::{Oid, Slot};
use crate::issues::issue::Issue;
use crate::issues::proposal::{self, KnownIssue, Validated};
use crate::model::IssueId;
use crate::model::{Role, Usage};
use crate::prompt::{self, MeasureContext};
use crate::record::event::{CallName, DroppedProposal, FiledTask, Happening};
use crate::record::recorder::CallFolder;
use crate::run::call::command::is_session;
use crate::run::call::{self, Call, Made, Resume, Sandbox};
use crate::run::context::{Work, Workplace, cycle_of};
use crate::run::judgement::{limit_of, refusal};
use crate::run::prompt_inputs;
use crate::run::waiting::pause::LimitMet;
use crate::run::waiting::suspend::{SlotOwner, Suspended, suspend};

mod filing;

use self::filing::{again, end, fail, take_in};

/// What is said of a session that cannot go on.
const LOST: &str = "its session is not there any more, so it is asked afresh";

/// What became of a measure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    /// A valid answer; so many tasks were filed.
    Filed(usize),
    /// A usage limit was met.
    Limited(LimitMet),
    /// The call was refused for good, or its answers never became valid.
    Refused(String),
    /// A budget has no room for the call, or ran out under it.
    Spent(String),
    /// The infrastructure failed.
    Failed(String),
    /// The session that was to go on is not there any more: it can be asked afresh at once.
    SessionLost,
    /// The run was interrupted.
    Cancelled,
}

/// One call's end, seen from here.
enum Round {
    Answered {
        validated: Validated,
        answer: Option<String>,
    },
    Over(Done, String),
}

/// A measure while it goes on.
struct Asking {
    owner: SlotOwner,
    slot: Slot,
    /// The commit that is measured.
    tip: Oid,
    /// What the next call goes on with; without it the slot is made anew.
    resumes: Option<(Resume, Workplace)>,
    /// The calls made.
    calls: Vec<Entry>,
    /// What is filed already, under the keys of its proposals.
    filed: Vec<(String, FiledTask)>,
    /// Proposals that repeat an issue.
    dropped: Vec<DroppedProposal>,
    /// The session that is to go on later.
    unfinished: Option<String>,
}

impl Asking {
    /// The session that the next call would go on with.
    fn waiting_session(&self) -> Option<String> {
        self.resumes.as_ref().map(|(resume, _)| resume.session.clone())
    }

    /// Whether this measure filed an issue.
    fn has_filed(&self, id: &IssueId) -> bool {
        self.filed.iter().any(|(_, task)| task.id == *id)
    }

    /// What the checks need to know of an issue.
    fn known(&self, issue: &Issue) -> KnownIssue {
        let own = self.filed.iter().find(|(_, task)| task.id == issue.id);
        KnownIssue {
            key: own.map(|(key, _)| key.clone()),
            ..KnownIssue::from(issue)
        }
    }

    /// Notes proposals that repeat an issue; that an answer repeats what this measure filed itself is no news.
    fn drop_repeats(&mut self, repeats: Vec<(String, IssueId)>) {
        let foreign: Vec<_> = repeats.into_iter().filter(|(_, id)| !self.has_filed(id)).collect();
        self.dropped
            .extend(foreign.into_iter().map(|(title, repeats)| DroppedProposal {
                title: one_line(&title, 200),
                repeats,
            }));
    }

    fn usage(&self) -> Usage {
        self.calls.iter().map(|entry| entry.usage).sum()
    }
}

/// Asks for tasks until an answer is valid, at most `measure.max_attempts` times; `cycle` names the records.
pub(crate) async fn measure(work: &Work<'_>, cycle: u32, interruption: &Interruption) -> Result<Done> {
    work.recorder.emit(Happening::MeasureStarted { cycle });
    let mut asking = begin(work, cycle)?;
    let done = rounds(work, &mut asking, interruption).await;
    let Asking {
        owner,
        slot,
        tip,
        unfinished,
        ..
    } = asking;
    // Not before what it used is noted: until then the slot tells a recovery that it is not.
    match (&done, unfinished) {
        (Ok(_), Some(session)) => suspend(slot, owner, tip, session)?,
        (Ok(_), None) => work.release(slot),
        (Err(error), _) => {
            tracing::debug!(%error, slot = slot.number(), "a measure leaves its slot to the next recovery");
        }
    }
    done
}

/// Takes up the slot in which a measure was suspended, else a free one.
fn begin(work: &Work<'_>, cycle: u32) -> Result<Asking> {
    let owner = work.owner(None, 1, cycle);
    let asking = |owner, slot, tip, resumes| Asking {
        owner,
        slot,
        tip,
        resumes,
        calls: Vec::new(),
        filed: Vec::new(),
        dropped: Vec::new(),
        unfinished: None,
    };
    let tip = work.tip()?;
    let Some(suspended) = waiting(work, &owner, tip)? else {
        let slot = work.acquire(&owner)?;
        return Ok(asking(owner, slot, tip, None));
    };
    let owner = SlotOwner {
        attempt: suspended.owner.attempt,
        ..owner
    };
    let slot = work.project.slots().adopt(suspended.slot)?;
    let resumes = work.go_on(&slot, &suspended, owner.clone())?;
    Ok(asking(owner, slot, tip, Some(resumes)))
}

/// The session of a measure that can go on: what it has read must still be the generation's tip.
fn waiting(work: &Work<'_>, owner: &SlotOwner, tip: Oid) -> Result<Option<Suspended>> {
    let Some(suspended) = work.suspended(None)? else {
        return Ok(None);
    };
    if suspended.base == tip.to_string() && suspended.owner.ids == owner.ids {
        return Ok(Some(suspended));
    }
    work.warn("measure: the generation has moved on since its session began, so it is asked afresh");
    work.release(work.project.slots().adopt(suspended.slot)?);
    Ok(None)
}

/// Asks until an answer is valid or there is no use in asking.
async fn rounds(work: &Work<'_>, asking: &mut Asking, interruption: &Interruption) -> Result<Done> {
    let mut context = prompt_inputs::measure_context(work, asking.tip)?;
    context.attempt = asking.owner.attempt;
    let most = work.project.config.measure.max_attempts.max(1);
    loop {
        let round = context.attempt;
        asking.owner.attempt = round;
        let name = CallName {
            role: Role::Measure,
            task: None,
            attempt: round,
        };
        let folder = work.recorder.call_folder(&name, asking.owner.cycle)?;
        let reservation = match work.reserve(Role::Measure, None, &work.store.read()?) {
            Ok(reservation) => reservation,
            Err(Spent { reason, .. }) => {
                asking.unfinished = asking.waiting_session();
                return fail(work, asking, Done::Spent(reason.clone()), &reason, &folder);
            }
        };
        let resumed = asking.waiting_session();
        if interruption.is_asked() {
            asking.unfinished = resumed;
            return fail(work, asking, Done::Cancelled, "the run was interrupted", &folder);
        }
        let made = ask(work, asking, &context, &name, &folder, &reservation, interruption).await;
        crash_point!("measure.called");
        let (report, charged) = match made {
            Ok(Made { report, entry, failure }) => {
                let charged = entry.charged();
                asking.calls.push(entry);
                match failure {
                    None => (report, charged),
                    Some(failure) => return broken(work, asking, failure, &folder).await,
                }
            }
            Err(failure) => {
                // The call was never made, so the session is as it was.
                asking.unfinished = resumed;
                return broken(work, asking, failure, &folder).await;
            }
        };
        if let Some(limit) = limit_of(&report) {
            work.note_limit(Role::Measure, &limit)?;
        }
        match judge(work, asking, &report, reservation.scope_met(&charged))? {
            Round::Answered { validated, answer } => {
                let problems = validated.problems.clone();
                let is_last = problems.is_empty() || round >= most;
                let files_some = !asking.filed.is_empty() || !validated.accepted.is_empty();
                if is_last && (problems.is_empty() || files_some) {
                    return end(work, asking, validated);
                }
                if is_last {
                    let reason = format!("measure gave no valid answer in {round} rounds: {}", problems.join(" "));
                    let done = Done::Refused(one_line(&reason, 2000));
                    return fail(work, asking, done, &reason, &folder);
                }
                let filed = take_in(work, asking, validated)?;
                context = again(work, asking, context, filed, problems, answer)?;
            }
            Round::Over(done, reason) => {
                if matches!(
                    done,
                    Done::Limited(_) | Done::Failed(_) | Done::Spent(_) | Done::Cancelled
                ) {
                    asking.unfinished = report.session_id.filter(|session| is_session(session)).or(resumed);
                }
                return fail(work, asking, done, &reason, &folder);
            }
        }
    }
}

/// Makes one call: in the session that goes on, else in a slot made anew.
async fn ask(
    work: &Work<'_>,
    asking: &mut Asking,
    context: &MeasureContext,
    name: &CallName,
    folder: &CallFolder,
    reservation: &Reservation,
    interruption: &Interruption,
) -> Result<Made> {
    let (resume, place, prompt) = if let Some((resume, place)) = asking.resumes.take() {
        (Some(resume), place, prompt::continuation(name.attempt, &[]))
    } else {
        step(work, name, "checkout");
        let place = work.checkout(&mut asking.slot, asking.owner.clone(), asking.tip)?;
        (None, place, prompt_inputs::measure_prompt(work, context)?)
    };
    let config = &work.project.config;
    let issues = work.store.read()?;
    let call = Call {
        sandbox: Sandbox {
            name: name.clone(),
            config,
            image: work.image,
            labels: work.labels(None),
            root: work.project.git.workdir(),
            slot: asking.slot.path().to_owned(),
            place: &place,
            writable: false,
            folder,
        },
        cycle: cycle_of(Role::Measure, &issues),
        rates: learned_rates(issues.ledger()),
        role: &config.measure,
        credential: work.credential.clone(),
        proxy: work.project.surroundings.proxy.clone(),
        resume,
        prompt: &prompt,
        json_schema: Some(proposal::json_schema()),
        reservation,
    };
    step(work, name, "container");
    Box::pin(call::make(&call, work.engine, work.recorder, interruption)).await
}

fn step(work: &Work<'_>, name: &CallName, step: &str) {
    work.recorder.emit(Happening::StepStarted {
        call: name.clone(),
        step: step.to_owned(),
    });
}

/// Ends a measure under which something failed that was not the agent.
async fn broken(work: &Work<'_>, asking: &Asking, failure: Error, folder: &CallFolder) -> Result<Done> {
    let reason = failure.in_a_line();
    // Its files are read-only in the container: whether that still runs only decides who ends it.
    work.is_over(None).await;
    let done = fail(work, asking, Done::Failed(reason.clone()), &reason, folder)?;
    match failure.kind() {
        ErrorKind::Engine => Ok(done),
        _ => Err(failure),
    }
}

/// Reads and checks an answer.
fn judge(work: &Work<'_>, asking: &Asking, report: &CallReport, limit: Scope) -> Result<Round> {
    let reason = one_line(&report.reason, 500);
    if report.cut == Some(Cut::Cancelled) {
        return Ok(Round::Over(Done::Cancelled, reason));
    }
    if report.session_lost {
        return Ok(Round::Over(Done::SessionLost, LOST.to_owned()));
    }
    if let Some(limit) = limit_of(report) {
        return Ok(Round::Over(Done::Limited(limit), reason));
    }
    match report.outcome {
        CallOutcome::Success => {}
        CallOutcome::Transient => return Ok(Round::Over(Done::Failed(reason.clone()), reason)),
        CallOutcome::Permanent => {
            let reason = refusal(report);
            return Ok(Round::Over(Done::Refused(reason.clone()), reason));
        }
        CallOutcome::Budget if limit != Scope::Call => return Ok(Round::Over(Done::Spent(reason.clone()), reason)),
        outcome => {
            let reason = format!("measure's call ended as {outcome}: {reason}");
            return Ok(Round::Over(Done::Refused(reason.clone()), reason));
        }
    }
    let answer = answer_text(report);
    let validated = match proposal::extract(report) {
        Ok(batch) => {
            let issues = work.store.read()?;
            let known: Vec<KnownIssue> = issues.iter().map(|issue| asking.known(issue)).collect();
            proposal::validate(batch, &known, &prompt_inputs::proposal_limits(work, asking.filed.len()))
        }
        Err(problems) => Validated {
            problems,
            ..Validated::default()
        },
    };
    Ok(Round::Answered { validated, answer })
}

fn answer_text(report: &CallReport) -> Option<String> {
    report
        .structured_output
        .as_ref()
        .map(|value| format!("{value:#}"))
        .or_else(|| report.result.clone())
}
