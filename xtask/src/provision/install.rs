//! Packages by the system's package manager, after saying what will be run.

use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

use super::{Install, find, is_root, told};

/// What podman needs on Debian; without `runc` it fails on control groups of two versions, without `catatonit` it has
/// no init.
pub(super) const PODMAN: [&str; 6] = ["podman", "runc", "netavark", "aardvark-dns", "catatonit", "iptables"];
/// What Docker Engine needs on Debian.
pub(super) const DOCKER: [&str; 2] = ["docker.io", "iptables"];

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
    if sudo && find("sudo").is_none() {
        bail!("not installed, and neither root nor sudo is to be had: install {list}");
    }
    let mut install = vec!["install", "--yes", "--quiet", "--no-install-recommends"];
    install.extend(packages);
    for arguments in [&["update", "--quiet"][..], &install] {
        let mut words = vec!["sudo", "apt-get"];
        words.extend(arguments);
        let words = if sudo { &words[..] } else { &words[1..] };
        told(&format!("Running `{}`.", words.join(" ")));
        run(words[0], &words[1..])?;
    }
    Ok(())
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
