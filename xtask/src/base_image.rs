//! `debian:bookworm-slim` where no registry has it: made of packages.

use std::process::Command;

use anyhow::{Context as _, Result, bail};
use cordwainer::engine::{Engine, ImageConfig};

use crate::provision::{Installing, find, install_packages};

/// What the Claude image builds on.
pub(crate) const REFERENCE: &str = "debian:bookworm-slim";

/// Makes sure that the engines have the base: theirs, else one from a registry, else one made here.
pub(crate) async fn provide(engines: &[Engine], installing: Installing) -> Result<()> {
    let mut archive = None;
    for engine in engines {
        if engine.ensure_image(REFERENCE).await.is_ok() {
            continue;
        }
        if archive.is_none() {
            archive = Some(make(installing)?);
        }
        let root = archive.clone().unwrap_or_default();
        engine.import_image(root, REFERENCE, &ImageConfig::default()).await?;
    }
    Ok(())
}

fn make(installing: Installing) -> Result<Vec<u8>> {
    if find("mmdebstrap").is_none() {
        install_packages(&["mmdebstrap"], installing)?;
    }
    let output = Command::new("mmdebstrap")
        .args(["--quiet", "--variant=minbase", "bookworm", "-"])
        .output()
        .context("cannot run mmdebstrap")?;
    if !output.status.success() {
        bail!("mmdebstrap failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(output.stdout)
}
