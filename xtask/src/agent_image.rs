//! The image of the scripted agent and the probe: static executables and nothing else.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use cordwainer::engine::{Engine, ImageConfig};

use crate::cargo::cargo;
use crate::provision::Started;

/// What the image is called on every engine.
pub(crate) const REFERENCE: &str = "localhost/cordwainer-scripted-agent:latest";
/// The executables in it: as they are built, where they are, and their modes. The container finds programs in `/`.
const EXECUTABLES: [(&str, &str, u32); 4] = [
    ("claude", "claude", 0o755),
    ("probe", "probe", 0o755),
    ("entrypoint", "usr/local/bin/cordwainer-entrypoint", 0o755),
    // Root's own, and whoever runs it is root: unless the container forbids new privileges.
    ("probe", "setuid-probe", 0o4755),
];

/// A root file system with the executables, as a tar archive; and the agent's executable alone.
pub(crate) struct AgentImage {
    root: Vec<u8>,
    agent: Vec<u8>,
}

impl AgentImage {
    /// Returns the executable of the agent, which needs nothing else.
    pub(crate) fn agent(&self) -> &[u8] {
        &self.agent
    }
}

/// Builds the executables, and gives them to an engine; returns the image's reference.
pub(crate) fn provide(engine: &Started) -> Result<String> {
    import(&build()?, engine)
}

/// Gives an engine the image, and returns its reference.
pub(crate) fn import(image: &AgentImage, engine: &Started) -> Result<String> {
    let config = ImageConfig {
        env: vec![("PATH".into(), "/".into()), ("HOME".into(), "/home/agent".into())],
        command: vec!["/claude".into()],
        ..ImageConfig::default()
    };
    let runtime = tokio::runtime::Runtime::new().context("cannot start tokio")?;
    runtime.block_on(async {
        let engine = Engine::connect(&engine.connect_options()).await?;
        engine.import_image(image.root.clone(), REFERENCE, &config).await
    })?;
    Ok(REFERENCE.to_owned())
}

/// Builds the executables and makes a root file system of them.
pub(crate) fn build() -> Result<AgentImage> {
    let built = compile(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))?;
    let mut archive = tar::Builder::new(Vec::new());
    for (folder, mode) in [
        ("workspace/", 0o777),
        ("home/", 0o755),
        ("home/agent/", 0o777),
        ("tmp/", 0o1777),
        // Anybody may write here, unless the container's root is read-only.
        ("srv/", 0o777),
        ("usr/", 0o755),
        ("usr/local/", 0o755),
        ("usr/local/bin/", 0o755),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Directory);
        header.set_mode(mode);
        header.set_size(0);
        archive.append_data(&mut header, folder, std::io::empty())?;
    }
    for (name, path, mode) in EXECUTABLES {
        let bytes = std::fs::read(built.join(name)).with_context(|| format!("cannot read the built `{name}`"))?;
        let mut header = tar::Header::new_gnu();
        header.set_mode(mode);
        header.set_size(bytes.len() as u64);
        archive.append_data(&mut header, path, bytes.as_slice())?;
    }
    // What gates and the toolchain are tried with: the probe takes its steps from `sh -c`, too.
    let mut link = tar::Header::new_gnu();
    link.set_entry_type(tar::EntryType::Symlink);
    link.set_mode(0o777);
    link.set_size(0);
    archive.append_link(&mut link, "sh", "probe")?;
    Ok(AgentImage {
        root: archive.into_inner()?,
        agent: std::fs::read(built.join("claude")).context("cannot read the built `claude`")?,
    })
}

/// Builds in a target folder of its own: other flags in the same one would build everything anew each time.
fn compile(root: &Path) -> Result<PathBuf> {
    let host = host()?;
    let target = root.join("target/agent");
    let status = cargo()
        .current_dir(root)
        .args(["build", "--quiet", "--package", "scripted-agent", "--bins"])
        .args(["--target", &host, "--target-dir"])
        .arg(&target)
        .args([
            "--config",
            &format!("target.{host}.rustflags=['-C', 'target-feature=+crt-static']"),
        ])
        .args(["--config", "profile.dev.strip='symbols'"])
        .status()
        .context("cannot run cargo")?;
    if !status.success() {
        bail!("the scripted agent does not build ({status})");
    }
    Ok(target.join(host).join("debug"))
}

/// The triple of this machine, by `rustc -vV`.
fn host() -> Result<String> {
    let output = Command::new("rustc").arg("-vV").output().context("cannot run rustc")?;
    let text = String::from_utf8(output.stdout).context("rustc does not speak UTF-8")?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("`rustc -vV` names no host")?.to_owned())
}
