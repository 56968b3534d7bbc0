//! A podman service of our own, for machines that have podman and no socket.

use std::fs::{self, File};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::base::fs::program;
use crate::base::interruption::LeftoverGuard;
use crate::sandbox::engine::endpoint::SOCKET_PATH_LIMIT;
use crate::sandbox::engine::limits::ProcessLimits;
use crate::sandbox::engine::options::ConnectOptions;
use crate::sandbox::spec::{PROCESSES, Runtime};

const PREFIX: &str = "podman-";
const SOCKET: &str = "s";
const LOG: &str = "log";
/// The service ends by itself this many seconds after the last call, so that it does not outlive a killed process
/// forever.
const IDLE_SECONDS: u64 = 180;
/// The pause between two calls that keep it from ending while its owner lives.
const SIGN_OF_LIFE: Duration = Duration::from_secs(45);
/// The time limit for the socket to appear.
const READY: Duration = Duration::from_secs(20);
/// The time between asking the service to end and killing it.
const GRACE: Duration = Duration::from_millis(500);

/// The service: ended, and its folder removed, when this is dropped.
#[derive(Debug)]
pub(super) struct Service {
    child: Child,
    alive: JoinHandle<()>,
    folder: TempDir,
    _left: LeftoverGuard,
}

impl Service {
    /// Starts the podman found in `options.search_path`, with a socket in a folder that nobody else can enter.
    pub(super) async fn start(options: &ConnectOptions) -> Result<Self> {
        let program = program("podman", options.search_path.as_deref())
            .ok_or_else(|| Error::new(ErrorKind::Engine, "there is no program `podman` in `PATH`"))?;
        let folder = folder(options.service_dir.as_deref())?;
        let child = spawn(&program, folder.path(), options.runtime)?;
        let alive = tokio::spawn(stay_alive(folder.path().join(SOCKET)));
        let name = format!(
            "the podman service that was started (process {}), which ends by itself within {IDLE_SECONDS} s",
            child.id()
        );
        let mut service = Self {
            child,
            alive,
            folder,
            _left: options.leftovers.note(name),
        };
        service.ready().await?;
        Ok(service)
    }

    /// Returns where it listens.
    pub(super) fn socket(&self) -> PathBuf {
        self.folder.path().join(SOCKET)
    }

    /// Adds the last lines of the service's log to an error of a call to it.
    pub(super) fn explain(&self, error: Error) -> Error {
        let log = fs::read_to_string(self.folder.path().join(LOG)).unwrap_or_default();
        match log.lines().rev().find(|line| !line.trim().is_empty()) {
            None => error,
            Some(line) => Error::new(ErrorKind::Engine, format!("{error}; last output: {line}")).because(error),
        }
    }

