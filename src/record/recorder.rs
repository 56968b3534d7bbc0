//! The record of a run: `events.jsonl`, and a folder for each call with prompt, transcript and stderr.

use std::borrow::Cow;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tokio::sync::mpsc::UnboundedSender;

use crate::accounting::ledger::{CallPlace, Entry, Sum, learned_rates};
use crate::accounting::metering::Metered;
use crate::agent::{CallReport, Ending, Transcript};
use crate::base::clock::Clock;
use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::base::fs::{create_folder, own_folder, write_atomically};
use crate::base::lines::{DEFAULT_LINE_LIMIT, LineReader};
use crate::base::redact::Redactor;
use crate::base::regular;
use crate::issues::issue::Issues;
use crate::model::{Role, RunId};
use crate::record::event::{CallName, Event, EventKind};
use crate::record::event_lines::{FORMAT, Header};
use crate::record::network::{NetworkFile, NetworkRecord};
use crate::record::observer::Observers;
use crate::record::so_far::{SoFar, Tally};
use crate::sandbox::gateway::read_back;

/// The file of a call's folder in which its gateway writes down what the model's API reports.
pub(crate) const GATEWAY_FILE: &str = "gateway.jsonl";

/// The file of a call's folder that has what the client wrote.
pub(crate) const TRANSCRIPT_FILE: &str = "transcript.jsonl";

/// The file of a call's folder that has what the client wrote to standard error.
pub(crate) const STDERR_FILE: &str = "stderr.txt";

/// The file of a fix round's folder that has the red gate, written before its call.
pub(crate) const RED_FILE: &str = "red.json";

/// The file of a stage's folder that has the stage: written before its call, and again when that has come to something.
pub(crate) const STAGE_FILE: &str = "stage.json";

/// Where events go while a run is under way.
pub type EventSender = UnboundedSender<Event>;

/// Writes a run's events down and passes them on.
#[derive(Clone, Debug)]
pub(crate) struct Recorder {
    run: RunId,
    state_dir: PathBuf,
    clock: Clock,
    sender: EventSender,
    redactor: Redactor,
    file: Arc<Mutex<EventFile>>,
    network: Arc<Mutex<NetworkFile>>,
    observers: Option<Arc<Observers>>,
    tally: Arc<Mutex<Tally>>,
}

#[derive(Debug)]
struct EventFile {
    file: File,
    path: PathBuf,
    failure: Option<std::io::Error>,
}

impl Recorder {
    /// Opens `runs/<run>/events.jsonl` below the state folder.
    pub(crate) fn create(
        state_dir: &Path,
        run: &RunId,
        clock: Clock,
        sender: EventSender,
        redactor: Redactor,
    ) -> Result<Self> {
        let runs = state_dir.join("runs");
        // Prompts and transcripts are their owner's alone.
        own_folder(&runs)?;
        let folder = runs.join(run.as_str());
        create_folder(&folder)?;
        let path = folder.join("events.jsonl");
        let opened = regular::append(&path);
        let failed = || format!("cannot open `{}`", path.display());
        let mut file = opened.with_context(ErrorKind::Unexpected, failed)?;
        let mut header = serde_json::to_vec(&Header { format: FORMAT }).context("cannot write JSON")?;
        header.push(b'\n');
        file.write_all(&header).with_context(ErrorKind::Unexpected, failed)?;
        let file = Arc::new(Mutex::new(EventFile {
            file,
            path,
            failure: None,
        }));
        let network = Arc::new(Mutex::new(NetworkFile::new(&folder, redactor.clone())));
        Ok(Self {
            network,
            run: run.clone(),
            state_dir: state_dir.to_owned(),
            clock,
            sender,
            redactor,
            file,
            observers: None,
            tally: Arc::default(),
        })
    }

    /// Has observers get every event from now on.
    pub(crate) fn observed(self, observers: Observers) -> Self {
        let observers = Some(Arc::new(observers));
        Self { observers, ..self }
    }

    /// Waits until observers have taken all events, for a few seconds.
    pub(crate) async fn end_observers(&self) {
        let Some(observers) = &self.observers else { return };
        for what in observers.end().await {
            self.emit(EventKind::Warned { what });
        }
    }

    /// Returns the run's name.
    pub(crate) fn run(&self) -> &RunId {
        &self.run
    }

    /// Returns where time and chance come from.
    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Returns the present moment.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Returns what the run came to so far.
    pub(crate) fn so_far(&self) -> SoFar {
        self.tally().so_far()
    }

    fn tally(&self) -> std::sync::MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records that something happened, redacted. A failure to write is kept for [`Recorder::check`], so that
    /// no caller has to stop half-way through a step.
    pub(crate) fn emit(&self, kind: EventKind) {
        let event = Event {
            at: self.clock.now(),
            kind,
        };
        let mut told = Vec::new();
        let written = self.redacted(event).and_then(|(event, mut line)| {
            line.push(b'\n');
            if let Some(observers) = &self.observers {
                told = observers.take(&event);
            }
            self.tally().note(&event.kind);
            // Whoever listened may have gone: the file is the record.
            let _ = self.sender.send(event);
            self.lock().file.write_all(&line)
        });
        if let Err(error) = written {
            self.lock().failure.get_or_insert(error);
        }
        // Each is told once, so that this ends.
        for what in told {
            self.emit(EventKind::Warned { what });
        }
    }

