//! Answers what other processes request of a run, on the socket in its state folder; `project/run_socket.rs` has the
//! words. It is the only way in from outside of the process, beside signals.
//!
//! A thread of its own serves the socket, so that a request takes effect whatever the run is busy with.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::runtime;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::base::socket::Socket;
use crate::config::reload::{RELOADABLE, Reloadable, changes};
use crate::issues::store::Store;
use crate::model::IssueId;
use crate::project::run_socket::{Answer, Answered, Asked, LONGEST, Request, SOCKET, VERSION, line, parse};
use crate::project::{Project, RunStanding, RunState};
use crate::record::event::{EventKind, StopRequested};
use crate::record::recorder::Recorder;
use crate::run::control::RunControl;

/// How long a client may take for its request, and to read the answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// How many clients may be connected at once; further ones wait until one is answered.
const CLIENTS: usize = 32;
/// How long no connection is accepted after the system had no resources for it.
const RESPITE: Duration = Duration::from_millis(50);

/// What to do where nobody listens.
const COMMENT_INSTEAD: &str =
    "`cordwainer status` shows what is at work; `cordwainer issues comment` reaches the next attempt";

/// A run as other processes see it.
#[derive(Clone, Debug)]
pub(crate) struct Answering {
    pub(crate) control: RunControl,
    /// What it says of itself.
    pub(crate) standing: RunStanding,
    /// Whether it takes step after step, so that there is something to pause.
    pub(crate) has_steps: bool,
    pub(crate) recorder: Recorder,
    /// The repository, with the configuration that the run began with.
    pub(crate) project: Project,
}

/// Why a request is refused, and what to do about it.
struct Refusal {
    what: String,
    hint: String,
}

impl From<Refusal> for Answer {
    fn from(Refusal { what, hint }: Refusal) -> Self {
        Self::Refused { what, hint }
    }
}

/// What a request came to.
#[derive(Default)]
struct Effect {
    changed: bool,
    reloaded: Vec<String>,
}

impl Effect {
    fn of(changed: bool) -> Self {
        Self {
            changed,
            ..Self::default()
        }
    }
}

/// The socket of a run, which is served until this is dropped.
pub(crate) struct Requests {
    end: Option<DropGuard>,
    serving: Option<JoinHandle<()>>,
}

impl Requests {
    /// Serves the socket in a state folder, whose lock the run holds: what a killed run left there is replaced.
    ///
    /// # Errors
    ///
    /// Where the socket cannot be made.
    pub(crate) fn serve(state_dir: PathBuf, answering: Answering) -> Result<Self> {
        let end = CancellationToken::new();
        let ended = end.clone();
        let (tell, told) = mpsc::channel();
        let serving = thread::Builder::new().name("requests".to_owned()).spawn(move || {
            let runtime = runtime::Builder::new_current_thread().enable_all().build();
            let served = runtime
                .context("cannot serve the socket of the run")
                .and_then(|runtime| {
                    runtime.block_on(async {
                        let folder = state_dir.canonicalize();
                        let folder = folder.with_context(ErrorKind::Unexpected, || {
                            format!("cannot look at `{}`", state_dir.display())
                        })?;
                        let (_socket, listener) = Socket::bind(&folder, SOCKET, 0o600)?;
                        // Whoever began the run waits for this.
                        let _ = tell.send(Ok(()));
                        ended.run_until_cancelled(accept(listener, Arc::new(answering))).await;
                        Ok(())
                    })
                });
            if let Err(error) = served {
                let _ = tell.send(Err(error));
            }
        });
        let serving = serving.context("cannot serve the socket of the run")?;
        let gone = || Err(Error::new(ErrorKind::Unexpected, "cannot serve the socket of the run"));
        told.recv().unwrap_or_else(|_| gone())?;
        Ok(Self {
            end: Some(end.drop_guard()),
            serving: Some(serving),
        })
    }
}

impl Drop for Requests {
    fn drop(&mut self) {
        drop(self.end.take());
        // Nothing that it does takes long, and the socket must be gone before the lock is.
        if let Some(serving) = self.serving.take() {
            let _ = serving.join();
        }
    }
}

/// Answers whoever connects.
async fn accept(listener: UnixListener, answering: Arc<Answering>) {
    let places = Arc::new(Semaphore::new(CLIENTS));
    let mut clients = JoinSet::new();
    let mut has_failed = false;
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        // Those that have ended are forgotten.
        while clients.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, _)) => {
                let answering = Arc::clone(&answering);
                clients.spawn(async move {
                    let _place = place;
                    // A client that is silent, or gone, has no answer, and disturbs nobody.
                    let _ = tokio::time::timeout(PATIENCE, answering.attend(stream)).await;
                });
            }
            Err(error) => {
                if !has_failed {
                    let what = format!("cannot accept a request to this run: {error}");
                    answering.recorder.emit(EventKind::Warned { what });
                }
                has_failed = true;
                tokio::time::sleep(RESPITE).await;
            }
        }
    }
}

