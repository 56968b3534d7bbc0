//! A podman of the tests' own: this user's, and beside that of root one of an ordinary user.

use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use cordwainer::engine::podman_configuration;
use tempfile::TempDir;

use super::{Install, Ours, Started, find, folder, is_root, log, run, told};

/// The ordinary user, who is made for the tests and stays.
const ORDINARY: &str = "cordwainer-test";
/// Its socket, in its folder.
const SOCKET: &str = "podman.sock";

/// Starts it on storage of its own.
pub(super) fn start() -> Result<Started> {
    serve(folder("podman")?, "podman")
}

/// Starts one of an ordinary user, as root.
pub(super) fn start_rootless(install: Install) -> Result<Started> {
    let (user, group) = ordinary_user(install)?;
    let folder = folder("rootless")?;
    chown(folder.path(), Some(user), Some(group)).context("cannot give the engine's folder away")?;
    // Whoever runs the tests looks into it, too.
    std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755))?;
    serve(folder, "rootless podman")
}

/// Returns the number and the group of the ordinary user, who has ranges of subordinate ids; makes that user first.
fn ordinary_user(install: Install) -> Result<(u32, u32)> {
    let number = |option: &str| -> Option<u32> {
        let output = Command::new("id").args([option, ORDINARY]).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    };
    let both = || number("--user").zip(number("--group"));
    if let Some(ids) = both() {
        return Ok(ids);
    }
    ensure!(
        install != Install::Refuse,
        "there is no user `{ORDINARY}`, and none may be made"
    );
    let words = [
        "--no-create-home",
        "--home-dir",
        "/nonexistent",
        "--shell",
        "/usr/sbin/nologin",
        ORDINARY,
    ];
    told(&format!("Running `useradd {}`.", words.join(" ")));
    run("useradd", &words)?;
    both().with_context(|| format!("there is no user `{ORDINARY}` yet"))
}

/// Starts podman for the owner of a folder, with its storage in it.
fn serve(folder: TempDir, name: &str) -> Result<Started> {
    if let Some(text) = podman_configuration() {
        std::fs::write(folder.path().join("containers.conf"), text)?;
    }
    let driver = if works_with("overlay", folder.path()) {
        "overlay"
    } else {
        "vfs"
    };
    std::fs::write(folder.path().join("driver"), driver)?;
    let ours = Ours {
        child: begin(folder.path())?,
        begin,
        clear,
        folder,
    };
    let client = client(ours.folder.path(), driver);
    let socket = ours.folder.path().join(SOCKET);
    ours.ready(socket, name, client)
}

/// Starts podman's service on the storage in a folder.
fn begin(folder: &Path) -> Result<Child> {
    let (output, errors) = log(folder)?;
    let driver = std::fs::read_to_string(folder.join("driver")).context("cannot read the storage driver")?;
    podman(folder, &driver)?
        // Where its monitors leave a file when memory runs out.
        .current_dir(folder)
        .args(["system", "service", "--time=0"])
        .arg(format!("unix://{}", folder.join(SOCKET).display()))
        .stdout(output)
        .stderr(errors)
        .spawn()
        .context("cannot start podman")
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
    if let Some((user, group)) = other_owner(folder) {
        let home = folder.ancestors().find(|folder| folder.exists()).unwrap_or(folder);
        command
            .uid(user)
            .gid(group)
            .env("HOME", home)
            .env("XDG_RUNTIME_DIR", home)
            .current_dir(home);
    }
    Ok(command)
}

/// Returns the user and the group of an engine's folder, or of what it will be made in, where that is not who runs this.
fn other_owner(folder: &Path) -> Option<(u32, u32)> {
    let made = folder.ancestors().find_map(|folder| std::fs::metadata(folder).ok())?;
    (is_root() && made.uid() != 0).then(|| (made.uid(), made.gid()))
}

/// Removes the containers that tests left: they are no children of the service.
fn clear(folder: &Path) {
    let driver = std::fs::read_to_string(folder.join("driver")).unwrap_or_else(|_| "vfs".into());
    let removed = podman(folder, &driver)
        .and_then(|mut command| Ok(command.args(["rm", "--all", "--force", "--time", "0"]).output()?));
    if let Ok(output) = removed
        && !output.status.success()
    {
        told(&format!(
            "podman left containers: {}",
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    if !is_root() || other_owner(folder).is_some() {
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
        Ok(output) => told(&format!(
            "podman's storage stays in `{}`: {}",
            folder.display(),
            String::from_utf8_lossy(&output.stderr)
        )),
        Err(error) => told(&format!("podman's storage stays in `{}`: {error:#}", folder.display())),
    }
}