    /// Returns an event as it may be recorded and passed on, and its line.
    fn redacted(&self, event: Event) -> std::io::Result<(Event, Vec<u8>)> {
        let line = serde_json::to_vec(&event)?;
        let redacted = match self.redactor.own_json(&line) {
            Cow::Borrowed(_) => return Ok((event, line)),
            Cow::Owned(redacted) => redacted,
        };
        if let Ok(event) = serde_json::from_slice(&redacted) {
            return Ok((event, redacted));
        }
        // A credential that is spelled like a word of ours: the event is mentioned, and no more.
        let what = "an event was dropped: recording it would have written a credential".to_owned();
        let event = Event {
            at: event.at,
            kind: EventKind::Warned { what },
        };
        let line = serde_json::to_vec(&event)?;
        Ok((event, line))
    }

    /// Records what has ended on the network; a failure is kept as with [`Recorder::emit`].
    pub(crate) fn network(&self, record: NetworkRecord) {
        let written = self.network_file().add(record);
        self.keep_failure(written);
    }

    /// Records how many connections of a container that is gone have no record.
    pub(crate) fn network_left_out(&self, more: u64) {
        let written = self.network_file().left_out(more);
        self.keep_failure(written);
    }

    fn network_file(&self) -> std::sync::MutexGuard<'_, NetworkFile> {
        self.network.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep_failure(&self, written: std::io::Result<()>) {
        if let Err(error) = written {
            self.lock().failure.get_or_insert(error);
        }
    }