impl Answering {
    /// Reads a client's request, and answers it.
    async fn attend(&self, mut stream: UnixStream) -> std::io::Result<()> {
        let (reading, mut writing) = stream.split();
        let mut request = Vec::new();
        let most = LONGEST as u64;
        BufReader::new(reading.take(most))
            .read_until(b'\n', &mut request)
            .await?;
        let client = stream_owner(&writing);
        let own = rustix::process::geteuid().as_raw();
        let answer = match client {
            Ok(user) if user == own || user == 0 => self.answer(&request),
            _ => refused(
                "only the user who began the run may request anything of it".to_owned(),
                "",
            )
            .into(),
        };
        let answered = Answered {
            version: VERSION,
            answer,
        };
        let answered = line(&answered).map_err(std::io::Error::other)?;
        writing.write_all(&answered).await?;
        writing.shutdown().await
    }

    fn answer(&self, request: &[u8]) -> Answer {
        if !request.ends_with(b"\n") {
            let what = format!("the request is not a whole line of at most {LONGEST} bytes");
            return refused(what, "").into();
        }
        let asked: Asked = match parse(request, "the request") {
            Ok(asked) => asked,
            Err((what, hint)) => return refused(what, hint).into(),
        };
        let RunStanding { id, pid, .. } = &self.standing;
        if asked.run != *id {
            let what = format!(
                "the request is for run {}, and run {id} (process {pid}) is at work",
                asked.run
            );
            return refused(what, "`cordwainer status` shows which run is at work").into();
        }
        match self.act(&asked.request) {
            Ok(Effect { changed, reloaded }) => Answer::Done {
                changed,
                reloaded,
                run: RunStanding {
                    state: self.control.state(),
                    so_far: Some(self.recorder.so_far()),
                    ..self.standing.clone()
                },
            },
            Err(refusal) => refusal.into(),
        }
    }

    /// Does what is requested; returns what that came to.
    fn act(&self, request: &Request) -> Result<Effect, Refusal> {
        let is_stopping = self.control.state() == RunState::Stopping;
        let id = &self.standing.id;
        Ok(Effect::of(match request {
            Request::Status => false,
            Request::Stop { now } => {
                let changed = self.control.interruption.request(*now);
                if changed {
                    self.recorder
                        .emit(EventKind::StopRequested(StopRequested { now: *now }));
                }
                changed
            }
            Request::Pause | Request::Resume | Request::Reload if is_stopping => {
                let what = format!("run {id} is being stopped");
                return Err(refused(what, "`cordwainer resume` continues when it has ended"));
            }
            Request::Pause | Request::Resume | Request::Reload if !self.has_steps => {
                let what = format!("run {id} does one thing, and then it ends: there is nothing to pause or to change");
                return Err(refused(what, "`cordwainer runs stop` ends it"));
            }
            Request::Pause => self.control.pause(true),
            Request::Resume => self.control.pause(false),
            Request::Reload => return self.reload(),
            Request::Say { task, text } => return self.say(task, text),
        }))
    }

    /// Says something to the sessions of a task. It is a comment on the task, too, and that first: whatever becomes of the
    /// session, the words are kept.
    fn say(&self, task: &IssueId, text: &str) -> Result<Effect, Refusal> {
        let conversations = &self.control.conversations;
        if !conversations.has(task) {
            let what = format!("no session at work on `{task}` takes anything now");
            return Err(refused(what, COMMENT_INSTEAD));
        }
        let comment = || {
            let store = Store::open(&self.project.git, &self.standing.generation)?;
            let (author, now) = (store.user()?, self.project.clock().now());
            let why = format!("say something to {task}");
            store.update(&why, now, |issues| issues.comment(task, &author, text, now))
        };
        comment().map_err(|error| failed(&error))?;
        if conversations.say(task, text) > 0 {
            return Ok(Effect::of(true));
        }
        let what = format!("the session at work on `{task}` has just ended");
        Err(refused(
            what,
            "what you said is a comment on the task now, which its next attempt gets",
        ))
    }

    /// Reads the configuration again. Where a key has changed that cannot take effect at once, nothing does.
    fn reload(&self) -> Result<Effect, Refusal> {
        let new = self.project.reread_config().map_err(|error| failed(&error))?;
        // What is in force is so in the generation's mode.
        let mode = new
            .mode_named(&self.project.config.mode.name)
            .map_err(|error| failed(&error))?;
        let new = new.in_mode(mode);
        let in_force = self
            .control
            .asked()
            .borrow()
            .config
            .put_into(self.project.config.clone());
        let found = changes(&in_force, &new).map_err(|error| failed(&error))?;
        if !found.others.is_empty() {
            let what = format!(
                "only {RELOADABLE} can change while a run works, and these have changed, too: {}",
                found.others.join(", ")
            );
            return Err(refused(
                what,
                "nothing was taken over; `cordwainer runs stop`, then `cordwainer resume` begins a run with all of it",
            ));
        }
        let changed = self.control.reload(Reloadable::of(&new));
        if changed {
            self.recorder.emit(EventKind::Reloaded {
                keys: found.reloadable.clone(),
            });
        }
        Ok(Effect {
            changed,
            reloaded: found.reloadable,
        })
    }
}

/// Returns the user at the other end of a connection.
fn stream_owner(stream: &tokio::net::unix::WriteHalf<'_>) -> std::io::Result<u32> {
    Ok(stream.as_ref().peer_cred()?.uid())
}

fn failed(error: &Error) -> Refusal {
    refused(error.in_a_line(), error.hint_text().unwrap_or_default())
}

fn refused(what: String, hint: &str) -> Refusal {
    let hint = hint.to_owned();
    Refusal { what, hint }
}
