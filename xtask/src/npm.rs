//! Packages of npm's registry, of which one file is wanted.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

/// A package whose file is unpacked, until this is dropped.
pub(crate) struct Unpacked {
    folder: TempDir,
    file: String,
}

impl Unpacked {
    /// Has npm pack `package` (`name@version`) in a folder of its own below `folder`, and takes `file` out of it.
    pub(crate) fn new(package: &str, file: &str, folder: &Path) -> Result<Self> {
        let unpacked = tempfile::tempdir_in(folder).context("cannot make a folder")?;
        let packed = Command::new("npm")
            .args(["pack", "--silent", package])
            .current_dir(unpacked.path())
            .output()
            .context("cannot run npm")?;
        let said = String::from_utf8_lossy(&packed.stderr);
        ensure!(packed.status.success(), "npm has no `{package}`: {}", said.trim());
        let archive = String::from_utf8(packed.stdout)?.trim().to_owned();
        let file = format!("package/{file}");
        let status = Command::new("tar")
            .args(["-xzf", &archive, &file])
            .current_dir(unpacked.path())
            .status()
            .context("cannot run tar")?;
        ensure!(status.success(), "`{archive}` has no `{file}`");
        Ok(Self { folder: unpacked, file })
    }

    /// Where the file is.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join(&self.file)
    }
}
