//! Container engines for this repository's own tasks: found, started, or installed.

mod docker;
mod install;
mod leftovers;
mod podman;
mod program;

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use bollard::{ClientVersion, Docker};
use cordwainer::config::Config;
use cordwainer::engine::{ConnectOptions, ContainerSpec, Engine, EngineKind};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

pub(crate) use install::{packages, run};
pub(crate) use program::find;

/// Until an engine must have made its socket.
const READY: Duration = Duration::from_secs(60);
/// Between asking an engine to end and killing it.
const GRACE: Duration = Duration::from_secs(20);

/// How long the helpers of an engine that has ended may take to end, too.
const LEFT: Duration = Duration::from_secs(5);

/// Whether packages may be installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Install {
    /// With the system's package manager, after saying what is going to be run.
    AfterSayingSo,
    /// Never: what is absent is an error.
    Refuse,
}

/// Finds an engine that runs, else starts an installed one, else installs podman and starts that.
pub(crate) fn any_engine(install: Install) -> Result<Started> {
    if let Some(found) = found()? {
        return Ok(found);
    }
    if find("podman").is_none() && find("dockerd").is_some() && is_root() {
        return docker::start();
    }
    provided_podman(install)?;
    podman::start()
}

/// An engine of the machine that answers; `None` where there is none.
fn found() -> Result<Option<Started>> {
    let options = ConnectOptions {
        // Without a search path no podman is started for us: its end would have to be ours.
        search_path: None,
        ..environment()
    };
    let runtime = tokio::runtime::Runtime::new().context("cannot start tokio")?;
    let Ok(engine) = runtime.block_on(Engine::connect(&options)) else {
        return Ok(None);
    };
    let client = match engine.kind() {
        EngineKind::Podman => vec![
            "podman".to_owned(),
            "--url".to_owned(),
            format!("unix://{}", engine.socket().display()),
        ],
        EngineKind::Docker => vec![
            "docker".to_owned(),
            "--host".to_owned(),
            format!("unix://{}", engine.socket().display()),
        ],
    };
    Ok(Some(Started {
        name: engine.describe(),
        client,
        socket: engine.socket().to_owned(),
        ours: None,
    }))
}

#[expect(clippy::disallowed_methods, reason = "a task of this repository, not the library")]
fn environment() -> ConnectOptions {
    let text = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    ConnectOptions {
        docker_host: text("DOCKER_HOST"),
        container_host: text("CONTAINER_HOST"),
        runtime_dir: text("XDG_RUNTIME_DIR").map(PathBuf::from),
        ..ConnectOptions::default()
    }
}

/// Both engines, for the tests: private, on sockets and storage of their own, never the machine's.
pub(crate) struct Engines {
    pub(crate) podman: Option<Started>,
    pub(crate) docker: Option<Started>,
    /// The podman of an ordinary user, beside those of root.
    pub(crate) rootless: Option<Started>,
}

impl Engines {
    /// Those two that run.
    pub(crate) fn each(&self) -> impl Iterator<Item = &Started> {
        self.podman.iter().chain(&self.docker)
    }
}

/// Which engine of the two.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum EngineChoice {
    /// podman.
    Podman,
    /// Docker Engine.
    Docker,
}

/// Starts an engine of the tests' own, installing what is absent if that is allowed.
pub(crate) fn engine(choice: EngineChoice, install: Install) -> Result<Started> {
    match choice {
        EngineChoice::Podman => provided_podman(install).and_then(|()| podman::start()),
        EngineChoice::Docker => docker::possible()
            .and_then(|()| provided("dockerd", &install::DOCKER, install))
            .map(|()| stronger(install))
            .and_then(|()| docker::start()),
    }
}

/// Starts both engines, installing what is absent if that is allowed. One that cannot be had is said and left out.
pub(crate) fn both_engines(install: Install) -> Result<Engines> {
    let engines = Engines {
        podman: said("podman", engine(EngineChoice::Podman, install)),
        docker: said("Docker Engine", engine(EngineChoice::Docker, install)),
        rootless: is_root().then(|| said("rootless podman", rootless(install))).flatten(),
    };
    ensure!(
        engines.each().next().is_some(),
        "no container engine can be had on this machine"
    );
    Ok(engines)
}

/// Starts the podman of an ordinary user, as root.
fn rootless(install: Install) -> Result<Started> {
    provided_podman(install)?;
    provided("newuidmap", &install::ROOTLESS, install)?;
    podman::start_rootless(install)
}

/// Sees that the tools are there for which agents may plant something; what cannot be had is said and left out. With
/// `large`, also those that take hundreds of megabytes.
pub(crate) fn tools(large: bool, install: Install) {
    let all = install::TOOLS
        .iter()
        .chain(install::LARGE_TOOLS.iter().filter(|_| large));
    if let Err(error) = provided_all(all, install) {
        told(&format!("tools cannot be had here: {error:#}"));
    }
}

/// Sees that podman is there, and, for an ordinary user, what makes its user namespaces.
fn provided_podman(install: Install) -> Result<()> {
    let mut missing = Vec::new();
    if find("podman").is_none() {
        missing.extend(install::PODMAN);
    }
    if !is_root() && find("newuidmap").is_none() {
        missing.extend(install::ROOTLESS);
    }
    if missing.is_empty() {
        return Ok(());
    }
    packages(&missing, install)
}

/// Sees that programs are there, each with the package that has it.
pub(crate) fn provided_all<'a>(
    programs: impl IntoIterator<Item = &'a (&'a str, &'a str)>,
    install: Install,
) -> Result<()> {
    let missing: Vec<_> = programs
        .into_iter()
        .filter(|(program, _)| find(program).is_none())
        .map(|(_, package)| *package)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    packages(&missing, install)
}

