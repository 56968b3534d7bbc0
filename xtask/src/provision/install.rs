//! Packages by the system's package manager, after saying what will be run.

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};

use super::{Install, find, is_root, told};

/// What podman needs on Debian; without `runc` it fails on control groups of two versions, without `catatonit` it has
/// no init.
pub(super) const PODMAN: [&str; 6] = ["podman", "runc", "netavark", "aardvark-dns", "catatonit", "iptables"];
/// What podman needs beyond that for an ordinary user: user namespaces, and networks other than `none` and `host`.
pub(super) const ROOTLESS: [&str; 2] = ["uidmap", "slirp4netns"];
/// What Docker Engine needs on Debian.
pub(super) const DOCKER: [&str; 2] = ["docker.io", "iptables"];
/// gVisor, which the tests of stronger walls need.
pub(super) const GVISOR: [&str; 1] = ["runsc"];

/// What tools of a person's need on Debian, and their programs: those that are small, and those that are tried at full size.
pub(super) const TOOLS: [(&str, &str); 6] = [
    ("direnv", "direnv"),
    ("fish", "fish"),
    ("git", "git"),
    ("make", "make"),
    ("pre-commit", "pre-commit"),
    ("zsh", "zsh"),
];
pub(super) const LARGE_TOOLS: [(&str, &str); 3] = [("gradle", "gradle"), ("mvn", "maven"), ("npm", "npm")];

/// Installs packages that are absent with apt-get, as root or through sudo.
pub(crate) fn packages(packages: &[&str], install: Install) -> Result<()> {
    let list = packages.join(" ");
    if install == Install::Refuse {
        bail!("not installed, and not allowed to install: {list}");
    }
    if find("apt-get").is_none() {
        bail!("not installed, and only apt-get is known here: install {list}, by the names of this system");
    }
    let sudo = !is_root();
    if sudo && !sudo_works() {
        bail!(
            "not installed, and neither root nor a sudo that asks no password is to be had; as root: \
             apt-get install --no-install-recommends {list}"
        );
    }
    let mut install = vec!["install", "--yes", "--quiet", "--no-install-recommends"];
    install.extend(packages);
    for arguments in [&["update", "--quiet"][..], &install] {
        let mut words = vec!["sudo", "--non-interactive", "apt-get"];
        words.extend(arguments);
        let words = if sudo { &words[..] } else { &words[2..] };
        told(&format!("Running `{}`.", words.join(" ")));
        run(words[0], &words[1..])?;
    }
    Ok(())
}

/// Whether sudo is there and asks nothing: a task may run where nobody can answer.
fn sudo_works() -> bool {
    let mut asked = Command::new("sudo");
    asked.args(["--non-interactive", "true"]).stdin(Stdio::null());
    find("sudo").is_some() && asked.output().is_ok_and(|output| output.status.success())
}

/// Runs a program to its end; what it says goes to stderr, because stdout is for data.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Result<()> {
    let status = Command::new(program)
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdout(std::io::stderr())
        .status()
        .with_context(|| format!("cannot run `{program}`"))?;
    ensure!(
        status.success(),
        "`{program} {}` failed ({status})",
        arguments.join(" ")
    );
    Ok(())
}
