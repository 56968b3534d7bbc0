//! Images of Debian's packages, made without any image registry: the packages on one layer, and on it what is built here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use cordwainer::engine::{BuildRequest, Engine, ImageConfig};
use cordwainer::image::MMDEBSTRAP_OPTIONS;

use crate::provision::{self, Install, Started};

/// The layer of packages of an image.
pub(crate) struct DebianBase {
    /// The name of the layer as an image.
    pub(crate) reference: &'static str,
    /// The folder below `target` that keeps the archive of it.
    pub(crate) folder: &'static str,
    /// What is in it, in words.
    pub(crate) holds: &'static str,
    /// The packages, separated by commas.
    pub(crate) packages: &'static str,
}

impl DebianBase {
    /// Makes the layer, unless an earlier run has made it, and gives it to the engines that do not have it.
    pub(crate) fn give(&self, engines: &[&Started], install: Install) -> Result<()> {
        let archive = self.archive(install)?;
        let runtime = tokio::runtime::Runtime::new().context("cannot start tokio")?;
        for started in engines {
            runtime.block_on(async {
                let engine = Engine::connect(&started.connect_options()).await?;
                if engine.image_id(self.reference).await?.is_none() {
                    let bytes = std::fs::read(&archive)
                        .with_context(|| format!("cannot read the image with {}", self.holds))?;
                    engine
                        .import_image(bytes, self.reference, &ImageConfig::default())
                        .await?;
                }
                anyhow::Ok(())
            })?;
        }
        Ok(())
    }

    /// Builds an image on the layer, of a Containerfile without its first line and of executable files.
    pub(crate) fn build(
        &self,
        started: &Started,
        containerfile: &str,
        files: &[(&str, &[u8])],
        reference: &str,
    ) -> Result<()> {
        let text = format!("FROM {}\n{containerfile}", self.reference);
        let mut archive = tar::Builder::new(Vec::new());
        for (name, bytes) in files.iter().chain([&("Containerfile", text.as_bytes())]) {
            let mut header = tar::Header::new_gnu();
            header.set_mode(0o755);
            header.set_size(bytes.len() as u64);
            archive.append_data(&mut header, name, *bytes)?;
        }
        let request = BuildRequest {
            context: archive.into_inner()?,
            containerfile: "Containerfile".to_owned(),
            args: BTreeMap::new(),
            target: None,
            tag: reference.to_owned(),
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
    fn archive(&self, install: Install) -> Result<PathBuf> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../target")
            .join(self.folder);
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
        let made = folder.join("bookworm.tar");
        if made.exists() {
            return Ok(made);
        }
        if provision::find("mmdebstrap").is_none() {
            provision::packages(&["mmdebstrap"], install)?;
        }
        println!("Making an image with {} with mmdebstrap.", self.holds);
        let partial = folder.join("bookworm.partial.tar");
        let (include, target) = (format!("--include={}", self.packages), partial.display().to_string());
        let options = [&["--quiet"], &MMDEBSTRAP_OPTIONS[..], &[&include, "bookworm", &target]].concat();
        provision::run("mmdebstrap", &options)?;
        std::fs::rename(&partial, &made).with_context(|| format!("cannot name the image with {}", self.holds))?;
        Ok(made)
    }
}
