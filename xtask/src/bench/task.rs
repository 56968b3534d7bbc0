//! `bench task`: what a task costs beyond what its agent does.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;

use crate::agent_image;
use crate::bench::scene::Scene;
use crate::provision::{self, Install, Started};

/// How much to measure.
#[derive(Args)]
pub(crate) struct TaskBenchArgs {
    /// Rounds of each; the first of each is thrown away
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u32).range(2..))]
    rounds: u32,
    /// Files in the repository
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 20_000])]
    files: Vec<usize>,
}

/// The times of one kind of round.
#[derive(Default)]
struct Times(Vec<Duration>);

impl Times {
    fn minimum(&self) -> f64 {
        self.0.iter().min().copied().unwrap_or_default().as_secs_f64()
    }

    fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort();
        sorted.get(sorted.len() / 2).copied().unwrap_or_default().as_secs_f64()
    }
}

/// Measures on each engine that can be had, and prints a table an engine.
pub(crate) fn run(args: &TaskBenchArgs, no_install: bool) -> Result<ExitCode> {
    let install = if no_install {
        Install::Refuse
    } else {
        Install::AfterSayingSo
    };
    let engines = provision::both_engines(install)?;
    let agent = agent_image::build()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start tokio")?;
    for engine in engines.each() {
        let image = agent_image::import(&agent, engine)?;
        println!("\n{}", engine.description());
        println!("{:>7}  {:<22} {:>8} {:>8}", "files", "", "minimum", "median");
        for &files in &args.files {
            runtime.block_on(measure(engine, &image, files, args.rounds))?;
        }
    }
    println!(
        "\nMost memory of this process: {} MB; of any process of the script: {} MB.",
        own_peak()?,
        script_peak()?
    );
    Ok(ExitCode::SUCCESS)
}

/// Alternates the four kinds of round, so that noise meets all of them.
async fn measure(engine: &Started, image: &str, files: usize, rounds: u32) -> Result<()> {
    let mut scene = Scene::make(engine, image, files).await?;
    let (mut library, mut script, mut bare, mut tree) =
        (Times::default(), Times::default(), Times::default(), Times::default());
    for round in 0..rounds {
        let times = (
            scene.library().await?,
            scene.script()?,
            scene.bare().await?,
            scene.tree()?,
        );
        if round > 0 {
            library.0.push(times.0);
            script.0.push(times.1);
            bare.0.push(times.2);
            tree.0.push(times.3);
        }
    }
    for (name, times) in [
        ("library", &library),
        ("script", &script),
        ("bare calls", &bare),
        ("tree work", &tree),
    ] {
        println!(
            "{files:>7}  {name:<22} {:>7.3}s {:>7.3}s",
            times.minimum(),
            times.median()
        );
    }
    let parts = (bare.minimum() + tree.minimum(), bare.median() + tree.median());
    let ratios = [
        (
            "library / script",
            library.minimum() / script.minimum(),
            library.median() / script.median(),
        ),
        (
            "library / (bare + tree)",
            library.minimum() / parts.0,
            library.median() / parts.1,
        ),
    ];
    for (name, minimum, median) in ratios {
        println!("{files:>7}  {name:<22} {minimum:>8.2} {median:>8.2}");
    }
    Ok(())
}

/// The most memory that this process had, in MB.
fn own_peak() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status").context("cannot read /proc/self/status")?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .context("no VmHWM")?;
    let kilobytes: u64 = line
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .context("VmHWM is no number")?;
    Ok(kilobytes / 1024)
}

/// The most memory that any child of this process had, in MB.
fn script_peak() -> Result<i64> {
    let usage = nix::sys::resource::getrusage(nix::sys::resource::UsageWho::RUSAGE_CHILDREN)?;
    Ok(usage.max_rss() / 1024)
}
