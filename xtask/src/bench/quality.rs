//! `bench quality`: what gates, a fix round and a review cost beyond what the agents do.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::agent_image;
use crate::bench::engines::on_each;
use crate::bench::scene::Scene;
use crate::bench::times::{Times, print_head, print_ratio, print_times};
use crate::provision::{EngineChoice, Started};

/// An attempt may take this part of what the script takes, in a repository of so many files.
const TARGET: f64 = 0.6;

/// Three gates, the last of which is red until the fix round, and a review.
const CONFIGURATION: &str = "stages: [stitch, review]
gates:
  - {name: build, command: exit=0}
  - {name: lint, command: cat=src/d000/f000.txt}
  - {name: test, command: exit_of=src/code}
";

/// How much to measure.
#[derive(Args)]
pub(crate) struct QualityBenchArgs {
    /// Rounds of each that count; one more of each comes before them
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Files in the repository
    #[arg(long, default_value_t = 20_000)]
    files: usize,
    /// The engine to measure; both unless it is given
    #[arg(long)]
    engine: Option<EngineChoice>,
}

/// Measures on one engine after the other, and prints a table an engine. Fails where the target is missed.
pub(crate) fn run(args: &QualityBenchArgs, no_install: bool) -> Result<ExitCode> {
    on_each(args.engine, no_install, |setting| {
        let image = agent_image::import(setting.agent, setting.engine)?;
        println!("An attempt with three gates, a fix round and a review: three calls, six gates");
        print_head();
        setting.runtime.block_on(measure(setting.engine, &image, args))
    })
}

/// Alternates the two, each in each place.
async fn measure(engine: &Started, image: &str, args: &QualityBenchArgs) -> Result<bool> {
    let mut scene = Scene::make(engine, image, args.files, CONFIGURATION).await?;
    let (mut attempt, mut script) = (Times::default(), Times::default());
    for round in 0..=args.rounds {
        let (by_library, by_hand) = if round % 2 == 0 {
            let by_library = scene.judged().await?;
            (by_library, scene.judged_by_hand()?)
        } else {
            let by_hand = scene.judged_by_hand()?;
            (scene.judged().await?, by_hand)
        };
        // The first round of the library tries the gates on the base.
        if round > 0 {
            attempt.push(by_library);
            script.push(by_hand);
        }
    }
    print_times(args.files, "attempt", &attempt);
    print_times(args.files, "script", &script);
    Ok(print_ratio(
        args.files,
        "attempt / script",
        &attempt,
        &[&script],
        Some(TARGET),
    ))
}
