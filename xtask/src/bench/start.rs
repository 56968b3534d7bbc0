//! `bench seal`: what it adds to a container's start that nothing runs in it before it said what it got.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use cordwainer::clock::Clock;
use cordwainer::engine::{ContainerSpec, Engine, Stream};
use cordwainer::gateway::{Gateway, Options};
use cordwainer::guarantee::{Facts, compare};
use cordwainer::redact::Redactor;
use tempfile::TempDir;

use crate::bench::engines::load;
use crate::bench::times::Times;
use crate::provision::{self, Install, Started};
use crate::{agent_image, claude_image};

/// A sealed container may take this part of what a plain one takes until its command runs.
const TARGET: f64 = 1.15;

/// How much to measure.
#[derive(Args)]
pub(crate) struct SealBenchArgs {
    /// Rounds of each that count; one more of each comes before them
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
}

/// Measures both images on both engines.
pub(crate) fn run(args: &SealBenchArgs, no_install: bool) -> Result<ExitCode> {
    let install = if no_install {
        Install::Refuse
    } else {
        Install::AfterSayingSo
    };
    let engines = provision::both_engines(install)?;
    let agent = agent_image::build()?;
    for engine in engines.each() {
        agent_image::import(&agent, engine)?;
    }
    claude_image::provide(&engines, install)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start tokio")?;
    println!("Until the command runs; load of the machine {}", load()?);
    for engine in engines.each() {
        runtime.block_on(start(engine, args.rounds))?;
    }
    println!("Load of the machine at the end: {}", load()?);
    Ok(ExitCode::SUCCESS)
}

/// Compares sealed with plain containers on one engine that has both images, and prints a line an image.
pub(crate) async fn start(started: &Started, rounds: u32) -> Result<()> {
    let engine = Engine::connect(&started.connect_options()).await?;
    println!("\n{}", started.description());
    let claude = format!("{}:latest", cordwainer::image::NAME);
    for (name, image, command) in [
        (
            "static entrypoint",
            agent_image::REFERENCE,
            ["/probe", r"out=ready\n"].as_slice(),
        ),
        ("shell entrypoint", &claude, &["echo", "ready"]),
    ] {
        let spec = ContainerSpec {
            image: image.to_owned(),
            command: command.iter().map(|word| (*word).to_owned()).collect(),
            network: Some("none".to_owned()),
            memory: Some(1 << 30),
            pids: Some(512),
            labels: [("cordwainer.role".to_owned(), "bench".to_owned())].into(),
            ..ContainerSpec::default()
        };
        let (mut plain, mut sealed) = (Times::default(), Times::default());
        for round in 0..=rounds {
            // Neither is always the first.
            let (one, other) = if round % 2 == 0 {
                let one = until_ready(&engine, &spec).await?;
                (one, until_ready_sealed(&engine, &spec).await?)
            } else {
                let other = until_ready_sealed(&engine, &spec).await?;
                (until_ready(&engine, &spec).await?, other)
            };
            if round > 0 {
                plain.push(one);
                sealed.push(other);
            }
        }
        println!(
            "{name:<18} plain {:.3} s, sealed {:.3} s (medians); ratio {:.2} of the medians, {:.2} of the minima; at most {TARGET}",
            plain.median(),
            sealed.median(),
            sealed.median() / plain.median(),
            sealed.minimum() / plain.minimum(),
        );
    }
    Ok(())
}

/// From the first call of the engine to the first line of the command.
async fn until_ready(engine: &Engine, spec: &ContainerSpec) -> Result<Duration> {
    let begun = Instant::now();
    let mut container = engine.start(spec, b"").await?;
    let mut time = None;
    let mut said = String::new();
    while let Some(output) = container.next_output().await {
        if output.stream == Stream::Stdout && output.line.bytes == b"ready" {
            time.get_or_insert_with(|| begun.elapsed());
        }
        said.push_str(&String::from_utf8_lossy(&output.line.bytes));
    }
    container.exit().await?;
    container.remove().await?;
    match time {
        Some(time) => Ok(time),
        None => bail!("the container's command did not run: {said}"),
    }
}

/// Times a start until the command runs, with a gateway made for it, as every call has one.
async fn until_ready_sealed(engine: &Engine, spec: &ContainerSpec) -> Result<Duration> {
    let begun = Instant::now();
    let folder = tempfile::tempdir().context("cannot make a folder")?;
    let (spec, gateway) = sealed(engine, spec, &folder)?;
    let before = begun.elapsed();
    let time = until_ready(engine, &spec).await?;
    gateway.close().await;
    Ok(before + time)
}

fn sealed(engine: &Engine, spec: &ContainerSpec, folder: &TempDir) -> Result<(ContainerSpec, Gateway)> {
    open(folder.path())?;
    let spec = spec.clone().sealed(folder.path());
    let asked = engine.asked(&spec, &[].into());
    let gateway = Gateway::open(Options {
        folder: folder.path().to_owned(),
        token: "dummy".to_owned().into(),
        api: None,
        egress: None,
        seal: Some(Box::new(move |facts| {
            let report = compare(&asked, &Facts::parse(facts));
            report.refusal("the engine").map_or(Ok(()), Err)
        })),
        record: None,
        redactor: Redactor::default(),
        clock: Clock::machine(),
    })?;
    Ok((spec, gateway))
}

/// Lets the container's user enter a folder.
fn open(folder: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(std::fs::set_permissions(
        folder,
        std::fs::Permissions::from_mode(0o755),
    )?)
}
