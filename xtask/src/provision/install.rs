//! Packages by the system's package manager, after saying what will be run.

use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::{Installing, find, is_root, told};

/// What podman needs on Debian; without `runc` it fails on control groups of two versions, without `catatonit` it has
/// no init.
pub(super) const PODMAN: [&str; 6] = ["podman", "runc", "netavark", "aardvark-dns", "catatonit", "iptables"];
/// What Docker Engine needs on Debian.
pub(super) const DOCKER: [&str; 2] = ["docker.io", "iptables"];

/// Installs packages with apt-get, as root or through sudo.
pub(crate) fn packages(packages: &[&str], installing: Installing) -> Result<()> {
    let list = packages.join(" ");
    if installing == Installing::Forbidden {
        bail!("not installed, and not allowed to install: {list}");
    }
    if find("apt-get").is_none() {
        bail!("not installed, and only apt-get is known here: install {list}, by the names of this system");
    }
    let mut prefix: Vec<&str> = Vec::new();
    if !is_root() {
        if find("sudo").is_none() {
            bail!("not installed, and neither root nor sudo is to be had: install {list}");
        }
        prefix.push("sudo");
    }
    run(&prefix, &["apt-get", "update", "--quiet"])?;
    let mut install = vec!["apt-get", "install", "--yes", "--quiet", "--no-install-recommends"];
    install.extend(packages);
    run(&prefix, &install)
}

fn run(prefix: &[&str], command: &[&str]) -> Result<()> {
    let words: Vec<&str> = prefix.iter().chain(command).copied().collect();
    let line = words.join(" ");
    // Before the system is changed.
    told(&format!("running `{line}`"));
    let status = Command::new(words[0])
        .args(&words[1..])
        .env("DEBIAN_FRONTEND", "noninteractive")
        // stdout is for data.
        .stdout(std::io::stderr())
        .status()
        .with_context(|| format!("cannot run `{line}`"))?;
    if !status.success() {
        bail!("`{line}` failed ({status})");
    }
    Ok(())
}
