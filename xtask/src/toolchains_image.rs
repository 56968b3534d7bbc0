//! The image of `bench environment`: the toolchains of Rust and Node, the entrypoint, and the scripted agent.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::agent_image::AgentImage;
use crate::debian_image::DebianBase;
use crate::provision::{Install, Started};

/// The packages, on one layer with Debian's base. Debian's usual cargo is too old for the registry's protocol.
const BASE: DebianBase = DebianBase {
    reference: "localhost/cordwainer-bench-toolchains-base:1",
    folder: "toolchains-image",
    holds: "toolchains of Rust and Node",
    packages: "cargo-web,gcc,libc6-dev,nodejs,ca-certificates,socat",
};
/// The image.
pub(crate) const REFERENCE: &str = "localhost/cordwainer-bench-toolchains:latest";
const ENTRYPOINT: &str = include_str!("../../container/entrypoint");
/// The npm of the image, from npm itself: that of Debian brings hundreds of packages.
const NPM: &str = "npm@10.9.2";
/// Where a machine has the certificates that it trusts.
const CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";
const CONTAINERFILE: &str = "\
COPY claude /usr/local/bin/claude
COPY entrypoint /usr/local/bin/cordwainer-entrypoint
COPY certificates /etc/ssl/certs/ca-certificates.crt
COPY npm.tgz /tmp/npm.tgz
RUN chmod 0755 /usr/local/bin/* && chmod 0644 /etc/ssl/certs/ca-certificates.crt \\
    && tar -xzf /tmp/npm.tgz -C /opt && mv /opt/package /opt/npm && rm /tmp/npm.tgz \\
    && ln -s /opt/npm/bin/npm-cli.js /usr/local/bin/npm && chmod -R a+rX /opt/npm && chmod 0755 /opt/npm/bin/npm-cli.js \\
    && mkdir -p /home/agent /workspace && chmod 1777 /home/agent /workspace
ENV HOME=/home/agent
ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
ENV PATH=/usr/local/bin:/usr/bin:/bin
WORKDIR /workspace
";

/// Gives an engine the image.
pub(crate) fn provide(engine: &Started, agent: &AgentImage, install: Install) -> Result<()> {
    BASE.give(&[engine], install)?;
    let folder = tempfile::tempdir().context("cannot make a folder")?;
    let npm = npm(folder.path())?;
    // A mirror of the registries between them and this machine may have a certificate of its own.
    let certificates = std::fs::read(CERTIFICATES).with_context(|| format!("cannot read `{CERTIFICATES}`"))?;
    let files: [(&str, &[u8]); 4] = [
        ("claude", agent.agent()),
        ("entrypoint", ENTRYPOINT.as_bytes()),
        ("certificates", &certificates),
        ("npm.tgz", &npm),
    ];
    BASE.build(engine, CONTAINERFILE, &files, REFERENCE)
}

/// The package of npm.
fn npm(folder: &Path) -> Result<Vec<u8>> {
    let packed = Command::new("npm")
        .args(["pack", "--silent", NPM])
        .current_dir(folder)
        .output()
        .context("cannot run npm")?;
    let said = String::from_utf8_lossy(&packed.stderr);
    ensure!(packed.status.success(), "npm has no `{NPM}`: {}", said.trim());
    let name = String::from_utf8(packed.stdout)?;
    std::fs::read(folder.join(name.trim())).context("cannot read the package of npm")
}
