//! `bench`: speed, as ratios against a baseline of the same run. These figures are read by people; no test asserts them.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};

use crate::cargo::cargo;

mod bare;
mod budget;
mod build;
mod engines;
mod environment;
mod gateway;
mod growth;
mod history;
mod large;
mod memory;
mod page;
mod parallel;
mod quality;
mod runs;
mod scene;
mod scripted_api;
mod start;
mod stream;
mod task;
mod times;

/// What to measure.
#[derive(Args)]
pub(crate) struct BenchArgs {
    #[command(subcommand)]
    bench: Bench,
    /// Fail instead of installing a container engine
    #[arg(long, global = true)]
    no_install: bool,
    /// Measure this very build, as a consuming repository's `xtask` would be, instead of a release build
    #[arg(long, global = true)]
    as_built: bool,
}

#[derive(Subcommand)]
enum Bench {
    /// One task's overhead, beside a shell script that does the same and the bare calls of the engine
    Task(task::TaskBenchArgs),
    /// The start of a sealed container, beside a plain one on the same engine
    Seal(start::SealBenchArgs),
    /// The parser of the client's stream, beside `serde_json` skipping the same bytes
    Stream(stream::StreamBenchArgs),
    /// What the gateway adds to requests and streams, beside a direct connection over loopback
    Gateway(gateway::GatewayBenchArgs),
    /// What share of a run's budget stays unusable, because the worst of each request is set aside
    Budget(budget::BudgetBenchArgs),
    /// A task whose agent has a service, beside the bare calls of the engine
    Environment(environment::EnvironmentBenchArgs),
    /// An attempt with three gates, a fix round and a review, beside a shell script that does the same
    Quality(quality::QualityBenchArgs),
    /// Tasks that are worked on at once, beside the time that their agents take alone
    Parallel(parallel::ParallelBenchArgs),
    /// What grows while a run does many tasks, and what must not
    Soak(parallel::soak::SoakBenchArgs),
    /// What looking at runs costs: a list, a log, a follower
    Runs(runs::RunsBenchArgs),
    /// What the live page costs a run that many look at, and how soon a page begins to come
    Page(page::PageBenchArgs),
    /// The history that agents can read, made for a branch, beside a clone of that by git
    History(history::HistoryBenchArgs),
    /// A task in a repository with very many files, beside the bare calls of the engine
    Large(large::LargeBenchArgs),
    /// What building the program costs, beside another commit
    Build(build::BuildBenchArgs),
    /// How the time of each step that reads agents' bytes grows with their number
    Growth(growth::GrowthBenchArgs),
}

/// Runs a benchmark and prints its table.
pub(crate) fn run(args: &BenchArgs) -> Result<ExitCode> {
    if let Bench::Build(build) = &args.bench {
        return build::run(build);
    }
    if cfg!(debug_assertions) && !args.as_built {
        return in_release();
    }
    match &args.bench {
        Bench::Task(task) => task::run(task, args.no_install),
        Bench::Seal(seal) => start::run(seal, args.no_install),
        Bench::Stream(stream) => stream::run(stream),
        Bench::Gateway(gateway) => gateway::run(gateway),
        Bench::Budget(budget) => budget::run(budget),
        Bench::Growth(growth) => growth::run(growth),
        Bench::Build(build) => build::run(build),
        Bench::History(history) => history::run(history),
        Bench::Runs(runs) => runs::run(runs, args.no_install),
        Bench::Page(page) => page::run(page, args.no_install),
        Bench::Soak(soak) => parallel::soak::run(soak, args.no_install),
        Bench::Large(large) => large::run(large, args.no_install),
        Bench::Parallel(parallel) => parallel::run(parallel, args.no_install),
        Bench::Quality(quality) => quality::run(quality, args.no_install),
        Bench::Environment(environment) => environment::run(environment, args.no_install),
    }
}

/// Runs this command line again as a release build: nobody judges a library by its debug build.
fn in_release() -> Result<ExitCode> {
    println!("Building for release, which is what is measured (`--as-built` measures this build).");
    let status = cargo()
        .args(["run", "--release", "--quiet", "--package", "xtask", "--"])
        .args(std::env::args_os().skip(1))
        .status()
        .context("cannot run cargo")?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
