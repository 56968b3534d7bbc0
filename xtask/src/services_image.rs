//! The image for the tests of services: PostgreSQL, Redis and their clients from Debian's packages, the entrypoint, and
//! the scripted agent. One image is that of the services, of the gates and of the agents.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use cordwainer::engine::{BuildRequest, Engine, ImageConfig};

use crate::agent_image::AgentImage;
use crate::provision::{self, Engines, Install, Started};

/// The packages, on one layer with Debian's base.
const BASE: &str = "localhost/cordwainer-test-services-base:1";
/// The image.
pub(crate) const REFERENCE: &str = "localhost/cordwainer-test-services:latest";
const ENTRYPOINT: &str = include_str!("../../container/entrypoint");
const CONTAINERFILE: &str = "\
COPY claude /usr/local/bin/claude
COPY entrypoint /usr/local/bin/cordwainer-entrypoint
RUN chmod 0755 /usr/local/bin/* \\
    && useradd --uid 1000 --create-home --home-dir /home/agent --shell /bin/sh agent \\
    && mkdir /workspace && chmod 1777 /home/agent
ENV HOME=/home/agent
ENV PATH=/usr/lib/postgresql/15/bin:/usr/local/bin:/usr/bin:/bin
WORKDIR /workspace
USER 1000:1000
";

/// Gives one engine the image.
pub(crate) fn provide(engine: &Started, agent: &AgentImage, install: Install) -> Result<()> {
    give_base(&[engine], install)?;
    import(agent, engine)
}

/// Makes the layer of packages, unless an earlier run has made it, and gives it to every engine.
pub(crate) fn provide_base(engines: &Engines, install: Install) -> Result<()> {
    give_base(&engines.each().collect::<Vec<_>>(), install)
}

fn give_base(engines: &[&Started], install: Install) -> Result<()> {
    let archive = archive(install)?;
    let runtime = tokio::runtime::Runtime::new().context("cannot start tokio")?;
    for started in engines {
        runtime.block_on(async {
            let engine = Engine::connect(&started.connect_options()).await?;
            if engine.image_id(BASE).await?.is_none() {
                let bytes = std::fs::read(&archive).context("cannot read the packages of the services")?;
                engine.import_image(bytes, BASE, &ImageConfig::default()).await?;
            }
            anyhow::Ok(())
        })?;
    }
    Ok(())
}

/// Gives an engine that has the layer of packages the image.
pub(crate) fn import(agent: &AgentImage, started: &Started) -> Result<()> {
    let text = format!("FROM {BASE}\n{CONTAINERFILE}");
    let mut archive = tar::Builder::new(Vec::new());
    for (name, bytes) in [
        ("Containerfile", text.as_bytes()),
        ("claude", agent.agent()),
        ("entrypoint", ENTRYPOINT.as_bytes()),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o755);
        header.set_size(bytes.len() as u64);
        archive.append_data(&mut header, name, bytes)?;
    }
    let request = BuildRequest {
        context: archive.into_inner()?,
        containerfile: "Containerfile".to_owned(),
        args: BTreeMap::new(),
        target: None,
        tag: REFERENCE.to_owned(),
        labels: BTreeMap::new(),
        network: Some("host".to_owned()),
    };
    let runtime = tokio::runtime::Runtime::new().context("cannot start tokio")?;
    runtime.block_on(async {
        let engine = Engine::connect(&started.connect_options()).await?;
        engine.build_image(request, &mut |_| {}).await
    })?;
    Ok(())
}

/// The archive of the packages, which is kept below `target`.
fn archive(install: Install) -> Result<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/services-image");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
    let made = folder.join("bookworm.tar");
    if made.exists() {
        return Ok(made);
    }
    if provision::find("mmdebstrap").is_none() {
        provision::packages(&["mmdebstrap"], install)?;
    }
    println!("Making an image with PostgreSQL and Redis with mmdebstrap.");
    let partial = folder.join("bookworm.partial.tar");
    provision::run(
        "mmdebstrap",
        &[
            "--quiet",
            "--variant=minbase",
            "--include=postgresql,redis-server,socat",
            "--dpkgopt=path-exclude=/usr/share/doc/*",
            "--dpkgopt=path-exclude=/usr/share/man/*",
            "--dpkgopt=path-exclude=/usr/share/locale/*",
            "bookworm",
            &partial.display().to_string(),
        ],
    )?;
    std::fs::rename(&partial, &made).context("cannot name the packages of the services")?;
    Ok(made)
}
