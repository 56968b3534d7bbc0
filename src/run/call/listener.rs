//! What hears a call: it writes the transcript down, meters it, sends events, and notes what must end the call.

use std::fs::File;
use std::io::Write as _;

use serde_json::json;
use tokio::task::block_in_place;
use tokio::time::Instant;

use super::adoption::whole_lines;
use super::evidence::Evidence;
use super::request::Call;
use super::servers::RoleServers;
use super::warnings::Warnings;
use crate::accounting::budget::{Allowance, Watch};
use crate::accounting::metering::{Metered, WindowUse};
use crate::agent::{
    self, AgentEvent, CallOutcome, CallReport, Ending, ServerStatus, StopCause, Transcript, user_message,
};
use crate::base::error::{Context as _, ErrorKind, Result};
use crate::base::lines::{DEFAULT_LINE_LIMIT, LineReader};
use crate::base::regular;
use crate::base::text::one_line;
use crate::model::Usage;
use crate::record::event::{EventKind, PersonSaid};
use crate::record::recorder::{GATEWAY_FILE, Recorder, STDERR_FILE, TRANSCRIPT_FILE};
use crate::sandbox::credential::Credentials;
use crate::sandbox::engine::{Container, Output, Stream};
use crate::sandbox::gateway::{GatewayEvent, recorded_answers};

/// How much a call may write in all, in bytes: far more than any session writes, and less than a disk holds.
const OUTPUT_LIMIT: u64 = 512 << 20;
/// How much of stderr an outcome may quote, in bytes.
const STDERR_TAIL: usize = 4096;

/// How many events a stream may make: beyond that the transcript alone has what the stream holds.
const EVENTS_LIMIT: u32 = 50_000;

/// What the API reports of a limit that is not reached yet.
const NEAR: &str = "allowed_warning";

/// What hears a call: the transcript file, the parser and the events.
pub(super) struct Listener<'a> {
    call: &'a Call<'a>,
    recorder: &'a Recorder,
    pub(super) transcript: Transcript,
    transcript_file: File,
    stderr_file: File,
    stderr_tail: Vec<u8>,
    watch: Watch,
    /// Turns and usage as they were last reported.
    metered: (u32, Usage),
    /// Bytes heard so far.
    heard: u64,
    /// When the last line came, if the result was there and nothing was under way.
    pub(super) finished_at: Option<Instant>,
    /// Whether the money is watched, too.
    knows_rates: bool,
    /// Whether it was reported that a limit is near.
    limit_is_near: bool,
    /// Why the call must end.
    pub(super) must_stop: Option<StopCause>,
    /// What had to end the call, as whoever ended it told it.
    told_why: Option<String>,
    /// What the API reported of limits.
    evidence: Evidence,
    /// How many events the stream has made.
    told: u32,
    /// Whether what is heard was heard before, by a run that is dead: people were told.
    is_known: bool,
    /// What the agent is told before the call ends by itself.
    warnings: Warnings,
}

impl<'a> Listener<'a> {
    pub(super) fn new(call: &'a Call<'a>, recorder: &'a Recorder) -> Result<Self> {
        Ok(Self {
            call,
            recorder,
            transcript: match &call.resume {
                Some(resume) => Transcript::resuming(resume.before.usage).after_api_ms(resume.before.api_ms),
                None => Transcript::new(),
            },
            transcript_file: call.sandbox.folder.open(TRANSCRIPT_FILE)?,
            stderr_file: call.sandbox.folder.open(STDERR_FILE)?,
            stderr_tail: Vec::new(),
            watch: Watch::new(Allowance {
                // What a token of this model costs is not known yet: until then the client alone counts the money.
                usd: None,
                ..watched(call)
            }),
            metered: (0, Usage::default()),
            heard: 0,
            finished_at: None,
            must_stop: None,
            told_why: None,
            evidence: Evidence::default(),
            told: 0,
            is_known: false,
            warnings: Warnings::begin(call)?,
            limit_is_near: false,
            knows_rates: false,
        })
    }

