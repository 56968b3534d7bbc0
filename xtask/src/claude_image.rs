//! The Claude image for the tests: the real client, built without any image registry, once for all engines.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use bollard::query_parameters::ImportImageOptions;
use cordwainer::engine::{Engine, ImageConfig};
use cordwainer::image::{BuildOptions, DEFAULT_BASE, NAME};
use futures_util::StreamExt as _;
use tokio::io::AsyncWriteExt as _;

use crate::provision::{self, Engines, Install, Started};

/// Sees that every engine has the image. It is built on the first one and handed to the others as a file, which is
/// kept below `target` so that the next run only loads it.
///
/// `client_version` is another client than the pinned one.
pub(crate) fn provide(engines: &Engines, install: Install, client_version: Option<&str>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start tokio")?;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/claude-image");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
    for started in engines.each() {
        runtime.block_on(provide_on(started, &folder, install, client_version))?;
    }
    Ok(())
}

async fn provide_on(started: &Started, folder: &Path, install: Install, client_version: Option<&str>) -> Result<()> {
    let engine = Engine::connect(&started.connect_options()).await?;
    // The Docker Engine of the tests has no bridge.
    let mut options = BuildOptions {
        network: Some("host".to_owned()),
        ..BuildOptions::default()
    };
    if let Some(version) = client_version {
        version.clone_into(&mut options.client_version);
    }
    let saved = folder.join(format!(
        "{}.tar",
        cordwainer::image::tag(&options).replace(['/', ':'], "-")
    ));
    if engine.image_id(&cordwainer::image::tag(&options)).await?.is_none() && saved.exists() {
        load(started, &saved).await?;
    }
    if engine.image_id(&cordwainer::image::tag(&options)).await?.is_none() {
        provide_base(&engine, folder, install).await?;
        println!(
            "Building the Claude image on {}: this takes a few minutes, once.",
            started.description()
        );
    }
    let built = cordwainer::image::build(&engine, &options, &mut |line| println!("  {line}")).await?;
    if !saved.exists() {
        save(started, &built.tag, &saved).await?;
    }
    println!(
        "Claude image on {}: {} ({NAME}:latest).",
        started.description(),
        built.tag
    );
    Ok(())
}

/// Debian's base image from Debian's own packages, under the name that the Containerfile expects.
async fn provide_base(engine: &Engine, folder: &Path, install: Install) -> Result<()> {
    if engine.image_id(DEFAULT_BASE).await?.is_some() {
        return Ok(());
    }
    let tar = folder.join("debian-bookworm.tar");
    if !tar.exists() {
        if provision::find("mmdebstrap").is_none() {
            provision::packages(&["mmdebstrap"], install)?;
        }
        println!("Making Debian's base image with mmdebstrap.");
        let partial = folder.join("debian-bookworm.partial.tar");
        provision::run(
            "mmdebstrap",
            &[
                "--quiet",
                "--variant=minbase",
                "bookworm",
                &partial.display().to_string(),
            ],
        )?;
        std::fs::rename(&partial, &tar).context("cannot name the base image")?;
    }
    let bytes = std::fs::read(&tar).with_context(|| format!("cannot read `{}`", tar.display()))?;
    engine
        .import_image(bytes, DEFAULT_BASE, &ImageConfig::default())
        .await?;
    Ok(())
}

async fn save(started: &Started, tag: &str, to: &PathBuf) -> Result<()> {
    let api = started.api()?;
    let partial = to.with_extension("partial");
    let mut file = tokio::fs::File::create(&partial)
        .await
        .context("cannot keep the image")?;
    let mut image = Box::pin(api.export_image(tag));
    while let Some(chunk) = image.next().await {
        file.write_all(&chunk.context("cannot save the image")?)
            .await
            .context("cannot keep the image")?;
    }
    file.flush().await.context("cannot keep the image")?;
    tokio::fs::rename(&partial, to).await.context("cannot keep the image")
}

async fn load(started: &Started, from: &Path) -> Result<()> {
    println!("Loading the Claude image into {}.", started.description());
    let api = started.api()?;
    let file = tokio::fs::File::open(from)
        .await
        .with_context(|| format!("cannot read `{}`", from.display()))?;
    let body = tokio_util::io::ReaderStream::with_capacity(file, 1 << 20);
    let mut answers = Box::pin(api.import_image_stream(ImportImageOptions::default(), body, None));
    while let Some(answer) = answers.next().await {
        answer.context("cannot load the image")?;
    }
    Ok(())
}
