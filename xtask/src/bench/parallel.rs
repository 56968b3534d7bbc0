//! `bench parallel`: what it costs that several tasks are worked on at once, beside the time that their agents take alone.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::bench::engines::on_each;
use crate::provision::EngineChoice;

mod bisect;
mod driver;
mod queue;
mod sandcastle;
pub(super) mod scene;
pub(crate) mod soak;
mod tasks;

/// How much to measure.
#[derive(Args)]
pub(crate) struct ParallelBenchArgs {
    /// Rounds of each that count
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Tasks of a round
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..))]
    tasks: u32,
    /// How many are worked on at once
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..))]
    at_once: u32,
    /// How long an agent takes for a task, in milliseconds
    #[arg(long, default_value_t = 2_000)]
    milliseconds: u64,
    /// Tasks that want to land at the same time
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..))]
    queue: u32,
    /// Agents that think at the same time
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..))]
    streams: u32,
    /// How long these are silent, and then how long they talk, in seconds
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(2..))]
    seconds: u64,
    /// The engine to measure; both unless it is given
    #[arg(long)]
    engine: Option<EngineChoice>,
    /// One part alone
    #[arg(long)]
    only: Option<Part>,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Part {
    /// Many tasks, a few at once.
    Tasks,
    /// Ready trees that wait for their landing.
    Queue,
    /// What the driver needs while agents think.
    Driver,
    /// Tasks that `@ai-hero/sandcastle` does, with the agent of the others.
    Sandcastle,
}

impl ParallelBenchArgs {
    /// What the agents of a round take when nothing else takes any time.
    fn ideal(&self) -> Duration {
        Duration::from_millis(self.milliseconds) * self.tasks.div_ceil(self.at_once)
    }
}

/// Measures on one engine after the other, and prints the figures. Fails where a target is missed.
pub(crate) fn run(args: &ParallelBenchArgs, no_install: bool) -> Result<ExitCode> {
    let is_wanted = |part| args.only.is_none_or(|only| only == part);
    on_each(args.engine, no_install, |setting| {
        let mut is_met = true;
        if is_wanted(Part::Tasks) {
            is_met &= tasks::measure(setting, args)?;
        }
        if is_wanted(Part::Sandcastle) {
            sandcastle::measure(setting, args);
        }
        if is_wanted(Part::Queue) {
            is_met &= queue::measure(setting, args)?;
        }
        if is_wanted(Part::Driver) {
            is_met &= driver::measure(setting, args)?;
        }
        Ok(is_met)
    })
}