    /// Passes on to the agent what a person says, and tells that.
    pub(super) fn say(&mut self, container: &Container, text: &str) {
        let call = self.call.sandbox.name.clone();
        let text = self.call.sandbox.folder.redactor.text(text).into_owned();
        let kind = if container.write_input(user_message(&text)) {
            EventKind::PersonSaid(PersonSaid { call, text })
        } else {
            let what = format!("{call}: what a person said could not be passed on: its agent reads nothing any more");
            EventKind::Warned { what }
        };
        self.recorder.emit(kind);
    }

    /// Hears again what a dead run has recorded of the call, without a word to anybody. Returns how many lines of standard
    /// output and of standard error that is.
    pub(super) fn hear_again(&mut self) -> Result<[u64; 2]> {
        self.is_known = true;
        self.evidence.note_away();
        let path = |name: &str| self.call.sandbox.folder.path.join(name);
        let (transcript, stderr) = (path(TRANSCRIPT_FILE), path(STDERR_FILE));
        for answer in recorded_answers(&path(GATEWAY_FILE))? {
            if let Some(limit) = answer.limit.clone() {
                self.handle(GatewayEvent::LimitSeen(limit));
            }
            self.handle(GatewayEvent::Answered(answer));
        }
        let heard = [whole_lines(&transcript)?, whole_lines(&stderr)?];
        for (path, stream) in [(transcript, Stream::Stdout), (stderr, Stream::Stderr)] {
            let failed = || format!("cannot read `{}`", path.display());
            let file = regular::open(&path).with_context(ErrorKind::Unexpected, failed)?;
            let mut lines = LineReader::new(file, DEFAULT_LINE_LIMIT);
            while let Some(line) = lines.next_line().with_context(ErrorKind::Unexpected, failed)? {
                self.heard += line.len() as u64 + 1;
                self.take_in(stream, line);
            }
        }
        self.is_known = false;
        Ok(heard)
    }

    /// Notes that the container wrote more to the disk than it may: how, as the end of a sentence.
    pub(super) fn wrote_too_much(&mut self, why: &str) {
        self.must_stop = Some(StopCause::Disk);
        self.told_why = Some(format!("stopped: it {why}; set that higher if the task needs it"));
    }

    /// Returns the report of the call, given why it was cut, its exit code, whether memory ran out, and what the API
    /// reported as its use.
    pub(super) fn finish(
        self,
        (cut, exit_code, oom): (Option<StopCause>, Option<i64>, bool),
        metered: Option<&Metered>,
    ) -> CallReport {
        // What ended the call may have been heard when its container had ended.
        let cut = cut.or(self.must_stop.filter(|_| self.told_why.is_some()));
        let mut report = self.transcript.finish(&Ending {
            exit_code,
            oom,
            stderr_tail: &String::from_utf8_lossy(&self.stderr_tail),
            cut,
            allow_overage: self.call.sandbox.config.limits.allow_overage,
            now: Some(self.recorder.now()),
            ..Ending::default()
        });
        let decided = cut == self.must_stop && report.outcome != CallOutcome::Success;
        if let Some(why) = self.told_why.filter(|_| decided) {
            report.reason = one_line(&why, 500);
        }
        self.evidence.corrects(&mut report);
        self.evidence.corrects_refusal(&mut report);
        if let Some(metered) = metered {
            let allowed = self.call.reservation.allowance();
            self.evidence.corrects_budget(&mut report, &metered.usage, &allowed);
        }
        report
    }

    /// Takes in what the gateway noticed, and notes what must end the call.
    pub(super) fn handle(&mut self, event: GatewayEvent) {
        self.evidence.note(&event);
        let (cut, why) = match event {
            GatewayEvent::Answered(answered) => {
                let warned = self.warnings.after_answer(&answered.usage);
                return self.tell_warning(warned);
            }
            GatewayEvent::SealRefused(why) => (StopCause::Seal, why),
            GatewayEvent::BudgetSpent { reason } => (StopCause::Budget, reason),
            GatewayEvent::LoginExpired(problem) => (StopCause::LoginExpired, format!("{problem}: {}", problem.hint())),
            GatewayEvent::LimitSeen(info) => {
                // In the words of the client, which an older one does not write.
                let line = json!({"type": "rate_limit_event", "rate_limit_info": info});
                if let Some(event) = self.transcript.push_line(line.to_string().as_bytes()) {
                    self.tell(event);
                }
                return;
            }
            GatewayEvent::WindowsSeen(windows) => return self.note_windows(&windows),
            _ => return,
        };
        self.must_stop.get_or_insert(cut);
        self.told_why.get_or_insert(why);
    }

