//! `bench`: speed, as ratios against a baseline of the same run. These figures are read by people; no test asserts them.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};

mod bare;
mod scene;
mod task;

/// What to measure.
#[derive(Args)]
pub(crate) struct BenchArgs {
    #[command(subcommand)]
    bench: Bench,
    /// Fail instead of installing a container engine
    #[arg(long, global = true)]
    no_install: bool,
}

#[derive(Subcommand)]
enum Bench {
    /// One task's overhead, beside a shell script that does the same and the bare calls of the engine
    Task(task::TaskBenchArgs),
}

/// Runs a benchmark and prints its table.
pub(crate) fn run(args: &BenchArgs) -> Result<ExitCode> {
    match &args.bench {
        Bench::Task(task) => task::run(task, args.no_install),
    }
}
