//! Builds the fuzz targets.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::Target;
use crate::cargo::cargo;

/// The targets, built.
pub(super) struct Built {
    /// Where their programs are.
    folder: PathBuf,
}

impl Built {
    /// A target's program.
    pub(super) fn program(&self, target: Target) -> PathBuf {
        self.folder.join(target.name())
    }

    /// Where a target's inputs are kept, from one run to the next.
    pub(super) fn folder(&self, target: Target) -> PathBuf {
        self.folder.join("fuzz").join(target.name())
    }
}

/// Builds the targets, with this workspace's crates instrumented: what they use is that of any other build.
pub(super) fn build() -> Result<Built> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let output = cargo()
        .args(["build", "--quiet", "--package", "cordwainer-fuzz", "--bins"])
        .args(["--message-format", "json-render-diagnostics"])
        .env("RUSTC_WORKSPACE_WRAPPER", root.join("fuzz/instrument"))
        .current_dir(&root)
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo")?;
    ensure!(output.status.success(), "cannot build the fuzz targets");
    let program = output.stdout.split(|byte| *byte == b'\n').find_map(executable);
    let folder = program.as_deref().and_then(Path::parent);
    let folder = folder.context("cargo did not say where the fuzz targets are")?;
    Ok(Built {
        folder: folder.to_owned(),
    })
}

/// The program of which a line of cargo's tells.
fn executable(line: &[u8]) -> Option<PathBuf> {
    let message: Value = serde_json::from_slice(line).ok()?;
    Some(PathBuf::from(message["executable"].as_str()?))
}