    /// Has what the API reported of the account's windows noted, for all calls that are still to begin. What the client
    /// writes of them is its container's, and is not.
    fn note_windows(&mut self, windows: &[WindowUse]) {
        let name = &self.call.sandbox.name;
        if let Err(error) = block_in_place(|| self.call.pauses.note_windows(name.role, windows)) {
            let what = format!(
                "{name}: what the API reports of the account is not noted: {}",
                error.in_a_line()
            );
            self.emit(EventKind::Warned { what });
        }
    }

    pub(super) fn hear(&mut self, output: &Output) -> Result<()> {
        self.heard += output.line.bytes.len() as u64 + 1;
        if self.heard > OUTPUT_LIMIT {
            self.must_stop = Some(StopCause::Flood);
            return Ok(());
        }
        // What is heard is what is written, so that a recording gives the same results.
        let line = self.call.sandbox.folder.redactor.line(&output.line.bytes);
        match output.stream {
            Stream::Stdout => write_line(&mut self.transcript_file, &line, TRANSCRIPT_FILE)?,
            Stream::Stderr => write_line(&mut self.stderr_file, &line, STDERR_FILE)?,
        }
        self.take_in(output.stream, &line);
        Ok(())
    }

    /// Takes in a line that is recorded.
    fn take_in(&mut self, stream: Stream, line: &[u8]) {
        match stream {
            Stream::Stdout => {
                let event = self.transcript.push_line(line);
                // Whatever comes after a result, it has not gone away yet, and may work on.
                self.finished_at = self.transcript.is_over().then(Instant::now);
                if let Some(event) = event {
                    self.tell(event);
                    self.meter();
                }
            }
            Stream::Stderr => {
                self.stderr_tail.extend_from_slice(line);
                self.stderr_tail.push(b'\n');
                let excess = self.stderr_tail.len().saturating_sub(STDERR_TAIL);
                self.stderr_tail.drain(..excess);
            }
        }
    }

    /// Passes on what the stream showed, and notes what must end the call.
    fn tell(&mut self, event: AgentEvent) {
        let call = self.call.sandbox.name.clone();
        let kind = match event {
            AgentEvent::Started {
                session_id,
                model,
                version,
                api_key_source,
                servers,
            } => {
                let subscribed = self.call.sandbox.config.agent.credentials == Credentials::Subscription;
                if subscribed && api_key_source.is_some() {
                    self.must_stop = Some(StopCause::Credentials);
                }
                self.check_model(model.as_deref());
                self.check_servers(&servers);
                self.know_rates(model.as_deref());
                EventKind::AgentStarted {
                    call,
                    model,
                    client_version: version,
                    session_id,
                }
            }
            AgentEvent::Text { text } if !self.call.sandbox.config.silence_agent => EventKind::AgentSaid { call, text },
            AgentEvent::ToolUse { name, summary } => EventKind::ToolUsed {
                call,
                tool: name,
                summary,
            },
            AgentEvent::Retry { attempt, error, .. } => EventKind::Warned {
                what: format!(
                    "{call}: the client repeats its request (retry {attempt}, {})",
                    error.unwrap_or_default()
                ),
            },
            AgentEvent::RateLimit { overage: true, .. } if !self.call.sandbox.config.limits.allow_overage => {
                self.must_stop = Some(StopCause::Overage);
                EventKind::Warned {
                    what: format!("{call}: paid overage is being used; the call is stopped"),
                }
            }
            AgentEvent::RateLimit { status, kind, .. } if status.as_deref() == Some(NEAR) && !self.limit_is_near => {
                self.limit_is_near = true;
                EventKind::Warned {
                    what: format!(
                        "{call}: a usage limit is near ({})",
                        kind.as_deref().unwrap_or("unnamed")
                    ),
                }
            }
            _ => return,
        };
        self.emit(kind);
    }

