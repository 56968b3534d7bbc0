//! One call of an agent: a container on a slot, the prompt on its stdin, its stream read to the end.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::agent::{AgentEvent, CallExtra, CallReport, Cut, Ending, Transcript, Usage, command_line};
use crate::budget::{Reservation, Watch};
use crate::config::{Config, Credentials, RoleConfig};
use crate::engine::{Container, ContainerSpec, Engine, Exit, Mount, Output, Stream, UserChoice};
use crate::error::{Context as _, Error, ErrorKind, Result};
use crate::event::{CallName, Happening};
use crate::ledger::{Entry, Place};
use crate::record::{CallFolder, Recorder};
use crate::text::one_line;
use crate::work::Workplace;

/// Where the work lies in a container.
pub(crate) const WORKSPACE: &str = "/workspace";
/// Where the container's own repository lies; `/workspace/.git` points there.
const PRIVATE_GIT: &str = "/run/cordwainer/git";
/// How long a client gets to write its final result after SIGTERM.
const TERMINATION_GRACE: Duration = Duration::from_secs(5);
/// How long a container may take to end once its outputs are closed.
const EXIT_GRACE: Duration = Duration::from_secs(20);
/// How long the rest of an ended container's output is listened to.
const DRAIN_LIMIT: Duration = Duration::from_secs(10);
/// The hard limit of a call that has none, so that there is always a next deadline.
const FAR_AWAY: Duration = Duration::from_secs(365 * 24 * 3600);
/// How much a call may write in all, in bytes: far more than any session says, and less than a disk holds.
const OUTPUT_LIMIT: u64 = 512 << 20;
/// How much of stderr an outcome may quote, in bytes.
const STDERR_TAIL: usize = 4096;

/// What a call needs.
pub(crate) struct Call<'a> {
    pub(crate) name: CallName,
    /// The cycle of the generation that it belongs to.
    pub(crate) cycle: u32,
    pub(crate) config: &'a Config,
    pub(crate) role: &'a RoleConfig,
    pub(crate) image: &'a str,
    pub(crate) labels: BTreeMap<String, String>,
    /// The person's checkout: relative mounts are seen from here.
    pub(crate) root: &'a Path,
    pub(crate) slot: PathBuf,
    pub(crate) place: &'a Workplace,
    /// The session that goes on.
    pub(crate) resume: Option<Resume>,
    /// Whether the work may be written.
    pub(crate) writable: bool,
    pub(crate) prompt: &'a str,
    pub(crate) json_schema: Option<serde_json::Value>,
    /// What was set aside for it.
    pub(crate) reservation: &'a Reservation,
    pub(crate) folder: &'a CallFolder,
}

impl Call<'_> {
    /// What the ledger knows the call by.
    fn place(&self, run: &str) -> Place {
        Place {
            role: self.name.role,
            task: self.name.task.clone(),
            attempt: self.name.attempt,
            cycle: self.cycle,
            run: run.to_owned(),
        }
    }
}

/// A session that goes on.
#[derive(Clone, Debug)]
pub(crate) struct Resume {
    /// Its id.
    pub(crate) session: String,
    /// What its calls have used so far.
    pub(crate) used: Usage,
}

/// A call that was made.
pub(crate) struct Made {
    /// What it amounts to; what it used was used, however it ended.
    pub(crate) report: CallReport,
    /// What the ledger keeps of it.
    pub(crate) entry: Entry,
    /// What failed under the agent, if something did. Then nobody knows whether its container still runs.
    pub(crate) failure: Option<Error>,
}

