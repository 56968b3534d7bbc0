//! A Docker Engine of the tests' own.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use super::{Ours, Started, find, folder, is_root, log};

/// Its socket, and its settings, in its folder.
const SOCKET: &str = "docker.sock";
const SETTINGS: &str = "daemon.json";
/// Where it notes the id of its containerd.
const CONTAINERD: &str = "exec/containerd/containerd.pid";

/// Sees that this process may run one, before anything is installed for it.
pub(super) fn possible() -> Result<()> {
    ensure!(is_root(), "Docker Engine needs root");
    Ok(())
}

/// Starts it with storage, state and socket of its own, and without a bridge or a firewall rule: what it runs has the
/// host's network or none, and the machine's network stays as it is.
pub(super) fn start() -> Result<Started> {
    possible()?;
    let folder = folder("docker")?;
    // The machine's own settings are for the machine's own engine.
    std::fs::write(folder.path().join(SETTINGS), runtimes()).context("cannot write the engine's settings")?;
    let socket = folder.path().join(SOCKET);
    let client = vec!["docker".into(), "--host".into(), format!("unix://{}", socket.display())];
    let ours = Ours {
        child: begin(folder.path())?,
        begin,
        clear: |_| {},
        folder,
    };
    ours.ready(socket, "Docker Engine", client)
}

/// Starts its daemon on the storage in a folder.
fn begin(folder: &Path) -> Result<Child> {
    let program = find("dockerd").context("Docker Engine is not installed")?;
    let (output, errors) = log(folder)?;
    // The containerd of a daemon that was killed dies with it. Where nobody has taken note of its death, the next daemon would
    // wait for it.
    match std::fs::remove_file(folder.join(CONTAINERD)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    Command::new(program)
        .arg(format!("--host=unix://{}", folder.join(SOCKET).display()))
        .arg("--data-root")
        .arg(folder.join("data"))
        .arg("--exec-root")
        .arg(folder.join("exec"))
        .arg("--pidfile")
        .arg(folder.join("pid"))
        .args([
            "--bridge=none",
            "--iptables=false",
            "--ip6tables=false",
            "--ip-masq=false",
            "--ip-forward=false",
        ])
        .arg("--config-file")
        .arg(folder.join(SETTINGS))
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .spawn()
        .context("cannot start dockerd")
}

/// Returns the settings of an engine that has gVisor beside its own runtime, where that is installed. Its flags are part
/// of what is registered: this machine need not have control groups that it can use, containers have no network, and
/// the gateway is a socket of the host.
fn runtimes() -> String {
    let Some(program) = find("runsc") else {
        return "{}".to_owned();
    };
    let program = program.display();
    format!(
        r#"{{"runtimes": {{"runsc": {{"path": "{program}", "runtimeArgs": ["--ignore-cgroups", "--network=none", "--host-uds=open"]}}}}}}"#
    )
}
