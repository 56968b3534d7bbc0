//! A container that podman was killed in removing: its files are gone, and podman still lists it. Here its files are taken
//! away by hand, in a storage of the test's own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use cordwainer::engine::{ConnectOptions, Engine, podman_configuration};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::engines::{TestEngine, engine_tests, labels};
use crate::support::project::waiting::wait_until;

engine_tests! {
    podman: it_is_found_and_removed_and_hides_no_other;
}

/// A podman on a storage of its own.
struct Own {
    folder: TempDir,
    service: Option<Child>,
}

impl Own {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn podman(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("podman");
        command
            .arg("--root")
            .arg(self.path("root"))
            .arg("--runroot")
            .arg(self.path("run"));
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

    fn done(&self, arguments: &[&str]) -> String {
        let output = self.podman(arguments).output().unwrap();
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn serve(&mut self) -> PathBuf {
        let socket = self.path("s");
        let address = format!("unix://{}", socket.display());
        let service = self.podman(&["system", "service", "--time=0", &address]).spawn();
        self.service = Some(service.unwrap());
        wait_until(|| socket.exists());
        socket
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        if let Some(mut service) = self.service.take() {
            let _ = service.kill();
            let _ = service.wait();
        }
    }
}

/// Takes the files of a container out of podman's storage.
fn take_away(storage: &Path, id: &str) {
    let list = storage.join("containers.json");
    let mut listed: Vec<Value> = serde_json::from_slice(&fs::read(&list).unwrap()).unwrap();
    listed.retain(|container| container["id"] != id);
    fs::write(list, serde_json::to_vec(&listed).unwrap()).unwrap();
}

fn it_is_found_and_removed_and_hides_no_other(_: TestEngine) {
    let mut own = Own {
        folder: tempfile::tempdir().unwrap(),
        service: None,
    };
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(0);
    archive.append_data(&mut header, "file", std::io::empty()).unwrap();
    fs::write(own.path("root.tar"), archive.into_inner().unwrap()).unwrap();
    own.done(&["import", own.path("root.tar").to_str().unwrap(), "localhost/x:latest"]);
    let all = labels("half-removed");
    let label = all
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .next()
        .unwrap();
    let create = ["create", "--label", &label, "localhost/x:latest", "/file"];
    let [half, whole] = [own.done(&create), own.done(&create)];
    take_away(&own.path("root/vfs-containers"), &half);
    let options = ConnectOptions {
        socket: Some(own.serve().to_str().unwrap().to_owned()),
        ..ConnectOptions::default()
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let engine = Engine::connect(&options).await.unwrap();
        let mut found: Vec<String> = engine.list(&all).await.unwrap().into_iter().map(|one| one.id).collect();
        let mut expected = vec![half, whole];
        found.sort();
        expected.sort();
        assert_eq!(found, expected);
        assert_eq!(engine.sweep(&all).await.unwrap().len(), 2);
        assert_eq!(engine.list(&all).await.unwrap(), []);
    });
}