/// Makes the call. An error is the infrastructure's, before the agent began: whatever the agent does is in the report.
pub(crate) async fn make(
    call: &Call<'_>,
    engine: &Engine,
    recorder: &Recorder,
    cancel: &CancellationToken,
) -> Result<Made> {
    if let Some(resume) = &call.resume {
        recorder.emit(Happening::SessionResumed {
            call: call.name.clone(),
            session_id: resume.session.clone(),
        });
    }
    call.folder.write("prompt.md", call.prompt.as_bytes())?;
    let begun = Instant::now();
    let mut listener = Listener::new(call, recorder)?;
    let mut specification = specification(call, recorder.run());
    specification.mounts.push(session_mount(call));
    let mut container = engine.start(&specification, call.prompt.as_bytes()).await?;
    let ended = attend(call, &mut container, &mut listener, cancel).await;
    let removed = container.remove().await;
    let (ending, failure) = match ended {
        Ok((cut, exit)) => {
            if let Err(error) = removed {
                // It has ended, so no harm is done: the next run sweeps it up.
                let what = format!("{}: its container was left behind: {}", call.name, error.in_a_line());
                recorder.emit(Happening::Warned { what });
            }
            ((cut, exit.code, exit.oom), None)
        }
        Err(error) => ((None, None, false), Some(error)),
    };
    let mut report = listener.finish(ending);
    report.duration_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let entry = Entry::new(call.place(recorder.run()), &report, recorder.now());
    call.reservation.settle(&entry);
    recorder.emit(Happening::AgentEnded {
        call: call.name.clone(),
        reason: one_line(&report.reason, 300),
        entry: entry.clone(),
    });
    Ok(Made { report, entry, failure })
}

/// Stays with a container until it has ended: by itself, by a limit, or by a person's word.
async fn attend(
    call: &Call<'_>,
    container: &mut Container,
    listener: &mut Listener<'_>,
    cancel: &CancellationToken,
) -> Result<(Option<Cut>, Exit)> {
    let mut cut = listen(call, container, listener, cancel).await?;
    if cut.is_some() {
        // SIGTERM lets the client write its final result, which says what it used.
        container.terminate(TERMINATION_GRACE).await?;
        let drained = tokio::time::timeout(DRAIN_LIMIT, drain(container, listener)).await;
        drained.unwrap_or(Ok(()))?;
    }
    // Both outputs are closed, which is not the end of the process.
    let Ok(exit) = tokio::time::timeout(EXIT_GRACE, container.exit()).await else {
        container.kill().await?;
        cut.get_or_insert(Cut::AfterResult);
        return Ok((cut, container.exit().await?));
    };
    Ok((cut, exit?))
}

/// Reads the stream until it ends, which answers `None`, or until something cuts it short.
async fn listen(
    call: &Call<'_>,
    container: &mut Container,
    listener: &mut Listener<'_>,
    cancel: &CancellationToken,
) -> Result<Option<Cut>> {
    let begun = Instant::now();
    loop {
        let (deadline, meaning) = next_deadline(call.role, begun, container.heard_at(), listener);
        tokio::select! {
            output = container.next_output() => match output {
                Some(output) => listener.hear(&output)?,
                None => return Ok(None),
            },
            () = cancel.cancelled() => return Ok(Some(Cut::Cancelled)),
            () = tokio::time::sleep_until(deadline) => {
                // A part of a line may have come meanwhile, which is a sign of life, too.
                if next_deadline(call.role, begun, container.heard_at(), listener).0 <= Instant::now() {
                    return Ok(Some(meaning));
                }
            }
        }
        if let Some(cut) = listener.must_stop {
            return Ok(Some(cut));
        }
    }
}

/// Hears what is left of the output of a container that has ended.
async fn drain(container: &mut Container, listener: &mut Listener<'_>) -> Result<()> {
    while let Some(output) = container.next_output().await {
        listener.hear(&output)?;
    }
    Ok(())
}

/// The next moment at which patience ends, and what that means.
fn next_deadline(role: &RoleConfig, begun: Instant, heard: Instant, listener: &Listener<'_>) -> (Instant, Cut) {
    let after = |from: Instant, limit: Option<Duration>, cut: Cut| limit.map(|limit| (from + limit, cut));
    let first = role.first_event_timeout.filter(|_| !listener.transcript.has_begun());
    let silence = if listener.transcript.tool_running() {
        after(heard, role.tool_timeout, Cut::Tool)
    } else {
        after(heard, role.idle_timeout, Cut::Idle)
    };
    let grace = listener
        .finished_at
        .map(|at| (at + role.result_grace, Cut::AfterResult));
    [
        after(begun, first, Cut::FirstEvent),
        after(begun, role.timeout, Cut::Hard),
        silence,
        grace,
    ]
    .into_iter()
    .flatten()
    .min_by_key(|(at, _)| *at)
    .unwrap_or((begun + FAR_AWAY, Cut::Hard))
}

