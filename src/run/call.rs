//! One call of an agent: a container on a slot, the prompt on its stdin, its stream read to the end.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

mod adoption;
pub(crate) mod command;
mod evidence;
mod flow;
mod forwarder;
mod listener;
mod request;
pub(crate) mod seal;
mod servers;
pub(crate) mod services;
mod specification;
mod warnings;

pub(crate) use self::adoption::{AdoptedCall, Adoption, collect, has_succeeded};
pub(crate) use self::flow::{
    ClosingPlace, FlowPlace, MeasurePlace, PartPlace, PlanPlace, ProposalsPlace, StagePlace, WaitingWork, WorkPlace,
};
use self::listener::Listener;
pub(crate) use self::request::{Call, CallResult, OnEnd, Sandbox};
use self::seal::Sealed;
use self::services::{For, Services};
use self::specification::specification;
pub(crate) use self::specification::{container, private_mounts, recipe, refuse_credentials};
use crate::accounting::ledger::Entry;
use crate::agent::StopCause;
use crate::base::clock::since_boot;
use crate::base::error::Result;
use crate::base::interruption::Interruption;
use crate::base::text::one_line;
use crate::config::RoleConfig;
use crate::record::event::{Adopted, EventKind};
use crate::record::recorder::{GATEWAY_FILE, Recorder};
use crate::run::conversations::Conversation;
use crate::run::disk::DiskWatch;
use crate::sandbox::engine::{Container, Engine, Exit};
use crate::sandbox::gateway::{Judged, read_back};

/// How long a client gets to write its last result after each signal that asks for it.
const TERMINATION_GRACE: Duration = Duration::from_secs(5);
/// How long a container may take to end once its outputs are closed.
const EXIT_GRACE: Duration = Duration::from_secs(20);
/// How long the rest of an ended container's output is listened to.
const DRAIN_LIMIT: Duration = Duration::from_secs(10);
/// The longest wait without a look at the clock.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// A wait that ends later than this after its time was none in which anybody listened: the process was stopped.
const LATE: Duration = Duration::from_secs(2);
/// How much patience is left at least with an agent that is listened to again.
const LEFT_AT_LEAST: Duration = Duration::from_secs(60);
/// The hard limit of a call that has none, so that there is always a next deadline.
const FAR_AWAY: Duration = Duration::from_secs(365 * 24 * 3600);

/// Makes the call. An error is the infrastructure's, before the agent began: whatever the agent does is in the report.
pub(crate) async fn make(
    call: &Call<'_>,
    engine: &Engine,
    recorder: &Recorder,
    interruption: &Interruption,
) -> Result<CallResult> {
    if let Some(resume) = &call.resume {
        recorder.emit(EventKind::SessionResumed {
            call: call.sandbox.name.clone(),
            session_id: resume.session.to_string(),
        });
    }
    // Redact the prompt as the record is redacted, so that a secret in it reaches neither.
    let prompt = call.sandbox.folder.redactor.text(call.prompt);
    call.sandbox.folder.write("prompt.md", prompt.as_bytes())?;
    let (begun, since) = (Instant::now(), since_boot());
    let mut listener = Listener::new(call, recorder)?;
    let folder = &call.sandbox.folder.path;
    let specification = specification(call, recorder.run())?.writing_to(&adoption::output_of(folder));
    let whose = For::of(call.sandbox.name.role);
    let services = Services::begin(&call.sandbox, whose, engine, recorder).await?;
    let (specification, mut sealed) = seal::for_agent(call, engine, services, specification)?;
    adoption::make_output(folder)?;
    let disk = call.sandbox.watch_disk();
    let mounted = call.sandbox.mounts.mount()?;
    let input = call.input(&prompt);
    let container = Box::pin(sealed.start(&specification, &input, interruption)).await;
    drop(mounted);
    let mut running = match container {
        Ok(container) => Running {
            container,
            disk,
            conversation: call.converse(),
            begun,
            silent: Duration::ZERO,
            unnoted: Some(since),
        },
        Err(error) => return adoption::forget(folder).and(Err(error)),
    };
    let ended = attend(call, &mut running, &mut sealed, &mut listener, interruption).await;
    let looking_back = Box::pin(running.look_back(ended, &mut listener));
    let ((ended, container), ()) = tokio::join!(looking_back, Box::pin(sealed.end_services()));
    let judged = Some(sealed.judged());
    let end = End { ended, begun, judged };
    let made = end.settle(call, listener, sealed, recorder).await;
    tidy_up(Some(container), call, recorder).await;
    Ok(made)
}