fn provided(program: &str, names: &[&str], install: Install) -> Result<()> {
    match find(program) {
        Some(_) => Ok(()),
        None => packages(names, install),
    }
}

/// Sees that gVisor is there; the tests that need it say so where it cannot be had.
fn stronger(install: Install) {
    if let Err(error) = provided("runsc", &install::GVISOR, install) {
        told(&format!("gVisor cannot be had here: {error:#}"));
    }
}

/// Tells the person something.
#[expect(clippy::print_stderr, reason = "a task talks to the person who called it")]
pub(crate) fn told(text: &str) {
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

/// An engine that runs. One that was started here is ended, and everything of it cleared away, when this is dropped.
pub(crate) struct Started {
    name: String,
    /// The command line of its client: a program, and the arguments that make it mean this engine.
    client: Vec<String>,
    socket: PathBuf,
    /// Held for its end.
    ours: Option<Ours>,
}

/// What of an engine was started here.
struct Ours {
    child: Child,
    /// Starts its service on what is in its folder.
    begin: fn(&Path) -> Result<Child>,
    /// Run once the engine has ended: the containers that it left.
    clear: fn(&Path),
    folder: TempDir,
}

impl Started {
    /// Kills its service and starts it again, if it was started here. What happens to its containers meanwhile is the
    /// engine's affair.
    pub(crate) fn restart(&mut self) -> Result<()> {
        let ours = self.ours.as_mut().context("the engine was not started here")?;
        ours.child.kill().context("cannot kill the engine")?;
        ours.child.wait()?;
        // Whoever comes meanwhile finds that there is none.
        std::fs::remove_file(&self.socket).context("cannot remove the engine's socket")?;
        ours.child = (ours.begin)(ours.folder.path())?;
        ours.wait_for(&self.socket)
    }

    /// Ends it, if it was started here. Fails where anything of it is left then.
    pub(crate) fn take_down(self) -> Result<()> {
        let folder = self.ours.as_ref().map(|ours| ours.folder.path().to_owned());
        drop(self);
        let Some(folder) = folder else { return Ok(()) };
        let left = leftovers::processes(&folder);
        ensure!(left.is_empty(), "processes of the engine are left: {left:?}");
        ensure!(!folder.exists(), "the engine's folder `{}` is left", folder.display());
        Ok(())
    }

    /// Where it listens.
    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    /// Where it listens, as `DOCKER_HOST` wants it.
    pub(crate) fn host(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    /// What it is, for a person.
    pub(crate) fn description(&self) -> &str {
        &self.name
    }

    /// The program that is its client, and its first arguments.
    pub(crate) fn client(&self) -> &[String] {
        &self.client
    }

    /// The engine's API without the library around it, in the version that podman 4.3 and Docker Engine 20.10 speak:
    /// bollard's own negotiation begins with one that they refuse.
    pub(crate) fn api(&self) -> Result<Docker> {
        let path = self.socket.to_str().context("the socket's path is not UTF-8")?;
        let version = ClientVersion {
            major_version: 1,
            minor_version: 41,
        };
        Docker::connect_with_unix(path, 600, &version).context("cannot connect")
    }

    /// Why it cannot enforce the limits that containers have by default; `None` when it can.
    pub(crate) fn unenforced_limits(&self) -> Result<Option<String>> {
        let defaults = Config::default().container;
        let limited = ContainerSpec {
            memory: defaults.memory,
            cpus: defaults.cpus,
            pids: defaults.pids,
            ..ContainerSpec::default()
        };
        let runtime = tokio::runtime::Runtime::new().context("cannot start tokio")?;
        let engine = runtime.block_on(Engine::connect(&self.connect_options()))?;
        Ok(engine.check_limits(&limited).err().map(|error| error.to_string()))
    }

    /// The folder of what it has, where it was started here; else that of its socket.
    pub(crate) fn folder(&self) -> PathBuf {
        self.socket.parent().unwrap_or(&self.socket).to_owned()
    }

    /// How the library connects to it.
    pub(crate) fn connect_options(&self) -> ConnectOptions {
        ConnectOptions {
            socket: Some(self.host()),
            ..ConnectOptions::default()
        }
    }
}

impl Ours {
    /// Waits until the engine takes connections.
    fn ready(mut self, socket: PathBuf, name: &str, client: Vec<String>) -> Result<Started> {
        self.wait_for(&socket)?;
        Ok(Started {
            name: format!("{name}, started for this command (`{}`)", socket.display()),
            client,
            socket,
            ours: Some(self),
        })
    }

    fn wait_for(&mut self, socket: &Path) -> Result<()> {
        let begun = Instant::now();
        while UnixStream::connect(socket).is_err() {
            if let Some(status) = self.child.try_wait()? {
                bail!(
                    "it ended at once ({status}): {}",
                    last_line(&self.folder.path().join("log"))
                );
            }
            ensure!(
                begun.elapsed() < READY,
                "it made no socket within {} s",
                READY.as_secs()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        if let Err(error) = end(&mut self.child) {
            told(&format!("an engine could not be ended: {error}"));
        }
        (self.clear)(self.folder.path());
        leftovers::end_processes(self.folder.path(), LEFT);
        leftovers::unmount_below(self.folder.path());
    }
}

/// Asks a child to end, and kills it when it does not.
fn end(child: &mut Child) -> std::io::Result<()> {
    if child.try_wait()?.is_some() {
        return Ok(());
    }
    kill_process(Pid::from_child(child), Signal::TERM)?;
    let begun = Instant::now();
    while begun.elapsed() < GRACE {
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
    let opened = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(folder.join("log"));
    let file = opened.context("cannot write the engine's log")?;
    Ok((file.try_clone()?, file))
}