/// What the container is to be.
pub(crate) fn specification(call: &Call<'_>, run: &str) -> ContainerSpec {
    let settings = &call.config.container;
    let mut tmpfs = settings.tmpfs.clone();
    // Docker would take `uid=`, podman 4.3 does not: a world-writable folder suits whoever the user is.
    tmpfs
        .entry(call.config.agent.home.clone())
        .or_insert_with(|| "rw,mode=1777".to_owned());
    ContainerSpec {
        name: format!("cordwainer-{run}-{}-{}", call.name, call.name.attempt),
        image: call.image.to_owned(),
        command: command_line(
            &call.config.agent,
            call.role,
            &call.config.claude_args,
            &CallExtra {
                json_schema: call.json_schema.clone(),
                budget_left_usd: call.reservation.for_client(),
                resume: call.resume.as_ref().map(|resume| resume.session.clone()),
            },
        ),
        working_dir: Some(WORKSPACE.to_owned()),
        env: environment(call),
        mounts: mounts(call),
        tmpfs,
        user: UserChoice::of(settings.user.as_deref()),
        hosts: settings.hosts.clone(),
        network: settings.network.clone(),
        memory: settings.memory,
        cpus: settings.cpus,
        pids: settings.pids,
        labels: settings.labels.clone().into_iter().chain(call.labels.clone()).collect(),
        ..ContainerSpec::default()
    }
}

fn environment(call: &Call<'_>) -> Vec<(String, String)> {
    let config = call.config;
    let mut env = BTreeMap::from([
        ("HOME".to_owned(), config.agent.home.clone()),
        ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC".to_owned(), "1".to_owned()),
    ]);
    let base_url = config.base_url(call.name.role);
    env.extend(base_url.map(|url| ("ANTHROPIC_BASE_URL".to_owned(), url.to_owned())));
    env.extend(config.container.env.clone());
    env.into_iter().collect()
}

/// The slot, with its `.git` covered by a repository of the container's own, and what the configuration adds.
fn mounts(call: &Call<'_>) -> Vec<Mount> {
    let mount = |source: &Path, target: String, read_only| Mount {
        source: source.to_owned(),
        target,
        read_only,
    };
    let mut mounts = vec![
        mount(&call.slot, WORKSPACE.to_owned(), !call.writable),
        mount(&call.place.private.pointer_file, format!("{WORKSPACE}/.git"), true),
        mount(&call.place.private.git_dir, PRIVATE_GIT.to_owned(), false),
    ];
    for objects in &call.place.private.object_dirs {
        mounts.push(mount(&objects.host, objects.container.clone(), true));
    }
    for extra in &call.config.container.mounts {
        mounts.push(mount(
            &call.root.join(&extra.source),
            extra.target.display().to_string(),
            !extra.writable,
        ));
    }
    mounts
}

/// Where the client keeps its session, so that a later call finds it again. Gates have no part in that.
fn session_mount(call: &Call<'_>) -> Mount {
    Mount {
        source: call.place.session.clone(),
        target: format!("{}/.claude", call.config.agent.home),
        read_only: false,
    }
}

/// What hears a call: the transcript file, the parser and the events.
struct Listener<'a> {
    call: &'a Call<'a>,
    recorder: &'a Recorder,
    transcript: Transcript,
    transcript_file: File,
    stderr_file: File,
    stderr_tail: Vec<u8>,
    watch: Watch,
    /// Turns and usage as they were last told.
    metered: (u32, Usage),
    /// Bytes heard so far.
    heard: u64,
    finished_at: Option<Instant>,
    must_stop: Option<Cut>,
}

impl<'a> Listener<'a> {
    fn new(call: &'a Call<'a>, recorder: &'a Recorder) -> Result<Self> {
        Ok(Self {
            call,
            recorder,
            transcript: match &call.resume {
                Some(resume) => Transcript::resuming(resume.used),
                None => Transcript::new(),
            },
            transcript_file: call.folder.open("transcript.jsonl")?,
            stderr_file: call.folder.open("stderr.txt")?,
            stderr_tail: Vec::new(),
            watch: Watch::new(call.reservation.allowance()),
            metered: (0, Usage::default()),
            heard: 0,
            finished_at: None,
            must_stop: None,
        })
    }

