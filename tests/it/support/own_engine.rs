//! An engine that a test starts for itself, on a storage of its own; ended when dropped.

use std::fs::{self, File};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use cordwainer::engine::{EngineKind, podman_configuration};
use rustix::process::Signal;
use tempfile::TempDir;

use super::engines::{IMAGE, TestEngine};
use super::project::waiting::{signal, wait_until};

/// The engine, and what it has beside its storage.
pub(crate) struct OwnEngine {
    kind: EngineKind,
    folder: TempDir,
    storage: PathBuf,
    service: Option<Child>,
}

impl OwnEngine {
    /// One that is not started yet, with its images and containers in a folder of their own.
    pub(crate) fn new(kind: EngineKind) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let storage = folder.path().join("root");
        Self {
            kind,
            folder,
            storage,
            service: None,
        }
    }

    /// One that is not started yet, with its images and containers in this folder.
    pub(crate) fn with_storage(kind: EngineKind, storage: PathBuf) -> Self {
        let mut own = Self::new(kind);
        own.storage = storage;
        own
    }

    /// A path in its folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The folder with its images and containers.
    pub(crate) fn storage(&self) -> PathBuf {
        self.storage.clone()
    }

    /// A command of podman on its storage.
    pub(crate) fn podman(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("podman");
        command.arg("--root").arg(&self.storage);
        command.arg("--runroot").arg(self.path("run"));
        command
            .args(["--storage-driver", "vfs"])
            .args(arguments)
            .stdin(Stdio::null());
        if let Some(text) = podman_configuration() {
            fs::write(self.path("containers.conf"), text).unwrap();
            command.env("CONTAINERS_CONF", self.path("containers.conf"));
        }
        command
    }

    fn dockerd(&self, address: &str) -> Command {
        fs::write(self.path("daemon.json"), "{}").unwrap();
        let mut command = Command::new("dockerd");
        command.arg(format!("--host={address}")).stdin(Stdio::null());
        command.arg("--data-root").arg(&self.storage);
        for (option, name) in [
            ("--exec-root", "exec"),
            ("--pidfile", "pid"),
            ("--config-file", "daemon.json"),
        ] {
            command.arg(option).arg(self.path(name));
        }
        command.args([
            "--storage-driver=vfs",
            "--bridge=none",
            "--iptables=false",
            "--ip6tables=false",
            "--ip-masq=false",
            "--ip-forward=false",
        ]);
        command
    }

    /// Starts it.
    pub(crate) fn serve(&mut self) -> TestEngine {
        let socket = self.path("s");
        let address = format!("unix://{}", socket.display());
        let mut command = match self.kind {
            EngineKind::Podman => self.podman(&["system", "service", "--time=0", &address]),
            EngineKind::Docker => self.dockerd(&address),
        };
        let log = File::create(self.path("log")).unwrap();
        command.stdout(log.try_clone().unwrap()).stderr(log);
        self.service = Some(command.spawn().unwrap());
        wait_until(|| UnixStream::connect(&socket).is_ok());
        TestEngine::own(self.kind, socket)
    }

    /// Starts it, and gives it the image of the scripted agent from another engine of its kind.
    pub(crate) fn serve_with_image(&mut self, from: TestEngine) -> TestEngine {
        let engine = self.serve();
        let archive = self.path("image.tar");
        for (engine, words) in [(from, ["save", "--output"]), (engine, ["load", "--input"])] {
            let mut command = engine.client();
            command.args(words).arg(&archive);
            if words[0] == "save" {
                command.arg(IMAGE);
            }
            let output = command.output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{words:?}: {said}");
        }
        fs::remove_file(archive).unwrap();
        engine
    }
}

impl Drop for OwnEngine {
    fn drop(&mut self) {
        let Some(mut service) = self.service.take() else { return };
        if self.kind == EngineKind::Podman {
            // Its containers are no children of the service. A test that failed says why.
            let _ = self.podman(&["rm", "--all", "--force", "--time", "0"]).output();
        }
        signal(&service, Signal::TERM);
        let _ = service.wait();
    }
}
