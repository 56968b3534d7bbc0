//! A podman of the tests' own.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};
use cordwainer::engine::podman_configuration;

use super::{Ours, Started, find, folder, is_root, log};

/// Starts it on storage of its own.
pub(super) fn start() -> Result<Started> {
    let folder = folder("podman")?;
    if let Some(text) = podman_configuration() {
        std::fs::write(folder.path().join("containers.conf"), text)?;
    }
    let driver = if works_with("overlay", folder.path()) {
        "overlay"
    } else {
        "vfs"
    };
    std::fs::write(folder.path().join("driver"), driver)?;
    let socket = folder.path().join("podman.sock");
    let (output, errors) = log(folder.path())?;
    let child = podman(folder.path(), driver)?
        // Where its monitors leave a file when memory runs out.
        .current_dir(folder.path())
        .args(["system", "service", "--time=0"])
        .arg(format!("unix://{}", socket.display()))
        .stdout(output)
        .stderr(errors)
        .spawn()
        .context("cannot start podman")?;
    let client = client(folder.path(), driver);
    let ours = Ours { child, clear, folder };
    ours.ready(socket, "podman", client)
}

/// A command line of podman on this storage, as a person's would be: without the detour through the socket.
fn client(folder: &Path, driver: &str) -> Vec<String> {
    let path = |name: &str| folder.join(name).display().to_string();
    let mut words = Vec::new();
    if folder.join("containers.conf").exists() {
        words.extend(["env".into(), format!("CONTAINERS_CONF={}", path("containers.conf"))]);
    }
    words.extend([
        "podman".into(),
        "--root".into(),
        path("root"),
        "--runroot".into(),
        path("run"),
    ]);
    words.extend(["--storage-driver".into(), driver.into()]);
    words
}

/// Whether podman can use a storage driver here. It is tried beside the real storage, which remembers its driver.
fn works_with(driver: &str, folder: &Path) -> bool {
    let probe = folder.join("probe");
    let tried = podman(&probe, driver).and_then(|mut command| Ok(command.arg("info").output()?));
    super::leftovers::unmount_below(&probe);
    tried.is_ok_and(|output| output.status.success())
}

fn podman(folder: &Path, driver: &str) -> Result<Command> {
    let program = find("podman").context("podman is not installed")?;
    let mut command = Command::new(program);
    command
        .arg("--root")
        .arg(folder.join("root"))
        .arg("--runroot")
        .arg(folder.join("run"))
        .args(["--storage-driver", driver])
        .stdin(Stdio::null());
    let configuration = folder.join("containers.conf");
    if configuration.exists() {
        command.env("CONTAINERS_CONF", configuration);
    }
    Ok(command)
}

/// Removes the containers that tests left: they are no children of the service.
fn clear(folder: &Path) {
    let driver = std::fs::read_to_string(folder.join("driver")).unwrap_or_else(|_| "vfs".into());
    let removed = podman(folder, &driver)
        .and_then(|mut command| Ok(command.args(["rm", "--all", "--force", "--time", "0"]).output()?));
    if let Ok(output) = removed
        && !output.status.success()
    {
        super::told(&format!(
            "podman left containers: {}",
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    if !is_root() {
        remove_storage(folder, &driver);
    }
}

/// Removes what an ordinary user's podman stored: files of other ids, which only its user namespace may remove.
fn remove_storage(folder: &Path, driver: &str) {
    // Every podman mounts the first upon itself in that namespace, if its driver is overlay.
    let script = "umount --lazy \"$1/overlay\" 2>/dev/null; exec rm -rf -- \"$@\"";
    let stored = ["root", "run", "probe"].map(|name| folder.join(name));
    let removed = podman(folder, driver).and_then(|mut command| {
        command.args(["unshare", "sh", "-c", script, "sh"]).args(stored);
        Ok(command.output()?)
    });
    match removed {
        Ok(output) if output.status.success() => {}
        Ok(output) => super::told(&format!(
            "podman's storage stays in `{}`: {}",
            folder.display(),
            String::from_utf8_lossy(&output.stderr)
        )),
        Err(error) => super::told(&format!("podman's storage stays in `{}`: {error:#}", folder.display())),
    }
}
