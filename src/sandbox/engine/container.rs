//! One container, from its creation to its removal.

use std::fmt;
use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use bollard::query_parameters::{
    AttachContainerOptionsBuilder, CreateContainerOptionsBuilder, KillContainerOptionsBuilder,
    RemoveContainerOptionsBuilder, StartContainerOptions,
};

use crate::base::clock::Clock;
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::interruption::LeftoverGuard;
use crate::base::lines::DEFAULT_LINE_LIMIT;
use crate::base::registry::Registered;
use crate::sandbox::engine::deadline::{self, CHANGE};
use crate::sandbox::engine::followed::Followed;
use crate::sandbox::engine::input::InputWriter;
use crate::sandbox::engine::lookup::State;
use crate::sandbox::engine::output::{Output, OutputReader};
use crate::sandbox::engine::{Engine, Exit, FoundContainer};
use crate::sandbox::spec::ContainerSpec;

/// The statuses with which engines answer a signal when the container has ended already, or is gone.
const ENDED_OR_GONE: [u16; 2] = [404, 409];
/// The time limit for the death of a killed container.
const DEATH: Duration = Duration::from_secs(10);
/// How long podman may take to report that a container has ended.
const TIDIED_UP: Duration = Duration::from_secs(2);
/// The pause between two checks of a container that runs on although its output is closed.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// A started container. Dropping it neither ends nor removes it: call [`Container::remove`]; containers of a dead
/// process are ended by [`Engine::sweep`], by their labels.
pub struct Container {
    engine: Engine,
    id: String,
    output: OutputReader,
    /// Whether `exit` has seen its end.
    ended: bool,
    /// Whether it was killed from here.
    killed: Arc<AtomicBool>,
    /// Whether a SIGKILL that nobody here sent means that its memory ran out.
    kill_means_oom: bool,
    /// Held while the container lives: dropping it stops the writing of its input. `None` where somebody else wrote it.
    input: Option<InputWriter>,
    /// Until it is removed: dropping the container does not do that.
    left: ManuallyDrop<Noted>,
}

/// Notes that a container exists, until this is dropped.
struct Noted {
    _left: LeftoverGuard,
    _name: Registered<String>,
}

impl Engine {
    /// Runs a container to its end and removes it; returns how it ended, or `None` for one that was still running after
    /// `limit`. Each line of its output is passed to `hear`.
    ///
    /// # Errors
    ///
    /// Those of [`Engine::start`], [`Container::exit`] and [`Container::remove`].
    pub async fn run(&self, spec: &ContainerSpec, limit: Duration, hear: impl FnMut(&Output)) -> Result<Option<Exit>> {
        let mut container = self.start(spec, b"").await?;
        let ended = tokio::time::timeout(limit, container.read(hear)).await;
        container.remove().await?;
        ended.ok().transpose()
    }

    /// Creates a container, attaches to it, starts it, writes all of `stdin` to it, and closes its input, unless the
    /// specification keeps that open.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Engine`]; then nothing remains of the container.
    pub async fn start(&self, spec: &ContainerSpec, stdin: &[u8]) -> Result<Container> {
        let named = if spec.name.is_empty() {
            // So that it can be named, whenever somebody asks what is left.
            let name = format!("cordwainer-{}", Clock::machine().token()?);
            &ContainerSpec { name, ..spec.clone() }
        } else {
            spec
        };
        // Nothing is left of one that still waits. The semaphore is never closed.
        let _turn = self.0.starts.acquire().await.ok();
        let left = Noted {
            _left: self.0.leftovers.note(format!("the container `{}`", named.name)),
            _name: self.0.containers.note(named.name.clone()),
        };
        let id = self.create(named).await?;
        match self.attach_and_start(&id, named, stdin, left).await {
            Ok(container) => Ok(container),
            Err(error) => {
                // The first error is reported; a sweep removes what this removal could not.
                if let Err(second) = self.remove_by_id(&id).await {
                    tracing::warn!(container = %id, error = %second, "a container that did not start could not be removed");
                }
                Err(error)
            }
        }
    }

