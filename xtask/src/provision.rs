//! Container engines for this repository's own tasks: found, started, or installed.

mod docker;
mod install;
mod leftovers;
mod podman;
mod program;

use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use cordwainer::engine::{ConnectOptions, Engine};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

pub(crate) use install::packages as install_packages;
pub(crate) use program::{find, in_path};

/// Whether packages may be installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Installing {
    /// With the system's package manager, after saying so.
    Allowed,
    /// Never: what is absent is an error.
    Forbidden,
}

/// An engine to work with; what was started for it ends with it.
pub(crate) struct Provided {
    pub(crate) engine: Engine,
    _started: Option<Started>,
}

/// Finds an engine that runs, else starts an installed one, else installs podman and starts that.
pub(crate) async fn any_engine(mut options: ConnectOptions, installing: Installing) -> Result<Provided> {
    options.search_path = Some(in_path());
    let absent = match Engine::connect(&options).await {
        Ok(engine) => return Ok(Provided { engine, _started: None }),
        Err(error) => error,
    };
    if find("dockerd").is_some() && is_root() {
        let started = docker::start()?;
        let engine = started.connect().await?;
        return Ok(Provided {
            engine,
            _started: Some(started),
        });
    }
    install::packages(&install::PODMAN, installing).with_context(|| absent.to_string())?;
    let engine = Engine::connect(&options).await?;
    Ok(Provided { engine, _started: None })
}

/// Both engines, for the tests: private, on sockets and storage of their own, never the machine's.
pub(crate) struct Engines {
    pub(crate) podman: Option<Started>,
    pub(crate) docker: Option<Started>,
}

impl Engines {
    /// Starts both, installing what is absent if that is allowed; an engine that cannot be had is said and left out.
    pub(crate) fn start(installing: Installing) -> Self {
        Self {
            podman: said(
                "podman",
                provided("podman", &install::PODMAN, installing).and_then(|()| podman::start()),
            ),
            docker: said(
                "Docker Engine",
                provided("dockerd", &install::DOCKER, installing).and_then(|()| docker::start()),
            ),
        }
    }

    /// Those that run.
    pub(crate) fn each(&self) -> impl Iterator<Item = &Started> {
        self.podman.iter().chain(&self.docker)
    }
}

fn provided(program: &str, packages: &[&str], installing: Installing) -> Result<()> {
    match find(program) {
        Some(_) => Ok(()),
        None => install::packages(packages, installing),
    }
}

/// Tells the person something.
#[expect(clippy::print_stderr, reason = "a task talks to the person who called it")]
fn told(text: &str) {
    eprintln!("{text}");
}

fn said(name: &str, started: Result<Started>) -> Option<Started> {
    started
        .inspect_err(|error| told(&format!("{name} cannot be had here: {error:#}")))
        .ok()
}

/// Says whether this process may do as it likes; Docker Engine needs that, podman does not.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// An engine that was started here, in a folder of its own: ended and cleared away when dropped.
pub(crate) struct Started {
    child: Child,
    socket: PathBuf,
    /// Run once the engine has ended: containers and helpers that it left.
    clear: fn(&Path),
    folder: TempDir,
}

impl Started {
    /// Where it listens.
    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    /// Connects to it.
    pub(crate) async fn connect(&self) -> Result<Engine> {
        let options = ConnectOptions {
            socket: Some(self.socket.display().to_string()),
            ..ConnectOptions::default()
        };
        Ok(Engine::connect(&options).await?)
    }

    /// Waits until it takes connections.
    fn ready(mut self) -> Result<Self> {
        let begun = Instant::now();
        while std::os::unix::net::UnixStream::connect(&self.socket).is_err() {
            if let Some(status) = self.child.try_wait()? {
                bail!(
                    "it ended at once ({status}): {}",
                    last_line(&self.folder.path().join("log"))
                );
            }
            if begun.elapsed() > Duration::from_secs(60) {
                bail!("it made no socket within a minute");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(self)
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if let Err(error) = end(&mut self.child) {
            told(&format!(
                "the engine at `{}` could not be ended: {error}",
                self.socket.display()
            ));
        }
        (self.clear)(self.folder.path());
        leftovers::unmount_below(self.folder.path());
    }
}

/// Asks a child to end, and kills it when it has not after twenty seconds.
fn end(child: &mut Child) -> std::io::Result<()> {
    if child.try_wait()?.is_some() {
        return Ok(());
    }
    kill_process(Pid::from_child(child), Signal::TERM)?;
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(20) {
        if child.try_wait()?.is_some() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill()?;
    child.wait().map(drop)
}

fn last_line(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    text.lines().last().unwrap_or("it said nothing").to_owned()
}

/// A folder for an engine: short, because a socket's path may have 107 bytes.
fn folder(engine: &str) -> Result<TempDir> {
    let made = tempfile::Builder::new()
        .prefix(&format!("cordwainer-{engine}-"))
        .tempdir();
    made.context("cannot make a folder for the engine")
}

/// The engine's log, for its standard output and its standard error.
fn log(folder: &Path) -> Result<(std::fs::File, std::fs::File)> {
    let file = std::fs::File::create(folder.join("log")).context("cannot write the engine's log")?;
    Ok((file.try_clone()?, file))
}