/// Goes on with a call whose run died under it: its container lives, or has ended with nobody to hear it. What the call used
/// is in the result whatever fails.
pub(crate) async fn go_on(
    call: &Call<'_>,
    adopted: &AdoptedCall,
    engine: &Engine,
    recorder: &Recorder,
    interruption: &Interruption,
) -> Result<CallResult> {
    let AdoptedCall {
        adoption,
        container: found,
        ..
    } = adopted;
    let folder = &call.sandbox.folder.path;
    let before = read_back(&folder.join(GATEWAY_FILE))?;
    let begun = Instant::from_std(adopted.begun());
    let mut listener = Listener::new(call, recorder)?;
    let heard = listener.hear_again()?;
    let services = Services::none(&call.sandbox, recorder);
    let mut sealed = Sealed::again(call, engine, services, (&adoption.token, before))?;
    recorder.emit(EventKind::Adopted(Adopted {
        call: call.sandbox.name.clone(),
        container: found.id.clone(),
        began_at: Some(adopted.began_at),
    }));
    let specification = container(&call.sandbox, recorder.run(), Vec::new()).writing_to(&adoption::output_of(folder));
    let silent = adoption
        .silent_for(folder, SystemTime::now())
        .min(most_silence(call.role));
    let (ended, container) = match engine.adopt(found, &specification, (heard, silent)).await {
        Ok(container) => {
            let disk = call.sandbox.watch_disk();
            let mut running = Running {
                container,
                disk,
                // Its input was closed when the process ended that had it open.
                conversation: None,
                begun,
                silent,
                unnoted: None,
            };
            let ended = attend(call, &mut running, &mut sealed, &mut listener, interruption).await;
            let (ended, container) = Box::pin(running.look_back(ended, &mut listener)).await;
            (ended, Some(container))
        }
        Err(error) => (Err(error), None),
    };
    let end = End {
        ended,
        begun,
        judged: None,
    };
    let made = end.settle(call, listener, sealed, recorder).await;
    tidy_up(container, call, recorder).await;
    Ok(made)
}

/// Removes the container of a call whose end was told, and forgets how another run would have gone on with it: until both are
/// done, that one hears of the end anew.
async fn tidy_up(container: Option<Container>, call: &Call<'_>, recorder: &Recorder) {
    let name = &call.sandbox.name;
    let warn = |what: String| recorder.emit(EventKind::Warned { what });
    if let Some(container) = container
        && let Err(error) = container.remove().await
    {
        // It has ended, so no harm is done: the next run sweeps it up.
        let error = error.in_a_line();
        warn(format!("{name}: its container could not be removed: {error}"));
    }
    if let Err(error) = adoption::forget(&call.sandbox.folder.path) {
        warn(format!("{name}: {}", error.in_a_line()));
    }
}

/// How a call ended, and when it began.
struct End {
    ended: Result<Left>,
    begun: Instant,
    /// What became known of its container; `None` of one that was accepted in an earlier run.
    judged: Option<Judged>,
}

impl End {
    /// Closes the gateway, and tells what the call came to.
    async fn settle(
        self,
        call: &Call<'_>,
        mut listener: Listener<'_>,
        sealed: Sealed<'_>,
        recorder: &Recorder,
    ) -> CallResult {
        let Self { ended, begun, judged } = self;
        let (unheard, metered) = sealed.close().await;
        for event in unheard {
            listener.handle(event);
        }
        let (ending, failure) = match ended {
            Ok((cut, exit)) => ((cut, exit.code, exit.oom), None),
            Err(error) => ((None, None, false), Some(error)),
        };
        let (_, code, is_oom) = ending;
        let code = code.filter(|_| !is_oom);
        let mut report = listener.finish(ending, metered.as_ref());
        // Only one that was to go on can be lost: whatever else has those words is a refusal like any other. A session that
        // is refused for what is in it is lost, too: it is begun afresh.
        report.session_lost = call.resume.is_some() && (report.session_lost || report.request_refused);
        report.duration_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let entry = Entry::new(call.place(recorder.run()), &report, recorder.now()).with_metered(metered.as_ref());
        if entry.differs() {
            recorder.emit(EventKind::MeterDiffered {
                call: call.sandbox.name.clone(),
                client: entry.usage,
                gateway: entry.metered.unwrap_or_default(),
            });
        }
        call.reservation.settle(&entry);
        recorder.emit(EventKind::AgentEnded {
            call: call.sandbox.name.clone(),
            reason: one_line(&report.reason, 300),
            entry: entry.clone(),
        });
        let has_begun = judged.is_none_or(|judged| judged.report().is_some());
        let has_run = report.cut.is_some() || has_begun;
        let failure = failure
            .or_else(|| (report.cut == Some(StopCause::Seal)).then(|| seal::refusal(&report.reason)))
            .or_else(|| (!has_run).then(|| seal::never_began(&call.sandbox.name.to_string(), &report.reason, code)));
        if let (Some(told), None) = (call.on_end, &failure) {
            told(&report);
        }
        CallResult { report, entry, failure }
    }
}

