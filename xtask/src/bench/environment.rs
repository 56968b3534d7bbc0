//! `bench environment`: what the agent's environment costs, beside the same without cordwainer.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::bench::engines::{code, load, on_each};
use crate::provision::EngineChoice;

mod ecosystem;
mod prepared;
mod service;
mod tls;

/// How much to measure.
#[derive(Args)]
pub(crate) struct EnvironmentBenchArgs {
    /// Rounds of each that count; one more of each comes before them
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// The engine to measure; both unless it is given
    #[arg(long)]
    engine: Option<EngineChoice>,
    /// One part alone
    #[arg(long)]
    only: Option<Part>,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Part {
    /// The second task of a project whose dependencies are prepared.
    Prepared,
    /// A task with a service.
    Service,
    /// TLS that ends at the gateway; it needs no engine.
    Tls,
}

/// Measures on one engine after the other, and prints a table an engine. Fails where a target is missed.
pub(crate) fn run(args: &EnvironmentBenchArgs, no_install: bool) -> Result<ExitCode> {
    let is_wanted = |part| args.only.is_none_or(|only| only == part);
    let mut is_met = true;
    if is_wanted(Part::Tls) {
        println!("\nLoad of the machine {}", load()?);
        is_met &= tls::measure(args.rounds)?;
    }
    if args.only == Some(Part::Tls) {
        return Ok(code(is_met));
    }
    let measured = on_each(args.engine, no_install, |setting| {
        let mut is_met = true;
        if is_wanted(Part::Prepared) {
            is_met &= prepared::measure(setting, args.rounds)?;
        }
        if is_wanted(Part::Service) {
            is_met &= service::measure(setting, args.rounds)?;
        }
        Ok(is_met)
    })?;
    Ok(if is_met { measured } else { code(false) })
}
