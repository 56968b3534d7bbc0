//! `bench environment`: what the agent's environment costs, beside the same without cordwainer.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};

use crate::agent_image;
use crate::bench::task::load;
use crate::provision::{self, EngineChoice, Install};

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
    let install = if no_install {
        Install::Refuse
    } else {
        Install::AfterSayingSo
    };
    let is_wanted = |part| args.only.is_none_or(|only| only == part);
    let mut is_met = true;
    if is_wanted(Part::Tls) {
        println!("\nLoad of the machine {}", load()?);
        is_met &= tls::measure(args.rounds)?;
    }
    if args.only == Some(Part::Tls) {
        return Ok(code(is_met));
    }
    let engines = match args.engine {
        Some(engine) => vec![engine],
        None => vec![EngineChoice::Podman, EngineChoice::Docker],
    };
    let agent = agent_image::build()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start tokio")?;
    for engine in engines {
        // One at a time: an engine that idles is noise to the other.
        let engine = provision::engine(engine, install)?;
        println!("\n{}; load of the machine {}", engine.description(), load()?);
        if is_wanted(Part::Prepared) {
            is_met &= prepared::measure(&engine, &agent, install, args.rounds, &runtime)?;
        }
        if is_wanted(Part::Service) {
            is_met &= service::measure(&engine, &agent, install, args.rounds, &runtime)?;
        }
        println!("Load of the machine at the end: {}", load()?);
    }
    Ok(code(is_met))
}

fn code(is_met: bool) -> ExitCode {
    if is_met { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