    async fn create(&self, spec: &ContainerSpec) -> Result<String> {
        let options = CreateContainerOptionsBuilder::new().name(&spec.name);
        let body = spec.body(&self.0.facts)?;
        let create = self.api().create_container(Some(options.build()), body);
        let operation = format!("create a container of image `{}`", spec.image);
        match self.call(&operation, CHANGE, create).await {
            Ok(created) => Ok(created.id),
            Err(error) if error.status == Some(404) => {
                Err(Error::from(error).hint("make sure that the image and the mounted folders exist"))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn attach_and_start(&self, id: &str, spec: &ContainerSpec, stdin: &[u8], left: Noted) -> Result<Container> {
        self.confirm_runtime(id, spec.runtime).await?;
        let files = spec.output.as_deref().map(|folder| Followed::open(folder, [0, 0]));
        let files = files.transpose()?;
        let options = AttachContainerOptionsBuilder::new()
            .stream(true)
            .stdin(true)
            .stdout(true)
            .stderr(true)
            .build();
        let attach = self.api().attach_container(id, Some(options));
        let attached = self.call("attach to the container", CHANGE, attach).await?;
        let start = self.api().start_container(id, None::<StartContainerOptions>);
        self.call("start the container", CHANGE, start).await?;
        let limit = spec.line_limit.unwrap_or(DEFAULT_LINE_LIMIT);
        Ok(Container {
            engine: self.clone(),
            id: id.to_owned(),
            output: OutputReader::new(attached.output, limit).following(files),
            ended: false,
            killed: Arc::default(),
            kill_means_oom: spec.memory.is_some() && self.0.facts.misses_oom,
            input: Some(InputWriter::spawn(
                attached.input,
                stdin.to_vec(),
                spec.keeps_input_open,
            )),
            left: ManuallyDrop::new(left),
        })
    }

    /// Listens to a container again that a dead process started as `spec` says, after the first so many lines of its outputs. It
    /// has written nothing for so long.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Engine`]; it is not touched then. One that has ended meanwhile is none: its files have all it wrote.
    pub(crate) async fn adopt(
        &self,
        found: &FoundContainer,
        spec: &ContainerSpec,
        (heard, silent): ([u64; 2], Duration),
    ) -> Result<Container> {
        let files = spec.output.as_deref().map(|folder| Followed::open(folder, heard));
        let files = files.transpose()?;
        let options = AttachContainerOptionsBuilder::new()
            .stream(true)
            .stdout(true)
            .stderr(true)
            .build();
        let attach = self.api().attach_container(&found.id, Some(options));
        let attached = self.call("attach to the container again", CHANGE, attach).await;
        // Of one that has ended Docker passes nothing on, and no end either.
        let lives = self.state(&found.id).await?.is_some_and(|state| state.lives());
        let chunks = match attached {
            Ok(attached) if lives => attached.output,
            Err(error) if lives => return Err(error.into()),
            _ => Box::pin(futures_util::stream::empty()),
        };
        let limit = spec.line_limit.unwrap_or(DEFAULT_LINE_LIMIT);
        Ok(Container {
            engine: self.clone(),
            id: found.id.clone(),
            output: OutputReader::new(chunks, limit).following(files).silent_for(silent),
            ended: false,
            killed: Arc::default(),
            kill_means_oom: spec.memory.is_some() && self.0.facts.misses_oom,
            input: None,
            left: ManuallyDrop::new(Noted {
                _left: self.0.leftovers.note(format!("the container `{}`", found.name)),
                _name: self.0.containers.note(found.name.clone()),
            }),
        })
    }

    /// Waits until `reading` returns a value for the container's state; `None` when the container is gone. Podman's own
    /// wait checks every 250 ms; this checks more often.
    async fn wait_for<T>(&self, id: &str, reading: impl Fn(&State) -> Option<T>) -> Result<Option<T>> {
        let mut pause = Duration::from_millis(2);
        loop {
            let Some(state) = self.state(id).await? else {
                return Ok(None);
            };
            if let Some(read) = reading(&state) {
                return Ok(Some(read));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn stopped(&self, id: &str) -> Result<()> {
        let stopped = self.wait_for(id, |state| (!state.lives()).then_some(()));
        stopped.await.map(drop)
    }

    async fn signal(&self, id: &str, signal: &str) -> Result<()> {
        let options = KillContainerOptionsBuilder::new().signal(signal).build();
        let kill = self.api().kill_container(id, Some(options));
        let sent = self.call("send a signal to the container", CHANGE, kill).await;
        let Err(error) = sent.or_else(|error| error.unless_status(&ENDED_OR_GONE)) else {
            return Ok(());
        };
        // Podman answers 500 while an ended container is not cleaned up, as long as somebody is attached, and for one
        // that never began. Until then it may still be reported as running.
        match tokio::time::timeout(TIDIED_UP, self.stopped(id)).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(error.into()),
        }
    }

    pub(super) async fn kill_by_id(&self, id: &str) -> Result<()> {
        self.signal(id, "SIGKILL").await?;
        match tokio::time::timeout(DEATH, self.stopped(id)).await {
            Ok(stopped) => stopped,
            Err(_) => Err(deadline::late(self, "kill the container", DEATH)),
        }
    }

    /// Removes a container that may run. It is killed first: engines that force a removal give PID 1 ten seconds to
    /// react.
    pub(super) async fn remove_by_id(&self, id: &str) -> Result<()> {
        self.kill_by_id(id).await?;
        self.remove_stopped(id).await
    }

    /// Removes a container that no longer runs, and its anonymous volumes.
    async fn remove_stopped(&self, id: &str) -> Result<()> {
        let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        let remove = self.api().remove_container(id, Some(options));
        let removed = self.call("remove the container", CHANGE, remove).await;
        // Somebody else may have removed it, or be about to.
        Ok(removed.or_else(|error| error.unless_status(&ENDED_OR_GONE))?)
    }
}

impl Container {
    /// Returns the engine's id for it.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the next line of output; `None` once both outputs are closed. Safe to cancel, as in `select!`.
    pub async fn next_output(&mut self) -> Option<Output> {
        self.output.next().await
    }

    /// Returns when the container last wrote anything to its standard output, even part of a line.
    pub fn heard_at(&self) -> tokio::time::Instant {
        self.output.heard_at()
    }

    /// Returns whether the files that its outputs go into held more than they may.
    pub(crate) fn has_flooded(&self) -> bool {
        self.output.is_flooded()
    }

    /// Writes more to its standard input, which the specification keeps open. Returns whether it still is.
    pub(crate) fn write_input(&self, bytes: Vec<u8>) -> bool {
        self.input.as_ref().is_some_and(|input| input.write(bytes))
    }

    /// Closes its standard input, once all is written that was to be.
    pub(crate) fn close_input(&mut self) {
        if let Some(input) = &mut self.input {
            input.close();
        }
    }

    /// Returns whether nothing of it is lost when this process dies: it has the input that it began with, and its outputs go
    /// into files.
    pub(crate) fn outlives_us(&self) -> bool {
        self.output.is_in_files() && self.input.as_ref().is_none_or(InputWriter::is_written)
    }

    /// Reads its output to the end, line by line, and waits until it has ended; returns how. Race it with a limit.
    ///
    /// # Errors
    ///
    /// Those of [`Container::exit`].
    pub async fn read(&mut self, mut hear: impl FnMut(&Output)) -> Result<Exit> {
        while let Some(output) = self.next_output().await {
            hear(&output);
        }
        self.exit().await
    }

    /// Waits until the container has ended and returns how. It waits as long as the container runs: race it with a
    /// limit.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Engine`] when the engine went away, the container is gone, or its output broke off.
    pub async fn exit(&mut self) -> Result<Exit> {
        if let Some(why) = self.output.broken() {
            let message = format!("the output of container `{}` broke off: {why}", self.id);
            return Err(Error::new(ErrorKind::Engine, message).hint("check whether the engine was restarted"));
        }
        let gone = || {
            let message = format!("container `{}` is gone, and how it ended is not known", self.id);
            Error::new(ErrorKind::Engine, message).hint("check whether somebody else removed it")
        };
        let exit = self.engine.wait_for(&self.id, Exit::of).await?.ok_or_else(gone)?;
        self.ended = true;
        let killed_by_kernel = self.kill_means_oom && exit.signal() == Some(9) && !self.killed.load(Relaxed);
        Ok(Exit {
            oom: exit.oom || killed_by_kernel,
            ..exit
        })
    }

    /// Asks the container to end, and kills it when it still runs. SIGINT comes first: on that, and never on SIGTERM,
    /// Claude Code 2.1.329 may write its last result. Then SIGTERM, to which other programs react. After each, the
    /// container has `grace` to end. Read its output meanwhile: a program that writes into a full pipe waits for a
    /// reader.
    pub fn terminate(&self, grace: Duration) -> impl Future<Output = Result<()>> + Send + use<> {
        let (engine, id, killed) = (self.engine.clone(), self.id.clone(), Arc::clone(&self.killed));
        async move {
            for signal in ["SIGINT", "SIGTERM"] {
                engine.signal(&id, signal).await?;
                if let Ok(stopped) = tokio::time::timeout(grace, engine.stopped(&id)).await {
                    return stopped;
                }
            }
            killed.store(true, Relaxed);
            engine.kill_by_id(&id).await
        }
    }

    /// Kills the container; it has ended, or is gone, when this returns.
    pub fn kill(&self) -> impl Future<Output = Result<()>> + Send + use<> {
        let (engine, id, killed) = (self.engine.clone(), self.id.clone(), Arc::clone(&self.killed));
        async move {
            killed.store(true, Relaxed);
            engine.kill_by_id(&id).await
        }
    }

    /// Removes the container, killing it if it still runs.
    pub async fn remove(self) -> Result<()> {
        if self.ended {
            self.engine.remove_stopped(&self.id).await?;
        } else {
            self.engine.remove_by_id(&self.id).await?;
        }
        drop(ManuallyDrop::into_inner(self.left));
        Ok(())
    }
}

impl fmt::Debug for Container {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Container")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