/// How a container was left: why it was cut, and how it ended.
type Left = (Option<StopCause>, Exit);

/// A container that runs, and what it writes.
struct Running {
    container: Container,
    disk: DiskWatch,
    /// With whoever speaks to its agent; `None` where nobody can, or no more.
    conversation: Option<Conversation>,
    /// When its call began.
    begun: Instant,
    /// For how long it had written nothing when it was listened to.
    silent: Duration,
    /// When that was since the machine is up, until it is written down how another run goes on with it.
    unnoted: Option<Duration>,
}

impl Running {
    /// Looks a last time at what the container wrote; returns how it was left, and the container.
    async fn look_back(self, ended: Result<Left>, listener: &mut Listener<'_>) -> (Result<Left>, Container) {
        let written = self.disk.end().await;
        let ended = ended.and_then(|left| {
            if let Some(why) = written? {
                listener.wrote_too_much(&why);
            }
            Ok(left)
        });
        (ended, self.container)
    }
}

/// Watches a container until it has ended: by itself, by a limit, or by a person's word.
async fn attend(
    call: &Call<'_>,
    running: &mut Running,
    sealed: &mut Sealed<'_>,
    listener: &mut Listener<'_>,
    interruption: &Interruption,
) -> Result<Left> {
    let mut cut = listen(call, running, sealed, listener, interruption).await?;
    if let Some(cut) = cut {
        listener.transcript.note_cut();
        running.unnoted = None;
        adoption::end(&call.sandbox.folder.path)?;
        if matches!(cut, StopCause::Disk | StopCause::Flood) {
            // Every further moment fills the disk.
            running.container.kill().await?;
        }
        // The signals let the client write its last result, which has what it used.
        let container = &mut running.container;
        let ending = container.terminate(TERMINATION_GRACE);
        let hearing = tokio::time::timeout(2 * TERMINATION_GRACE + DRAIN_LIMIT, drain(container, listener));
        let (ended, heard) = tokio::join!(ending, hearing);
        ended?;
        heard.unwrap_or(Ok(()))?;
    }
    let container = &mut running.container;
    // Both outputs are closed, which is not the end of the process.
    let Ok(exit) = tokio::time::timeout(EXIT_GRACE, container.exit()).await else {
        container.kill().await?;
        cut.get_or_insert(StopCause::AfterResult);
        return Ok((cut, container.exit().await?));
    };
    Ok((cut, exit?))
}