    /// What the call amounts to, given why it was cut, its exit code, and whether memory ran out.
    fn finish(self, (cut, exit_code, oom): (Option<Cut>, Option<i64>, bool)) -> CallReport {
        self.transcript.finish(&Ending {
            exit_code,
            oom,
            stderr_tail: &String::from_utf8_lossy(&self.stderr_tail),
            cut,
            allow_overage: self.call.config.limits.allow_overage,
            ..Ending::default()
        })
    }

    fn hear(&mut self, output: &Output) -> Result<()> {
        self.heard += output.line.bytes.len() as u64 + 1;
        if self.heard > OUTPUT_LIMIT {
            self.must_stop = Some(Cut::Flood);
            return Ok(());
        }
        match output.stream {
            Stream::Stdout => {
                write_line(&mut self.transcript_file, &output.line.bytes, "transcript.jsonl")?;
                if let Some(event) = self.transcript.push_line(&output.line.bytes) {
                    self.tell(event);
                    self.meter();
                }
            }
            Stream::Stderr => {
                write_line(&mut self.stderr_file, &output.line.bytes, "stderr.txt")?;
                self.stderr_tail.extend_from_slice(&output.line.bytes);
                self.stderr_tail.push(b'\n');
                let excess = self.stderr_tail.len().saturating_sub(STDERR_TAIL);
                self.stderr_tail.drain(..excess);
            }
        }
        Ok(())
    }

    /// Passes on what the stream showed, and notes what must end the call.
    fn tell(&mut self, event: AgentEvent) {
        let call = self.call.name.clone();
        let happening = match event {
            AgentEvent::Started {
                session_id,
                model,
                version,
                api_key_source,
            } => {
                let subscribed = self.call.config.agent.credentials == Credentials::Subscription;
                if subscribed && api_key_source.is_some() {
                    self.must_stop = Some(Cut::Credentials);
                }
                Happening::AgentStarted {
                    call,
                    model,
                    client_version: version,
                    session_id,
                }
            }
            AgentEvent::Text { text } if !self.call.config.silence_agent => Happening::AgentSaid { call, text },
            AgentEvent::ToolUse { name, summary } => Happening::ToolUsed {
                call,
                tool: name,
                summary,
            },
            AgentEvent::Finished { .. } => {
                self.finished_at = Some(Instant::now());
                return;
            }
            AgentEvent::Retry { attempt, error, .. } => Happening::Warned {
                what: format!(
                    "{call}: the client tries its request again (retry {attempt}, {})",
                    error.unwrap_or_default()
                ),
            },
            AgentEvent::RateLimit { overage: true, .. } if !self.call.config.limits.allow_overage => {
                self.must_stop = Some(Cut::Overage);
                Happening::Warned {
                    what: format!("{call}: paid overage is being used; the call is stopped"),
                }
            }
            _ => return,
        };
        self.recorder.emit(happening);
    }

    /// Tells how far the call is when that changed, and notes when the budget is spent. Any message may move the
    /// meter, whatever event it makes.
    fn meter(&mut self) {
        let (turns, usage) = (self.transcript.turns(), self.transcript.usage());
        if (turns, usage) == self.metered {
            return;
        }
        self.metered = (turns, usage);
        // After the result no answer follows that a stop could spare.
        if self.finished_at.is_none() && self.watch.observe(turns, &usage) {
            self.must_stop = Some(Cut::Budget);
        }
        let call = self.call.name.clone();
        self.recorder.emit(Happening::AgentProgress { call, turns, usage });
    }
}

fn write_line(file: &mut File, line: &[u8], name: &str) -> Result<()> {
    let mut whole = Vec::with_capacity(line.len() + 1);
    whole.extend_from_slice(line);
    whole.push(b'\n');
    file.write_all(&whole)
        .with_context(ErrorKind::Unexpected, || format!("cannot write `{name}` of a call"))
}