    /// Fails when an event could not be written: a run that cannot be recorded does not go on.
    pub(crate) fn check(&self) -> Result<()> {
        let mut file = self.lock();
        match file.failure.take() {
            None => Ok(()),
            Some(failure) => {
                let message = format!("cannot write `{}`", file.path.display());
                Err(Error::new(ErrorKind::Unexpected, message)
                    .because(failure)
                    .hint("free some disk space, then resume"))
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, EventFile> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the folder of a call; returns its path and its name below the state folder.
    pub(crate) fn call_folder(&self, call: &CallName, cycle: u32) -> Result<CallFolder> {
        self.folder(&call_folder_name(call, cycle))
    }

    /// Returns where a folder of the run's is, by its name, whether it is made or not.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.state_dir.join(self.below(name))
    }

    fn below(&self, name: &str) -> String {
        format!("runs/{}/{name}", self.run)
    }

    /// Makes a folder of the run's, by its name.
    pub(crate) fn folder(&self, name: &str) -> Result<CallFolder> {
        let below = self.below(name);
        let path = self.path(name);
        create_folder(&path)?;
        let redactor = self.redactor.clone();
        Ok(CallFolder { path, below, redactor })
    }
}

/// The folder of one call.
#[derive(Clone, Debug)]
pub(crate) struct CallFolder {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Its name below the state folder.
    pub(crate) below: String,
    /// What is written into it passes this.
    pub(crate) redactor: Redactor,
}

impl CallFolder {
    /// Writes a whole file into the folder, redacted.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.path.join(name);
        std::fs::write(&path, self.redactor.bytes(bytes))
            .with_context(ErrorKind::Unexpected, || format!("cannot write `{}`", path.display()))
    }

    /// Writes a file that a later run reads, redacted and in one step: after a death it is as before, or whole.
    pub(crate) fn replace(&self, name: &str, bytes: &[u8]) -> Result<()> {
        write_atomically(&self.path.join(name), &self.redactor.bytes(bytes))
    }

    /// Opens a file of the folder to be written as output comes in; each line is the caller's to redact.
    pub(crate) fn open(&self, name: &str) -> Result<File> {
        let path = self.path.join(name);
        let opened = regular::append(&path);
        opened.with_context(ErrorKind::Unexpected, || format!("cannot open `{}`", path.display()))
    }
}

/// Returns the name of a call's folder among the records of its run.
pub(crate) fn call_folder_name(call: &CallName, cycle: u32) -> String {
    match (&call.task, call.role) {
        (Some(task), Role::Review | Role::Stage(_)) => {
            format!("{task}-{}-{}-{}", call.attempt_in_words(), call.role, call.round)
        }
        (Some(task), _) => format!("{task}-{}{}", call.attempt_in_words(), fix_suffix(call.round)),
        (None, Role::Measure) => format!("{}{}", measure_prefix(cycle), call.attempt),
        (None, role) => format!("{}{role}-{}", measure_prefix(cycle), call.round),
    }
}

/// Returns what the folder of a task's call ends with, after the attempt.
fn fix_suffix(round: u32) -> String {
    match round {
        0 => String::new(),
        round => format!("-fix-{round}"),
    }
}

/// Returns the folder of a fix round, below the state folder, by that of its attempt's first call.
pub(crate) fn round_folder(attempt: &str, round: u32) -> String {
    format!("{attempt}{}", fix_suffix(round))
}

/// Returns what the folders of a measure's calls begin with.
fn measure_prefix(cycle: u32) -> String {
    format!("measure-{cycle}-")
}

/// Returns which call of a measure a folder is of, by what follows [`measure_prefix`] in its name.
fn call_of_measure(name: &str) -> Option<CallName> {
    let review = name
        .strip_prefix(Role::Review.name())
        .and_then(|name| name.strip_prefix('-'));
    let (role, attempt, round) = match review {
        Some(round) => (Role::Review, 1, round.parse().ok()?),
        None => (Role::Measure, name.parse().ok()?, 0),
    };
    Some(CallName {
        role,
        task: None,
        attempt,
        round,
        candidate: 0,
    })
}

/// A call as its folder shows it.
pub(crate) struct RecordedCall {
    /// What its transcript shows.
    pub(crate) report: CallReport,
    /// What its gateway metered; `None` where it had none, or died with it before it was asked anything.
    pub(crate) metered: Option<Metered>,
}

impl RecordedCall {
    /// Returns its entry in the ledger, ended at `ended_at`.
    pub(crate) fn entry(&self, place: CallPlace, ended_at: Timestamp) -> Entry {
        Entry::new(place, &self.report, ended_at).with_metered(self.metered.as_ref())
    }
}

/// Returns what the records in a call's folder amount to; `None` when the call never began. A session that calls of
/// `issues` are of, or the `earlier` ones that the store does not have yet, is taken for one that went on.
pub(crate) fn recorded_call(folder: &Path, issues: &Issues, earlier: &[Entry]) -> Result<Option<RecordedCall>> {
    let gateway = folder.join(GATEWAY_FILE);
    let metered = gateway.exists().then(|| read_back(&gateway)).transpose()?;
    let answered = metered.as_ref().is_some_and(|metered| metered.answers > 0);
    let report = replayed_call(&folder.join(TRANSCRIPT_FILE), issues, earlier)?;
    // What the API answered was used, whether or not the client came to report anything.
    let silent = || Transcript::new().finish(&Ending::of_recording());
    let report = report.or_else(|| answered.then(silent));
    Ok(report.map(|report| RecordedCall { report, metered }))
}

fn replayed_call(path: &Path, issues: &Issues, earlier: &[Entry]) -> Result<Option<CallReport>> {
    let Some(report) = replayed(path, Transcript::new())? else {
        return Ok(None);
    };
    let mut before = Sum::default();
    if let Some(session) = report.session_id.as_deref() {
        before = issues.session(session);
        let same = |entry: &&Entry| entry.session_id.as_deref() == Some(session);
        earlier.iter().filter(same).for_each(|entry| before += entry);
    }
    if before.usage.calls == 0 && !report.estimated {
        // Neither what came before nor what tokens cost has a part in it.
        return Ok(Some(report));
    }
    let rates = learned_rates(issues.ledger().chain(earlier));
    let rates = report.model.as_ref().and_then(|model| rates.get(model));
    let mut transcript = Transcript::resuming(before.usage).after_api_ms(before.api_ms);
    if let Some(rates) = rates {
        transcript.set_rates(*rates);
    }
    replayed(path, transcript)
}

/// Plays a recording to a transcript; `None` where there is none.
fn replayed(path: &Path, mut transcript: Transcript) -> Result<Option<CallReport>> {
    let failed = || format!("cannot read `{}`", path.display());
    let file = match regular::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(ErrorKind::Unexpected, failed),
    };
    let mut lines = LineReader::new(file, DEFAULT_LINE_LIMIT);
    let mut begun = false;
    while let Some(line) = lines.next_line().with_context(ErrorKind::Unexpected, failed)? {
        begun = true;
        transcript.push_line(line);
    }
    // The file is there before the container is: without a word in it, there was no call.
    Ok(begun.then(|| transcript.finish(&Ending::of_recording())))
}

/// Returns what the calls of a run's measure amount to, each with its round, in order.
pub(crate) fn recorded_measure(
    state_dir: &Path,
    run: &RunId,
    cycle: u32,
    issues: &Issues,
) -> Result<Vec<(CallName, RecordedCall)>> {
    let runs = state_dir.join("runs").join(run.as_str());
    let failed = || format!("cannot list `{}`", runs.display());
    let mut calls = Vec::new();
    for entry in std::fs::read_dir(&runs).with_context(ErrorKind::Unexpected, failed)? {
        let entry = entry.with_context(ErrorKind::Unexpected, failed)?;
        let name = entry.file_name();
        let below = name.to_str().and_then(|name| name.strip_prefix(&measure_prefix(cycle)));
        if let Some(name) = below.and_then(call_of_measure) {
            calls.extend(recorded_call(&entry.path(), issues, &[])?.map(|call| (name, call)));
        }
    }
    calls.sort_by_key(|(name, _)| (name.round, name.attempt));
    Ok(calls)
}