/// Reads the stream until it ends, which returns `None`, or until something cuts it short.
async fn listen(
    call: &Call<'_>,
    running: &mut Running,
    sealed: &mut Sealed<'_>,
    listener: &mut Listener<'_>,
    interruption: &Interruption,
) -> Result<Option<StopCause>> {
    let Running {
        container,
        disk,
        conversation,
        begun,
        silent,
        unnoted,
    } = running;
    let begun = *begun;
    // Since when somebody has listened without a break: before that, silence means nothing. What a dead run's agent wrote went
    // into files, so that it was as good as listened to.
    let now = Instant::now();
    let mut listening = now.checked_sub(*silent).unwrap_or(now);
    loop {
        let (deadline, _) = next_deadline(call.role, [begun, listening, container.heard_at()], listener);
        let waiting = Instant::now();
        tokio::select! {
            biased;
            why = disk.over() => {
                listener.wrote_too_much(&why?);
                return Ok(Some(StopCause::Disk));
            },
            output = container.next_output() => match output {
                Some(output) => listener.hear(&output)?,
                None => return Ok(None),
            },
            event = sealed.next() => listener.handle(event),
            text = said(conversation.as_ref()) => listener.say(container, &text),
            () = interruption.over(call.sandbox.config.stop_grace) => return Ok(Some(StopCause::Cancelled)),
            () = tokio::time::sleep_until(deadline.min(waiting + HEARTBEAT)) => {
                let now = Instant::now();
                if now > waiting + HEARTBEAT + LATE {
                    listening = now;
                }
                // A part of a line may have come meanwhile, which is a sign of life, too.
                let moments = [begun, listening, container.heard_at()];
                let (deadline, meaning) = next_deadline(call.role, moments, listener);
                if deadline <= now {
                    return Ok(Some(meaning));
                }
            }
        }
        if let Some(conversation) = conversation.take_if(|_| listener.finished_at.is_some()) {
            end_conversation(&conversation, container, listener);
        }
        if let Some(cut) = listener.must_stop {
            return Ok(Some(cut));
        }
        if container.has_flooded() {
            return Ok(Some(StopCause::Flood));
        }
        if let Some(since) = unnoted.take_if(|_| container.outlives_us()) {
            note_adoption(call, sealed, since)?;
        }
    }
}

/// Closes the input of a client that has written its result: it answers what it has been told before, and then ends itself.
fn end_conversation(conversation: &Conversation, container: &mut Container, listener: &mut Listener<'_>) {
    for text in conversation.close() {
        listener.say(container, &text);
    }
    container.close_input();
}

/// Waits for what a person says; for ever where nobody can.
async fn said(conversation: Option<&Conversation>) -> String {
    match conversation {
        Some(conversation) => conversation.next().await,
        None => std::future::pending().await,
    }
}

/// Writes down what another run needs to go on with the call: from here on a death of this process loses nothing of it.
fn note_adoption(call: &Call<'_>, sealed: &Sealed<'_>, begun: Duration) -> Result<()> {
    let (Some(token), Some(flow)) = (sealed.lasting_token(), call.flow) else {
        return Ok(());
    };
    let adoption = Adoption {
        call: call.sandbox.name.clone(),
        slot: call.slot,
        flow: flow.clone(),
        noted: since_boot(),
        container: call.sandbox.container_name(sealed.run()),
        token: token.to_owned(),
        since_boot: begun,
        resume: call.resume.clone(),
        granted: call.reservation.granted(),
        prepared: call.sandbox.mounts.layer().is_some(),
        disk: call.sandbox.mounts.written.before(),
    };
    adoption.note(call.sandbox.folder)
}

/// Returns for how long an agent may have been silent when it is listened to again: its request may have waited for its gateway,
/// so that it has a while left.
fn most_silence(role: &RoleConfig) -> Duration {
    let limits = [role.first_event_timeout, role.idle_timeout, role.tool_timeout];
    let shortest = limits.into_iter().flatten().min().unwrap_or(FAR_AWAY);
    shortest.saturating_sub(LEFT_AT_LEAST)
}

/// Reads what is left of the output of a container that has ended.
async fn drain(container: &mut Container, listener: &mut Listener<'_>) -> Result<()> {
    while let Some(output) = container.next_output().await {
        listener.hear(&output)?;
    }
    Ok(())
}

/// Returns the next moment at which patience ends, and what that means. The moments: when the call began, since when
/// somebody has listened without a break, and when something was heard last.
fn next_deadline(
    role: &RoleConfig,
    [begun, listening, heard]: [Instant; 3],
    listener: &Listener<'_>,
) -> (Instant, StopCause) {
    let heard = heard.max(listening);
    let after = |from: Instant, limit: Option<Duration>, cut: StopCause| limit.map(|limit| (from + limit, cut));
    let first = role.first_event_timeout.filter(|_| !listener.transcript.has_begun());
    let silence = if listener.transcript.tool_running() {
        after(heard, role.tool_timeout, StopCause::Tool)
    } else {
        after(heard, role.idle_timeout, StopCause::Idle)
    };
    let grace = listener
        .finished_at
        .map(|at| (at.max(listening) + role.result_grace, StopCause::AfterResult));
    [
        after(listening, first, StopCause::FirstEvent),
        after(begun, role.timeout, StopCause::Hard),
        silence,
        grace,
    ]
    .into_iter()
    .flatten()
    .min_by_key(|(at, _)| *at)
    .unwrap_or((begun + FAR_AWAY, StopCause::Hard))
}
