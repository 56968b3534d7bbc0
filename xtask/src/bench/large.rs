//! `bench large`: what a task takes in a repository with very many files, beside the bare calls of the engine.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::Args;

use crate::agent_image;
use crate::bench::engines::on_each;
use crate::bench::scene::Scene;
use crate::bench::times::{Times, print_head, print_ratio, print_times};
use crate::provision::{EngineChoice, Started};

/// A task may take this part of what the bare calls take.
const TARGET: f64 = 1.3;

/// What a task leaves to be made ready for the next one must not slow the bare calls.
const PAUSE: Duration = Duration::from_millis(500);

/// How much to measure.
#[derive(Args)]
pub(crate) struct LargeBenchArgs {
    /// Rounds of each that count; one more of each comes before them
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Files in the repository
    #[arg(long, default_value_t = 200_000)]
    files: usize,
    /// The engine to measure; both unless it is given
    #[arg(long)]
    engine: Option<EngineChoice>,
}

/// Measures on one engine after the other, prints a table for each, and fails where a task takes longer than it may.
pub(crate) fn run(args: &LargeBenchArgs, no_install: bool) -> Result<ExitCode> {
    on_each(args.engine, no_install, |setting| {
        let image = agent_image::import(setting.agent, setting.engine)?;
        print_head();
        setting.runtime.block_on(measure(setting.engine, &image, args))
    })
}

async fn measure(engine: &Started, image: &str, args: &LargeBenchArgs) -> Result<bool> {
    let files = args.files;
    let mut scene = Scene::make(engine, image, files, "").await?;
    let (mut first, mut once, mut task, mut bare) =
        (Times::default(), Times::default(), Times::default(), Times::default());
    for round in 0..=args.rounds {
        let (whole, before) = scene.library().await?;
        tokio::time::sleep(PAUSE).await;
        let calls = scene.bare().await?;
        if round == 0 {
            first.push(whole.saturating_sub(before));
            continue;
        }
        task.push(whole.saturating_sub(before));
        once.push(before);
        bare.push(calls);
    }
    for (name, times) in [
        ("the first task", &first),
        ("once a run", &once),
        ("a task", &task),
        ("bare calls", &bare),
    ] {
        print_times(files, name, times);
    }
    Ok(print_ratio(files, "a task / bare calls", &task, &[&bare], Some(TARGET)))
}