    /// Records an event that the stream has made, as long as there are not too many of them.
    fn emit(&mut self, kind: EventKind) {
        self.told = self.told.saturating_add(1);
        if self.is_known {
            return;
        }
        if self.told < EVENTS_LIMIT {
            self.recorder.emit(kind);
        } else if self.told == EVENTS_LIMIT {
            let what = format!(
                "{}: too much to show; its transcript has the rest",
                self.call.sandbox.name
            );
            self.recorder.emit(EventKind::Warned { what });
        }
    }

    /// Tells a person what the agent was told, or why it could not be.
    fn tell_warning(&mut self, warned: Option<Result<String>>) {
        let Some(warned) = warned else { return };
        let call = &self.call.sandbox.name;
        let what = match warned {
            Ok(what) => format!("{call}: {what}"),
            Err(error) => format!("{call}: its agent is not told that it ends soon: {}", error.in_a_line()),
        };
        self.emit(EventKind::Warned { what });
    }

    /// Checks that the model is one that was asked for.
    fn check_model(&mut self, bound: Option<&str>) {
        let (role, call) = (self.call.role, &self.call.sandbox.name);
        let asked = [role.model.as_deref(), role.fallback_model.as_deref()];
        let (Some(model), Some(bound)) = (asked[0], bound) else {
            return;
        };
        if asked.into_iter().flatten().any(|asked| agent::binds(asked, bound)) {
            return;
        }
        let what = format!(
            "{call}: the model is `{}`, and `{model}` was requested",
            one_line(bound, 100)
        );
        self.emit(EventKind::Warned { what });
        if role.strict_model {
            self.must_stop.get_or_insert(StopCause::Model);
        }
    }

    /// Tells which servers of the role the agent does not have.
    fn check_servers(&mut self, servers: &[ServerStatus]) {
        let sandbox = &self.call.sandbox;
        let missing: Vec<String> = RoleServers::of(&sandbox.config.mcp, sandbox.name.role)
            .missing(servers)
            .map(|(name, status)| {
                let call = &sandbox.name;
                format!("{call}: the agent works without the server `{name}` of `mcp` (the client reports: {status})")
            })
            .collect();
        for what in missing {
            self.emit(EventKind::Warned { what });
        }
    }

    /// Watches the money, too, when earlier calls reported what tokens of the model cost.
    fn know_rates(&mut self, model: Option<&str>) {
        let Some(model) = model.filter(|_| !self.knows_rates) else {
            return;
        };
        // A client may name the model with its window (`[1m]`) at first, and without it in its messages.
        let is_it = |known: &str| known == model || agent::binds(model, known);
        if let Some((_, rates)) = self.call.rates.iter().find(|(known, _)| is_it(known)) {
            self.transcript.set_rates(*rates);
            self.watch = Watch::new(watched(self.call));
            self.knows_rates = true;
        }
    }

    /// Reports how far the call is when that changed, and notes when the budget is spent. Any message may move the
    /// meter, whatever event it makes.
    fn meter(&mut self) {
        let (turns, usage) = (self.transcript.turns(), self.transcript.usage());
        if (turns, usage) == self.metered {
            return;
        }
        self.metered = (turns, usage);
        let warned = self.warnings.after_turns(turns);
        self.tell_warning(warned);
        // After the result no answer follows that a stop could spare.
        if self.finished_at.is_none() && self.watch.observe(turns, &usage) {
            self.must_stop = Some(StopCause::Budget);
        }
        let call = self.call.sandbox.name.clone();
        self.emit(EventKind::AgentProgress { call, turns, usage });
    }
}

/// Returns what is held against the figures of a call's stream: nothing, where the gateway counts what the API reports.
fn watched(call: &Call<'_>) -> Allowance {
    if call.is_metered() {
        Allowance::default()
    } else {
        call.reservation.allowance()
    }
}

fn write_line(file: &mut File, line: &[u8], name: &str) -> Result<()> {
    let mut whole = Vec::with_capacity(line.len() + 1);
    whole.extend_from_slice(line);
    whole.push(b'\n');
    file.write_all(&whole)
        .with_context(ErrorKind::Unexpected, || format!("cannot write `{name}` of a call"))
}
