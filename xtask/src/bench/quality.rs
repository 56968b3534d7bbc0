//! `bench quality`: what gates, a fix round and a review cost beyond what the agents do.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use cordwainer::measured::{BaseVerdicts, TwoResults};

use crate::agent_image;
use crate::bench::engines::on_each;
use crate::bench::scene::Scene;
use crate::bench::times::{Times, print_head, print_ratio, print_times};
use crate::provision::{EngineChoice, Started};

/// An attempt may take this part of what the script takes, in a repository of so many files.
const TARGET: f64 = 0.6;
/// Looking up the verdicts of all gates on the base may take so long, in milliseconds.
const LOOK_UP: f64 = 5.0;
/// Trees with verdicts: with three gates each, the table is full.
const TREES: usize = 334;
/// Comparing so many tests by name may take so long, in milliseconds.
const TESTS: usize = 100_000;
const COMPARISON: f64 = 300.0;

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
    let kept = parts(args.rounds)?;
    let attempts = on_each(args.engine, no_install, |setting| {
        let image = agent_image::import(setting.agent, setting.engine)?;
        println!("An attempt with three gates, a fix round and a review: three calls, six gates");
        print_head();
        setting.runtime.block_on(measure(setting.engine, &image, args))
    })?;
    Ok(if kept { attempts } else { ExitCode::FAILURE })
}

/// Measures the parts that need no engine, and prints them; returns whether each keeps to its target.
fn parts(rounds: u32) -> Result<bool> {
    let state = tempfile::tempdir().context("cannot make a folder")?;
    let verdicts = BaseVerdicts::fill(state.path(), TREES)?;
    let results = TwoResults::of(TESTS)?;
    println!("{:<58} {:>10} {:>10}  {:>8}", "", "minimum", "median", "at most");
    let looked_up = timed(
        rounds,
        "the verdicts of three gates on the base, from the cache",
        LOOK_UP,
        || verdicts.look_up() == 3,
    )?;
    let compared = timed(
        rounds,
        "the difference by test name of 100,000 results",
        COMPARISON,
        || results.difference() > 0,
    )?;
    Ok(looked_up && compared)
}

/// Times something that returns whether it did what it is measured for; prints that, in milliseconds, and returns whether the
/// median keeps to the target.
fn timed(rounds: u32, name: &str, most: f64, mut act: impl FnMut() -> bool) -> Result<bool> {
    let mut times = Times::default();
    for _ in 0..rounds {
        let begin = Instant::now();
        ensure!(act(), "nothing was measured: {name}");
        times.push(begin.elapsed());
    }
    let (minimum, median) = (times.minimum() * 1e3, times.median() * 1e3);
    println!("{name:<58} {minimum:>7.2} ms {median:>7.2} ms  {most:>5.0} ms");
    Ok(median <= most)
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