    async fn ready(&mut self) -> Result<()> {
        let begun = Instant::now();
        loop {
            if UnixStream::connect(self.socket()).is_ok() {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait().context("cannot watch the podman service")? {
                let ended = Error::new(
                    ErrorKind::Engine,
                    format!("`podman system service` ended at once, {status}"),
                );
                return Err(self.explain(ended));
            }
            if begun.elapsed() > READY {
                let message = format!("`podman system service` created no socket within {} s", READY.as_secs());
                return Err(self.explain(Error::new(ErrorKind::Engine, message)));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.alive.abort();
        // Containers are not its children: they stay until a sweep finds them.
        if let Err(error) = end(&mut self.child) {
            tracing::debug!(%error, "the podman service could not be ended");
        }
    }
}

/// Ends a child by SIGTERM, which a rootless podman passes on to its other process, and by SIGKILL when that has no
/// effect.
fn end(child: &mut Child) -> std::io::Result<()> {
    let ended = child.try_wait()?.is_some();
    if !ended {
        rustix::process::kill_process(rustix::process::Pid::from_child(child), rustix::process::Signal::TERM)?;
    }
    let begun = std::time::Instant::now();
    while begun.elapsed() < GRACE {
        if child.try_wait()?.is_some() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill()?;
    child.wait().map(drop)
}

/// Connects now and then: the service counts a connection as use.
async fn stay_alive(socket: PathBuf) {
    loop {
        tokio::time::sleep(SIGN_OF_LIFE).await;
        if let Err(error) = tokio::net::UnixStream::connect(&socket).await {
            tracing::warn!(%error, "the podman service no longer responds");
        }
    }
}

/// Creates a folder that only this user can enter: below `service_dir` if there is one and a socket's path fits there,
/// else in the system's folder for temporary files.
fn folder(service_dir: Option<&Path>) -> Result<TempDir> {
    let fits = |dir: &&Path| {
        let longest = dir.as_os_str().len() + 1 + PREFIX.len() + 6 + 1 + SOCKET.len();
        longest <= SOCKET_PATH_LIMIT && dir.is_absolute()
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX);
    let made = match service_dir.filter(fits) {
        Some(dir) => {
            let parents = fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
            parents.with_context(ErrorKind::Engine, || format!("cannot make folder `{}`", dir.display()))?;
            clear_dead(dir);
            builder.tempdir_in(dir)
        }
        None => builder.tempdir(),
    };
    made.with_context(ErrorKind::Engine, || "cannot make a folder for podman's socket".into())
}

/// Removes the folders of services with an owner that was killed, and that have ended since.
fn clear_dead(service_dir: &Path) {
    for entry in fs::read_dir(service_dir).into_iter().flatten().flatten() {
        let ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        let refused = |error: std::io::Error| error.kind() == std::io::ErrorKind::ConnectionRefused;
        let dead = ours && UnixStream::connect(entry.path().join(SOCKET)).is_err_and(refused);
        if dead && let Err(error) = fs::remove_dir_all(entry.path()) {
            tracing::debug!(%error, "the folder of an ended podman service stays");
        }
    }
}

fn spawn(program: &Path, folder: &Path, runtime: Option<Runtime>) -> Result<Child> {
    let log = folder.join(LOG);
    let open = File::options().create_new(true).append(true).mode(0o600).open(&log);
    let log = open.with_context(ErrorKind::Engine, || format!("cannot write `{}`", log.display()))?;
    let errors = log.try_clone().context("cannot write the podman service's log")?;
    let mut command = Command::new(program);
    if let Some(text) = podman_configuration() {
        let path = folder.join("containers.conf");
        fs::write(&path, text).with_context(ErrorKind::Engine, || format!("cannot write `{}`", path.display()))?;
        command.env("CONTAINERS_CONF", path);
    }
    if let Some(runtime) = runtime {
        command.args(["--runtime", runtime.name()]);
    }
    command
        .args(["system", "service", &format!("--time={IDLE_SECONDS}")])
        .arg(format!("unix://{}", folder.join(SOCKET).display()))
        // Its monitors write a file `oom` into their working folder when memory runs out: never in the person's folder.
        .current_dir(folder)
        // A terminal's Ctrl-C is for us: without the service, nothing could be ended properly.
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        .spawn()
        .with_context(ErrorKind::Engine, || format!("cannot start `{}`", program.display()))
}

/// Returns the containers.conf(5) without which podman fails on this machine; `None` where its own defaults, or the
/// person's settings, work.
pub fn podman_configuration() -> Option<String> {
    let cgroups = Path::new("/sys/fs/cgroup");
    let machine = Machine {
        unified: cgroups.join("cgroup.controllers").exists(),
        systemd: Path::new("/run/systemd/system").exists(),
        limits: ProcessLimits::of_this_process(),
    };
    machine.configuration()
}

/// The properties of a machine that determine whether podman's defaults work on it.
#[derive(Clone, Copy, Debug)]
struct Machine {
    /// Whether its control groups are of version 2 alone.
    unified: bool,
    /// Whether systemd runs it.
    systemd: bool,
    limits: ProcessLimits,
}

/// How many open files, and how many processes, a rootful podman gives every container.
const PODMANS_DEFAULT: u64 = 1_048_576;

impl Machine {
    fn configuration(self) -> Option<String> {
        let mut engine = Vec::new();
        if !self.unified {
            // crun refuses control groups of both versions side by side.
            engine.push("runtime = \"runc\"".to_owned());
        }
        if !self.systemd {
            engine.push("cgroup_manager = \"cgroupfs\"".to_owned());
            engine.push("events_logger = \"file\"".to_owned());
        }
        let ulimits: Vec<String> = [
            ("nofile", self.limits.open_files),
            ("nproc", self.limits.processes.map(|processes| processes.min(PROCESSES))),
        ]
        .into_iter()
        .filter_map(|(name, limit)| Some((name, limit.filter(|limit| *limit < PODMANS_DEFAULT)?)))
        .map(|(name, limit)| format!("\"{name}={limit}:{limit}\""))
        .collect();
        if engine.is_empty() && ulimits.is_empty() {
            return None;
        }
        let ulimits = ulimits.join(", ");
        Some(format!(
            "[containers]\ndefault_ulimits = [{ulimits}]\n[engine]\n{}\n",
            engine.join("\n")
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn a_machine_on_which_the_defaults_work_is_left_to_them() {
        let limits = ProcessLimits {
            open_files: Some(1_048_576),
            processes: None,
        };
        let machine = Machine {
            unified: true,
            systemd: true,
            limits,
        };
        assert_eq!(machine.configuration(), None);
        let nested = Machine {
            unified: false,
            systemd: false,
            limits: ProcessLimits {
                open_files: Some(20_000),
                processes: Some(90_000),
            },
        };
        let expect = "[containers]\ndefault_ulimits = [\"nofile=20000:20000\", \"nproc=32768:32768\"]\n[engine]\nruntime = \"runc\"\n\
                      cgroup_manager = \"cgroupfs\"\nevents_logger = \"file\"\n";
        assert_eq!(nested.configuration().as_deref(), Some(expect));
    }

    #[test]
    fn a_deep_folder_is_not_used_for_a_socket() {
        let deep = PathBuf::from(format!("/{}", "d".repeat(100)));
        let folder = folder(Some(&deep)).unwrap();
        assert!(!folder.path().starts_with(&deep));
        assert!(folder.path().join(SOCKET).as_os_str().len() <= SOCKET_PATH_LIMIT);
    }

    #[test]
    fn podman_is_found_in_absolute_folders_only() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("podman");
        fs::write(&path, "").unwrap();
        assert_eq!(
            program("podman", Some(folder.path().as_os_str())),
            None,
            "not executable"
        );
        let mut permissions = fs::metadata(&path).unwrap().permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o755);
        fs::set_permissions(&path, permissions).unwrap();
        assert_eq!(program("podman", Some(folder.path().as_os_str())), Some(path));
        assert_eq!(program("podman", Some(OsStr::new(""))), None);
        assert_eq!(program("podman", None), None);
    }
}
