//! The Claude image for the tests: the real client, built without any image registry, once for all engines.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use bollard::query_parameters::ImportImageOptions;
use cordwainer::engine::{BuildRequest, Engine, ImageConfig};
use cordwainer::image::{BuildOptions, DEFAULT_BASE, MMDEBSTRAP_OPTIONS, NAME};
use futures_util::StreamExt as _;
use tokio::io::AsyncWriteExt as _;

use crate::npm::Unpacked;
use crate::provision::{self, Engines, Install, Started};

/// Sees that every engine has the image. It is built on the first one and handed to the others as a file, which is
/// kept below `target` so that the next run only loads it.
pub(crate) fn provide(engines: &Engines, install: Install) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start tokio")?;
    let folder = folder()?;
    for started in engines.each() {
        runtime.block_on(provide_on(started, &folder, install))?;
    }
    Ok(())
}

/// Where images are kept.
fn folder() -> Result<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/claude-image");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
    Ok(folder)
}

/// Puts another client into the image that every engine has by now: the one difference between the two images, and
/// had in seconds, where a build of its own takes minutes on each engine.
pub(crate) fn exchange_client(engines: &Engines, version: &str) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start tokio")?;
    let pinned = cordwainer::image::tag(&options());
    let containerfile = format!("FROM {pinned}\nCOPY claude /usr/local/bin/claude\n");
    let context = context(&containerfile, &client(version)?)?;
    for started in engines.each() {
        let request = BuildRequest {
            context: context.clone(),
            containerfile: "Containerfile".to_owned(),
            args: BTreeMap::new(),
            target: None,
            tag: format!("{NAME}:client-{version}"),
            labels: BTreeMap::new(),
            network: Some("host".to_owned()),
        };
        runtime.block_on(async {
            let engine = Engine::connect(&started.connect_options()).await?;
            let tag = request.tag.clone();
            engine.build_image(request, &mut |line| println!("  {line}")).await?;
            engine.tag_image(&tag, &format!("{NAME}:latest")).await
        })?;
        println!("Claude image on {}: the client is {version}.", started.description());
    }
    Ok(())
}

/// The client's program, out of its npm package.
fn client(version: &str) -> Result<Vec<u8>> {
    let platform = match std::env::consts::ARCH {
        "x86_64" => "linux-x64",
        "aarch64" => "linux-arm64",
        other => bail!("there is no client for {other}"),
    };
    let package = format!("@anthropic-ai/claude-code-{platform}@{version}");
    let unpacked = Unpacked::new(&package, "claude", &folder()?)?;
    std::fs::read(unpacked.path()).context("cannot read the client")
}

/// What an engine builds from: the Containerfile, and the program.
fn context(containerfile: &str, client: &[u8]) -> Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, mode, bytes) in [
        ("Containerfile", 0o644, containerfile.as_bytes()),
        ("claude", 0o755, client),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_mode(mode);
        header.set_size(bytes.len() as u64);
        archive.append_data(&mut header, name, bytes)?;
    }
    Ok(archive.into_inner()?)
}

/// How the image is built for the tests. The Docker Engine of the tests has no bridge.
fn options() -> BuildOptions {
    BuildOptions {
        network: Some("host".to_owned()),
        ..BuildOptions::default()
    }
}

async fn provide_on(started: &Started, folder: &Path, install: Install) -> Result<()> {
    let engine = Engine::connect(&started.connect_options()).await?;
    let options = options();
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
        let target = partial.display().to_string();
        let options = [&["--quiet"], &MMDEBSTRAP_OPTIONS[..], &["bookworm", &target]].concat();
        provision::run("mmdebstrap", &options)?;
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
